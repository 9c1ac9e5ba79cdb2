"""A mail server on a loopback port, real (aiosmtpd): it keeps what it takes, and answers as a test says."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword

USER, PASSWORD = "ip-fhir", "pass"


@dataclass
class MailBox:
    """The server's handler. `refuses` are answers to RCPT by address, `after_data` is the answer to a message.

    `before_answer` is called when a message is here and not answered. Without `keeps` it keeps what it refuses, too.
    """

    port: int = 0
    came: list[tuple[str, EmailMessage]] = field(default_factory=list)
    refuses: dict[str, str] = field(default_factory=dict)
    after_data: str = "250 OK"
    keeps: bool = True
    before_answer: Callable[[], None] | None = None
    tls: list[bool] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd names it
        self, server: SMTP, _session: Any, envelope: Envelope, address: str, _options: Any
    ) -> str:
        """Take an address, or refuse it."""
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        self.tls.append(server.transport is not None and server.transport.get_extra_info("sslcontext") is not None)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - as above
        self, _server: SMTP, _session: Any, envelope: Envelope
    ) -> str:
        """Keep the message."""
        if self.after_data.startswith("250") or not self.keeps:
            made = message_from_bytes(envelope.content or b"", policy=default)  # type: ignore[arg-type]
            assert isinstance(made, EmailMessage)
            self.came += [(address, made) for address in envelope.rcpt_tos]
        if self.before_answer is not None:
            self.before_answer()
        return self.after_data

    def to(self, address: str) -> list[EmailMessage]:
        """The messages that came for an address."""
        return [one for to, one in self.came if to == address]

    def everything(self) -> str:
        """All that came, as one text: headers, and bodies as people read them."""
        return "\n".join(f"{one.as_string()}\n{one.get_content()}" for _, one in self.came)


def _login(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
    ok = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=ok, handled=False)


@contextmanager
def mail_server(
    certificate: dict[str, str] | None = None, *, login: bool = False, implicit: bool = False
) -> Iterator[MailBox]:
    """A server until the block ends; with a certificate it offers STARTTLS, or speaks TLS at once (`implicit`)."""
    box = MailBox(port=_free_port())
    more: dict[str, Any] = {}
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate["certificate"], certificate["key"])
        more = {"ssl_context": context} if implicit else {"tls_context": context, "require_starttls": True}
    if login:
        more |= {"authenticator": _login, "auth_required": not implicit, "auth_require_tls": not implicit}
    controller = Controller(box, hostname="127.0.0.1", port=box.port, **more)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def silent_server(greeting: bytes = b"") -> Iterator[int]:
    """The port of a server that takes a connection, says its greeting a byte a tenth of a second, and nothing more."""
    import threading

    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while not over.is_set():
                try:
                    made, _ = listening.accept()
                except OSError:
                    return
                threading.Thread(target=drip, args=(made,), daemon=True).start()

        def drip(made: socket.socket) -> None:
            with made:
                said = 0
                while not over.wait(0.1):
                    try:
                        made.sendall(greeting[said : said + 1] or b"")
                    except OSError:
                        return
                    said += 1

        threading.Thread(target=serve, daemon=True).start()
        yield int(listening.getsockname()[1])
        over.set()
