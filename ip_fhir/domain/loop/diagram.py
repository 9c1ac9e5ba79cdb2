"""The diagram of the loop, drawn from the table, in Mermaid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.domain.loop.table import OVER, TRANSITIONS, Outcome
from ip_fhir.domain.referral import Role, State

if TYPE_CHECKING:
    from ip_fhir.domain.loop.table import Transition

_SHORT = {Role.HOSPITAL: "H", Role.MUNICIPALITY: "M", Role.TRANSPORT: "T", Role.CLOCK: "C"}


def diagram(*, crossings: bool = False) -> str:
    """Returns the table as a Mermaid `stateDiagram-v2`: H hospital, M municipality, T transport, C clock.

    Rows that change no state are left out. Rows for messages that crossed each other are included only with
    `crossings`.
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


def _label(row: Transition) -> str:
    plain = row.outcome in (Outcome.ALWAYS, Outcome.FIRST, Outcome.OF_NOTICE)
    what = str(row.event) if plain else f"{row.event} ({row.outcome})"
    return f"{_SHORT[row.role]} {what}"


def _name(state: State) -> str:
    """Returns the state as a Mermaid identifier, which may not contain a dash."""
    return state.replace("-", "_")
