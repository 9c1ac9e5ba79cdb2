"""SIGTERM ends the process within `worker.grace` seconds, whatever peers do, and loses nothing: as processes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ip_fhir.bootstrap import open_exchange
from ip_fhir.demo.place import free_ports
from ip_fhir.settings import read_settings
from tests.exchange.sending.test_worker import eventually
from tests.support.many_units import notice_to, unit
from tests.support.rough_peer import Manner, rough_peer

_GRACE = 4.0


def settings_file(directory: Path, url: str) -> Path:
    """A hospital with one peer, whose timeout is much longer than the grace, and whose lease has run out at once."""
    [port] = free_ports(1)
    hospital, theirs = (one.to_data() for one in (notice_to("ke", "1").organizations[0], unit("ke")))
    lines = [
        'role = "hospital"',
        f'database = "sqlite:///{directory}/store.sqlite"',
        *(["[organization]"] + [f'{k} = "{v}"' for k, v in hospital.items() if isinstance(v, str)]),
        f"[http]\nport = {port}",
        f"[worker]\nrest = 0.05\ngrace = {_GRACE}\nlease = 60\n[worker.retry]\nfirst = 0.05\ncap = 0.05",
        f'[[peers]]\nname = "ke"\nurl = "{url}"\ntimeout = 30',
        *(["[peers.organization]"] + [f'{k} = "{v}"' for k, v in theirs.items() if isinstance(v, str)]),
    ]
    file = directory / "hospital.toml"
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


@pytest.mark.parametrize(("command", "manner"), [("serve", "drips body"), ("work", "silent")])
def test_it_ends_in_time(tmp_path: Path, command: str, manner: Manner) -> None:
    """While every sending hangs; afterwards the same message arrives, by its key, once."""
    with rough_peer(manner) as peer:
        config = settings_file(tmp_path, peer.url)
        exchange = open_exchange(read_settings(config))
        exchange.send_notice(notice_to("ke", "1"))
        run = [sys.executable, "-m", "ip_fhir.cli", command, "--config", str(config)]
        with subprocess.Popen(run, stderr=subprocess.PIPE) as process:
            try:
                eventually(lambda: peer.asked > 0, 30)
                began = time.monotonic()
                process.send_signal(signal.SIGTERM)
                assert process.wait(20) == 0
                assert time.monotonic() - began < _GRACE + 1  # the interpreter itself takes a while to end
            finally:
                process.kill()
            assert process.stderr is not None
            assert b"Traceback" not in process.stderr.read()
        (row,) = exchange.store.outbox("waiting")
        assert row.claim == 1
        exchange.store.give_back(row.id, row.claim)  # as when its lease is over
        peer.manner = "well"
        assert exchange.run_due().sent == 1
        assert peer.taken == [row.id]
        exchange.close()


def test_it_ends_though_nothing_else_helps() -> None:
    """A process that waits for ever after it was told to end is ended, with what it said."""
    hang = "import time; from ip_fhir.exchange.sending.grace import Grace; "
    hang += "grace = Grace(0.3); grace.begin(); grace.begin(); time.sleep(60)"
    began = time.monotonic()
    ran = subprocess.run([sys.executable, "-c", hang], check=True, capture_output=True, timeout=30)
    assert time.monotonic() - began < 20
    assert b"not ended 0.3 seconds after" in ran.stderr
