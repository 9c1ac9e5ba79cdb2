"""The bounds and counts of one endpoint, shared by its application and, under `serve`, its server."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ip_fhir.errors import InvalidInput
from ip_fhir.logs import CountedLog
from ip_fhir.web.admission import Admission, Bodies
from ip_fhir.web.clients import Proxies
from ip_fhir.web.connections import Bounds, Connections
from ip_fhir.web.entry.certificates import Certificates
from ip_fhir.web.entry.rates import Rates
from ip_fhir.web.logins import Logins

if TYPE_CHECKING:
    from ip_fhir.fhir.capability import SecurityService
    from ip_fhir.fhir.reading import Limits
    from ip_fhir.settings import HttpSettings
    from ip_fhir.web.issuer import Issuer

log = logging.getLogger("ip_fhir.web")


@dataclass(frozen=True)
class Protection:
    """The requests refused, by reason; log-ins; bodies and their room; connections, which only `serve` has; rates; TLS.

    `told` counts what is logged and is no refusal of its own: the address of a wrong token, a proxy that is not named.
    """

    refused: CountedLog
    told: CountedLog
    logins: Logins
    admission: Admission
    bodies: Bodies
    connections: Connections
    rates: Rates
    issuer: Issuer | None = None
    certificates: Certificates | None = None

    @property
    def services(self) -> tuple[SecurityService, ...]:
        """The ways in which a client may say who it is, beside a token of the settings."""
        certified = self.certificates is not None and self.certificates.asks
        tokens: tuple[SecurityService, ...] = ("SMART-on-FHIR",) if self.issuer is not None else ()
        return (*tokens, "Certificates") if certified else tokens

    @classmethod
    def of(cls, http: HttpSettings, limits: Limits) -> Protection:
        """The protection that the settings describe. Raises `InvalidInput` for a file of TLS that cannot be used."""
        refused, told = CountedLog(log), CountedLog(log)
        proxies = Proxies(http.proxies)
        issuer = _issuer(http)
        admission = Admission(max(http.bytes_in_flight, 2 * limits.max_bytes))  # half of it is one party's
        return cls(
            refused,
            told,
            Logins(proxies, told, issuer=issuer),
            admission,
            Bodies(limits, admission, http.body_seconds),
            Connections(_bounds(http), proxies, refused, (told,)),
            Rates(http.rate),
            issuer,
            _certificates(http, told),
        )


def _certificates(http: HttpSettings, told: CountedLog) -> Certificates | None:
    if http.tls is None:
        return None
    try:
        return Certificates(http.tls, told)
    except InvalidInput as error:
        raise InvalidInput(replace(one, path=f"http.tls.{one.path}") for one in error.problems) from None


def _issuer(http: HttpSettings) -> Issuer | None:
    if http.issuer is None:
        return None
    from ip_fhir.web.issuer import Issuer  # brings an HTTP client, which most sides do without here
    from ip_fhir.web.issuer.keys import IssuerKeys

    return Issuer(http.issuer, IssuerKeys(http.issuer), http.url)


def _bounds(http: HttpSettings) -> Bounds:
    return Bounds(
        http.header_seconds, http.body_seconds, http.idle_seconds, http.connections, http.connections_per_client
    )
