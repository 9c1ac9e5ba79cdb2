"""`mock`: the other party, played by a script, for the tests of whoever connects a system to this library's."""

from __future__ import annotations

import re
import signal
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ip_fhir.cli.completing import peer_names
from ip_fhir.cli.options import Config, Json
from ip_fhir.mock.names import AnswerScript, NoticeScript, ShareScript

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0}
_MOST_SECONDS: Final = 86_400.0
_SECONDS_TO_NOTICE: Final = 0.05

As = Annotated[
    str,
    typer.Option(
        "--as",
        metavar="PEER",
        help="The peer of the settings that is played.",
        show_default=False,
        autocompletion=peer_names,
    ),
]
Notices = Annotated[NoticeScript, typer.Option("--notices", help="Answer to a notice.")]
Shares = Annotated[ShareScript, typer.Option("--shares", help="Answer to a plan that is shared.")]
Invitations = Annotated[AnswerScript, typer.Option("--invitations", help="Answer to an invitation.")]
Handovers = Annotated[AnswerScript, typer.Option("--handovers", help="Answer to a plan that is handed over.")]
After = Annotated[str, typer.Option("--after", metavar="TIME", help="Time before each deed: 2s, 500ms, 1m.")]
OtherMachines = Annotated[bool, typer.Option("--other-machines", help="Allow addresses that are not this machine's.")]


def mock(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    config: Config,
    as_: As,
    notices: Notices = NoticeScript.COMPLETE,
    shares: Shares = ShareScript.TAKE,
    invitations: Invitations = AnswerScript.ACCEPT,
    handovers: Handovers = AnswerScript.ACCEPT,
    after: After = "0s",
    other_machines: OtherMachines = False,
    as_json: Json = False,
) -> None:
    """Play the other party, by a script, for tests.

    --config is the settings file of the side that is tested. The mock listens where that side sends to (the peer's
    `url`), shows and asks for the tokens of the file, and answers over the same wire: FHIR messages over HTTP, or HL7
    v2 over MLLP. It is a side as any other, with a script for people, in a folder of its own that is taken away in the
    end. It knows nobody but the side that is tested.

    Each line says what came (received), what the script did (did, failed), or how a message was answered (sent). The
    first one comes when it listens. Ends with Ctrl-C or SIGTERM.
    """
    from ip_fhir.cli.opening import read_config, require_extra

    require_extra("mock", "web")
    from ip_fhir.cli.output import emit, say
    from ip_fhir.logs import write_logs
    from ip_fhir.mock import MockOptions, Policy, played
    from ip_fhir.mock.journal import as_line

    def show(entry: dict[str, Any]) -> None:
        if as_json:
            emit(entry)
        else:
            say(as_line(entry))

    settings = read_config(config)
    policy = Policy(notices, shares, invitations, handovers)
    options = MockOptions(as_, policy, seconds_in(after), other_machines)
    write_logs(sys.stderr, "json" if as_json else "text", "warning")
    with _until_told() as told, played(settings, options, show):
        at = next(peer.url for peer in settings.peers if peer.name == as_)
        sys.stderr.write(f"ip-fhir: this is a MOCK of {as_}, at {at}: nothing that it answers is real\n")
        show({"mock": as_, "at": at, "notices": notices, "shares": shares})
        while not told:
            time.sleep(_SECONDS_TO_NOTICE)


def seconds_in(text: str) -> float:
    """The seconds that a time with its unit stands for, a day at most. Raises `InvalidInput` at `--after`.

    >>> seconds_in("500ms"), seconds_in("2s"), seconds_in("1.5m")
    (0.5, 2.0, 90.0)
    """
    from ip_fhir.errors import InvalidInput

    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(ms|s|m)", text)
    seconds = float(found[1]) * _SECONDS[found[2]] if found else _MOST_SECONDS + 1
    if seconds > _MOST_SECONDS:
        raise InvalidInput.at("--after", "is a number with its unit, ms, s or m, and a day at most: 2s")
    return seconds


@contextmanager
def _until_told() -> Iterator[list[int]]:
    """Yields a list that holds SIGTERM or Ctrl-C once it has come, until the block ends."""
    told: list[int] = []  # nothing that takes a lock: the thread that was interrupted may hold it
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, lambda came, _frame: told.append(came)) for number in numbers]
    try:
        yield told
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
