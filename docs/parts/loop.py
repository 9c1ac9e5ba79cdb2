"""Diagrams and tables of the loop, from its transition table."""

from __future__ import annotations

from ip_fhir.domain.loop.diagram import diagram
from ip_fhir.domain.loop.table import IN_WORK, TASK_STATUS, TRANSITIONS, UNDER_WAY, Outcome
from ip_fhir.domain.referral import Role, State


def loop() -> str:
    """Returns the state diagram with every way."""
    return f"```mermaid\n{diagram()}```\n"


def loop_short() -> str:
    """Returns the diagram with the municipality's work as one box, without the ways of crossing messages."""
    box = {State.DELIVERED, *IN_WORK} - {State.VACANT}
    arrows: dict[tuple[str, str], dict[str, None]] = {}
    for row in TRANSITIONS:
        states = [s for s in row.states if not (s in UNDER_WAY and row.role is Role.MUNICIPALITY)]
        if row.to is None or row.outcome in (Outcome.CROSSED, Outcome.LATE, Outcome.PASSED_ON, Outcome.RETURNED):
            continue
        for state in states:
            a, b = ("in_work" if s in box else s.replace("-", "_") for s in (state, row.to))
            if a != b:
                arrows.setdefault((a, b), {})[row.event] = None
    lines = ["stateDiagram-v2", "    [*] --> draft", f"    in_work: {', '.join(s for s in State if s in box)}"]
    lines += ["    awaiting_information: awaiting-information"]
    lines += [f"    {a} --> {b}: {', '.join(events)}" for (a, b), events in arrows.items()]
    return "```mermaid\n" + "\n".join(lines) + "\n```\n"


def transitions() -> str:
    """Returns every row of the transition table."""
    lines = ["| from | event | raised by | when | to | why |", "|---|---|---|---|---|---|"]
    for row in TRANSITIONS:
        states = ", ".join(row.states)
        lines.append(f"| {states} | {row.event} | {row.role} | {row.outcome} | {row.to or '(stays)'} | {row.why} |")
    return "\n".join(lines) + "\n"


def task_status() -> str:
    """Returns every state with its Task.status, businessStatus and whose turn it is."""
    lines = ["| state | Task.status | businessStatus | the ball is with |", "|---|---|---|---|"]
    for state, shown in TASK_STATUS.items():
        lines.append(f"| {state} | {shown.status} | {shown.business_status or '-'} | {shown.ball or '-'} |")
    return "\n".join(lines) + "\n"
