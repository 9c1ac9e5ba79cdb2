"""Tables and picture of a shared plan, from the tables that decide: events, states of a share, levels, reasons."""

from __future__ import annotations

from ip_fhir.domain.people import Organization, PersonName, PlanOwner, Professional, RelatedPerson
from ip_fhir.domain.sharing.lens.visible import VISIBLE, Shown
from ip_fhir.domain.sharing.life.table import ROWS, SHARE_WAYS
from ip_fhir.domain.sharing.life.worklist import OCCASIONS
from ip_fhir.domain.values.value import Period
from ip_fhir.report.words.codes import word

_CONDITIONS = {
    Shown.OWN: "made for the view",
    Shown.HEADER: "from `header` on",
    Shown.NEEDS: "from `needs` on",
    Shown.PLAN: "with `plan`",
    Shown.GENERAL: "with `plan`, where content of no life area is open",
    Shown.NEVER: "never",
}
_PARTS_OF_OTHERS = (PersonName, Period)  # shown with what they are part of
_PEOPLE = (PlanOwner, RelatedPerson, Professional, Organization)


def events() -> str:
    """Returns every row of the table: event, source, side, finding, and what follows."""
    lines = ["| event | raised by | at the | found | what follows |", "|---|---|---|---|---|"]
    lines += [f"| `{row.event}` | {row.raised_by} | {row.side} | {row.finding} | {row.follows} |" for row in ROWS]
    return "\n".join(lines) + "\n"


def states() -> str:
    """Returns the picture of the states of a share."""
    lines = ["stateDiagram-v2", "    out_of_step: out of step"]
    for before, words, after in SHARE_WAYS:
        start = "[*]" if before is None else _name(before)
        lines.append(f"    {start} --> {_name(after)}: {words.replace(':', ',')}")
    return "```mermaid\n" + "\n".join(lines) + "\n```\n"


def _name(state: str) -> str:
    """Returns the state as a Mermaid identifier, which may not contain a dash."""
    return state.replace("-", "_")


def levels() -> str:
    """Returns for each type of the plan the fields that each content level shows."""
    lines = ["| of the | " + " | ".join(_CONDITIONS.values()) + " |", "|---|" + "---|" * len(_CONDITIONS)]
    for model, fields in VISIBLE.items():
        if model in _PARTS_OF_OTHERS:
            continue
        name = f"{model.__name__} (where something names it)" if model in _PEOPLE[1:] else model.__name__
        columns = (", ".join(one for one, shown in fields.items() if shown is condition) for condition in _CONDITIONS)
        lines.append(f"| {name} | " + " | ".join(columns) + " |")
    return "\n".join(lines) + "\n"


def reasons() -> str:
    """Returns every reason for which people are told something of a plan: words, sides, and the occasion."""
    lines = ["| reason | on the screen | in Norwegian | told at the | about the | when |", "|---|---|---|---|---|---|"]
    for reason, (sides, about, occasion) in OCCASIONS.items():
        words = f"{word(reason, 'en')} | {word(reason, 'nb')}"
        lines.append(f"| `{reason}` | {words} | {', '.join(sides)} | {about} | {occasion} |")
    return "\n".join(lines) + "\n"
