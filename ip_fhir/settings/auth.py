"""Our credentials with an authorisation server: SMART Backend Services."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr

from ip_fhir.domain.values.value import Text, Value
from ip_fhir.settings.kept import read_key


class AuthSettings(Value):
    """Who we are to a peer's authorisation server, and the key by which it knows us.

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
