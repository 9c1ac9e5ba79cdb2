"""nginx and Caddy as examples/proxy/ configures them: they pass on what is right, and bound the rest."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from ip_fhir.demo.place import free_ports
from tests.support.gate import require
from tests.support.served import Served, eventually, read_to_end, served
from tests.support.two_sides import TOKENS, make_loop, unsent

_TOKEN = f"Authorization: Bearer {TOKENS['hospital']}\r\n"
_WRONG = "Authorization: Bearer a-token-that-nobody-has\r\n"
_POST = "POST /$process-message HTTP/1.1\r\nHost: ip.example\r\nContent-Type: application/fhir+json\r\n"
_GET = "GET /Task HTTP/1.1\r\nHost: ip.example\r\n"
_CLOSE = "Connection: close\r\n\r\n"


@dataclass
class Proxy:
    """A running proxy: its port, and the endpoint behind it, whose one notice is `notice`."""

    name: str
    port: int
    endpoint: Served
    notice: bytes

    def connect(self, source: str = "127.0.0.2") -> ssl.SSLSocket:
        """A connection from that address, encrypted."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        made = socket.create_connection(("127.0.0.1", self.port), 20, (source, 0))
        return context.wrap_socket(made, server_hostname="ip.example")

    def answer(self, request: bytes | str, source: str = "127.0.0.2") -> bytes:
        """All that is said until the connection is closed."""
        with self.connect(source) as made:
            with suppress(ConnectionError, ssl.SSLError):  # refused before it was sent whole
                made.sendall(request if isinstance(request, bytes) else request.encode())
            with suppress(ssl.SSLError):
                return read_to_end(made)
        return b""

    def status(self, request: bytes | str, source: str = "127.0.0.2") -> int:
        """The status of the first answer."""
        first = self.answer(request, source).partition(b"\r\n")[0].split()
        return int(first[1]) if len(first) > 1 else 0


def _nginx(configuration: str, place: Path, port: int, upstream: int) -> list[str]:
    """The command that runs nginx with the example, its paths and ports ours and its waits short."""
    text = _changed(
        configuration,
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("127.0.0.1:8080", f"127.0.0.1:{upstream}"),
        ("/etc/ssl/ip.example.pem", str(place / "ip.example.pem")),
        ("/etc/ssl/private/ip.example.key", str(place / "ip.example.key")),
        ("/var/log/nginx/ip-fhir.log", str(place / "ip-fhir.log")),
        ("limit_conn ip_fhir_connections 32", "limit_conn ip_fhir_connections 4"),
        ("client_header_timeout 10s", "client_header_timeout 1s"),
        ("client_body_timeout 10s", "client_body_timeout 3s"),
    )
    temporary = "".join(
        f"{kind}_temp_path {place}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    file = place / "nginx.conf"
    file.write_text(
        f"{user} daemon off; pid {place}/pid; error_log {place}/error.log; events {{}}\nhttp {{ {temporary}\n{text} }}"
    )
    return ["nginx", "-p", str(place), "-e", str(place / "error.log"), "-c", str(file)]


def _caddy(configuration: str, place: Path, port: int, upstream: int) -> list[str]:
    text = _changed(
        configuration,
        ("admin off", "admin off\n\tauto_https disable_redirects"),
        ("\nip.example {", f"\nip.example:{port} {{\n\ttls {place}/ip.example.pem {place}/ip.example.key"),
        ("127.0.0.1:8080", f"127.0.0.1:{upstream}"),
        ("read_header 10s", "read_header 1s"),
        ("read_body 90s", "read_body 3s"),
        ("idle 15s", "idle 1s"),  # it may wait so long again after it has answered 408
    )
    file = place / "Caddyfile"
    file.write_text(text)
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(file)]


def _changed(text: str, *pairs: tuple[str, str]) -> str:
    for old, new in pairs:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


_COMMANDS: dict[str, tuple[str, Callable[[str, Path, int, int], list[str]]]] = {
    "nginx": ("nginx.conf", _nginx),
    "caddy": ("Caddyfile", _caddy),
}


@contextmanager
def running(name: str, checkout: Path, place: Path) -> Iterator[Proxy]:
    """The proxy of that name in front of a municipality's endpoint."""
    require(shutil.which(name), f"no {name}: install it to try examples/proxy/")
    require(shutil.which("openssl"), "no openssl: it makes the certificate")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=ip.example", "-addext", "subjectAltName=DNS:ip.example", "-keyout", "ip.example.key",
         "-out", "ip.example.pem"],
        cwd=place, check=True, capture_output=True,
    )  # fmt: skip
    file, command = _COMMANDS[name]
    loop = make_loop(place)
    notice = unsent(loop, "01")
    (port,) = free_ports(1)
    with served(loop.municipality.exchange, clock=lambda: 0.0, proxies=["127.0.0.1"], body_seconds=1.5) as endpoint:
        configuration = (checkout / "examples" / "proxy" / file).read_text(encoding="utf-8")
        environment = {**os.environ, "HOME": str(place)}
        with (place / "said").open("wb") as said:
            process = subprocess.Popen(
                command(configuration, place, port, endpoint.port), stdout=said, stderr=said, env=environment
            )
        try:
            eventually(lambda: _listens(port) or process.poll() is not None)
            assert process.poll() is None, (place / "said").read_text()
            yield Proxy(name, port, endpoint, notice)
        finally:
            process.terminate()
            process.wait()
    loop.municipality.exchange.close()
    loop.hospital.exchange.close()


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@pytest.fixture(scope="module")
def nginx(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """Nginx in front of the endpoint."""
    with running("nginx", checkout, tmp_path_factory.mktemp("nginx")) as made:
        yield made


@pytest.fixture(scope="module")
def caddy(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """Caddy in front of the endpoint."""
    with running("caddy", checkout, tmp_path_factory.mktemp("caddy")) as made:
        yield made


@pytest.fixture(
    params=["nginx", pytest.param("caddy", marks=pytest.mark.may_skip("not every distribution has Caddy"))],
)
def proxy(request: pytest.FixtureRequest) -> Proxy:
    """Each of them."""
    made: Proxy = request.getfixturevalue(request.param)
    return made


def test_a_notice_comes_through(proxy: Proxy) -> None:
    """Whole, encrypted, and acknowledged."""
    head = f"{_POST}{_TOKEN}Content-Length: {len(proxy.notice)}\r\n{_CLOSE}"
    answer = proxy.answer(head.encode() + proxy.notice)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b'"code":"ok"' in answer


def test_a_body_has_an_end(proxy: Proxy) -> None:
    """413 for one that is longer than the endpoint takes; one byte less is the endpoint's to judge."""
    assert proxy.status(f"{_POST}{_TOKEN}Content-Length: 31000000\r\n{_CLOSE}".encode() + b" " * 31_000_000) == 413
    assert proxy.status(f"{_POST}{_TOKEN}Content-Length: 30200000\r\n{_CLOSE}".encode() + b" " * 30_200_000) == 400


@pytest.mark.parametrize(
    "half", [_POST, f"{_POST}{_TOKEN}Content-Length: 1000\r\n\r\n{{"], ids=["half a header", "half a body"]
)
def test_who_says_only_half_is_cut_off(proxy: Proxy, half: str) -> None:
    """By the proxy or by the endpoint, and never told that all is well."""
    began = time.monotonic()
    assert proxy.status(half) in (0, 400, 408)  # 0: closed without a word
    assert time.monotonic() - began < 15
    eventually(lambda: proxy.endpoint.protection.admission.bytes_in_flight == 0)


def test_a_guesser_is_known_by_the_own_address(proxy: Proxy) -> None:
    """What a client says of its address counts for nothing, and others are not slowed down."""
    guesser, other = ("127.0.0.3", "127.0.0.4") if proxy.name == "nginx" else ("127.0.0.5", "127.0.0.6")
    statuses = [
        proxy.status(f"{_GET}{_WRONG}X-Forwarded-For: 192.0.2.{number}\r\n{_CLOSE}", guesser) for number in range(12)
    ]
    assert statuses == [401] * 10 + [429] * 2
    assert proxy.status(f"{_GET}{_TOKEN}{_CLOSE}", guesser) == 429
    assert proxy.status(f"{_GET}{_TOKEN}{_CLOSE}", other) == 200


def test_figures_are_not_passed_on(proxy: Proxy) -> None:
    """Neither /metrics nor /health; whether it lives and is ready is."""
    found = {path: proxy.status(_GET.replace("/Task", path) + _CLOSE) for path in
             ("/metrics", "/health", "/health/live", "/health/ready")}  # fmt: skip
    assert found == {"/metrics": 404, "/health": 404, "/health/live": 200, "/health/ready": 200}


@pytest.mark.parametrize(
    "loose",
    [
        f"{_POST}{_TOKEN}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        f"{_POST}{_TOKEN}Content-Length : 0\r\n\r\n",
        f"{_POST}{_TOKEN}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
        f"{_POST}{_TOKEN}Transfer-Encoding: chunked\r\n\r\n0\r\n\n",
        f"{_POST}{_TOKEN}Transfer-Encoding: xchunked\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=["both lengths", "a blank before the colon", "folded", "bare LF", "unknown coding"],
)
def test_no_request_hides_another(proxy: Proxy, loose: str) -> None:
    """Whatever the two of them make of it, the hidden request is answered to nobody as if it were theirs."""
    hidden = f"GET /Task HTTP/1.1\r\nHost: ip.example\r\n{_TOKEN}X-Hidden: 1\r\n{_CLOSE}"
    answer = proxy.answer(loose + hidden)
    assert answer.count(b"HTTP/1.1 ") <= 2  # the two requests that were sent, and no third
    following = proxy.answer(f"{_GET.replace('/Task', '/Task/none')}{_TOKEN}{_CLOSE}")
    assert following.startswith(b"HTTP/1.1 404 ")  # its own answer, not the hidden one's


def test_nginx_bounds_connections_of_one_client(nginx: Proxy) -> None:
    """One more than allowed, here four, is told to come again; another client is not."""
    made = [nginx.connect("127.0.0.7") for _ in range(4)]
    for one in made:
        one.sendall(f"{_POST}{_TOKEN}Content-Length: 10\r\n\r\n{{".encode())
    assert nginx.status(f"{_GET}{_TOKEN}{_CLOSE}", "127.0.0.7") == 429
    assert nginx.status(f"{_GET}{_TOKEN}{_CLOSE}", "127.0.0.8") == 200
    for one in made:
        one.close()
