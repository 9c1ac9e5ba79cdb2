"""The content of a notice that may be sent, by the agreement's content level.

header   the person, the kind of notice, the legal basis and the sender, but no needs and no reason
needs    also the needs, the reason, the wished coordinator and the day of discharge
plan     everything, also attachments
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ip_fhir.domain.agreement import ContentLevel
from ip_fhir.domain.consent.protection import LocatingPart, withheld

if TYPE_CHECKING:
    from collections.abc import Collection

    from ip_fhir.domain.notice import Notice
    from ip_fhir.domain.people import Organization, RelatedPerson

_ONLY_WITH_NEEDS: dict[str, Any] = {"needs": (), "reason": None, "wished_coordinator": None, "discharge": None}
_ONLY_WITH_PLAN: dict[str, Any] = {"attachments": ()}


def cut_to(notice: Notice, level: ContentLevel) -> Notice:
    """Returns the notice with no more than `level` allows. Below `needs`, only relatives who gave a consent stay."""
    if level is ContentLevel.PLAN:
        return notice
    if level is ContentLevel.NEEDS:
        return notice.evolve(**_ONLY_WITH_PLAN)
    return notice.evolve(**_ONLY_WITH_PLAN, **_ONLY_WITH_NEEDS, related_persons=_consenting(notice))


def _consenting(notice: Notice) -> tuple[RelatedPerson, ...]:
    """Returns the relatives who gave a consent."""
    consenting = {consent.given_by for consent in notice.consents}
    return tuple(person for person in notice.related_persons if person.id in consenting)


def left_out(notice: Notice, level: ContentLevel, released: Collection[LocatingPart] = ()) -> tuple[str, ...]:
    """Returns the kinds of content that the notice has and its recipient does not get, in words, without the content.

    `released` are the parts that go along although an address is protected.
    """
    cut = [] if level is ContentLevel.PLAN else [*_ONLY_WITH_PLAN.items()]
    cut += _ONLY_WITH_NEEDS.items() if level is ContentLevel.HEADER else ()
    names = [name for name, nothing in cut if getattr(notice, name) != nothing]
    if level is ContentLevel.HEADER and len(_consenting(notice)) < len(notice.related_persons):
        names.append("related_persons")
    lines = [f"{name.replace('_', ' ')}: not sent at the content level {level}" for name in names]
    kept = [part for part in LocatingPart if part not in released]
    withholds = [part for part in kept if withheld(notice, {*LocatingPart} - {part}) != notice]
    if withholds:
        lines.append(f"protected address: {', '.join(withholds)} not sent")
    return tuple(lines)


def addressed_to(notice: Notice, unit: Organization) -> Notice:
    """Returns the notice addressed to another unit, which is added to its organisations under an unused id."""
    known = {organization.id: organization for organization in notice.organizations}
    if known.get(unit.id) == unit:
        return notice.evolve(recipient=unit.id)
    ident = unit.id
    while ident in _idents(notice):
        ident = f"{ident[:61]}-2"
    added = unit.evolve(id=ident, part_of=None)  # `part_of` is an id in another document
    return notice.evolve(recipient=ident, organizations=(*notice.organizations, added))


def _idents(notice: Notice) -> set[str]:
    found = {notice.owner.id, *(organization.id for organization in notice.organizations)}
    return found | {p.id for p in notice.professionals} | {r.id for r in notice.related_persons}
