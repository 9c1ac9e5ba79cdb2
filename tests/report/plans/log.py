"""A plan's evidence and readings, as a holder has them: sent, received, read, refused, ended, offered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ip_fhir.domain.referral import Author
from ip_fhir.domain.sharing.case import PlanSide
from ip_fhir.domain.sharing.events import PlanEventKind, PlanRecord, PlanSource
from ip_fhir.domain.values.aggregate import PLAN, Aggregate
from ip_fhir.ports.readings import REFUSED, TAKES_PART, Reading
from ip_fhir.report.plans.access import AccessEntry, access_entries

BEGAN = datetime(2026, 9, 1, 6, 30, tzinfo=UTC)
NINA = Author(id="nina01", name="Nina Testesen")
WHOM = {
    "share-school": "Nordvik barneskole",
    "share-gp": "Nordvik legesenter",
    "i-1": "Nordvik barneskole",
    "h-1": "Solvik",
}
PARTIES = {"skole": "Nordvik barneskole", "lege": "Nordvik legesenter"}
CONSENT = "person-01-consent-3"


def at(minutes: int) -> datetime:
    """So many minutes after the beginning."""
    return BEGAN + timedelta(minutes=minutes)


def record(minutes: int, kind: PlanEventKind, **given: Any) -> PlanRecord:
    """A step of the holder; those of one minute are of one event."""
    raised_by = PlanSource.TRANSPORT if "receipt" in kind else PlanSource.HOLDER
    return PlanRecord(
        event=f"event-{minutes}", kind=kind, at=at(minutes), raised_by=raised_by, side=PlanSide.HOLDER, **given
    )


def digest(letter: str) -> str:
    """A digest of one letter."""
    return letter * 64


SAVE, OK = PlanEventKind.SAVE, PlanEventKind.RECEIPT_OK
RECORDS = (
    record(0, SAVE, by=NINA, version=1, note="saved: a new version"),
    record(0, SAVE, by=NINA, share="share-school", number=1, digest=digest("a"), consents=(CONSENT, "gone")),
    record(0, SAVE, by=NINA, share="share-gp", number=1, digest=digest("b"), consents=(CONSENT,)),
    record(1, OK, about="share-school", number=1),
    record(9, PlanEventKind.RECEIPT_ERROR, about="share-gp", number=1),
    record(20, PlanEventKind.RESTORED, share="share-gp", number=1, digest=digest("b")),
    record(30, PlanEventKind.INVITE, by=NINA, about="i-1"),
    record(60, PlanEventKind.END_SHARE, by=NINA, share="share-school", note="ended: by hand"),
    record(60, PlanEventKind.END_SHARE, by=NINA, share="share-school", number=2, digest=digest("c")),
    record(61, OK, about="share-school", number=2),
    record(90, PlanEventKind.HAND_OVER, by=NINA, about="h-1", version=1),
)


def reading(minutes: int, party: str, ground: str, **given: Any) -> Reading:
    """A read of one resource."""
    said: dict[str, Any] = {"way": "read", "type": "CarePlan", "id": "plan-01", "version": 1, "number": minutes}
    about = Aggregate(kind=PLAN, id="plan-01")
    return Reading(party=party, at=at(minutes), ground=ground, aggregate=about, **(said | given))


READINGS = (
    reading(5, "skole", TAKES_PART),
    reading(6, "lege", TAKES_PART, way="search", type="Goal", id="g7", criteria=("patient",)),
    reading(7, "ukjent", REFUSED, type="Basic", id="x"),
)


def entries() -> list[AccessEntry]:
    """The log of all this."""
    return access_entries(RECORDS, READINGS, WHOM, PARTIES)
