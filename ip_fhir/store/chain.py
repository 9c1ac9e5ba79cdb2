"""The hash chain: each record of evidence carries the hash of the one before, so that none can be changed unseen.

    hash = SHA-256( previous hash + {"correlation_id", "number", "record": SHA-256(record's canonical JSON)} )

A record that carries digests of what its commit wrote (`integrity.digests`) has "wrote" there too, the SHA-256 of their
text. A commit that wrote and has no record of its own is kept as one of the kind `store`.

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

from ip_fhir.domain.values.aggregate import REFERRAL, Aggregate
from ip_fhir.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


_MOST_DIGITS: Final = 18  # of a number that fits the column


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
        if not (number.isascii() and number.isdecimal() and digest) or len(number) > _MOST_DIGITS:
            return None
        return cls(int(number), digest)


START: Final = Head(0, "0" * 64)
"""The head of an empty chain."""

STORE: Final = Aggregate(kind="store", id="store")
"""The aggregate of a commit that has no record of evidence of its own."""

NO_WORDS: Final = "{}"
"""The record of such a commit."""


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

    @property
    def wrote(self) -> str | None:
        """The digests of what its commit wrote, as JSON; None in a record without them."""


def link_hash(
    previous: str, number: int, aggregate_id: str, digest: str, kind: str = REFERRAL, wrote: str | None = None
) -> str:
    """The hash of a record whose canonical JSON has this digest: 64 hexadecimal digits."""
    fields = {"correlation_id": aggregate_id, "number": number, "record": digest}
    if kind != REFERRAL:
        fields["kind"] = kind
    if wrote is not None:
        fields["wrote"] = digest_of(wrote)
    return sha256(previous.encode() + orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)).hexdigest()


def digest_of(body: str) -> str:
    """Returns the digest of a record's canonical JSON: 64 hexadecimal digits."""
    return sha256(body.encode()).hexdigest()


def follow(
    head: Head, bodies: Iterable[tuple[Aggregate, str]], wrote: str | None = None
) -> Iterator[dict[str, str | int | None]]:
    """Yields new links after `head`, as table rows, for pairs of aggregate and canonical JSON; the last has `wrote`."""
    coming = iter(bodies)
    number, previous, pair = head.number, head.hash, next(coming, None)
    while pair is not None:
        (aggregate, body), pair = pair, next(coming, None)
        number += 1
        written = wrote if pair is None else None
        own = link_hash(previous, number, aggregate.id, digest_of(body), aggregate.kind, written)
        yield {
            "number": number,
            "aggregate_kind": aggregate.kind,
            "aggregate_id": aggregate.id,
            "body": body,
            "previous": previous,
            "hash": own,
            "wrote": written,
        }
        previous = own


def check(links: Iterable[Link], head: Head | None) -> Iterator[Problem]:
    """Yields the chain's problems in order, none if it is whole. Reads `links` once and keeps none.

    The links may hold anything in any column: what is no text or number is a problem like another.
    """
    last = START
    for link in links:
        if not _readable(link):
            yield problem_of(link.number, "the record was changed: it holds what no record holds")
            last = Head(link.number, f"{link.hash}")
            continue
        yield from _check_place(link, last)
        digest = digest_of(link.body) if link.digest is None else link.digest
        own = link_hash(link.previous, link.number, link.aggregate_id, digest, link.aggregate_kind, link.wrote)
        if link.hash != own:
            yield problem_of(link.number, "the record was changed after it was written")
        elif link.digest is not None and link.body:
            yield problem_of(link.number, "words were put where some had been taken out")
        last = Head(link.number, link.hash)
    yield from _check_end(last, head)


def _readable(link: Link) -> bool:
    """True if every column holds text that can be hashed. A changed database may hold bytes in any."""
    texts: list[object] = [link.aggregate_kind, link.aggregate_id, link.body, link.previous, link.hash]
    texts += [text for text in (link.digest, link.wrote) if text is not None]
    return all(isinstance(text, str) for text in texts)


def _check_place(link: Link, last: Head) -> Iterator[Problem]:
    """Yields a problem with the record's place. A gap breaks the link to the record before too: one problem."""
    if link.number > last.number + 1:
        yield problem_of(last.number + 1, f"the records before number {link.number} are missing")
    elif link.number <= last.number:
        yield problem_of(link.number, "the record is not the store's: its number is not possible")
    elif link.previous != last.hash:
        yield problem_of(link.number, "the record does not follow the one before it")


def _check_end(last: Head, head: Head | None) -> Iterator[Problem]:
    if head is None:
        yield Problem("evidence", "the end of the chain is not known", "invariant")
    elif last.number < head.number:
        yield problem_of(last.number + 1, f"the records to number {head.number} are missing at the end")
    elif last.number > head.number:
        yield problem_of(head.number + 1, "records were added that the store did not write")
    elif last.hash != head.hash:
        yield problem_of(last.number, "the last record is not the one that was written")


def wrongly_purged(number: int) -> Problem:
    """Returns the problem of a record that lost its words though its referral has not been purged."""
    return problem_of(number, "its words were taken out, and not by a purge")


def problem_of(number: int, reason: str) -> Problem:
    """Returns a problem of the record with this number."""
    return Problem(f"evidence.{number}", reason, "invariant")
