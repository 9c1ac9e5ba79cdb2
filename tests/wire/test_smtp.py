"""E-mail over real servers on loopback: TLS is checked, and each way to fail is an outcome of its own, in time."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from ip_fhir.errors import InvalidInput, PeerError, Rejected, Unavailable
from ip_fhir.wire.smtp import SmtpServer, send
from tests.support.certificates import Authority
from tests.support.mail_server import PASSWORD, USER, mail_server, silent_server

TO = "intake@ke.example"
MESSAGE = b"Subject: x\r\n\r\nSomething\r\n"


def server(port: int, **more: object) -> SmtpServer:
    """A server on this machine, without TLS unless `more` says so."""
    fields = {"security": "plain", "timeout": 10.0, **more}
    return SmtpServer("127.0.0.1", "ip-fhir@ke.example", port=port, **fields)  # type: ignore[arg-type]


def test_a_message_arrives() -> None:
    """At the address, once."""
    with mail_server() as box:
        send(server(box.port), TO, MESSAGE)
    (came,) = box.to(TO)
    assert came["subject"] == "x"


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_over_tls_with_a_password(tmp_path: Path, security: str) -> None:
    """Name and password are taken over TLS; a wrong one is to be tried again, and stands in no text."""
    authority = Authority(tmp_path)
    with mail_server(authority.certificate("mail"), login=True, implicit=security == "tls") as box:
        ours = {"security": security, "trusted": authority.trusted, "user": USER}
        send(server(box.port, password=PASSWORD, **ours), TO, MESSAGE)
        with pytest.raises(Unavailable, match="does not take our name and password") as raised:
            send(server(box.port, password="wrong-word", **ours), TO, MESSAGE)
    assert (len(box.to(TO)), box.tls) == (1, [True])
    assert "wrong-word" not in str(raised.value)
    assert PASSWORD not in repr(server(1, password=PASSWORD, user="u"))


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_of_nobody_we_trust(tmp_path: Path, security: str) -> None:
    """Nothing is sent."""
    other = Authority(tmp_path, "other")
    with mail_server(Authority(tmp_path).certificate("mail"), implicit=security == "tls") as box:
        with pytest.raises(Unavailable, match="certificate is not trusted"):
            send(server(box.port, security=security, trusted=other.trusted), TO, MESSAGE)
        with pytest.raises(InvalidInput, match="trusted"):
            send(server(box.port, security=security, trusted=str(tmp_path / "none.pem")), TO, MESSAGE)
    assert box.came == []


def test_no_tls_is_offered() -> None:
    """Then nothing is sent without it."""
    with mail_server() as box, pytest.raises(Unavailable, match="does not offer what is needed"):
        send(server(box.port, security="starttls"), TO, MESSAGE)
    assert box.came == []


def test_plain_goes_to_this_machine_only() -> None:
    """Whatever settings say."""
    with mail_server() as box, pytest.raises((Unavailable, OSError)):
        send(SmtpServer("mail.invalid", "a@b.example", "plain", box.port, timeout=2.0), TO, MESSAGE)
    assert box.came == []


@pytest.mark.parametrize(
    ("rcpt", "data", "kind"),
    [
        ("550 no such user", "250 OK", Rejected),
        ("451 come again", "250 OK", Unavailable),
        (None, "554 no", Rejected),
        (None, "452 full", Unavailable),
        (None, "421 going away", Unavailable),
    ],
)
def test_a_refusal(rcpt: str | None, data: str, kind: type[PeerError]) -> None:
    """5xx about the address or the message is a no for good, 4xx is not; the code is told, the server's words not."""
    with mail_server() as box:
        box.after_data = data
        box.refuses = {TO: rcpt} if rcpt else {}
        with pytest.raises(kind) as raised:
            send(server(box.port), TO, MESSAGE)
    code, _, words = (rcpt or data).partition(" ")
    assert type(raised.value) is kind
    assert code in str(raised.value)
    assert words not in str(raised.value)
    assert TO not in str(raised.value)


@pytest.mark.parametrize(
    "greeting", [b"", b"220-" + b"x" * 1000, b"220 x\r\n"], ids=["says nothing", "drips", "greets only"]
)
def test_a_server_that_hangs(greeting: bytes) -> None:
    """It is left after the time of the settings, also if it sends a byte now and then."""
    with silent_server(greeting) as port:
        began = time.monotonic()
        with pytest.raises(Unavailable, match="no answer in time"):
            send(server(port, timeout=1.0), TO, MESSAGE)
        assert time.monotonic() - began < 20


def test_one_that_is_no_mail_server() -> None:
    """Whatever it says, it has not taken the message."""
    with silent_server(b"HTTP\r\n") as port, pytest.raises(Unavailable, match="takes no connections now"):
        send(server(port), TO, MESSAGE)


def test_nobody_is_there() -> None:
    """No connection is to be tried again."""
    with socket.socket() as held:  # nobody listens there, and nobody else begins to
        held.bind(("127.0.0.1", 0))
        with pytest.raises(Unavailable, match="no connection"):
            send(server(held.getsockname()[1]), TO, MESSAGE)
