"""Ready means that something can be taken in: tried by a write, at most once a second, whatever stands in the way."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from ip_fhir.errors import StoreError
from ip_fhir.exchange.readiness import Readiness
from ip_fhir.ports.capabilities import can_try
from ip_fhir.store import open_store, upgrade_store
from tests.support.postgres import running_server
from tests.support.two_sides import START, Loop

A_SECOND = 1.05


def test_it_is_tried_once_a_second(loop: Loop) -> None:
    """However many ask: one write each second, and no evidence of it."""
    exchange, tried = loop.hospital.exchange, []
    store = exchange.store
    assert can_try(store)
    write = store.try_write
    store.try_write = lambda now: (tried.append(now), write(now))[1]  # type: ignore[method-assign, func-returns-value]
    for _ in range(20):
        exchange.check()
        assert exchange.health()["status"] == "ok"
    assert len(tried) <= 2
    time.sleep(A_SECOND)
    exchange.check()
    assert 1 < len(tried) <= 3
    assert exchange.store.head().number == 0
    assert exchange.store.verify() == ()


def test_a_file_that_was_taken_away(loop: Loop, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Not ready, with the reason; the log has the change once, not each question."""
    exchange = loop.hospital.exchange
    exchange.check()
    for file in tmp_path.glob("hospital.sqlite*"):
        file.unlink()
    time.sleep(A_SECOND)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            with pytest.raises(StoreError, match="not the one of that name any more"):
                exchange.check()
        time.sleep(A_SECOND)
        with pytest.raises(StoreError):
            exchange.check()
    assert [record.message for record in caplog.records if "not ready" in record.message] == caplog.messages
    assert len(caplog.messages) == 1


def test_it_comes_back(loop: Loop, caplog: pytest.LogCaptureFixture) -> None:
    """When what stood in the way is gone, it is ready again, and the log says so."""
    context = loop.hospital.exchange._context
    ready, faults = Readiness(context), ["the store failed: OperationalError (SQLITE_FULL)"]

    def try_write(_now: object) -> None:
        if faults:
            raise StoreError(faults[0])

    loop.hospital.store.try_write = try_write  # type: ignore[attr-defined]
    assert ready.reason() == faults[0]
    faults.clear()
    time.sleep(A_SECOND)
    assert ready.reason() is None
    assert caplog.messages == ["not ready: the store failed: OperationalError (SQLITE_FULL)", "ready again"]


CHILD = textwrap.dedent("""
    import json, os, resource, signal, sys, time
    from pathlib import Path
    from starlette.testclient import TestClient
    from ip_fhir.web.app import create_app
    from tests.support.two_sides import TOKENS, make_loop, notice, unsent

    directory = Path(sys.argv[1])
    loop = make_loop(directory)
    message = unsent(loop, "03")
    exchange = loop.municipality.exchange
    client = TestClient(create_app(exchange), raise_server_exceptions=False, client=("127.0.0.1", 50_000))
    head = {"Authorization": "Bearer " + TOKENS["hospital"], "Content-Type": "application/fhir+json"}
    found = [client.get("/health/ready").status_code]
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (32768, before[1]))  # as on a full disk: no file is written beyond
    found.append(client.post("/$process-message", content=message, headers=head).status_code)
    time.sleep(1.05)
    found += [client.get("/health/ready").status_code, client.get("/health/live").status_code]
    status = client.get("/health").json()["status"]
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    time.sleep(1.05)
    found.append(client.get("/health/ready").status_code)
    found.append(client.post("/$process-message", content=message, headers=head).status_code)
    sys.stdout.write(json.dumps([found, status, len(exchange.store.verify()), exchange.store.head().number]))
""")


def test_a_full_disk(tmp_path: Path) -> None:
    """No message is taken in (503), it is not ready and says why, and lives; with room again it goes on, whole."""
    command = [sys.executable, "-c", CHILD, str(tmp_path)]
    ran = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    found, status, problems, records = json.loads(ran.stdout)
    assert found == [200, 503, 503, 200, 200, 200]
    assert status.startswith("not ready: the store failed: OperationalError (SQLITE_")
    assert (problems, records > 0) == (0, True)
    assert "not ready: the store failed" in ran.stderr


@pytest.mark.may_skip
@pytest.mark.skipif("os.geteuid() == 0", reason="root may write any file")
def test_a_read_only_file(tmp_path: Path) -> None:
    """A file that may only be read is not ready."""
    file = tmp_path / "store.sqlite"
    open_store(f"sqlite:///{file}").close()
    file.chmod(0o400)
    store = open_store(f"sqlite:///{file}")
    try:
        with pytest.raises(StoreError, match="SQLITE_READONLY"):
            store.try_write(START)
    finally:
        store.close()


def test_a_server_that_stands_by() -> None:
    """A PostgreSQL database that takes no writes can be read and is not ready; one that is gone likewise."""
    with running_server() as server:
        url = server.new_database()
        upgrade_store(url)
        writer = open_store(url)
        writer.try_write(START)
        reader = open_store(f"{url}?options=-cdefault_transaction_read_only%3Don")
        try:
            assert reader.outbox() == []
            with pytest.raises(StoreError, match="25006"):
                reader.try_write(START)
            server.stop("fast")
            with pytest.raises(StoreError):
                writer.try_write(START)
            server.start()
            writer.try_write(START)
        finally:
            writer.close()
            reader.close()
