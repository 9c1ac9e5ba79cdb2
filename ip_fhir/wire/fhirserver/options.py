"""Options in settings: those of a peer that is reached through a FHIR server, and those of the listener."""

from __future__ import annotations

from typing import Final, Literal
from urllib.parse import urlsplit

from pydantic import Field

from ip_fhir.domain.values.value import Id, Text, Url, Value
from ip_fhir.errors import InvalidInput
from ip_fhir.ports.hosts import is_loopback, is_unheard

_SHORTEST_TOKEN: Final = 16

_CERTIFICATE: Final = "our certificate in PEM: `{ path = ... }`"
_KEY: Final = "its key; without it, it is in the same file"
_UNLOCKS: Final = "password of the key: `{ env = ... }`"
_TRUSTED: Final = "authorities that may have signed the server's certificate, instead of the machine's"


class PeerOptions(Value):
    """The options of a peer whose adapter is `fhirserver`."""

    LISTS_FIELDS = True

    receipt: Literal["read", "stored"] = Field(
        default="read",
        description="the receipt comes when the receiver's system has taken the message in (`read`), or as soon as the "
        "server has it (`stored`): for a receiver that sets no status",
    )
    resources: bool = Field(
        default=True,
        description="`false` writes the Task alone, for a server that keeps nothing else. The message stands in it: "
        "name in `readers` of the peer who else reads that server",
    )
    meta_profile: bool = Field(
        default=True,
        description="`false` leaves `meta.profile` out, for a server that refuses profiles which it does not have",
    )
    certificate: Text | None = Field(default=None, description=_CERTIFICATE)
    key: Text | None = Field(default=None, description=_KEY)
    key_password: Text | None = Field(default=None, repr=False, description=_UNLOCKS)
    trusted: Text | None = Field(default=None, description=_TRUSTED)


class ListenerOptions(Value):
    """The options of the listener `fhirserver`."""

    LISTS_FIELDS = True

    url: Url = Field(description="base address of the FHIR server")
    token: Text | None = Field(default=None, repr=False, description="our bearer token there: `{ env = ... }`")
    auth_client_id: Text | None = Field(
        default=None, description="instead of `token`: our name with its authorisation server (SMART Backend Services)"
    )
    auth_key: str | None = Field(
        default=None,
        repr=False,
        max_length=65_536,
        description="private key in PEM or JWK: `{ path = ... }`, read again when it is replaced, or `{ env = ... }`",
    )
    auth_key_id: Text | None = Field(
        default=None, description="`kid` of the key; without it that of the JWK, or a thumbprint"
    )
    auth_scope: Text = Field(default="system/*.cruds", description="scopes that we ask for, in the form of SMART")
    auth_token_url: Url | None = Field(
        default=None, description="address of the token endpoint; without it the server's configuration is asked"
    )
    auth_dpop: bool = Field(default=False, description="true: each request proves that we hold the token's key (DPoP)")
    certificate: Text | None = Field(default=None, description=_CERTIFICATE)
    key: Text | None = Field(default=None, description=_KEY)
    key_password: Text | None = Field(default=None, repr=False, description=_UNLOCKS)
    trusted: Text | None = Field(default=None, description=_TRUSTED)
    peer: Id = Field(description="the peer or carrier whose messages are read there")
    organizations: tuple[Text, ...] = Field(
        min_length=1,
        max_length=100,
        description="our numbers, as `system|number`: the messages whose receiver has one of them are ours",
    )
    settle: bool = Field(
        default=True,
        description="false where we may not set the status of a Task there; then each start reads `days` again",
    )
    seconds: float = Field(default=10.0, gt=0, le=3600, description="seconds between two looks")
    days: float = Field(default=180.0, gt=0, le=3650, description="days before the start from which Tasks are read")
    overlap: float = Field(
        default=300.0,
        ge=0,
        le=86_400,
        description="seconds that a look goes back before the last Task that was seen",
    )
    timeout: float = Field(default=30.0, gt=0, le=3600, description="seconds for each request")
    plain_http: bool = Field(default=False, description="true where something else encrypts the way there")
    hook: Url | None = Field(
        default=None,
        description="address by which the server reaches our door, to say that something is there for us: it is asked "
        "to, by a Subscription; without it there is no door",
    )
    hook_token: Text | None = Field(
        default=None, repr=False, description="token that it shows there: `{ env = ... }`, 16 characters at least"
    )
    hook_host: Text = Field(default="127.0.0.1", description="address where the door is, behind a proxy that has TLS")
    hook_port: int = Field(default=8090, ge=0, le=65_535, description="port where the door is; 0 takes a free one")
    hook_seconds: float = Field(
        default=300.0,
        gt=0,
        le=86_400,
        description="seconds between two looks while the server notifies us: what it does not tell is found by them",
    )

    def check(self) -> None:
        """Raise `InvalidInput` at the option that cannot be used."""
        check_address(self.url, plain_http=self.plain_http)
        if self.hook is not None and not is_unheard(self.hook):
            raise InvalidInput.at("hook", "is an https address, or http of this machine")
        if self.hook is not None and len(self.hook_token or "") < _SHORTEST_TOKEN:
            raise InvalidInput.at("hook_token", f"has at least {_SHORTEST_TOKEN} characters", "required")
        if self.hook_token is not None and not self.hook_token.isascii():
            raise InvalidInput.at("hook_token", "is ASCII")
        for number, one in enumerate(self.organizations):
            if "|" not in one:
                raise InvalidInput.at(f"organizations.{number}", "is no `system|number`")


def check_address(url: str, *, plain_http: bool) -> None:
    """Raise `InvalidInput` at `url` for an address that is none of a FHIR server, or is not encrypted."""
    address = urlsplit(url)
    if address.scheme not in {"http", "https"} or not address.hostname or address.query or address.fragment:
        raise InvalidInput.at("url", "is no address of a FHIR server: https://host/path")
    if address.scheme == "http" and not plain_http and not is_loopback(address.hostname):
        reason = "http carries a person's affairs in the clear: use https, or plain_http where a tunnel encrypts"
        raise InvalidInput.at("url", reason)
