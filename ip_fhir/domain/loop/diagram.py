"""A picture of the loop, drawn from the table: Mermaid, as Markdown viewers show it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.domain.loop.table import OVER, TRANSITIONS, Outcome
from ip_fhir.domain.referral import Role, State

if TYPE_CHECKING:
    from ip_fhir.domain.loop.table import Row

_SHORT = {Role.HOSPITAL: "H", Role.MUNICIPALITY: "M", Role.TRANSPORT: "T", Role.CLOCK: "C"}


def diagram(*, crossings: bool = False) -> str:
    """The table as a Mermaid `stateDiagram-v2`: H hospital, M municipality, T transport, C clock.

    What changes no state is left out; so are, unless `crossings`, the ways that only crossing messages take.
    """
    arrows: dict[tuple[State, State], dict[str, None]] = {}
    for row in TRANSITIONS:
        if row.to is None or (row.outcome is Outcome.CROSSED and not crossings):
            continue
        for state in row.states:
            if state is not row.to:
                arrows.setdefault((state, row.to), {})[_label(row)] = None
    lines = ["stateDiagram-v2", f"    [*] --> {_name(State.DRAFT)}"]
    lines += [f"    {_name(state)}: {state}" for state in State if _name(state) != state]
    lines += [f"    {_name(a)} --> {_name(b)}: {' / '.join(labels)}" for (a, b), labels in arrows.items()]
    lines += [f"    {_name(state)} --> [*]" for state in OVER]
    return "\n".join(lines) + "\n"


def _label(row: Row) -> str:
    plain = row.outcome in (Outcome.ALWAYS, Outcome.FIRST, Outcome.OF_NOTICE)
    what = str(row.event) if plain else f"{row.event} ({row.outcome})"
    return f"{_SHORT[row.role]} {what}"


def _name(state: State) -> str:
    """Mermaid's identifiers have no dash."""
    return state.replace("-", "_")
