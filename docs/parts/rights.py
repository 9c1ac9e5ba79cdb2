"""The terms of sharing of an agreement, and the rights of participants, place by place: from the code itself."""

from __future__ import annotations

from enum import StrEnum

from ip_fhir.domain.sharing.rights import PLACES, Right, Rights, right_of
from ip_fhir.domain.sharing.terms import SharingTerms
from ip_fhir.errors import InvalidInput


def terms() -> str:
    """Returns the table of an agreement's terms of sharing: field, default, meaning."""
    fields = [(name, field) for name, field in SharingTerms.model_fields.items() if name != "rights"]
    lines = ["| field | default | meaning |", "|---|---|---|"]
    lines += [f"| `{name}` | `{_said(field.default)}` | {field.description} |" for name, field in fields]
    return "\n".join(lines) + "\n"


def rights() -> str:
    """Returns the table of rights: of each place of a plan the default, and what an agreement may say otherwise."""
    found: dict[tuple[str, str], list[str]] = {}
    for place in PLACES:
        found.setdefault(_row(place), []).append(place)
    lines = ["| a change | an agreement may say | at these places |", "|---|---|---|"]
    lines += [f"| {default} | {other} | {_places(places)} |" for (default, other), places in found.items()]
    return "\n".join(lines) + "\n"


def _row(place: str) -> tuple[str, str]:
    """Returns the default of a place in words, and the other rights that an agreement can give it."""
    own, others = (right_of(place, responsible=responsible, rights=Rights()) for responsible in (True, False))
    default = str(own) if own is others else f"{own} by those responsible, else {others}"
    possible = [str(right) for right in Right if right is not own and _can_be(place, right)]
    return default, ", ".join(possible) or "nothing else"


def _can_be(place: str, right: Right) -> bool:
    try:
        Rights.from_data({right.name.lower(): [place]})
    except InvalidInput:
        return False
    return True


def _places(places: list[str]) -> str:
    return ", ".join(f"`{place}`" for place in places)


def _said(default: object) -> str:
    return str(default.value) if isinstance(default, StrEnum) else str(default)
