"""`told list`, `replay`, `try`: who of our own people is told, how far, what is sent again, and whether it arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ip_fhir.cli.options import Config, Json

if TYPE_CHECKING:
    from ip_fhir.exchange.telling.replay import Progress

Name = Annotated[str, typer.Argument(metavar="NAME", help="As the settings name it.", show_default=False)]

app = typer.Typer(help="Our own people, as the settings have them told ([[told]]).", rich_markup_mode=None)


@app.command("list")
def list_(config: Config, as_json: Json = False) -> None:
    """List who is told: by what, up to which number, how many rows wait or are parked, and why.

    One line for each e-mail address, which is known by a key. `outbox retry` repeats a parked row.
    """
    from ip_fhir.cli.opening import opened
    from ip_fhir.cli.output import emit, say, show

    with opened(config, existing=True) as exchange:
        found = exchange.tellings.progress()
    if as_json:
        emit([_data(one) for one in found])
    elif not found:
        say("the settings name nobody: [[told]]")
    else:
        rows = [(one.key, one.way, str(one.last), str(one.waiting), str(one.parked), one.error or "") for one in found]
        show(("Who", "Way", "Last number", "Waiting", "Parked", "Why"), rows)


@app.command("replay")
def replay(
    name: Name,
    config: Config,
    from_: Annotated[int, typer.Option("--from", min=1, help="The first number.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Send the events of a webhook again, from a number on.

    In order, the same ids, the same bytes: a receiver that knows the ids takes each once. What was told before
    `db purge` is there no longer.
    """
    from ip_fhir.cli.opening import opened
    from ip_fhir.cli.output import emit, say

    with opened(config, existing=True) as exchange:
        number = exchange.tellings.replay(name, from_)
    if as_json:
        emit({"name": name, "from": from_, "events": number})
    else:
        say(f"{name}: {number} events from number {from_} on are due now; `serve` or `work` sends them")


@app.command("try")
def try_(name: Name, config: Config, as_json: Json = False) -> None:
    """Tell a recipient once that this is a trial, now, and say how it went.

    By its own way: an e-mail to each of its addresses, an event of the type `trial` to its webhook, its command with
    the item `trial`. Nothing is stored and nothing tried again. The exit code is 4 if one could not be told.
    """
    from ip_fhir.cli.opening import opened
    from ip_fhir.cli.output import emit, say
    from ip_fhir.errors import Unavailable

    with opened(config, existing=True) as exchange:
        found = exchange.tellings.trial(name)
    if as_json:
        emit([{"key": one.key, "error": one.error, "ms": one.milliseconds} for one in found])
    else:
        for one in found:
            say(f"{one.key}: {one.error or 'told'}, {one.milliseconds} ms")
    failed = [one.key for one in found if one.error is not None]
    if failed:
        raise Unavailable(f"not told: {', '.join(failed)}")


def _data(one: Progress) -> dict[str, Any]:
    return {
        "name": one.name,
        "key": one.key,
        "way": one.way,
        "last": one.last,
        "waiting": one.waiting,
        "parked": one.parked,
        "error": one.error,
    }
