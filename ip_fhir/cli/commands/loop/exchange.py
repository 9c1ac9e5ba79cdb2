"""`serve`, `work`, `notice send`, `green-form send`, `remind`: one side of the loop, as its settings describe it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from ip_fhir.cli.options import By, Config, File, Json, Released, author, parts

if TYPE_CHECKING:
    from types import FrameType

    from ip_fhir.exchange import Exchange
    from ip_fhir.exchange.sending.run_counts import RunCounts
    from ip_fhir.settings import Settings

_SECONDS_TO_NOTICE = 0.1

notices = typer.Typer(help="Notices: the hospital's side.", rich_markup_mode=None)
green_forms = typer.Typer(help="Green forms: the municipality's side.", rich_markup_mode=None)

Of = Annotated[
    str | None, typer.Option("--of", metavar="ID", help="Id here of the loop that it answers.", show_default=False)
]


class _Form(StrEnum):
    """The forms of the log."""

    TEXT = "text"
    JSON = "json"


class _Level(StrEnum):
    """The levels of the log."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


LogFormat = Annotated[
    _Form | None,
    typer.Option("--log-format", help="Lines of the log; by default as the settings say.", show_default=False),
]
LogLevel = Annotated[
    _Level | None, typer.Option("--log-level", help="Lowest level of our own lines.", show_default=False)
]
Correlation = Annotated[str, typer.Argument(metavar="CORRELATION-ID", help="The loop's id.", show_default=False)]


def serve(
    config: Config,
    log_format: LogFormat = None,
    log_level: LogLevel = None,
    while_stdin_open: Annotated[bool, typer.Option("--while-stdin-open", hidden=True)] = False,
) -> None:
    """Run one side: endpoint, worker and listeners.

    The FHIR endpoint and the listeners of the settings take in, the worker sends what is due, until SIGTERM or Ctrl-C.
    """
    from ip_fhir.cli.opening import read_config, require_extra

    require_extra("serve", "web")
    settings = read_config(config)
    from ip_fhir.web import serving

    _log(settings, log_format, log_level)
    if while_stdin_open:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    serving.serve(settings)


def work(
    config: Config,
    once: Annotated[bool, typer.Option("--once", help="Do what is due now, then end; no listener is run.")] = False,
    listeners: Annotated[
        bool,
        typer.Option("--listeners/--no-listeners", help="Run the listeners of the settings, or leave them to `serve`."),
    ] = True,
    log_format: LogFormat = None,
    log_level: LogLevel = None,
    as_json: Json = False,
) -> None:
    """Run the worker and the listeners, without the endpoint.

    It handles timers that are due, then messages that are due. Several may share one store. With --once it says how
    much that was, and which loops were changed.
    """
    from ip_fhir.cli.opening import opened, read_config
    from ip_fhir.cli.output import emit, say

    _log(read_config(config), log_format, log_level)
    with opened(config, existing=False) as exchange:
        if not once:
            _work_on(exchange, config, listeners=listeners)
            return
        ran = _all_due(exchange)
    if as_json:
        changed = [
            {"correlation_id": loop.correlation_id, "before": str(loop.before), "after": str(loop.after)}
            for loop in ran.changed
        ]
        emit({**ran.numbers(), "changed": changed})
    else:
        say(", ".join(f"{name} {number}" for name, number in ran.numbers().items()))
        for loop in ran.changed:
            say(f"  {loop.correlation_id}: {loop.before} -> {loop.after}")


@notices.command("send")
def notice_send(file: File, config: Config, by: By = None, release: Released = None, as_json: Json = False) -> None:
    """Open a loop with a notice.

    It is stored, and goes out when `serve` or `work` runs. Sending the same again changes nothing. What is not sent,
    such as attachments that the agreement does not let through, and what leads to a person with a protected address,
    is told on stderr. --release, with --by, lets such a part go to the recipient.
    """
    from ip_fhir.cli.commands.loop.stored import show_stored
    from ip_fhir.cli.files import expect, naming, read_file, read_value
    from ip_fhir.cli.opening import opened
    from ip_fhir.domain.notice import Notice

    content = read_file(file)
    expect(content, "notice")
    notice, who = read_value(Notice, content), author(by)
    with opened(config, in_loop=True) as exchange, naming(content.name):
        referral = exchange.send_notice(notice, by=who, released=parts(release))
        sys.stderr.writelines(
            f"ip-fhir: {content.name}: warning: {said}\n" for said in exchange.releases.left_out(referral)
        )
        show_stored(exchange, referral, as_json=as_json)


@green_forms.command("send")
def green_form_send(file: File, config: Config, of: Of = None, by: By = None, as_json: Json = False) -> None:
    """Answer a notice with a green form.

    Complete or not, it is stored, and goes out when `serve` or `work` runs. --of is needed only where loops of several
    parties have the correlation id that the form answers; `ip-fhir referrals list` shows each by its id here.
    """
    from ip_fhir.cli.commands.loop.stored import show_stored
    from ip_fhir.cli.files import expect, naming, read_file, read_value
    from ip_fhir.cli.opening import opened
    from ip_fhir.domain.green_form import GreenForm

    content = read_file(file)
    expect(content, "green-form")
    form, who = read_value(GreenForm, content), author(by)
    with opened(config, in_loop=True) as exchange, naming(content.name):
        show_stored(exchange, exchange.answer(form, of=of, by=who), as_json=as_json)


def remind(
    correlation_id: Correlation,
    config: Config,
    text: Annotated[str | None, typer.Option("--text", help="Words to go with it.", show_default=False)] = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Remind the municipality now.

    It counts as the reminder that would have come next.
    """
    from ip_fhir.cli.commands.loop.stored import show_stored
    from ip_fhir.cli.files import naming
    from ip_fhir.cli.opening import opened
    from ip_fhir.domain.referral import EventKind

    who = author(by)
    with opened(config, in_loop=True) as exchange, naming(correlation_id):
        show_stored(exchange, exchange.act(correlation_id, EventKind.REMIND, text, by=who), as_json=as_json)


def _all_due(exchange: Exchange) -> RunCounts:
    """Until nothing is left that can be done now."""
    total = ran = exchange.run_due()
    while ran.anything:
        ran = exchange.run_due()
        total += ran
    return total


def _work_on(exchange: Exchange, config: Config, *, listeners: bool) -> None:
    from ip_fhir.bootstrap import open_listeners
    from ip_fhir.cli.opening import read_config
    from ip_fhir.exchange import Worker
    from ip_fhir.exchange.listeners import listening
    from ip_fhir.exchange.sending.grace import Grace

    settings = read_config(config)
    named = open_listeners(settings) if listeners else []
    ended: list[int] = []
    grace = Grace(settings.worker.grace)

    def end(number: int, _frame: FrameType | None) -> None:
        ended.append(number)  # nothing that takes a lock: the thread that was interrupted may hold it
        grace.begin()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    worker = Worker(exchange, settings.worker.rest)
    with listening(exchange, named):
        worker.start()
        while worker.running and not ended:
            time.sleep(_SECONDS_TO_NOTICE)
        worker.stop()


def _log(settings: Settings, form: _Form | None, level: _Level | None) -> None:
    from ip_fhir.logs import write_logs

    write_logs(sys.stderr, "json" if (form or settings.log.format) == "json" else "text", level or settings.log.level)


def _end_with_stdin() -> None:
    """End with the process that started us and holds the other end, however that dies."""
    while os.read(0, 1024):  # not sys.stdin: its lock, held by a waiting thread, breaks the interpreter's own end
        pass
    os.kill(os.getpid(), signal.SIGTERM)
