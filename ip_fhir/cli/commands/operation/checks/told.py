"""The doctor's lines about how our own people are told; nothing is sent."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from ip_fhir.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.ports import OutboxRow, Store
    from ip_fhir.settings import Settings, ToldSettings

Status: TypeAlias = Literal["ok", "warn", "fail"]

_LOOKED_AT = 1000
_OFTEN = 3  # attempts after which somebody should look


class ToldFinding(NamedTuple):
    """A line of the report: its subject, its status, and a detail that says what to do about it."""

    what: str
    status: Status
    detail: str


def check_told(settings: Settings) -> Iterator[ToldFinding]:
    """A line for each table of `[[told]]`, and one if the mail server's authorities cannot be read."""
    from ip_fhir.wire.tls import TlsFiles, client_context

    for told in settings.told:
        what = f"told {told.name}"
        if told.way == "command" and shutil.which(told.command[0]) is None:
            yield ToldFinding(what, "fail", "there is no such program, or it may not be run")
        else:
            yield ToldFinding(what, "ok", _described(told))
    if settings.smtp is not None and settings.smtp.trusted is not None:
        try:
            client_context(TlsFiles(trusted=str(settings.smtp.trusted)))
        except InvalidInput as error:
            yield ToldFinding("smtp", "fail", str(error))


def _described(told: ToldSettings) -> str:
    whom = f"{len(told.recipients)} addresses" if told.way == "e-mail" else told.way
    parts = [whom, f"{len(told.reasons)} reasons" if told.reasons else "all reasons"]
    parts += [f"quiet {told.quiet_hours}"] if told.quiet_hours else []
    parts += ["on working days"] if told.working_days_only else []
    parts += [f"together at {told.digest_at}"] if told.digest_at else []
    return ", ".join(parts)


def check_tellings(store: Store) -> Iterator[ToldFinding]:
    """A warning for each table whose recipients could not be told: rows that are parked, or that failed often."""
    from ip_fhir.domain.values.aggregate import RECIPIENT

    def by_name(rows: list[OutboxRow]) -> dict[str, list[OutboxRow]]:
        found: dict[str, list[OutboxRow]] = {}
        for row in rows:
            if row.aggregate_kind == RECIPIENT:
                found.setdefault(row.peer or "?", []).append(row)
        return found

    for name, parked in by_name(store.outbox("parked", _LOOKED_AT)).items():
        why = f"{len(parked)} rows are parked, the last: {parked[-1].last_error}; ip-fhir outbox retry repeats one"
        yield ToldFinding(f"told {name}", "warn", why)
    waiting = [row for row in store.outbox("waiting", _LOOKED_AT) if row.attempts >= _OFTEN and row.last_error]
    for name, rows in by_name(waiting).items():
        yield ToldFinding(f"told {name}", "warn", f"not told after {rows[0].attempts} attempts: {rows[0].last_error}")
