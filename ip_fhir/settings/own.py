"""The section of the settings for programs of our own: the EHR that asks by HTTP, on its own machine."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BeforeValidator, Field, IPvAnyNetwork, model_validator

from ip_fhir.domain.values.value import Flag, Id, Value
from ip_fhir.ports.hosts import is_loopback
from ip_fhir.settings.kept import Beside, Secret, read_list
from ip_fhir.settings.sections import HttpSettings, TlsSettings


class ProgramSettings(Value):
    """A program of our own, such as the EHR, and the token that it shows."""

    name: Id
    token: Secret


class OwnSettings(Value):
    """The address where programs of our own ask for all that a Python program can do (`/own/...`); without it, none.

    With `socket` it is a socket file beside the settings, and no port: only the user who runs us can open it, and needs
    no token. `other_machines` lets in programs of other machines, by TLS of our own (`tls`) or through a proxy that
    encrypts (`proxies`).
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8180, ge=0, le=65535)
    socket: Beside | None = None
    other_machines: Flag = False
    tls: TlsSettings | None = None
    proxies: Annotated[tuple[IPvAnyNetwork, ...], BeforeValidator(read_list)] = ()
    programs: tuple[ProgramSettings, ...] = Field(default=(), max_length=100)

    @model_validator(mode="after")
    def _keeps_to_itself(self) -> Self:
        if self.socket is None and not self.programs:
            message = "programs: nobody gets in where none has a token"
            raise ValueError(message)
        if len({program.name for program in self.programs}) < len(self.programs):
            message = "programs: two have the same name"
            raise ValueError(message)
        if self.socket is None and not is_loopback(self.host):
            if not self.other_machines:
                message = "host: is reached from other machines: other_machines = true says that this is meant"
                raise ValueError(message)
            if self.tls is None and not self.proxies:
                message = "host: what goes to other machines is encrypted: by tls, or by a proxy that proxies names"
                raise ValueError(message)
        return self

    def http(self, bounds: HttpSettings) -> HttpSettings:
        """The address, with the bounds of the endpoint for peers, and none of what lets peers in."""
        return HttpSettings(
            host=self.host,
            port=self.port,
            tls=self.tls,
            proxies=self.proxies,
            header_seconds=bounds.header_seconds,
            body_seconds=bounds.body_seconds,
            idle_seconds=bounds.idle_seconds,
            connections=bounds.connections,
            connections_per_client=bounds.connections_per_client,
            bytes_in_flight=bounds.bytes_in_flight,
        )
