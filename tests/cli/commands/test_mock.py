"""`ip-fhir mock` with what it cannot use: each is a typed error with its place, before anything listens."""

from __future__ import annotations

import re
import socket

import pytest

from tests.cli.conftest import Run, Sides


def changed(sides: Sides, *pairs: tuple[str, str]) -> None:
    """Change the hospital's settings."""
    text = sides.hospital.read_text(encoding="utf-8")
    for before, after in pairs:
        text, count = re.subn(before, after, text)
        assert count, before
    sides.hospital.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--as", "municipality", "--notices", "perhaps"), "'perhaps' is not one of"),
        (("--as", "nobody"), "peers: no peer in the settings has this name; there are: municipality"),
        (("--as", "municipality", "--after", "soon"), "--after: is a number with its unit"),
        (("--as", "municipality", "--after", "90000s"), "--after: is a number with its unit"),
    ],
)
def test_a_wrong_command_line(run: Run, bare_sides: Sides, arguments: tuple[str, ...], told: str) -> None:
    """An unknown script, peer or time: exit code 2."""
    ran = run("mock", "--config", bare_sides.hospital, *arguments)
    assert (ran.code, ran.out) == (2, b"")
    assert told in ran.err


@pytest.mark.parametrize(
    ("pair", "told"),
    [
        ((r"http://127\.0\.0\.1:\d+", "https://ke.example"), "peers.0.url: the mock speaks no TLS"),
        ((r'url = "http://127\.0\.0\.1:', 'plain_http = true, url = "http://192.0.2.1:'), "peers.0.url: is not this"),
        ((r'host = "127\.0\.0\.1"', 'host = "192.0.2.1"'), "http.host: is not this machine's"),
        ((r"accepts = \[[^\]]*\]", "accepts = []"), "peers.0: the mock shows and asks for tokens"),
        ((r'name = "municipality", ', 'name = "municipality", adapter = "fhirmessage", '), "peers.0.adapter: the mock"),
        ((r"http = \{[^}]*\}", 'http = { host = "127.0.0.1", port = 0 }'), "http.port: the mock has to know the port"),
    ],
)
def test_settings_that_a_mock_cannot_do_with(run: Run, bare_sides: Sides, pair: tuple[str, str], told: str) -> None:
    """TLS, another machine, no token, another adapter, a port that nobody knows: exit code 2, with the place."""
    changed(bare_sides, pair)
    ran = run("mock", "--config", bare_sides.hospital, "--as", "municipality")
    assert (ran.code, ran.out) == (2, b"")
    assert told in ran.err


def test_a_port_that_is_taken(run: Run, bare_sides: Sides) -> None:
    """Exit code 8, with the address; nothing was made."""
    found = re.search(r"http://127\.0\.0\.1:(\d+)", bare_sides.hospital.read_text(encoding="utf-8"))
    assert found is not None
    with socket.create_server(("127.0.0.1", int(found[1]))):
        ran = run("mock", "--config", bare_sides.hospital, "--as", "municipality")
    assert (ran.code, ran.out) == (8, b"")
    assert f"127.0.0.1:{found[1]}: " in ran.err
