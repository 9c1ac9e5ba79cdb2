"""A process that is killed while it tells: nothing is lost, and what comes twice can be recognised."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.exchange.telling.conftest import Ward, e_mail, smtp, webhook
from tests.support.mail_server import mail_server
from tests.support.webhook_receiver import webhook_receiver

pytestmark = pytest.mark.processes

Make = Callable[..., Ward]

_CHILD = """
import json, sys
from pathlib import Path
from tests.exchange.telling.conftest import Ward
told, more, hours, items = json.loads(sys.argv[2])
ward = Ward(Path(sys.argv[1]), *told, **more)
for ident in items:
    ward.item(ident)
ward.run()
ward.run(hours=hours)
print("not killed")
"""


def killed(directory: Path, told: dict[str, Any], hours: int = 0, **more: Any) -> None:
    """A process that opens two items and tells of them, until somebody kills it."""
    given = json.dumps([[told], more, hours, ["a", "b"]])
    checkout = Path(__file__).parents[3]
    environ = {**os.environ, "PYTHONPATH": f"{checkout}"}
    ran = subprocess.run(
        [sys.executable, "-c", _CHILD, str(directory), given],
        env=environ,
        cwd=checkout,
        capture_output=True,
        check=False,
    )
    assert ran.returncode == -signal.SIGKILL, ran.stderr.decode()


def test_by_webhook(tmp_path: Path, ward: Make) -> None:
    """Killed after the receiver has the event and before its answer is written down: it comes again, the same id."""
    with webhook_receiver() as receiver:
        receiver.before_answer = _kill_children
        killed(tmp_path, webhook(receiver.url))
        assert receiver.items() == ["a"]
        receiver.before_answer = None
        after = ward(webhook(receiver.url))
        after.clock.forward(minutes=5)  # the lease is over
        after.run()
        assert receiver.items() == ["a", "a", "b"]
        assert receiver.numbers() == [1, 1, 2]
        assert receiver.came[0].headers["webhook-id"] == receiver.came[1].headers["webhook-id"]
        assert receiver.came[0].body == receiver.came[1].body
        assert {status for status, _ in after.rows().values()} == {"sent"}
        assert after.exchange.store.verify() == ()
        after.run(days=1)
        assert len(receiver.came) == 3


@pytest.mark.parametrize("digest", [{}, {"digest_at": "07:30"}], ids=["one by one", "digest"])
def test_by_e_mail(tmp_path: Path, ward: Make, digest: dict[str, str]) -> None:
    """Killed after the server has taken the e-mail: it comes again under the same id, and no third time."""
    told = e_mail("team@hospital.example", **digest)
    with mail_server() as box:
        box.before_answer = _kill_children
        killed(tmp_path, told, hours=18, smtp=smtp(box.port))
        assert len(box.came) == 1
        box.before_answer = None
        after = ward(told, smtp=smtp(box.port))
        after.clock.forward(hours=19)
        after.run()
        ids = [one["message-id"] for _, one in box.came]
        assert ids[0] == ids[1]
        assert box.came[0][1].get_content() == box.came[1][1].get_content()
        assert len(ids) == (2 if digest else 3)
        assert {status for status, _ in after.rows().values()} == {"sent"}
        after.run(days=2)
        assert len(box.came) == len(ids)


def _kill_children() -> None:
    """Kill the processes that this one has started for a test."""
    for child in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
        for pid in child.read_text().split():
            if b"tests.exchange.telling.conftest" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(int(pid), signal.SIGKILL)
