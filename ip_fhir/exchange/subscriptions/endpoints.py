"""The addresses that clients may have notified: no address of an inner network, unless settings name it.

A client chooses the address and we call it, so that without this check a client could reach, through us, what only we
can reach. A name is looked at again with each connection: it may lead elsewhere by then.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

from ip_fhir.domain.values.ids import find_person_number
from ip_fhir.errors import InvalidInput
from ip_fhir.ports.hosts import is_inner, is_unheard

_LONGEST: Final = 2_000


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The rule of one side. `inner` are the addresses of its own network that may be notified."""

    inner: tuple[IPv4Network | IPv6Network, ...] = ()

    def admits(self, address: str) -> bool:
        """True if this IP address may be connected to."""
        if not is_inner(address):
            return True
        found = ip_address(address.partition("%")[0])
        return any(found in network for network in self.inner)

    def check(self, url: str, at: str, *, with_path: bool) -> None:
        """Raise `InvalidInput` at this place for an address that is not notified, without repeating it.

        `with_path`: something is put behind it.
        """
        if reason := self._fault(url, with_path=with_path):
            raise InvalidInput.at(at, reason, "value")

    def _fault(self, url: str, *, with_path: bool) -> str | None:
        if len(url) > _LONGEST or not url.isascii() or any(letter <= " " for letter in url) or not is_unheard(url):
            return f"is an https address of at most {_LONGEST} characters (http only of this machine)"
        parts = urlsplit(url)
        if "@" in parts.netloc or "#" in url or (with_path and "?" in url):
            return "has credentials, a fragment, or a query behind which no id can stand"
        if find_person_number(url):
            return "holds the number of a person"
        if not _has_port(url):
            return "has a port that is none"
        host = "127.0.0.1" if parts.hostname == "localhost" else parts.hostname or ""
        return "leads into an inner network: settings must allow it" if self._is_forbidden(host) else None

    def _is_forbidden(self, host: str) -> bool:
        """True for an IP address that is not admitted; where a name leads is looked at when it is called."""
        try:
            return not self.admits(host)
        except ValueError:
            return False


def _has_port(url: str) -> bool:
    """True if the port of an address is one, or it has none."""
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False
