"""The interface beside the endpoint for peers: under `serve`, at a port or a socket file of its own."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from ip_fhir.demo.place import free_ports
from ip_fhir.errors import InvalidInput
from ip_fhir.settings import settings_of
from ip_fhir.web.sockets import bound_file, close_all
from tests.support.own_program import TOKEN
from tests.support.served import eventually

_SERVE = "import sys; from ip_fhir.settings import read_settings; from ip_fhir.web.serving import serve; "
_SERVE += "serve(read_settings(sys.argv[1]))"
_SETTINGS = """role = "municipality"
database = "sqlite:///m.sqlite"
[organization]
id = "ke"
name = "Koordinerende enhet"
kind = "coordinating-unit"
[http]
port = {port}
[own]
{own}
[[own.programs]]
name = "record-system"
token = {{ env = "TOKEN_OF_OURS" }}
"""
ORGANIZATION = {"id": "ke", "name": "KE", "kind": "coordinating-unit"}


@pytest.fixture
def place(tmp_path: Path) -> tuple[Path, int, int]:
    """A folder, and two free ports."""
    port, own = free_ports(2)
    return tmp_path, port, own


def started(place: Path, port: int, own: str) -> subprocess.Popen[bytes]:
    """The side as a process."""
    file = place / "m.toml"
    file.write_text(_SETTINGS.format(port=port, own=own), encoding="utf-8")
    with (place / "log").open("wb") as log:
        environment = {**os.environ, "TOKEN_OF_OURS": TOKEN}
        return subprocess.Popen([sys.executable, "-c", _SERVE, str(file)], env=environment, stdout=log, stderr=log)


def answered(url: str, token: str | None = TOKEN) -> int | None:
    """The status at an address; None while nobody listens."""
    try:
        return requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=30).status_code
    except requests.ConnectionError:
        return None


def test_a_port_of_its_own(place: tuple[Path, int, int]) -> None:
    """Both addresses are served, each with its own paths and tokens; a signal ends both."""
    folder, port, own = place
    process = started(folder, port, f"port = {own}")
    try:
        eventually(lambda: answered(f"http://127.0.0.1:{own}/own/parties") == 200, 240)
        assert answered(f"http://127.0.0.1:{own}/own/parties", "token-of-somebody-else") == 401
        assert answered(f"http://127.0.0.1:{own}/metadata") == 404
        assert answered(f"http://127.0.0.1:{port}/metadata") == 200
        assert answered(f"http://127.0.0.1:{port}/own/parties") == 404
        assert answered(f"http://127.0.0.1:{port}/Task/x") == 401
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert "Traceback" not in (folder / "log").read_text(encoding="utf-8")


def test_a_socket_file(place: tuple[Path, int, int]) -> None:
    """Only our own user can open it, no token is needed there, and it is gone when the process has ended."""
    folder, port, _ = place
    process = started(folder, port, 'socket = "own.sock"')
    file = folder / "own.sock"
    try:
        eventually(lambda: answered(f"http://127.0.0.1:{port}/metadata") == 200, 240)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert b"200 OK" in asked(file, "")
        assert b" 401 " in asked(file, "Authorization: Bearer token-of-somebody-else\r\n")
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert not file.exists()


def asked(file: Path, headers: str) -> bytes:
    """The answer at a socket file."""
    with socket.socket(socket.AF_UNIX) as made:
        made.settimeout(30)
        made.connect(str(file))
        made.sendall(f"GET /own/parties HTTP/1.1\r\nHost: own\r\nConnection: close\r\n{headers}\r\n".encode())
        answer = b""
        while piece := made.recv(65_536):
            answer += piece
        return answer


def test_a_file_that_was_left_behind(tmp_path: Path) -> None:
    """It is replaced if nobody listens there, and refused if somebody does."""
    file = tmp_path / "own.sock"
    first = bound_file(file)
    first.close()  # as a process that was killed leaves it
    second = bound_file(file)
    second.listen()
    with pytest.raises(OSError, match=r"own\.sock"):
        bound_file(file)
    close_all([second])
    assert not file.exists()
    file.write_text("no socket", encoding="ascii")
    with pytest.raises(OSError, match=r"own\.sock"):
        bound_file(file)
    assert file.read_text(encoding="ascii") == "no socket"


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ({}, "nobody gets in"),
        ({"programs": [{"name": "ehr", "token": "short"}]}, "at least 16"),
        ({"host": "10.0.0.5", "programs": "one"}, "other_machines"),
        ({"host": "10.0.0.5", "other_machines": True, "programs": "one"}, "encrypted"),
        ({"programs": "twice"}, "the same name"),
        ({"programs": "peers"}, "no peer's"),
    ],
)
def test_settings_that_let_too_many_in(own: dict[str, object], words: str) -> None:
    """An address that others reach must be meant and encrypted; a token is one program's alone."""
    ours = {"name": "ehr", "token": TOKEN}
    named = {"one": [ours], "twice": [ours, {"name": "ehr", "token": f"other-{TOKEN}"}], "peers": [ours]}
    programs = own.get("programs", [])
    data = {**own, "programs": named[programs] if isinstance(programs, str) else programs}
    peer = {"name": "h", "organization": ORGANIZATION, "url": "https://h.example", "accepts": [TOKEN]}
    with pytest.raises(InvalidInput, match=words):
        settings_of({"organization": ORGANIZATION, "own": data, "peers": [peer]}, environ={})


def test_settings_that_let_our_own_in() -> None:
    """Loopback, a socket file without programs, and another address behind a proxy that is named."""
    for own in (
        {"programs": [{"name": "ehr", "token": TOKEN}]},
        {"socket": "own.sock"},
        {
            "host": "10.0.0.5",
            "other_machines": True,
            "proxies": ["10.0.0.1"],
            "programs": [{"name": "ehr", "token": TOKEN}],
        },
    ):
        assert settings_of({"organization": ORGANIZATION, "own": own}, environ={}).own is not None
    assert settings_of({"organization": ORGANIZATION}, environ={}).own is None
