"""Authorisation servers: the one that gives us tokens, and the one whose tokens are shown to us."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, model_validator

from ip_fhir.domain.values.value import Text, Value
from ip_fhir.ports.hosts import is_loopback
from ip_fhir.settings.kept import read_key


class AuthSettings(Value):
    """Our name with a peer's authorisation server, and the key by which it knows us.

    `key` is `{ file = "path" }`, which is read again when the file is replaced, or `{ env = "NAME" }`: in PEM or JWK.
    Without `token_url` the server's `.well-known/smart-configuration` is asked. With `dpop` each request proves that we
    hold the key of our token (RFC 9449).
    """

    client_id: Text
    key: Annotated[Path | SecretStr, BeforeValidator(read_key)] = Field(repr=False)
    key_id: Text | None = None
    scope: Text = "system/*.cruds"
    token_url: str | None = Field(default=None, pattern=r"^https?://[^\s?#@]+$")
    dpop: bool = False


class IssuerSettings(Value):
    """The authorisation server whose tokens are taken at the endpoint: its `iss`, and the `aud` that means us.

    Without `jwks_url` its keys are found by what it says about itself (RFC 8414, OpenID Connect Discovery).
    """

    issuer: str = Field(pattern=r"^https?://[^\s?#@]+$")
    audience: Text
    jwks_url: str | None = Field(default=None, pattern=r"^https?://[^\s?#@]+$")
    dpop: Literal["accepted", "required"] = "accepted"

    @model_validator(mode="after")
    def _encrypted(self) -> Self:
        for url in (self.issuer, self.jwks_url or self.issuer):
            address = urlsplit(url)
            if address.scheme == "http" and not is_loopback(address.hostname or ""):
                message = "the authorisation server is asked by https, but on this machine"
                raise ValueError(message)
        return self
