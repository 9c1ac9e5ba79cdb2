"""A process that has everything imported and forks: what it starts is there in milliseconds, and may be killed.

Commands come as JSON lines on stdin, answers go as JSON lines to stdout (see `tests.support.processes`):

    {"do": "start", "what": "serve", "config": "...", "log": "...", "more": {...}}    -> {"pid": 12}
    {"do": "wait", "pid": 12, "hang": true}                                         -> {"code": -9}, or null: it runs

Only `wait` takes away what is left of a process, so that its number is nobody else's before that. When stdin ends, or
this process dies, everything it started is killed.
"""

from __future__ import annotations

import ctypes
import gc
import json
import logging
import os
import signal
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_ALL_IT_NEEDS = (
    "ip_fhir.cli.commands.loop.exchange",
    "ip_fhir.cli.commands.operation.restore",
    "ip_fhir.exchange.formats.hl7v2",
    "ip_fhir.web.serving",
    "ip_fhir.wire.listener",
    "psycopg",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite",
    "tests.support.people",
    "tests.support.plan_colleagues",
    "tests.support.plan_movers",
    "tests.support.plan_people",
    "uvicorn.lifespan.on",
    "uvicorn.loops.asyncio",
    "uvicorn.protocols.http.h11_impl",
)


def _warm() -> None:
    """Import all that a side needs, so that no process has to do it again."""
    for name in _ALL_IT_NEEDS:
        import_module(name)
    from ip_fhir.mapping import default
    from ip_fhir_fhir_rest import adapter
    from ip_fhir_mllp import adapter as mllp

    adapter()
    mllp()
    default()
    gc.collect()
    gc.freeze()


def _serve(config: str, _more: dict[str, Any]) -> None:
    """Endpoint and worker, as `ip-fhir serve` runs them."""
    from ip_fhir.settings import read_settings
    from ip_fhir.web.serving import serve

    serve(read_settings(config))


def _work(config: str, more: dict[str, Any]) -> None:
    """A worker and nothing else, as `ip-fhir work` runs it; `listeners` is False where the endpoint runs them."""
    from ip_fhir.cli.commands.loop.exchange import work

    work(Path(config), **more)


def _restore(config: str, more: dict[str, Any]) -> None:
    """What is done after a backup was put back, as `ip-fhir db restore` does it."""
    from ip_fhir.cli.commands.operation.restore import restore

    restore(Path(config), **more)


def _people(config: str, more: dict[str, Any]) -> None:
    """The staff of one side, on its store."""
    from tests.support.people import work

    work(config, **more)


def _plan_people(config: str, more: dict[str, Any]) -> None:
    """The staff of one side around plans, on its store."""
    from tests.support.plan_people import work

    work(config, **more)


def _plan_movers(config: str, more: dict[str, Any]) -> None:
    """The staff of one side between which persons move, on its store."""
    from tests.support.plan_movers import work

    work(config, **more)


def _plan_colleagues(config: str, more: dict[str, Any]) -> None:
    """One of several who work on one plan at once."""
    from tests.support.plan_colleagues import work

    work(config, **more)


def _staff(config: str, more: dict[str, Any]) -> None:
    """The staff of one side of the hostile town, on its store."""
    from tests.support.hostile_town import work

    work(config, **more)


_WHAT: dict[str, Callable[[str, dict[str, Any]], None]] = {
    "serve": _serve,
    "work": _work,
    "restore": _restore,
    "people": _people,
    "plan_colleagues": _plan_colleagues,
    "plan_movers": _plan_movers,
    "plan_people": _plan_people,
    "staff": _staff,
}


def _start(what: str, config: str, log: str, more: dict[str, Any] | None = None) -> dict[str, Any]:
    pid = os.fork()
    if pid:
        return {"pid": pid}
    code = 70
    try:
        _become_a_process(log)
        _WHAT[what](config, more or {})
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 - the last thing a process says
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _become_a_process(log: str) -> None:
    """A session, streams and signals of its own; it does not outlive whoever started it."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    nothing, out = os.open(os.devnull, os.O_RDONLY), os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for target, source in ((0, nothing), (1, out), (2, out)):
        os.dup2(source, target)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s")


def _wait(pid: int, *, hang: bool) -> dict[str, Any] | None:
    found, status = os.waitpid(pid, 0 if hang else os.WNOHANG)
    return {"code": os.waitstatus_to_exitcode(status)} if found else None


def main() -> None:
    """Answer one command after another."""
    sys.path.insert(0, str(Path(__file__).parents[2]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started us decides
    _warm()
    with os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1) as answers:
        os.dup2(2, 1)
        answers.write('"ready"\n')
        for line in sys.stdin:
            command = json.loads(line)
            answer = _start(**command) if command.pop("do") == "start" else _wait(**command)
            answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
