"""`plan changes`, `accept`, `decline`, `change`: what participants want otherwise, and what we ask of a holder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ip_fhir.cli.commands.loop.case import local
from ip_fhir.cli.commands.plans.files import read_view
from ip_fhir.cli.commands.plans.lookup import (
    Doer,
    PersonFile,
    PlanArgument,
    doer,
    found_plan,
    named_plan,
    plan_store,
    today,
)
from ip_fhir.cli.commands.plans.preview import label
from ip_fhir.cli.commands.plans.stored import show_stored
from ip_fhir.cli.commands.plans.waiting import UNDECIDED, part_name, value_at, waits
from ip_fhir.cli.options import Config, File, Json, Lang, NoNames, spoken

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from ip_fhir.domain.people import Organization
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.sharing.case import SharedPlan
    from ip_fhir.domain.sharing.change import KeptChange, Outcome, PartDecision
    from ip_fhir.exchange import Exchange
    from ip_fhir.report.words.codes import Language

_AT_ONCE = 200

ChangeId = Annotated[str, typer.Argument(metavar="CHANGE-ID", help="As `plan changes` shows it.", show_default=False)]
Parts = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[PART]...", help="Numbers, as `plan changes` shows them; by default all.", show_default=False
    ),
]


def changes(
    config: Config,
    plan_id: PlanArgument = None,
    person: PersonFile = None,
    all_: Annotated[bool, typer.Option("--all", help="Also those that are decided.")] = False,
    no_names: NoNames = False,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """List the changes that wait, with both values side by side: the one that stands, and the one that is wished.

    Of one plan, or of all. Where others hold the plan, they are the changes that we have asked for. With --no-names
    the places of a change are shown, and no value.
    """
    from ip_fhir.cli.commands.plans.views import note_read
    from ip_fhir.cli.opening import opened
    from ip_fhir.cli.output import counted, emit, say

    language = spoken(lang)
    with opened(config) as exchange:
        one = plan_id is not None or person is not None
        plans = [found_plan(exchange, plan_id, person)] if one else counted(_plans(exchange), "plans")
        on, names = today(exchange), exchange.parties()
        found = [(plan, kept) for plan in plans for kept in plan.changes if all_ or _is_open(kept)]
        for plan in {plan.id: plan for plan, _ in found if not no_names}.values():
            note_read(exchange, plan.id, plan.plan.version if plan.plan is not None else 0, "history")
    if as_json:
        emit([_data(plan, kept, on, values=not no_names) for plan, kept in found])
    elif not found:
        say(_WORDS[language]["none"])
    for plan, kept in found if not as_json else ():
        _show(plan, kept, on, names, language, values=not no_names)


def accept(change_id: ChangeId, config: Config, by: Doer, parts: Parts = None, as_json: Json = False) -> None:
    """Accept a change, or parts of it. In a conflict the participant's value takes the place of ours.

    It is answered, with the new view, when `serve` or `work` runs; the other parts go on waiting.
    """
    from ip_fhir.domain.sharing.change import Outcome

    _decide(config, change_id, parts or [], Outcome.ACCEPTED, None, by, as_json=as_json)


def decline(
    change_id: ChangeId,
    config: Config,
    by: Doer,
    reason: Annotated[str, typer.Option("--reason", help="The reason, for whoever made it.", show_default=False)],
    parts: Parts = None,
    as_json: Json = False,
) -> None:
    """Decline a change, or parts of it. In a conflict our value stands.

    It is answered with the reason when `serve` or `work` runs; the other parts go on waiting.
    """
    from ip_fhir.domain.sharing.change import Outcome

    _decide(config, change_id, parts or [], Outcome.DECLINED, reason, by, as_json=as_json)


def change(
    file: File,
    config: Config,
    by: Doer,
    text: Annotated[str | None, typer.Option("--text", help="Words to the holder.", show_default=False)] = None,
    partly: Annotated[
        bool, typer.Option("--partly", help="What the file lacks is unchanged; without, it was taken out.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Ask the holder of a plan for a change.

    The file is our view, as `plan show --json` gives it, as we want it. What our own people are responsible for takes
    effect at once; the rest is decided by the holder's. `plan changes` shows what became of it.
    """
    from ip_fhir.cli.files import naming
    from ip_fhir.cli.opening import opened

    wanted, who = read_view(file), doer(by)
    with opened(config) as exchange, naming("stdin" if file == "-" else file):
        show_stored(exchange, exchange.change_plan(wanted, by=who, text=text, whole=not partly), as_json=as_json)


def _plans(exchange: Exchange) -> Iterator[SharedPlan]:
    """Yields every plan of the store, page by page."""
    store, after = plan_store(exchange), None
    while page := store.plans(None, _AT_ONCE, after):
        yield from page
        after = page[-1].id


def _is_open(kept: KeptChange) -> bool:
    from ip_fhir.domain.sharing.change import ChangeStatus

    return waits(kept) or kept.status is ChangeStatus.SENT


def _decide(
    config: Path,
    change_id: str,
    parts: Sequence[str],
    outcome: Outcome,
    reason: str | None,
    by: str,
    *,
    as_json: bool,
) -> None:
    from ip_fhir.cli.files import naming
    from ip_fhir.cli.opening import opened
    from ip_fhir.domain.sharing.change import PartDecision

    who = doer(by)
    with opened(config) as exchange, naming(change_id):
        plan = named_plan(exchange, "change", change_id)
        kept = next(one for one in plan.changes if one.change.id == change_id)
        decisions = [
            PartDecision(field=part.field, id=part.id, outcome=outcome, reason=reason) for part in _named(kept, parts)
        ]
        show_stored(exchange, exchange.answer_change(change_id, decisions, by=who), as_json=as_json)


def _named(kept: KeptChange, names: Sequence[str]) -> list[PartDecision]:
    """Returns the parts that wait, or those of these names or numbers. Raises `InvalidInput` for one that does not."""
    from ip_fhir.errors import InvalidInput

    waiting: dict[str, PartDecision] = {}
    for number, part in enumerate(kept.decisions, 1):
        if part.outcome in UNDECIDED:
            waiting |= {str(number): part, part_name(part): part}
    if not waiting:
        raise InvalidInput.at("", "nothing of it waits: it is decided", "business-rule")
    if unknown := [name for name in names if name not in waiting]:
        numbers = ", ".join(name for name in waiting if name.isdigit())
        raise InvalidInput.at("PART", f"{unknown[0]} does not wait; these do: {numbers}", "not-found")
    return [waiting[name] for name in dict.fromkeys(names)] or list(
        {id(part): part for part in waiting.values()}.values()
    )


def _party(plan: SharedPlan, kept: KeptChange) -> str:
    """Returns the party that made a change, or, where others hold the plan, the holder."""
    share = plan.share(kept.change.share)
    return share.party if share is not None else plan.holder or ""


def _seen(plan: SharedPlan, kept: KeptChange, on: date) -> IndividualPlan | None:
    """Returns what stands: today's view of the share, or the one that this side was sent last; None: there is none."""
    from ip_fhir.domain.sharing.see import see

    share, copy = plan.share(kept.change.share), plan.copy_of(kept.change.share)
    if plan.plan is not None and share is not None:
        return see(plan.plan, share, on).plan
    return copy.view.plan if copy is not None and copy.view is not None else None


def _data(plan: SharedPlan, kept: KeptChange, on: date, *, values: bool) -> dict[str, Any]:
    stands = _seen(plan, kept, on) if values else None
    change = kept.change
    return {
        "plan": plan.id,
        "change": change.id,
        "share": change.share,
        "party": _party(plan, kept),
        "status": str(kept.status),
        "base": change.base,
        "made": change.made.isoformat(),
        "received": kept.received.isoformat(),
        "decided": kept.decided.isoformat() if kept.decided else None,
        "by": kept.by.to_data() if kept.by is not None and values else None,
        "text": change.text if values else None,
        "parts": [
            {
                "number": number,
                "part": part_name(part),
                "field": part.field,
                "id": part.id,
                "outcome": str(part.outcome),
                "reason": part.reason if values else None,
                **({"stands": _plain(value_at(stands, part)) if stands is not None else None} if values else {}),
                **({"wished": _plain(value_at(change.wanted, part))} if values else {}),
            }
            for number, part in enumerate(kept.decisions, 1)
        ],
    }


def _plain(value: Any) -> Any:
    """Returns a value as JSON data."""
    if hasattr(value, "to_data"):
        return value.to_data()
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def _show(
    plan: SharedPlan,
    kept: KeptChange,
    on: date,
    names: Mapping[str, Organization],
    language: Language,
    *,
    values: bool,
) -> None:
    """Shows a change: who, when, in which words, and a table of its parts."""
    from ip_fhir.cli.output import say, show
    from ip_fhir.report.words.codes import word

    words, change = _WORDS[language], kept.change
    say(f"{change.id}: {word(kept.status, language)}")
    way = words["from" if plan.plan is not None else "to"]
    say(f"  {words['plan']}: {plan.id}; {way} {label(_party(plan, kept), names)}; {local(change.made)}")
    if change.text and values:
        say(f"  {words['text']}: {change.text}")
    rows: list[tuple[str, ...]] = [
        (str(number), part_name(part), word(part.outcome, language)) for number, part in enumerate(kept.decisions, 1)
    ]
    if values:
        rows = list(_part_rows(kept, _seen(plan, kept, on), language, on))
    if rows:
        show(_PARTS[language] if values else _PARTS[language][:3], rows)
    say()


def _part_rows(
    kept: KeptChange, stands: IndividualPlan | None, language: Language, on: date
) -> Iterator[tuple[str, ...]]:
    """Yields a row for each part: its number for commands, its place in words, the outcome, and both values."""
    from ip_fhir.report.plans.values import place_words, told_value
    from ip_fhir.report.plans.wording import Wording
    from ip_fhir.report.words.codes import word

    wished = Wording(kept.change.wanted, language, on)
    now = Wording(stands, language, on) if stands is not None else wished
    for number, part in enumerate(kept.decisions, 1):
        reason = f": {part.reason}" if part.reason else ""
        place = place_words((now, wished), part.field, part.id)
        value = told_value(now, part.field, value_at(stands, part)) if stands is not None else ""
        wish = told_value(wished, part.field, value_at(kept.change.wanted, part))
        yield str(number), place, f"{word(part.outcome, language)}{reason}", value, wish


_PARTS: dict[Language, tuple[str, ...]] = {
    "nb": ("Del", "Gjelder", "Utfall", "Står i planen", "Ønskes"),
    "en": ("Part", "Is about", "Outcome", "Stands in the plan", "Wished"),
}
_WORDS: dict[Language, dict[str, str]] = {
    "nb": {
        "none": "ingen endringer venter",
        "plan": "plan",
        "from": "fra",
        "to": "til",
        "text": "Ord",
    },
    "en": {
        "none": "no changes wait",
        "plan": "plan",
        "from": "from",
        "to": "to",
        "text": "Words",
    },
}
