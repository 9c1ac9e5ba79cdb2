"""TLS at the endpoint, over real connections: who does not get in is ended, counted and in nobody's way."""

from __future__ import annotations

import shutil
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ip_fhir.cli.commands.operation.checks.tls import check_tls
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange import Exchange
from ip_fhir.exchange.peers import Peers
from ip_fhir.settings import HttpSettings
from ip_fhir.wire.tls import TlsFiles, client_context, valid_until
from tests.support.certificates import Authority, fingerprint
from tests.support.served import Served, eventually, read_to_end, served
from tests.support.two_sides import TOKENS, Loop, make_loop

HOSPITAL = f"Authorization: Bearer {TOKENS['hospital']}\r\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place for certificates."""
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    """Trusted by both sides."""
    return Authority(folder)


@pytest.fixture(scope="module")
def other(folder: Path) -> Authority:
    """An authority that nobody trusts."""
    made = folder / "other"
    made.mkdir()
    return Authority(made, "other")


@pytest.fixture(scope="module")
def ours(authority: Authority) -> dict[str, str]:
    """Our own certificate, its key, and the authority of clients."""
    return authority.certificate("endpoint")


@pytest.fixture
def exchange(loop: Loop, authority: Authority) -> Exchange:
    """The municipality, which knows the hospital by a certificate."""
    context = loop.municipality.exchange._context
    names = (fingerprint(authority.certificate("hospital")["certificate"]),)
    return Exchange(replace(context, peers=Peers([replace(one, certificates=names) for one in context.peers])))


def plain(files: dict[str, str]) -> dict[str, str]:
    """The same, but clients are not asked for a certificate."""
    return {name: file for name, file in files.items() if name != "trusted"}


@contextmanager
def encrypted(running: Served, trusted: str, **shown: str) -> Iterator[ssl.SSLSocket]:
    """A connection of a client that trusts this authority, and shows a certificate if it has one."""
    context = client_context(TlsFiles(shown.get("certificate"), shown.get("key"), trusted=trusted))
    with running.connect() as made, context.wrap_socket(made, server_hostname="127.0.0.1") as connection:
        yield connection


def status(running: Served, trusted: str, headers: str = "", path: str = "Task", **shown: str) -> int:
    """The status of a GET; 0 where the connection ends without an answer."""
    try:
        with encrypted(running, trusted, **shown) as connection:
            connection.sendall(f"GET /{path} HTTP/1.1\r\nHost: x\r\n{headers}Connection: close\r\n\r\n".encode())
            first = read_to_end(connection).partition(b"\r\n")[0].split()
            return int(first[1]) if len(first) > 1 else 0
    except ssl.SSLCertVerificationError:
        raise
    except OSError:
        return 0


def _mistrusts(running: Served, authority: Authority) -> bool:
    """True if a client that trusts this authority ends the handshake."""
    with pytest.raises(ssl.SSLCertVerificationError):
        status(running, authority.trusted)
    return True


def counted(running: Served, reason: str = "no-tls") -> int:
    """The number of refusals for this reason."""
    return running.protection.refused.counts().get(reason, 0)


def test_by_tls(loop: Loop, authority: Authority, ours: dict[str, str]) -> None:
    """A client that trusts our authority is answered; its certificate is asked for only where settings say so."""
    with served(loop.municipality.exchange, tls=plain(ours)) as running:
        assert status(running, authority.trusted, path="metadata") == 200
        assert status(running, authority.trusted, HOSPITAL) == 200
        assert status(running, authority.trusted) == 401
        with encrypted(running, authority.trusted) as connection:
            assert connection.version() in ("TLSv1.2", "TLSv1.3")
            for piece in (b"GET /metadata HT", b"TP/1.1\r\nHost: x\r\n", b"Connection: close\r\n\r\n"):
                connection.sendall(piece)
            assert read_to_end(connection).startswith(b"HTTP/1.1 200")
        eventually(lambda: not len(running.protection.connections))


def test_plain_http_at_the_port_of_tls(loop: Loop, authority: Authority, ours: dict[str, str]) -> None:
    """It is ended without an answer and counted; the next one gets in."""
    with served(loop.municipality.exchange, tls=plain(ours)) as running:
        assert not running.answer(b"GET /metadata HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP")
        eventually(lambda: counted(running) == 1)
        assert status(running, authority.trusted, path="metadata") == 200


def test_a_client_that_does_not_trust_us(
    loop: Loop, authority: Authority, other: Authority, ours: dict[str, str]
) -> None:
    """Another authority, or a certificate of ours that is over: the client ends it, and we count it."""
    with served(loop.municipality.exchange, tls=plain(ours)) as running:
        assert _mistrusts(running, other)
        eventually(lambda: counted(running) == 1)
    past = plain(authority.certificate("past", days=-1))
    expired = pytest.raises(ssl.SSLCertVerificationError, match="expired")
    with served(loop.municipality.exchange, tls=past) as running, expired:
        status(running, authority.trusted)


def test_old_versions_of_tls(loop: Loop, authority: Authority, ours: dict[str, str]) -> None:
    """Nothing before 1.2 is spoken."""
    context = client_context(TlsFiles(trusted=authority.trusted))
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with served(loop.municipality.exchange, tls=plain(ours)) as running, running.connect() as made:
        with pytest.raises(ssl.SSLError):
            context.wrap_socket(made, server_hostname="127.0.0.1")
        eventually(lambda: counted(running) == 1)


def test_certificates_of_clients(loop: Loop, authority: Authority, other: Authority, ours: dict[str, str]) -> None:
    """With `required` only a trusted one that is not over gets in; with `asked` also who shows none."""
    right, wrong = plain(authority.certificate("hospital")), other.certificate("stranger")
    over = authority.certificate("over", days=-1)
    with served(loop.municipality.exchange, tls={**ours, "clients": "required"}) as running:
        assert status(running, authority.trusted, HOSPITAL, **right) == 200
        for shown in ({}, plain(wrong), plain(over)):
            assert status(running, authority.trusted, HOSPITAL, **shown) == 0
        eventually(lambda: counted(running) == 3)
    with served(loop.municipality.exchange, tls=ours) as running:
        assert status(running, authority.trusted, HOSPITAL) == 200
        assert status(running, authority.trusted, HOSPITAL, **plain(wrong)) == 0


def test_a_party_is_known_by_its_certificate(exchange: Exchange, authority: Authority, ours: dict[str, str]) -> None:
    """It needs no token; its token counts only together with the certificate; who shows another is nobody."""
    right, stranger = (plain(authority.certificate(name)) for name in ("hospital-2", "stranger"))
    context = exchange._context
    names = (fingerprint(right["certificate"]),)
    side = Exchange(replace(context, peers=Peers([replace(one, certificates=names) for one in context.peers])))
    with served(side, tls=ours) as running:
        assert status(running, authority.trusted, **right) == 200
        assert status(running, authority.trusted, HOSPITAL, **right) == 200
        assert status(running, authority.trusted, HOSPITAL) == 401
        assert counted(running, "certificate") == 1
        assert status(running, authority.trusted, HOSPITAL, **stranger) == 401
        assert status(running, authority.trusted, **stranger) == 401
        assert status(running, authority.trusted, "Authorization: Bearer wrong\r\n", **right) == 401
        assert status(running, authority.trusted, "X-Client-Cert: x\r\nX-SSL-Client-Verify: SUCCESS\r\n") == 401


def test_a_certificate_of_two_parties_is_of_nobody(exchange: Exchange) -> None:
    """Whose it is would be a guess; two with the same name are refused when settings are read."""
    context = exchange._context
    (hospital,) = context.peers
    peers = Peers(
        [
            replace(hospital, certificates=("dns:a",)),
            replace(hospital, name="b", certificates=("subject:commonName=a",)),
        ]
    )
    assert peers.by_certificate(frozenset({"dns:a", "subject:commonName=a"})) is None
    found = peers.by_certificate(frozenset({"dns:a", "dns:b"}))
    assert found is not None
    assert (found.name, found.client) == (hospital.name, "dns:a")
    with pytest.raises(InvalidInput, match="same name of a certificate"):
        Peers([replace(hospital, certificates=("dns:a",)), replace(hospital, name="b", certificates=("dns:a",))])


def test_who_says_nothing_is_ended(loop: Loop, authority: Authority, ours: dict[str, str]) -> None:
    """Connections whose handshake does not come are bounded and ended in time; others get in meanwhile."""
    with served(loop.municipality.exchange, tls=plain(ours), header_seconds=0.5, connections_per_client=3) as running:
        silent = [running.connect() for _ in range(6)]
        eventually(lambda: counted(running, "connections") >= 3)
        assert len(running.protection.connections) <= 3
        assert status(running, authority.trusted, path="metadata") == 200
        eventually(lambda: len(running.protection.connections) == 0)
        for one in silent:
            assert read_to_end(one) == b""
            one.close()


def test_the_end_of_tls_that_is_not_confirmed(loop: Loop, authority: Authority, ours: dict[str, str]) -> None:
    """A connection that we close, and whose client says nothing to it, is dropped soon, and nobody is called slow."""
    with served(loop.municipality.exchange, tls=plain(ours)) as running, encrypted(running, authority.trusted) as one:
        one.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
        assert b" 401 " in one.recv(100)
        eventually(lambda: len(running.protection.connections) == 0)
        assert counted(running, "slow-reader") == 0


def test_a_renewed_certificate(loop: Loop, authority: Authority, tmp_path: Path) -> None:
    """It counts for the next connection, without a restart; while files do not fit together the last good ones do."""
    place = {name: str(tmp_path / f"{name}.pem") for name in ("certificate", "key")}

    def put(name: str, of: dict[str, str]) -> None:
        fresh = tmp_path / "fresh"
        shutil.copy(of[name], fresh)
        fresh.replace(place[name])

    def shown() -> str:
        with encrypted(running, authority.trusted) as connection:
            told: Any = connection.getpeercert()
            return str(dict(part[0] for part in told["subject"])["commonName"])

    first, second = authority.certificate("first"), authority.certificate("second")
    for name in place:
        put(name, first)
    with served(loop.municipality.exchange, tls=place) as running:
        assert shown() == "first"
        put("certificate", second)
        assert shown() == "first"
        assert running.protection.told.counts() == {"tls-files": 1}
        put("key", second)
        assert shown() == "second"
        Path(place["key"]).unlink()
        assert shown() == "second"


@given(st.lists(st.binary(min_size=1, max_size=200), max_size=5))
@settings(max_examples=30, deadline=None)
def test_any_bytes(authority: Authority, steady: Served, pieces: list[bytes]) -> None:
    """Whatever comes instead of a handshake ends that connection alone."""
    with suppress(ConnectionError):
        steady.answer(b"".join([*pieces, b"\x16\x03\x01\x00\x01"]) if pieces else b"\x00")
    assert status(steady, authority.trusted, path="metadata") == 200


@pytest.fixture(scope="module")
def steady(ours: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One endpoint for all examples of a test."""
    loop = make_loop(tmp_path_factory.mktemp("loop"))
    with served(loop.municipality.exchange, tls=plain(ours), header_seconds=1.0) as running:
        yield running


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"certificate": "none.pem"}, "http.tls.certificate"),
        ({"trusted": "none.pem"}, "http.tls.trusted"),
        ({"key": "empty.pem"}, "http.tls.certificate"),
    ],
)
def test_files_that_cannot_be_used(loop: Loop, ours: dict[str, str], tmp_path: Path, wrong: Any, place: str) -> None:
    """The setting is named, before anything is listened at; the doctor says the same."""
    (tmp_path / "empty.pem").touch()
    given = {**ours, **{name: str(tmp_path / file) for name, file in wrong.items()}}
    with pytest.raises(InvalidInput) as caught, served(loop.municipality.exchange, tls=given):
        pass
    assert caught.value.problems[0].path == place
    found = check_tls(HttpSettings.model_validate({"tls": given}))
    assert found is not None
    assert (found[0], found[1].startswith(place)) == ("fail", True)


def test_the_doctor_on_the_certificate(authority: Authority, ours: dict[str, str]) -> None:
    """Its end is told, a warning a month before; one that is over or for another host fails."""

    def found(files: dict[str, str], url: str = "https://127.0.0.1") -> tuple[str, str]:
        one = check_tls(HttpSettings.model_validate({"tls": files, "base_url": url}))
        assert one is not None
        return one

    assert found(authority.certificate("long", days=59))[0] == "ok"
    assert found(ours)[0] == "warn"
    assert found(ours, "https://endpoint.example")[0] == "warn"
    assert found(authority.certificate("done", days=-1)) == ("fail", "http.tls.certificate: certificate has expired")
    assert found(ours, "https://elsewhere.example")[0] == "fail"
    assert check_tls(HttpSettings()) is None
    assert valid_until(TlsFiles(ours["certificate"], ours["key"])).tzinfo is not None


@pytest.mark.parametrize(
    ("tls", "place"),
    [
        ({}, "tls.certificate"),
        ({"certificate": "c", "clients": "required"}, "tls"),
        ({"certificate": "c", "clients": "maybe"}, "tls.clients"),
    ],
)
def test_settings_that_are_none(tls: dict[str, str], place: str) -> None:
    """They are refused with their place."""
    with pytest.raises(InvalidInput) as caught:
        HttpSettings.model_validate({"tls": tls})
    assert caught.value.problems[0].path.startswith(place)


def test_its_address() -> None:
    """With TLS the address is https, unless settings say another one."""
    tls = {"certificate": "c"}
    assert HttpSettings.model_validate({"tls": tls, "port": 1}).url == "https://127.0.0.1:1"
    assert HttpSettings.model_validate({"tls": tls, "base_url": "https://x"}).url == "https://x"
