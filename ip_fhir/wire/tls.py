"""TLS with certificates on both sides, and the names in a certificate by which a peer is known."""

from __future__ import annotations

import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

_FILES: Final = ("certificate", "key", "trusted")
_STEPS: Final = 4  # of a handshake, with one to spare


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The files of one side, each in PEM: its own certificate (with those above it), its key, whom it trusts.

    Without `trusted` the authorities that the machine trusts are trusted.
    """

    certificate: str | None = None
    key: str | None = None
    key_password: str | None = field(default=None, repr=False)
    trusted: str | None = None


def tls_of(options: Mapping[str, str]) -> TlsFiles | None:
    """Returns the files that a peer's options name: `certificate`, `key`, `key_password`, `trusted`; None for none."""
    named = {name: options[name] for name in (*_FILES, "key_password") if name in options}
    return TlsFiles(**named) if named else None


def client_context(files: TlsFiles) -> ssl.SSLContext:
    """Returns the context of whoever connects: host name and certificate of the other side are checked.

    Raises `InvalidInput` at the option whose file cannot be used.
    """
    return _prepared(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), files)


def server_context(files: TlsFiles, clients: ssl.VerifyMode = ssl.CERT_REQUIRED) -> ssl.SSLContext:
    """Returns the context of whoever is connected to: by default nobody gets in without a certificate that is trusted.

    With `CERT_OPTIONAL` one without any gets in too; with `CERT_NONE` none is asked for. Raises `InvalidInput` at the
    option that is missing, or whose file cannot be used.
    """
    for name in ("certificate",) if clients is ssl.CERT_NONE else ("certificate", "trusted"):
        if getattr(files, name) is None:
            raise InvalidInput.at(name, "is needed for TLS", "required")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = clients
    return _prepared(context, files)


def valid_until(files: TlsFiles, host: str | None = None) -> datetime:
    """Returns when the certificate of a server ends (UTC), found by a handshake with ourselves in memory.

    Raises `InvalidInput` at `certificate`: it cannot be used, is over, not valid yet, or is not for `host`.
    """
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    theirs.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # it need not reach an authority that this machine trusts
    theirs.check_hostname = host is not None
    ours = server_context(files, ssl.CERT_NONE)
    with _told_at("certificate"):
        theirs.load_verify_locations(files.certificate)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = ours.wrap_bio(there, back, server_side=True)
    client = theirs.wrap_bio(back, there, server_hostname=host)
    try:
        for _ in range(_STEPS):
            for side in (client, server):
                with suppress(ssl.SSLWantReadError):
                    side.do_handshake()
    except ssl.SSLCertVerificationError as error:
        raise InvalidInput.at("certificate", error.verify_message) from None
    except ssl.SSLError:
        raise InvalidInput.at("certificate", "is not one of a server") from None
    found: dict[str, Any] = dict(client.getpeercert() or {})
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(found["notAfter"]), UTC)


def _prepared(context: ssl.SSLContext, files: TlsFiles) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if files.trusted is None:
        context.load_default_certs()
    else:
        with _told_at("trusted"):
            context.load_verify_locations(files.trusted)
    if files.certificate is not None:
        with _told_at("certificate"):
            context.load_cert_chain(files.certificate, files.key, files.key_password or _NO_PASSWORD)
    return context


def _no_password() -> str:
    """Stand in for a password, where OpenSSL would ask at the terminal."""
    return ""


_NO_PASSWORD: Final = _no_password


class _told_at:  # noqa: N801 - used as a function
    """Raises what goes wrong with a file of the block as `InvalidInput` at its option; paths are not repeated."""

    def __init__(self, option: str) -> None:
        self._option = option

    def __enter__(self) -> None:
        pass

    def __exit__(self, _type: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, ssl.SSLError):  # before OSError, of which it is one
            raise InvalidInput.at(self._option, "holds no certificate and key in PEM that fit together") from None
        if isinstance(error, OSError):
            raise InvalidInput.at(self._option, f"cannot be read: {error.strerror}", "not-found") from None


def names_in(connection: ssl.SSLSocket | ssl.SSLObject) -> frozenset[str]:
    """Returns the names in the other side's certificate, in the forms that settings give them.

    `sha256:<hex>` is the certificate itself, `dns:<name>` each DNS name in it, and `subject:<attribute>=<value>` each
    part of its subject, such as `subject:commonName=engine` or `subject:serialNumber=983971636`.
    """
    encoded = connection.getpeercert(binary_form=True)
    if encoded is None:
        return frozenset()
    certificate: dict[str, Any] = dict(connection.getpeercert() or {})
    found = {f"sha256:{sha256(encoded).hexdigest()}"}
    found |= {f"dns:{name.lower()}" for kind, name in certificate.get("subjectAltName", ()) if kind == "DNS"}
    found |= {f"subject:{key}={value}" for part in certificate.get("subject", ()) for key, value in part}
    return frozenset(found)


def as_name(text: str) -> str:
    """Returns a name as settings give it in the form in which `names_in` has it. Raises `InvalidInput`.

    >>> as_name("SHA256:" + ":".join(["AB"] * 32))[:15]
    'sha256:abababab'
    """
    kind, separator, value = text.strip().partition(":")
    kind = kind.lower()
    if kind == "sha256":
        value = value.replace(":", "").lower()
        if len(value) != 64 or not all(c in "0123456789abcdef" for c in value):
            raise InvalidInput.at("", "is no SHA-256 of a certificate: 64 hexadecimal digits")
    elif kind == "dns":
        value = value.lower()
    elif kind != "subject" or "=" not in value:
        separator = ""
    if not separator or not value:
        raise InvalidInput.at("", "is neither sha256:..., dns:... nor subject:attribute=value")
    return f"{kind}:{value}"
