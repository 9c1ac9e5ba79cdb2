"""Two real servers on loopback, each with its worker and its own store, in a simulated time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from ip_fhir.bootstrap import open_exchange
from ip_fhir.demo.place import free_ports
from ip_fhir.domain.people import Organization
from ip_fhir.errors import InvalidInput, StoreError
from ip_fhir.exchange import Exchange
from ip_fhir.ports import Adapter, Receipt
from ip_fhir.settings import read_settings, settings_of
from ip_fhir.testing import FakeAdapter
from tests.support.two_sides import START, form, notice, organizations

_SERVE = "import sys; from ip_fhir.settings import read_settings; from ip_fhir.web.serving import serve; "
_SERVE += "serve(read_settings(sys.argv[1]))"

_TOKENS = {"TOKEN_OF_HOSPITAL": "a-token-of-the-hospital", "TOKEN_OF_MUNICIPALITY": "a-token-of-the-municipality"}
_UNTIL_FROZEN = """
import gc, os, signal, threading, time
before, frozen = gc.get_threshold(), gc.get_freeze_count()
def leave():
    while gc.get_freeze_count() <= frozen:
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGTERM)
threading.Thread(target=leave, daemon=True).start()
try:
    serve(read_settings(sys.argv[1]))
finally:
    print(gc.get_freeze_count() <= frozen, gc.get_threshold() == before)
"""


@dataclass
class Server:
    """One side as a process, and its store opened beside it, as a command line would."""

    process: subprocess.Popen[bytes]
    url: str
    settings: Path
    exchange: Exchange

    def health(self) -> dict[str, Any]:
        """What it says of itself."""
        answer: dict[str, Any] = requests.get(f"{self.url}/health", timeout=5).json()
        return answer


def eventually(holds: Callable[[], bool], server: Server | None = None) -> None:
    """Wait for it, a minute at most, and no longer than `server` lives."""
    end = time.monotonic() + 60
    while time.monotonic() < end and (server is None or server.process.poll() is None):
        try:
            if holds():
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.05)
    message = "it did not happen"
    raise AssertionError(message)


def _organization(key: str, organization: Organization) -> str:
    lines = [f'{k} = "{v}"' for k, v in organization.to_data().items() if isinstance(v, str) and k != "part_of"]
    return "\n".join([f"[{key}]", *lines])


def write_settings(directory: Path, role: str, port: int, other_port: int) -> Path:
    """The settings of one side."""
    hospital, unit = organizations(notice("01"))
    ours, theirs, other = (hospital, unit, "municipality") if role == "hospital" else (unit, hospital, "hospital")
    file = directory / f"{role}.toml"
    file.write_text(
        f"""role = "{role}"
database = "sqlite:///{directory / role}.sqlite"
{_organization("organization", ours)}
[http]
port = {port}
[worker]
rest = 0.05
[clock]
file = "clock"
[[peers]]
name = "{other}"
url = "http://127.0.0.1:{other_port}"
token = {{ env = "TOKEN_OF_{role.upper()}" }}
accepts = [{{ env = "TOKEN_OF_{other.upper()}" }}]
{_organization("peers.organization", theirs)}
""",
        encoding="utf-8",
    )
    return file


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[Server, Server]]:
    """The hospital and the municipality."""
    ports = dict(zip(("hospital", "municipality"), free_ports(2), strict=True))
    (tmp_path / "clock").write_text(START.isoformat(), encoding="ascii")
    started: list[Server] = []
    for role, other in (("hospital", "municipality"), ("municipality", "hospital")):
        file = write_settings(tmp_path, role, ports[role], ports[other])
        exchange = open_exchange(read_settings(file, _TOKENS))
        log = (tmp_path / f"{role}.log").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-c", _SERVE, str(file)], env={**os.environ, **_TOKENS}, stdout=log, stderr=log
        )
        log.close()
        started.append(Server(process, f"http://127.0.0.1:{ports[role]}", file, exchange))
    try:
        for server in started:
            eventually(lambda server=server: server.health()["status"] == "ok", server)  # type: ignore[misc]
        yield started[0], started[1]
    finally:
        for server in started:
            server.process.kill()
            server.process.wait()
            server.exchange.close()


def state(server: Server, correlation_id: str = "referral-01") -> str:
    """Where the referral stands in its store."""
    stored = server.exchange.store.referral(correlation_id)
    return str(stored.referral.state) if stored else "none"


def test_a_loop_over_real_http(servers: tuple[Server, Server], tmp_path: Path) -> None:
    """Notice out, time passes, form back; one side killed in between and started again; then both stop gracefully."""
    hospital, municipality = servers
    municipality.process.send_signal(signal.SIGKILL)
    municipality.process.wait()
    hospital.exchange.send_notice(notice("01"))
    eventually(lambda: bool(hospital.exchange.store.outbox("waiting")[0].last_error))
    restarted = subprocess.Popen(
        municipality.process.args,
        env={**os.environ, "TOKEN_OF_HOSPITAL": "a-token-of-the-hospital", "TOKEN_OF_MUNICIPALITY": "a" * 27},
    )
    municipality.process = restarted
    eventually(lambda: municipality.health()["status"] == "ok")
    (tmp_path / "next").write_text("2026-01-12T15:00:00+00:00", encoding="ascii")
    (tmp_path / "next").replace(tmp_path / "clock")
    eventually(lambda: (state(hospital), state(municipality)) == ("delivered", "delivered"))
    municipality.exchange.answer(form("01"))
    eventually(lambda: bool(municipality.exchange.store.outbox("parked")))  # its token is wrong: HTTP 401
    (parked,) = municipality.exchange.store.outbox("parked")
    assert "HTTP 401" in str(parked.last_error)
    for server in servers:
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 0
    log = (tmp_path / "hospital.log").read_text(encoding="utf-8")
    assert "Traceback" not in log
    assert notice("01").owner.name.family not in log


def test_over_real_http_to_the_end(servers: tuple[Server, Server]) -> None:
    """The whole loop, and both sides come to rest."""
    hospital, municipality = servers
    hospital.exchange.send_notice(notice("01"))
    eventually(lambda: (state(hospital), state(municipality)) == ("delivered", "delivered"))
    municipality.exchange.answer(form("01"))
    eventually(lambda: (state(hospital), state(municipality)) == ("confirmed", "confirmed"))
    eventually(lambda: hospital.health()["idle"] and municipality.health()["idle"])
    assert hospital.health()["waiting"] == municipality.health()["waiting"] == 0
    assert hospital.exchange.store.verify() == municipality.exchange.store.verify() == ()


@pytest.mark.parametrize("chunked", [False, True])
def test_fifty_megabytes_over_a_real_socket(servers: tuple[Server, Server], chunked: bool) -> None:
    """The client gets to read the 413, and the server is as well as before."""
    municipality = servers[1]
    headers = {"Authorization": "Bearer a-token-of-the-hospital", "Content-Type": "application/fhir+json"}
    chunk = b" " * 1_000_000
    body: Any = (chunk for _ in range(50)) if chunked else chunk * 50
    answer = requests.post(f"{municipality.url}/$process-message", data=body, headers=headers, timeout=30)
    assert answer.status_code == 413
    assert answer.json()["issue"][0]["code"] == "too-long"
    assert municipality.health()["status"] == "ok"


def test_the_search_for_garbage_passes_over_what_was_loaded(tmp_path: Path) -> None:
    """While a side serves, nothing that was there at the start is looked through for garbage; then all is as before."""
    settings = write_settings(tmp_path, "municipality", *free_ports(2))
    program = _SERVE.rpartition("serve(")[0] + _UNTIL_FROZEN
    call = [sys.executable, "-c", program, str(settings)]
    ran = subprocess.run(call, env={**os.environ, **_TOKENS}, capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout == "True True\n"


def test_bootstrap_refuses_what_cannot_be(tmp_path: Path) -> None:
    """An adapter that is not there or speaks what nothing writes, a store that cannot be opened: said at once."""
    peer = {"name": "ke", "url": "https://ke.example", "adapter": "smoke"}
    organization = {"id": "o", "name": "O", "kind": "hospital"}
    data = {"role": "hospital", "organization": organization, "peers": [{**peer, "organization": organization}]}
    with pytest.raises(InvalidInput, match=r"adapters\.smoke: not installed"):
        open_exchange(settings_of({**data, "database": f"sqlite:///{tmp_path}/a.sqlite"}, environ={}))
    for format_name, words in (("smoke", "formats.smoke: not installed"), ("fhir-transaction", "only taken in")):
        wires: dict[str, Adapter] = {"smoke": FakeAdapter(lambda _: Receipt("", "ok"), "smoke", format_name)}
        with pytest.raises(InvalidInput, match=rf"adapters\.smoke: speaks .*{words}"):
            open_exchange(settings_of(data, environ={}), wires=wires)
    with pytest.raises(StoreError):
        open_exchange(settings_of({**data, "peers": [], "database": f"sqlite:///{tmp_path}/no/such/dir.sqlite"}))
