"""Addresses of MLLP: `mllp://host:port`, and `mllps://host:port` for MLLP over TLS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

from ip_fhir.errors import InvalidInput
from ip_fhir.ports.hosts import is_loopback

PORT: Final = 2575
"""The port that IANA has registered for HL7."""


@dataclass(frozen=True, slots=True)
class Address:
    """A host and port, and whether what goes there is encrypted.

    >>> Address.of("mllps://ke.example:6661")
    Address(host='ke.example', port=6661, tls=True)
    """

    host: str
    port: int
    tls: bool

    @classmethod
    def of(cls, url: str) -> Self:
        """Returns the address that a URL names. Raises `InvalidInput` at `url`, without repeating it."""
        try:
            parts = urlsplit(url)
            port = PORT if parts.port is None else parts.port
        except ValueError:
            raise _wrong("is no address") from None
        if parts.scheme not in ("mllp", "mllps"):
            raise _wrong("begins neither with mllp:// nor with mllps://")
        if not parts.hostname or parts.path not in ("", "/") or "@" in parts.netloc or parts.query or parts.fragment:
            raise _wrong("is a host and a port, and nothing else")
        return cls(parts.hostname, port, parts.scheme == "mllps")

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def check_plain(self, reason: str | None) -> None:
        """Raise `InvalidInput` at `plain_reason` if messages go out in the clear and nobody says why they may."""
        if not self.tls and not is_loopback(self.host) and not reason:
            raise plain_refused()


def plain_refused() -> InvalidInput:
    """The error of an address without TLS that is not on this machine."""
    words = "MLLP without TLS carries a person's affairs in the clear: use TLS, or say here what encrypts the way"
    return InvalidInput.at("plain_reason", words, "required")


def _wrong(reason: str) -> InvalidInput:
    return InvalidInput.at("url", reason, "value")
