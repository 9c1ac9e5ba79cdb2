"""Options in settings: those of a peer that we send to over MLLP, and those of the listener for MLLP."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from ip_fhir.domain.values.value import Id, Text, Value
from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.hl7v2.line import ApplicationError
from ip_fhir.ports.hosts import is_loopback
from ip_fhir.wire.address import PORT, Address, plain_refused
from ip_fhir.wire.tls import TlsFiles, as_name


class _Files(Value):
    """The files of TLS, each a path of a file in PEM: `{ path = "..." }` is relative to the settings file."""

    LISTS_FIELDS = True

    certificate: Text | None = Field(default=None, description="our own certificate, with those above it")
    key: Text | None = Field(default=None, description="its private key; without it, it is in the file `certificate`")
    key_password: Text | None = Field(default=None, repr=False, description="password of the key: `{ env = ... }`")
    trusted: Text | None = Field(default=None, description="the authorities, or certificates, that are trusted")
    plain_reason: Text | None = Field(
        default=None, description="the reason why MLLP without TLS may go to another machine, such as a tunnel"
    )

    @property
    def tls(self) -> TlsFiles:
        """The files for a TLS context."""
        return TlsFiles(self.certificate, self.key, self.key_password, self.trusted)


class PeerOptions(_Files):
    """The options of a peer whose adapter is `mllp`."""

    server_name: Text | None = Field(
        default=None, description="name that the other side's certificate must have; without it: the host of `url`"
    )


class ListenerOptions(_Files):
    """The options of the listener `mllp`. `trusted` is needed with `certificate`."""

    host: Text = Field(default="127.0.0.1", description="address where we listen")
    port: int = Field(default=PORT, ge=0, le=65535, description="port where we listen; 0 takes a free one")
    peer: Id | None = Field(
        default=None,
        description="the one peer or carrier that may connect; with TLS, anybody whose certificate is trusted",
    )
    peers: dict[Id, tuple[Text, ...]] = Field(
        default_factory=dict,
        max_length=1000,
        description="names of the peers and carriers that may connect, each with a list of what its certificate has: "
        "`sha256:...`, `dns:...` or `subject:attribute=value`; needs TLS",
    )
    answer_to: dict[Id, Text] = Field(
        default_factory=dict,
        max_length=1000,
        description="names of peers and carriers with the address (`mllps://host:port`) that gets the acknowledgements "
        "which they want on another connection (MSH-15 `NE`, MSH-16 `AL`)",
    )
    application_error: ApplicationError = Field(
        default="retry",
        description="as `peers.hl7v2.application_error`: of acknowledgements that come in for messages of ours, where "
        "the settings of whoever sends one do not say it",
    )
    format: Text = Field(default="hl7v2", description="wire format of the messages")
    max_bytes: int = Field(default=DEFAULT_LIMITS.max_bytes, ge=1_000, description="bytes of a frame")
    bytes_in_flight: int = Field(
        default=64_000_000, ge=1_000, description="bytes of all frames that are read or worked on at a time"
    )
    frame_seconds: float = Field(default=30.0, gt=0, le=3600, description="seconds for a frame, and for TLS to begin")
    idle_seconds: float = Field(
        default=600.0, gt=0, le=86_400, description="seconds that a connection may wait for one"
    )
    connections: int = Field(default=128, ge=1, le=10_000, description="connections in all")
    connections_per_peer: int = Field(default=16, ge=1, le=10_000, description="connections of one peer")

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        if (self.peer is None) == (not self.peers):
            message = "either `peer`, or `peers` with their certificates"
            raise ValueError(message)
        if self.peers and self.certificate is None:
            message = "peers: only TLS can tell several apart: `certificate` and `trusted` are missing"
            raise ValueError(message)
        if self.bytes_in_flight < self.max_bytes:
            message = "bytes_in_flight: fewer than max_bytes"
            raise ValueError(message)
        return self

    def check(self) -> None:
        """Raise `InvalidInput` at the option that cannot be used, or with which messages would come in the clear."""
        if self.certificate is None and not is_loopback(self.host) and self.plain_reason is None:
            raise plain_refused()
        self.names()
        self.addresses()

    def names(self) -> dict[str, str]:
        """The peer or carrier by each name that a certificate may have. Raises `InvalidInput` at `peers`."""
        found: dict[str, str] = {}
        for peer, texts in self.peers.items():
            for text in texts:
                try:
                    name = as_name(text)
                except InvalidInput as error:
                    raise InvalidInput.at(f"peers.{peer}", error.problems[0].reason) from None
                if found.setdefault(name, peer) != peer:
                    raise InvalidInput.at(f"peers.{peer}", f"{name} is another's, too", "duplicate")
        return found

    def addresses(self) -> dict[str, Address]:
        """The addresses for acknowledgements by peer or carrier. Raises `InvalidInput` at `answer_to`."""
        found: dict[str, Address] = {}
        for name, url in self.answer_to.items():
            try:
                found[name] = Address.of(url)
                found[name].check_plain(self.plain_reason)
            except InvalidInput as error:
                raise InvalidInput.at(f"answer_to.{name}", error.problems[0].reason) from None
        return found
