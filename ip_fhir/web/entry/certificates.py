"""TLS at the endpoint: the certificate that clients are shown, and those of clients, as the files have them now.

Each handshake uses the files as they are: a certificate that was renewed counts for the next connection, without a
restart. Files that cannot be used, such as a certificate whose key has not been replaced yet, leave the last good ones
in place, and are told in the log.
"""

from __future__ import annotations

import ssl
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.errors import InvalidInput
from ip_fhir.wire.tls import TlsFiles, server_context

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

    from ip_fhir.logs import CountedLog
    from ip_fhir.settings.sections import TlsSettings

NAMES: Final = "ip_fhir.certificate"
"""The key of the state of a connection under which the names in its client's certificate are."""

_WANTED: Final = {"asked": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}


class Certificates:
    """Makes the contexts of handshakes. Used by the event loop's thread only."""

    def __init__(self, settings: TlsSettings, told: CountedLog) -> None:
        """Raises `InvalidInput` at the setting whose file cannot be used: `certificate`, `trusted`."""
        self._settings, self._told = settings, told
        self._stamp = self._look()
        self._context = context_of(settings)

    @property
    def asks(self) -> bool:
        """True if clients may show certificates."""
        return self._settings.trusted is not None

    def context(self) -> ssl.SSLContext:
        """Returns the context for the next handshake."""
        stamp = self._look()
        if stamp != self._stamp:
            try:
                self._context, self._stamp = context_of(self._settings), stamp
            except InvalidInput as error:
                self._told.note("tls-files", f"the files of http.tls cannot be used, the last good ones count: {error}")
        return self._context

    def _look(self) -> list[Any]:
        """Size and time of each file; None for one that is not there."""
        return [_stamp(file) for file in (self._settings.certificate, self._settings.key, self._settings.trusted)]


def _stamp(file: Path | None) -> tuple[int, int, int] | None:
    try:
        found = file.stat() if file is not None else None
    except OSError:
        return None
    return None if found is None else (found.st_ino, found.st_size, found.st_mtime_ns)


def files_of(settings: TlsSettings) -> TlsFiles:
    """Returns the files that settings name."""
    key, trusted = settings.key, settings.trusted
    return TlsFiles(
        str(settings.certificate), None if key is None else str(key), trusted=None if trusted is None else str(trusted)
    )


def context_of(settings: TlsSettings) -> ssl.SSLContext:
    """Returns a context for TLS 1.2 or later that speaks HTTP/1.1. Raises `InvalidInput` at the setting."""
    wanted = ssl.CERT_NONE if settings.trusted is None else _WANTED[settings.clients]
    context = server_context(files_of(settings), clients=wanted)
    context.set_alpn_protocols(["http/1.1"])
    return context


def names_of(request: Request) -> frozenset[str]:
    """Returns the names in the certificate that a request's client has shown, as `ip_fhir.wire.tls.names_in`.

    There are none where it has shown none, and behind a proxy: a header says nothing about a certificate here.
    """
    found: frozenset[str] = request.scope.get("state", {}).get(NAMES, frozenset())
    return found


def thumbprint_of(request: Request) -> str | None:
    """Returns the thumbprint of a client's certificate, as tokens that are bound to it have it (RFC 8705, 3.1)."""
    digests = [name.removeprefix("sha256:") for name in names_of(request) if name.startswith("sha256:")]
    return urlsafe_b64encode(bytes.fromhex(digests[0])).rstrip(b"=").decode() if digests else None
