"""`worklist list`, `show`, `done`: what our own people must do, about whom, and who has done it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ip_fhir.cli.commands.loop.case import case_data, case_lines, local
from ip_fhir.cli.options import Config, Json, Lang, NoNames, author, spoken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.domain.loop.worklist import WorklistItem
    from ip_fhir.report.words.codes import Language

app = typer.Typer(help="What our own people must do.", rich_markup_mode=None)

Item = Annotated[str, typer.Argument(metavar="ITEM-ID", help="As `worklist list` shows it.", show_default=False)]


@app.command("list")
def list_(
    config: Config,
    all_: Annotated[bool, typer.Option("--all", help="What is done, too.")] = False,
    loop: Annotated[str | None, typer.Option("--loop", help="Only of this loop.", show_default=False)] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")] = 100,
    no_names: NoNames = False,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """List what is to be done, what was opened first at the top.

    An item is open until somebody marks it as done, or the loop has moved on and nobody needs to do it. With --no-names
    neither words that somebody wrote are shown, nor who has done it.
    """
    from ip_fhir.cli.opening import opened
    from ip_fhir.cli.output import emit, name_unreadable, say, show

    with opened(config, existing=True) as exchange:
        found = exchange.worklist(open_only=not all_, limit=limit, correlation_id=loop)
        name_unreadable(exchange.store, "worklist")
    if as_json:
        emit([_data(item, names=not no_names) for item in found])
    elif not found:
        say("nothing is to be done" if not all_ else "nothing is on the worklist")
    else:
        language = spoken(lang)
        show(_HEADINGS[language], [_row(item, language, names=not no_names) for item in found])


@app.command("show")
def show_(item_id: Item, config: Config, no_names: NoNames = False, as_json: Json = False, lang: Lang = None) -> None:
    """Show one item, and the loop or plan that it is about, if any: whom, who coordinates, how to reach them.

    For whoever may read the store.
    """
    from ip_fhir.cli.files import naming
    from ip_fhir.cli.opening import opened
    from ip_fhir.cli.output import emit, say
    from ip_fhir.domain.values.aggregate import PLAN, REFERRAL
    from ip_fhir.domain.values.calendar import local_day

    names, language = not no_names, spoken(lang)
    with opened(config, existing=True) as exchange, naming(item_id):
        item = exchange.work_item(item_id)
        of_loop = item.aggregate.kind == REFERRAL
        stored = exchange.store.referral(item.aggregate.id) if of_loop else None
        owner = exchange.plan(item.aggregate.id).owner if item.aggregate.kind == PLAN else None
        today = local_day(exchange.now())
    if as_json:
        loop = case_data(stored.referral, today, names=names) if stored else None
        emit({**_data(item, names=names), "loop": loop})
        return
    for label, text in _lines(item, language, names=names):
        say(f"{label}: {text}")
    for label, text in case_lines(stored.referral, today, language, names=names) if stored else ():
        say(f"  {label}: {text}")
    if owner is not None and names:
        say(f"  {_MORE[language]['person']}: {owner.name.full}")


@app.command("done")
def done(
    item_id: Item,
    config: Config,
    by: Annotated[str, typer.Option("--by", metavar='"ID NAME"', help="Who has done it.", show_default=False)],
    note: Annotated[str | None, typer.Option("--note", help="Words to keep with it.", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Mark an item as done.

    Once: who did it first did it. It moves no loop; what is to happen in the loop, its own commands do.
    """
    from ip_fhir.cli.files import naming
    from ip_fhir.cli.opening import opened
    from ip_fhir.cli.output import emit, say

    who = author(by)
    assert who is not None  # noqa: S101 - only no text gives nobody
    with opened(config, existing=True) as exchange, naming(item_id):
        item = exchange.done(item_id, by=who, note=note)
    if as_json:
        emit(_data(item, names=True))
    else:
        say(f"{item.id}: done {local(item.done) if item.done else ''}")


def _row(item: WorklistItem, language: Language, *, names: bool) -> tuple[str, ...]:
    from ip_fhir.report.words.codes import word

    said = _said(item, language, names=names)
    closed = _closed(item, names=names)
    return item.id, item.aggregate.id, word(item.reason, language), local(item.opened), item.to or "", closed, said


def _lines(item: WorklistItem, language: Language, *, names: bool) -> Iterator[tuple[str, str]]:
    """Yields a label and a text for each thing that an item says."""
    from ip_fhir.report.words.codes import listed, word

    headings = _HEADINGS[language]
    row = _row(item, language, names=names)
    yield from ((label, text) for label, text in zip(headings, row, strict=True) if text)
    if item.text and item.note and names:
        yield _MORE[language]["text"], item.text
    if item.number is not None:
        yield _MORE[language]["number"], str(item.number)
    if item.missing:
        yield _MORE[language]["missing"], listed((word(one, language) for one in item.missing), language)
    if item.due is not None:
        yield _MORE[language]["due"], local(item.due)


def _closed(item: WorklistItem, *, names: bool) -> str:
    """The time at which it was done and, with names, the person; nobody did what the program closed by itself."""
    if item.done is None:
        return ""
    return f"{local(item.done)} {item.by.name}" if item.by and names else local(item.done)


def _said(item: WorklistItem, language: Language, *, names: bool) -> str:
    """The words about it; without names only those that the program wrote itself."""
    from ip_fhir.report.words.steps import item_note

    if item.note is not None and item.by is None:
        return item_note(item.note, language)
    return (item.note or item.text or "") if names else ""


def _data(item: WorklistItem, *, names: bool) -> dict[str, Any]:
    by_itself = item.done is not None and item.by is None
    return {
        "id": item.id,
        "aggregate": {"kind": item.aggregate.kind, "id": item.aggregate.id},
        "reason": str(item.reason),
        "opened": item.opened.isoformat(),
        "to": item.to,
        "about": item.about,
        "text": item.text if names else None,
        "number": item.number,
        "form": item.form_id,
        "missing": [str(one) for one in item.missing],
        "due": item.due.isoformat() if item.due else None,
        "done": item.done.isoformat() if item.done else None,
        "by": item.by.to_data() if item.by and names else None,
        "note": item.note if names or by_itself else None,
    }


_HEADINGS: dict[Language, tuple[str, ...]] = {
    "nb": ("Id", "Sak", "Hva", "Siden", "Til", "Gjort", "Merknad"),
    "en": ("Id", "Loop", "What", "Since", "For", "Done", "Note"),
}
_MORE: dict[Language, dict[str, str]] = {
    "nb": {"person": "Person", "text": "Ord", "number": "Nummer", "missing": "Mangler", "due": "Frist da"},
    "en": {"person": "Person", "text": "Words", "number": "Number", "missing": "Lacks", "due": "Deadline then"},
}
