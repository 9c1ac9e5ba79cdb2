"""E-mail by SMTP: one message to one address, within bounded time, over TLS with the server's certificate checked.

Errors name what failed and the server's code, never its words or an address.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
import time
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from ip_fhir.errors import PeerError, Rejected, Unavailable
from ip_fhir.ports.hosts import is_loopback
from ip_fhir.wire.http.deadlines import DEADLINES
from ip_fhir.wire.http.line import Handle
from ip_fhir.wire.http.performer import TOO_LATE
from ip_fhir.wire.tls import TlsFiles, client_context

Security: TypeAlias = Literal["starttls", "tls", "plain"]

PORTS: Final[dict[Security, int]] = {"starttls": 587, "tls": 465, "plain": 25}
"""The port of each kind of security, where settings name none (RFC 6409, RFC 8314)."""


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """A mail server, and the address that we send from.

    `trusted` is a file with the authorities that its certificate may be of; without it, those of the machine. `plain`
    is for a server on this machine only. `timeout` is in seconds, for the whole of a sending.
    """

    host: str
    sender: str
    security: Security = "starttls"
    port: int | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    trusted: str | None = None
    timeout: float = 30.0


def send(server: SmtpServer, address: str, content: bytes) -> None:
    """Send a message to one address; returns when the server has taken it.

    Raises `Rejected` (it refused the address or the message for good), `Unavailable` (anything else: no connection, no
    answer in time, no TLS, a wrong password, a temporary refusal), `InvalidInput` for a file `trusted` that cannot be
    used.
    """
    handle = Handle()
    end = time.monotonic() + server.timeout
    try:
        with DEADLINES.watched(handle, end), _Smtp(server, handle) as line:
            _secure(server, line)
            line.sendmail(server.sender, [address], content)
    except (OSError, smtplib.SMTPException) as error:
        raise _meaning(error, late=time.monotonic() >= end) from None
    finally:
        handle.close()


def _secure(server: SmtpServer, line: _Smtp) -> None:
    """Begin TLS, where it has not begun yet, and log in."""
    if server.security == "plain" and not is_loopback(server.host):
        raise Unavailable("the mail server would be reached without TLS")
    if server.security == "starttls":
        line.starttls(context=_context(server))
    if server.user is not None and server.password is not None:
        line.login(server.user, server.password)


def _context(server: SmtpServer) -> ssl.SSLContext:
    return client_context(TlsFiles(trusted=server.trusted))


class _Smtp(smtplib.SMTP):
    """A connection that another thread may shut down by its handle, from its beginning."""

    def __init__(self, server: SmtpServer, handle: Handle) -> None:
        self._server, self._handle = server, handle
        port = server.port or PORTS[server.security]
        super().__init__(server.host, port, local_hostname=socket.gethostname(), timeout=server.timeout)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        context = _context(self._server) if self._server.security == "tls" else None
        made = socket.create_connection((host, port), timeout)
        self._handle.hold(made)
        if context is None:
            return made
        try:
            return context.wrap_socket(made, server_hostname=host)
        except BaseException:
            made.close()
            raise


_ABOUT_THIS: Final = (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError)
_WORDS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (smtplib.SMTPAuthenticationError, "the mail server does not take our name and password"),
    (smtplib.SMTPNotSupportedError, "the mail server does not offer what is needed: TLS, or a way to log in"),
    (smtplib.SMTPSenderRefused, "the mail server refuses our address"),
    (smtplib.SMTPConnectError, "the mail server takes no connections now"),
    (smtplib.SMTPServerDisconnected, "the mail server broke off"),
    (smtplib.SMTPException, "the mail server refuses"),
    (ssl.SSLCertVerificationError, "TLS failed: the mail server's certificate is not trusted"),
    (ssl.SSLError, "TLS failed"),
    (TimeoutError, TOO_LATE),
    (OSError, "no connection to the mail server"),
)


def _meaning(error: Exception, *, late: bool) -> PeerError:
    """The error as one of ours."""
    if late:
        return Unavailable(TOO_LATE, in_doubt=True)
    code = _code(error)
    if isinstance(error, _ABOUT_THIS):
        what = "the message" if isinstance(error, smtplib.SMTPDataError) else "the address"
        said = f"the mail server refuses {what} (SMTP {code})"
        return Rejected(said) if code is not None and code >= 500 else Unavailable(said)
    words = next(words for type_, words in _WORDS if isinstance(error, type_))
    return Unavailable(words if code is None else f"{words} (SMTP {code})")


def _code(error: Any) -> int | None:
    """The server's code in an error; None where there is none."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return next((int(code) for code, _ in error.recipients.values()), None)
    return getattr(error, "smtp_code", None)
