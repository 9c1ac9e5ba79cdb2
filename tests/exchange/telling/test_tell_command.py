"""A command of the site's own tells our people: given the item as JSON, no person's data; it breaks nothing.

Source: users.md B, "where do I hook in to be told?".
"""

from __future__ import annotations

import json
import logging
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ip_fhir.bootstrap import open_exchange
from ip_fhir.domain.effects import Effect, EffectKind, Reason
from ip_fhir.domain.referral import EventKind, Role
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.telling.command import TellCommand, TellFailed
from ip_fhir.ports import OutboxRow
from ip_fhir.settings import settings_of
from tests.support.two_sides import START, Loop, form, make_loop, notice, side_settings


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """Two sides."""
    made = make_loop(tmp_path)
    yield made
    made.hospital.exchange.close()
    made.municipality.exchange.close()


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], str]:
    """Makes a program of the site's own from a shell script; returns its path."""

    def make(text: str) -> str:
        file = tmp_path / "tell me; & how.sh"
        file.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
        return str(file)

    return make


def told_by(command: tuple[str, ...], timeout: float = 10.0, role: Role | None = Role.HOSPITAL) -> TellCommand:
    """The command, for a hospital or another side."""
    return TellCommand(command, timeout, role, lambda reason: f"words of {reason}")


ROW = OutboxRow(
    "item-1",
    "referral-03",
    Effect(id="item-1", kind=EffectKind.TELL, reason=Reason.REMINDED, number=2, text="Kari Testesen", to="Ola"),
    START,
)


def test_it_gets_the_item_as_json(tmp_path: Path, script: Callable[[str], str]) -> None:
    """Ids, codes and numbers, and its own arguments as they are, without a shell; no words, no contact.

    A side that has no role in the loop says none.
    """
    out = tmp_path / "out"
    told_by((script(f'cat > "{out}"; echo "$1" >> "{out}"'), "$HOME; `id` *"))(ROW)
    said, argument = out.read_text(encoding="utf-8").splitlines()
    assert argument == "$HOME; `id` *"
    assert json.loads(said) == {
        "item": "item-1",
        "loop": "referral-03",
        "aggregate": {"kind": "referral", "id": "referral-03"},
        "side": "hospital",
        "reason": "reminded",
        "words": "words of reminded",
        "number": 2,
        "form": None,
        "missing": [],
        "due": None,
    }
    assert told_by(("true",), role=None).data(ROW)["side"] is None


@pytest.mark.parametrize(("text", "how"), [("exit 3", "exit code 3"), ("kill -9 $$", "exit code -9")])
def test_how_it_failed_is_logged(
    script: Callable[[str], str], caplog: pytest.LogCaptureFixture, text: str, how: str
) -> None:
    """The exit code, the item and the loop; not what was said."""
    with pytest.raises(TellFailed, match=how):
        told_by((script(text),))(ROW)
    assert f"tell command for item item-1, loop referral-03: {how}" in caplog.text
    assert "Testesen" not in caplog.text


def test_a_command_that_reads_nothing(script: Callable[[str], str]) -> None:
    """One that ends at once without reading has told all the same."""
    told_by((script("exec <&-; exit 0"),))(ROW)


def test_a_command_that_hangs_is_ended(tmp_path: Path, script: Callable[[str], str]) -> None:
    """With all that it started, after its time."""
    pid = tmp_path / "pid"
    began = time.monotonic()
    with pytest.raises(TellFailed, match=r"ended after 0\.3 seconds"):
        told_by((script(f'sleep 60 & echo $! > "{pid}"; wait'),), timeout=0.3)(ROW)
    assert time.monotonic() - began < 20
    for _ in range(100):
        if not _runs(int(pid.read_text())):
            break
        time.sleep(0.05)
    else:
        pytest.fail("what the command started still runs")


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    """Gone since the start: it is logged and tried again. Not there at the start: nothing is opened."""
    with pytest.raises(TellFailed, match="not started"):
        told_by((str(tmp_path / "nothing"),))(ROW)
    settings = side_settings(tmp_path, Role.HOSPITAL).model_dump(mode="json")
    for command in (["./nothing"], ["no-such-program-anywhere"]):
        given = settings_of({**settings, "peers": [], "tell": {"command": command}}, tmp_path, environ={})
        with pytest.raises(InvalidInput, match="no such program"):
            open_exchange(given)


def test_a_program_beside_the_settings(tmp_path: Path) -> None:
    """A name with a slash is a path beside the settings file; others are looked up as usual."""
    settings = side_settings(tmp_path, Role.HOSPITAL).model_dump(mode="json")

    def command(*words: str) -> tuple[str, ...]:
        return settings_of({**settings, "peers": [], "tell": {"command": words}}, tmp_path, environ={}).tell.command

    assert command("bin/tell", "a/b") == (str(tmp_path / "bin/tell"), "a/b")
    assert command("sh", "a/b") == ("sh", "a/b")


def test_a_broken_command_breaks_nothing(loop: Loop, script: Callable[[str], str]) -> None:
    """The loop goes on and the item is open; people are told when the command works again, once."""
    out = Path(script("exit 1")).with_name("out")
    _tells(loop, told_by((script("exit 1"),)))
    loop.hospital.exchange.send_notice(notice("03"))
    loop.settle()
    loop.municipality.exchange.answer(form("03-stroke-patient-2"))
    loop.settle()
    assert loop.states("referral-03") == ("confirmed", "confirmed")
    (item,) = loop.hospital.exchange.worklist()
    assert item.reason is Reason.CONFIRMED
    (row,) = loop.hospital.exchange.store.outbox("waiting")
    assert (row.id, row.last_error) == (item.id, "our own people could not be told: TellFailed")
    script(f'cat >> "{out}"')
    loop.clock.forward(hours=2)
    loop.settle()
    (line,) = out.read_text(encoding="utf-8").splitlines()
    said: dict[str, Any] = json.loads(line)
    assert (said["item"], said["reason"], said["form"]) == (item.id, "confirmed", item.form_id)
    assert loop.hospital.exchange.store.outbox("waiting") == []


def _tells(loop: Loop, tell: Callable[[OutboxRow], None]) -> None:
    object.__setattr__(loop.hospital.exchange._context, "tell", tell)


def test_without_a_command_it_is_a_line_in_words(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The reason and the loop's id, no name. Source: users.md 0 (3), "effect <uuid>: not even the reason"."""
    exchange = open_exchange(
        side_settings(tmp_path, Role.HOSPITAL), wires={"fhir-rest": make_loop(tmp_path).hospital.wire}
    )
    exchange.send_notice(notice("03"))
    (row,) = exchange.store.outbox("waiting")
    exchange.park(row.id, "Kari Testesen")
    with caplog.at_level(logging.WARNING):
        exchange.run_due()
    exchange.close()
    assert [one.getMessage() for one in caplog.records if "our people" in one.getMessage()] == [
        "for our people: meldingen kom ikke fram (referral referral-03)"
    ]
    assert "Testesen" not in caplog.text


def test_a_run_says_which_loops_it_changed(loop: Loop) -> None:
    """Each once, from the first state to the last. Source: users.md A, "no way to learn which loops changed"."""
    for name in ("01", "03"):
        loop.hospital.exchange.send_notice(notice(name))
    ran = loop.hospital.exchange.run_due()
    assert {(one.correlation_id, one.before, one.after) for one in ran.changed} == {
        (f"referral-{name}", "sent", "delivered") for name in ("01", "03")
    }
    assert loop.hospital.exchange.run_due().changed == ()
    loop.clock.forward(days=60)
    ran = loop.hospital.exchange.run_due()
    assert {one.correlation_id for one in ran.changed} == {"referral-01", "referral-03"}
    assert ran.timers >= 2
    loop.municipality.exchange.act("referral-01", EventKind.ACCEPT)
    total = ran + loop.municipality.exchange.run_due()
    assert len(total.changed) == 2
