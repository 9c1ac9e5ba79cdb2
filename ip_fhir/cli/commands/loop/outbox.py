"""`outbox list`, `retry`, `park`, `refusals`: messages that wait for a person, and what was not taken in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ip_fhir.cli.completing import peer_names
from ip_fhir.cli.options import By, Config, Json, Released, author, parts

if TYPE_CHECKING:
    from datetime import datetime

    from ip_fhir.domain.referral import Author
    from ip_fhir.ports import OutboxRow, Refusal

app = typer.Typer(help="Messages that go out: what waits, what a person must look at.", rich_markup_mode=None)

Row = Annotated[str, typer.Argument(metavar="ROW-ID", help="As `outbox list` shows it.", show_default=False)]
Limit = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")]
_STATUSES = ("waiting", "awaiting", "held", "sent", "parked", "refused", "superseded")


@app.command("list")
def list_(
    config: Config,
    status: Annotated[
        str,
        typer.Option(
            "--status", help="waiting, awaiting (its receipt), held, sent, parked, refused, superseded, or all."
        ),
    ] = "parked",
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List messages, oldest first; by default those that are parked.

    A parked one is not sent until `outbox retry`: the other side said no for good, or was not reached for too long.
    """
    from ip_fhir.cli.opening import opened
    from ip_fhir.cli.output import emit, name_unreadable, say, show

    asked = _status(status)
    with opened(config, existing=True) as exchange:
        rows = exchange.store.outbox(asked, limit)  # type: ignore[arg-type]
        name_unreadable(exchange.store, "outbox")
    if as_json:
        emit([_data(row) for row in rows])
    elif not rows:
        say(f"nothing {status if asked else 'in the outbox'}")
    else:
        show(("Row", "Loop", "What", "To", "Status", "Attempts", "Due", "Why"), [_shown(row) for row in rows])
    if not as_json:
        for line in _silent(rows):
            say(line)


@app.command("retry")
def retry(row_id: Row, config: Config, as_json: Json = False) -> None:
    """Send a message again, unchanged to the byte.

    A parked or sent one, or one that waits for its next attempt or its receipt. One that was refused is never sent.
    """
    from ip_fhir.cli.files import naming
    from ip_fhir.cli.opening import opened

    with opened(config, existing=True) as exchange, naming(row_id):
        exchange.retry(row_id)
    _said(row_id, "due now; `serve` or `work` sends it", "waiting", as_json=as_json)


@app.command("park")
def park(
    row_id: Row,
    config: Config,
    reason: Annotated[str, typer.Option("--reason", help="Why, without naming anybody: it is kept.")] = "by a person",
    by: By = None,
    as_json: Json = False,
) -> None:
    """Send a message that waits, or awaits its receipt, no more until `outbox retry`.

    The loop learns that it has not arrived, as when the other side says no for good.
    """
    from ip_fhir.cli.files import naming
    from ip_fhir.cli.opening import opened

    who = author(by)
    with opened(config, existing=True) as exchange, naming(row_id):
        exchange.park(row_id, f"parked: {reason}", by=who)
    _said(row_id, "parked", "parked", as_json=as_json)


@app.command("release")
def release(
    row_id: Row,
    config: Config,
    by: By = None,
    along: Released = None,
    as_json: Json = False,
) -> None:
    """Let a held message leave.

    Each message about a person with a strictly confidential address (strengt fortrolig) is held until somebody says
    yes. --release also lets parts that are withheld go to its recipient; of a plan, `plan release` does. Who said so
    (--by) is kept as evidence.
    """
    from ip_fhir.cli.files import naming
    from ip_fhir.cli.opening import opened

    who = _decider(by)
    with opened(config, existing=True) as exchange, naming(row_id):
        exchange.releases.yes(row_id, by=who, along=parts(along))
    _said(row_id, "let go; `serve` or `work` sends it", "waiting", as_json=as_json)


@app.command("withhold")
def withhold(
    row_id: Row,
    config: Config,
    reason: Annotated[str, typer.Option("--reason", help="Why, without naming anybody: it is kept.")] = "by a person",
    by: By = None,
    as_json: Json = False,
) -> None:
    """Keep a held message back.

    It is parked, and the loop learns that it has not arrived. `outbox release` may still let it go.
    """
    from ip_fhir.cli.files import naming
    from ip_fhir.cli.opening import opened

    who = _decider(by)
    with opened(config, existing=True) as exchange, naming(row_id):
        exchange.releases.no(row_id, reason, by=who)
    _said(row_id, "kept back", "parked", as_json=as_json)


@app.command("disclose")
def disclose(
    correlation_id: Annotated[str, typer.Argument(metavar="CORRELATION-ID", help="The loop's id.", show_default=False)],
    config: Config,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="PARTY",
            help="As the settings name it.",
            show_default=False,
            autocompletion=peer_names,
        ),
    ],
    by: By = None,
    along: Released = None,
    as_json: Json = False,
) -> None:
    """Say what of a person with a protected address may go to one party.

    The parts of --release, and no others, go along in messages of this loop that are made from now on.
    """
    from ip_fhir.cli.files import naming
    from ip_fhir.cli.opening import opened
    from ip_fhir.cli.output import emit, say

    who, ticked = _decider(by), parts(along)
    with opened(config, existing=True) as exchange, naming(correlation_id):
        exchange.releases.parts(correlation_id, to, ticked, by=who)
    if as_json:
        emit({"correlation_id": correlation_id, "to": to, "released": sorted(ticked)})
    else:
        say(f"{correlation_id}: {', '.join(sorted(ticked)) or 'nothing'} may go to {to}")


@app.command("refusals")
def refusals(config: Config, limit: Limit = 100, as_json: Json = False) -> None:
    """List messages that came and were not taken in, latest first.

    From whom, which, why and how often; the content is not kept.
    """
    from ip_fhir.cli.opening import opened
    from ip_fhir.cli.output import emit, name_unreadable, say, show

    with opened(config, existing=True) as exchange:
        found = exchange.store.refusals(limit)
        name_unreadable(exchange.store, "refusal")
    if as_json:
        emit([_refusal(one) for one in found])
    elif not found:
        say("every message was taken in")
    else:
        rows = [
            (one.peer, one.message_id or "?", _local(one.first), _local(one.last), str(one.times), one.reason)
            for one in found
        ]
        show(("From", "Message", "First", "Last", "Times", "Why"), rows)


def _decider(by: str | None) -> Author:
    """The person of `--by`, without whom nothing is decided."""
    from ip_fhir.errors import InvalidInput

    who = author(by)
    if who is None:
        raise InvalidInput.at("--by", "missing: who decides this is evidence", "required")
    return who


def _status(name: str) -> str | None:
    from ip_fhir.errors import InvalidInput

    if name not in (*_STATUSES, "all"):
        raise InvalidInput.at("--status", f"is one of {', '.join(_STATUSES)}, all", "code-invalid")
    return None if name == "all" else name


def _what(row: OutboxRow) -> str:
    effect = row.effect
    return str(effect.message or effect.plan_message or effect.reason or effect.kind)


def _shown(row: OutboxRow) -> tuple[str, ...]:
    why = row.last_error or ""
    to, attempts = row.peer or "", str(row.attempts)
    return row.id, row.correlation_id, _what(row), to, row.status, attempts, _local(row.due), why


def _silent(rows: list[OutboxRow]) -> list[str]:
    """A line for each peer to which rows wait after a failure: how many, the next attempt, and the last error."""
    waiting: dict[str, list[OutboxRow]] = {}
    for row in rows:
        if row.status == "waiting" and row.peer is not None:
            waiting.setdefault(row.peer, []).append(row)
    lines = []
    for peer, those in sorted(waiting.items()):
        failed = [row for row in those if row.last_error]
        if failed:
            last = max(failed, key=lambda row: row.due)
            first = min(row.due for row in failed)
            lines.append(f"{peer}: {len(those)} wait; next attempt {_local(first)}; last: {last.last_error}")
    return lines


def _data(row: OutboxRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "correlation_id": row.correlation_id,
        "what": _what(row),
        "peer": row.peer,
        "status": row.status,
        "attempts": row.attempts,
        "handovers": row.handovers,
        "handed_over": row.handed_over.isoformat() if row.handed_over else None,
        "due": row.due.isoformat(),
        "last_error": row.last_error,
    }


def _refusal(refusal: Refusal) -> dict[str, Any]:
    return {
        "peer": refusal.peer,
        "message_id": refusal.message_id,
        "digest": refusal.digest,
        "code": refusal.code,
        "reason": refusal.reason,
        "first": refusal.first.isoformat(),
        "last": refusal.last.isoformat(),
        "times": refusal.times,
    }


def _said(row_id: str, words: str, status: str, *, as_json: bool) -> None:
    from ip_fhir.cli.output import emit, say

    if as_json:
        emit({"id": row_id, "status": status})
    else:
        say(f"{row_id}: {words}")


def _local(at: datetime) -> str:
    from ip_fhir.domain.values.calendar import OSLO

    return at.astimezone(OSLO).strftime("%Y-%m-%d %H:%M")
