"""What must hold when two sides have come to rest, whatever happened to them before: read from their stores alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ip_fhir.domain.effects import EffectKind
from ip_fhir.domain.message import MessageKind
from ip_fhir.domain.referral import EventKind, Referral, State
from ip_fhir.ports import EvidenceRecord, OutboxRow, Store
from ip_fhir.store import open_store

_ALL = 1_000_000


@dataclass
class Kept:
    """What a side has."""

    referrals: dict[str, Referral]
    evidence: list[EvidenceRecord]
    outbox: list[OutboxRow]
    damage: list[str]

    @property
    def rows(self) -> dict[str, OutboxRow]:
        """The messages it was to send."""
        return {row.id: row for row in self.outbox if row.effect.kind is EffectKind.SEND}

    @property
    def effected(self) -> Counter[str]:
        """The other side's messages, and how often each had an effect here."""
        return Counter(link.record.event.message_id or "" for link in self.evidence if link.record.event.sent)


def kept(store: Store) -> Kept:
    """Read all of a store."""
    return Kept(
        {found.correlation_id: found for found in store.referrals(limit=_ALL)},
        list(store.evidence()),
        store.outbox(limit=_ALL),
        [str(problem) for problem in store.verify()],
    )


def read_both(databases: dict[str, str]) -> tuple[Kept, Kept]:
    """Read both stores, by their database URLs."""
    found = []
    for role in ("hospital", "municipality"):
        store = open_store(databases[role])
        found.append(kept(store))
        store.close()
    return found[0], found[1]


def wrong(hospital: Kept, municipality: Kept, accepted: Iterable[str]) -> list[str]:
    """Everything that is not as it must be; `accepted` are the numbers of the notices known to have been stored."""
    problems = [f"{side} chain: {damage}" for side, kept_ in _named(hospital, municipality) for damage in kept_.damage]
    for side, ours, theirs in (("hospital", hospital, municipality), ("municipality", municipality, hospital)):
        problems += [f"{side}: {problem}" for problem in _wrong_messages(ours, theirs)]
        problems += [f"{side}: {row.id} is {row.status}: {row.last_error}" for row in ours.outbox if _is_left(row)]
        problems += [f"{side}: {problem}" for problem in (*_times_run_back(ours), *_reminded_twice(ours))]
    problems += _wrong_loops(hospital, municipality)
    missing = [n for n in accepted if f"loop-{n}" not in hospital.referrals]
    return [*problems, *(f"notice {n} was accepted and is lost" for n in missing)]


def _named(hospital: Kept, municipality: Kept) -> list[tuple[str, Kept]]:
    return [("hospital", hospital), ("municipality", municipality)]


def _is_left(row: OutboxRow) -> bool:
    return row.status in ("waiting", "awaiting", "parked")


def _wrong_messages(ours: Kept, theirs: Kept) -> list[str]:
    """Each message that was sent had one effect over there; nothing had an effect that nobody meant to send."""
    rows, effected = ours.rows, theirs.effected
    problems = [
        f"{row.id} was sent and had {effected[row.id]} effects" for row in rows.values() if _sent_amiss(row, effected)
    ]
    problems += [f"{ident} had {times} effects" for ident, times in effected.items() if times > 1]
    problems += [f"{ident} had an effect, and is no message of ours" for ident in effected if ident not in rows]
    receipts = Counter(link.record.event.message_id for link in ours.evidence if _is_receipt(link))
    return problems + [f"{ident} was acknowledged {times} times" for ident, times in receipts.items() if times > 1]


def _sent_amiss(row: OutboxRow, effected: Counter[str]) -> bool:
    return row.status == "sent" and effected[row.id] != 1


def _is_receipt(link: EvidenceRecord) -> bool:
    return link.record.event.kind is EventKind.RECEIPT_OK


def _wrong_loops(hospital: Kept, municipality: Kept) -> list[str]:
    """Both sides have the same loops; each ended with the same coordinator on both."""
    problems = []
    if hospital.referrals.keys() != municipality.referrals.keys():
        problems.append("the two sides do not have the same loops")
    for ident in hospital.referrals.keys() & municipality.referrals.keys():
        ours, theirs = hospital.referrals[ident], municipality.referrals[ident]
        if (ours.state, theirs.state) != (State.CONFIRMED, State.CONFIRMED):
            problems.append(f"{ident} is {ours.state} here and {theirs.state} there")
        elif ours.form != theirs.form:
            problems.append(f"{ident} ended with two forms")
    return problems


def _times_run_back(side: Kept) -> list[str]:
    """Within a loop each record is no earlier than the one before, also where the clock was turned back."""
    last: dict[str, datetime] = {}
    back = []
    for link in side.evidence:
        at = link.record.event.at
        if at < last.get(link.correlation_id, at):
            back.append(f"record {link.number} is earlier than the one before it")
        last[link.correlation_id] = at
    return back


def _reminded_twice(side: Kept) -> list[str]:
    """Each reminder of a loop has a number of its own."""
    reminders = [row for row in side.outbox if row.effect.message is MessageKind.REMINDER]
    counted = Counter((row.correlation_id, row.effect.number) for row in reminders)
    return [f"{ident} was reminded {times} times of the same" for (ident, _), times in counted.items() if times > 1]
