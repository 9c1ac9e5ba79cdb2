"""`worklist list`, `worklist done`: what our own people must do, and who has done it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ip_fhir.cli.options import Config, Json, Lang, author, spoken

if TYPE_CHECKING:
    from datetime import datetime

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
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """List what is to be done, what was opened first at the top.

    An item is open until somebody marks it as done, or the loop has moved on and nobody needs to do it.
    """
    from ip_fhir.cli.opening import opened
    from ip_fhir.cli.output import emit, name_unreadable, say, show

    with opened(config, existing=True) as exchange:
        found = exchange.worklist(open_only=not all_, limit=limit, correlation_id=loop)
        name_unreadable(exchange.store, "worklist")
    if as_json:
        emit([_data(item) for item in found])
    elif not found:
        say("nothing is to be done" if not all_ else "nothing is on the worklist")
    else:
        language = spoken(lang)
        show(_HEADINGS[language], [_row(item, language) for item in found])


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
        emit(_data(item))
    else:
        say(f"{item.id}: done {_local(item.done) if item.done else ''}")


def _row(item: WorklistItem, language: Language) -> tuple[str, ...]:
    from ip_fhir.report.words.codes import word

    closed = "" if item.done is None else " ".join(filter(None, (_local(item.done), item.by.name if item.by else "")))
    said = item.note or item.text or ""
    return item.id, item.aggregate.id, word(item.reason, language), _local(item.opened), item.to or "", closed, said


def _data(item: WorklistItem) -> dict[str, Any]:
    return {
        "id": item.id,
        "aggregate": {"kind": item.aggregate.kind, "id": item.aggregate.id},
        "reason": str(item.reason),
        "opened": item.opened.isoformat(),
        "to": item.to,
        "text": item.text,
        "number": item.number,
        "done": item.done.isoformat() if item.done else None,
        "by": item.by.to_data() if item.by else None,
        "note": item.note,
    }


def _local(at: datetime) -> str:
    from ip_fhir.domain.values.calendar import OSLO

    return at.astimezone(OSLO).strftime("%Y-%m-%d %H:%M")


_HEADINGS: dict[Language, tuple[str, ...]] = {
    "nb": ("Id", "Sak", "Hva", "Siden", "Til", "Gjort", "Merknad"),
    "en": ("Id", "Loop", "What", "Since", "For", "Done", "Note"),
}
