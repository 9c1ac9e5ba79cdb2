"""The hash chain: each record of evidence carries the hash of the one before, so that none can be changed unseen.

    hash = SHA-256( previous hash + {"correlation_id", "number", "record": SHA-256(record's canonical JSON)} )

`correlation_id` is the id of the aggregate. Where that is no referral its "kind" stands beside it: a referral's record
has none, so that chains from before there were other kinds verify, and a record cannot be given to another kind.

The record goes in by its own digest, so that a purge by retention rule can take the words out, leave the digest, and
the chain still verifies. Number and hash of the last record are kept apart (the head), so that a cut-off end is found
too.

It cannot find a chain that somebody with write access to the whole database made anew together with its head. Against
that, keep a copy of the head elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Protocol

import orjson

from ip_fhir.domain.values.aggregate import REFERRAL
from ip_fhir.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ip_fhir.domain.values.aggregate import Aggregate


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain: the number of records, and the hash of the last."""

    number: int
    hash: str

    def __str__(self) -> str:
        return f"{self.number} {self.hash}"

    @classmethod
    def parse(cls, text: str) -> Head | None:
        """Reads the text that `str` wrote; None for any other.

        >>> Head.parse(str(START)) == START, Head.parse("nonsense")
        (True, None)
        """
        number, _, digest = text.partition(" ")
        return cls(int(number), digest) if number.isdecimal() and digest else None


START: Final = Head(0, "0" * 64)
"""The head of an empty chain."""


class Link(Protocol):
    """A record as it is stored: `body` is its canonical JSON."""

    @property
    def number(self) -> int:
        """The record's place in the chain, from 1."""

    @property
    def aggregate_kind(self) -> str:
        """The kind of the aggregate that the record is about."""

    @property
    def aggregate_id(self) -> str:
        """The id of the aggregate that the record is about."""

    @property
    def body(self) -> str:
        """The record's canonical JSON; empty after a purge."""

    @property
    def previous(self) -> str:
        """The hash of the record before."""

    @property
    def hash(self) -> str:
        """The record's own hash."""

    @property
    def digest(self) -> str | None:
        """The digest of the purged `body`; None while the body is there."""


def link_hash(previous: str, number: int, aggregate_id: str, digest: str, kind: str = REFERRAL) -> str:
    """The hash of a record whose canonical JSON has this digest: 64 hexadecimal digits."""
    fields = {"correlation_id": aggregate_id, "number": number, "record": digest}
    if kind != REFERRAL:
        fields["kind"] = kind
    return sha256(previous.encode() + orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)).hexdigest()


def digest_of(body: str) -> str:
    """Returns the digest of a record's canonical JSON: 64 hexadecimal digits."""
    return sha256(body.encode()).hexdigest()


def follow(head: Head, bodies: Iterable[tuple[Aggregate, str]]) -> Iterator[dict[str, str | int]]:
    """Yields new links after `head`, as table rows, for pairs of aggregate and canonical JSON."""
    number, previous = head.number, head.hash
    for aggregate, body in bodies:
        number += 1
        own = link_hash(previous, number, aggregate.id, digest_of(body), aggregate.kind)
        yield {
            "number": number,
            "aggregate_kind": aggregate.kind,
            "aggregate_id": aggregate.id,
            "body": body,
            "previous": previous,
            "hash": own,
        }
        previous = own


def check(links: Iterable[Link], head: Head | None) -> Iterator[Problem]:
    """Yields the chain's problems in order, none if it is whole. Reads `links` once and keeps none."""
    last = START
    for link in links:
        yield from _check_place(link, last)
        digest = digest_of(link.body) if link.digest is None else link.digest
        if link.hash != link_hash(link.previous, link.number, link.aggregate_id, digest, link.aggregate_kind):
            yield _problem(link.number, "the record was changed after it was written")
        elif link.digest is not None and link.body:
            yield _problem(link.number, "words were put where some had been taken out")
        last = Head(link.number, link.hash)
    yield from _check_end(last, head)


def _check_place(link: Link, last: Head) -> Iterator[Problem]:
    """Yields a problem with the record's place. A gap breaks the link to the record before too: one problem."""
    if link.number > last.number + 1:
        yield _problem(last.number + 1, f"the records before number {link.number} are missing")
    elif link.number <= last.number:
        yield _problem(link.number, "the record is not the store's: its number is not possible")
    elif link.previous != last.hash:
        yield _problem(link.number, "the record does not follow the one before it")


def _check_end(last: Head, head: Head | None) -> Iterator[Problem]:
    if head is None:
        yield Problem("evidence", "the end of the chain is not known", "invariant")
    elif last.number < head.number:
        yield _problem(last.number + 1, f"the records to number {head.number} are missing at the end")
    elif last.number > head.number:
        yield _problem(head.number + 1, "records were added that the store did not write")
    elif last.hash != head.hash:
        yield _problem(last.number, "the last record is not the one that was written")


def wrongly_purged(number: int) -> Problem:
    """Returns the problem of a record that lost its words though its referral has not been purged."""
    return _problem(number, "its words were taken out, and not by a purge")


def _problem(number: int, reason: str) -> Problem:
    return Problem(f"evidence.{number}", reason, "invariant")
