"""The access log of a plan: who was sent or read what, when, and on the ground of which consents.

What was sent comes from the evidence of the plan's holder, what was read from the log of reads. A view that was made
and given way to a newer one before it left is told as not received.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.domain.referral import Author
from ip_fhir.domain.sharing.case import PlanSide
from ip_fhir.domain.sharing.events import PlanEventKind
from ip_fhir.domain.values.calendar import OSLO
from ip_fhir.ports.readings import OUR_OWN, REFUSED
from ip_fhir.report.plans.labels import LABELS
from ip_fhir.report.plans.layout import kept_together, paragraph, sentence
from ip_fhir.report.plans.sections.consents import consent_words
from ip_fhir.report.words.codes import day_words, listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from ip_fhir.domain.sharing.events import PlanRecord
    from ip_fhir.ports.readings import Reading, ReadingWay
    from ip_fhir.report.plans.wording import Wording


class AccessKind(StrEnum):
    """The kind of an entry in the access log."""

    VIEW = "view"  # a view was made and sent
    WITHDRAWAL = "withdrawal"  # the participant was told to stop using its view
    INVITATION = "invitation"  # who the person is, and the role that is asked for
    HANDOVER = "handover"  # the whole plan
    READ = "read"  # over REST
    REFUSED = "refused"  # asked for, and not shown


@dataclass(frozen=True, slots=True)
class AccessEntry:
    """One line of the log: `at` with zone, `to` the party by its name, `consents` the ids of those it rests on.

    `number` and `version` are those of the view and of the plan it was made from, `received` is the time of the
    receipt. `resource` names what was read, and `number` is then that of the view in which it last changed. `by` is the
    person of our own side who sent or read it, `client` the name by which the party's system asked. `key` is the
    same for the same entry whenever the log is made.
    """

    at: datetime
    to: str
    kind: AccessKind
    key: str
    number: int | None = None
    version: int | None = None
    received: datetime | None = None
    resource: str | None = None
    way: ReadingWay = "read"
    criteria: tuple[str, ...] = ()
    consents: tuple[str, ...] = ()
    by: Author | None = None
    client: str = ""

    def to_data(self) -> dict[str, Any]:
        """Returns the entry as JSON data; times are in UTC."""
        return {
            "at": self.at.astimezone(UTC).isoformat(),
            "to": self.to,
            "kind": str(self.kind),
            "number": self.number,
            "version": self.version,
            "received": self.received.astimezone(UTC).isoformat() if self.received else None,
            "resource": self.resource,
            "way": self.way if self.resource else None,
            "criteria": list(self.criteria),
            "consents": list(self.consents),
            "client": self.client or None,
            "by": self.by.to_data() if self.by else None,
        }


_RECEIPTS: Final = (PlanEventKind.RECEIPT_OK, PlanEventKind.RECEIPT_ERROR, PlanEventKind.RESTORED)
_OFFERS: Final = {
    PlanEventKind.INVITE: AccessKind.INVITATION,
    PlanEventKind.HAND_OVER: AccessKind.HANDOVER,
}


def access_entries(
    records: Sequence[PlanRecord], readings: Iterable[Reading], whom: Mapping[str, str], parties: Mapping[str, str]
) -> list[AccessEntry]:
    """Returns the entries of the log by time, the first at the top.

    `records` are the plan's evidence in the order of the chain. `whom` gives the party's name by the id of a share,
    invitation or handover, and `parties` the same by the party's name in the settings; one that is not known is named
    by its id.
    """
    sent = list(_sent(records, whom))
    found = [*sent, *(_read(one, sent, parties) for one in readings)]
    return sorted(found, key=lambda entry: entry.at)


def _sent(records: Sequence[PlanRecord], whom: Mapping[str, str]) -> Iterator[AccessEntry]:
    received = {
        (record.share or record.about, record.number): record.at
        for record in reversed(records)
        if record.kind is PlanEventKind.RECEIPT_OK and record.number is not None
    }
    version = None
    for record in records:
        version = record.version or version
        if record.side is not PlanSide.HOLDER:
            continue
        if record.kind in _OFFERS and record.about is not None:
            to = whom.get(record.about, record.about)
            key = f"{record.event}|{record.about}"
            yield AccessEntry(record.at, to, _OFFERS[record.kind], key, version=version, by=record.by)
        elif record.share is not None and record.number is not None and (record.consents or _ends(record)):
            yield AccessEntry(
                at=record.at,
                to=whom.get(record.share, record.share),
                kind=AccessKind.VIEW if record.consents else AccessKind.WITHDRAWAL,
                key=f"{record.event}|{record.share}|{record.number}",
                number=record.number,
                version=version,
                received=received.get((record.share, record.number)),
                consents=record.consents,
                by=record.by,
            )


def _ends(record: PlanRecord) -> bool:
    """True if the record without a consent is of a share that ended: a withdrawal rests on none."""
    return record.kind not in _RECEIPTS and record.digest is not None


def _read(reading: Reading, sent: Sequence[AccessEntry], parties: Mapping[str, str]) -> AccessEntry:
    """Returns the entry of a read; its ground is that of the last view that the party was given before it."""
    name = parties.get(reading.party, reading.party)
    views = [one for one in sent if one.to == name and one.kind is AccessKind.VIEW and one.at <= reading.at]
    refused, ours = reading.ground == REFUSED, reading.ground == OUR_OWN
    entry = AccessEntry(
        at=reading.at,
        to=name,
        kind=AccessKind.REFUSED if refused else AccessKind.READ,
        key=f"reading|{reading.number}",
        number=None if refused else reading.version,
        resource=f"{reading.type}/{reading.id}",
        way=reading.way,
        criteria=reading.criteria,
        client="" if ours else reading.client,
        by=Author(id=reading.client, name=reading.client) if ours else None,
    )
    return entry if refused or not views else replace(entry, consents=views[-1].consents)


def access_lines(wording: Wording, entries: Iterable[AccessEntry], *, names: bool = True) -> Iterator[str]:
    """Yields a paragraph for each entry: when, to whom, what, received when, on which ground.

    `wording` is of the plan as it is now, which has the consents. Without `names` nobody of our own side is named.
    """
    known = {consent.id: consent_words(wording, consent) for consent in wording.plan.consents}
    none = True
    for entry in entries:
        none = False
        ground = [known.get(one, f"{wording.label('consent-id')} {one}") for one in entry.consents]
        said = [_received(wording, entry)]
        said += [f"{wording.label('ground')}: {listed(ground, wording.language)}"] if ground else []
        said += [f"{wording.label('done-by')} {entry.by.name}"] if entry.by is not None and names else []
        text = f"{_what(wording, entry)}. {sentence(*said)}"
        yield from paragraph(text, mark=f"{entry.at.astimezone(OSLO):%Y-%m-%d %H:%M}  ")
    if none:
        yield from paragraph(wording.label("no-access"))


def _what(wording: Wording, entry: AccessEntry) -> str:
    key = f"access-{entry.kind}" if entry.kind is not AccessKind.READ else f"access-by-{entry.way}"
    by = f" ({', '.join(entry.criteria)})" if entry.criteria else ""
    what = f"{_type_words(wording, entry.resource)}{by}" if entry.resource else ""
    return wording.label(key).format(to=entry.to, number=entry.number, version=entry.version, what=what)


def _type_words(wording: Wording, resource: str) -> str:
    key = f"type-{resource.partition('/')[0]}"
    return f"{wording.label(key)} ({resource})" if key in LABELS else resource


def _received(wording: Wording, entry: AccessEntry) -> str | None:
    if entry.kind not in (AccessKind.VIEW, AccessKind.WITHDRAWAL):
        return None
    if entry.received is None:
        return wording.label("not-received")
    local = entry.received.astimezone(OSLO)
    when = kept_together(f"{day_words(local, wording.language)} {local:%H:%M}")
    return f"{wording.label('received')} {when}"
