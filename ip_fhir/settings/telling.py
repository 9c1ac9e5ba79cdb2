"""The sections of the settings by which our own people are told: the mail server, and who is told of what, and how."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NoBase64
from datetime import time
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from ip_fhir.domain.effects import Reason
from ip_fhir.domain.values.calendar import NONE_CLOSED, ClosedDays
from ip_fhir.domain.values.hours import Hours
from ip_fhir.domain.values.value import Id, Text, Value
from ip_fhir.ports.hosts import is_loopback, is_unheard
from ip_fhir.settings.kept import Beside, Password, Secret, read_command, read_list

_ADDRESS = r"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\-]{1,64}@[A-Za-z0-9][A-Za-z0-9.\-]{0,251}$"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_KEY_BYTES = range(24, 65)

Address = Annotated[str, Field(pattern=_ADDRESS)]


def key_of(secret: str) -> bytes:
    """Returns the bytes of a webhook's key, `whsec_` and Base64, as Standard Webhooks has it. Raises `ValueError`."""
    scheme, mark, text = secret.partition("whsec_")
    try:
        key = b64decode(text, validate=True)
    except NoBase64:
        key = b""
    if scheme or not mark or len(key) not in _KEY_BYTES:
        message = "a key is whsec_ and 24 to 64 bytes in Base64"
        raise ValueError(message)
    return key


def _is_key(secret: SecretStr) -> SecretStr:
    key_of(secret.get_secret_value())
    return secret


Key = Annotated[Secret, AfterValidator(_is_key)]


class SmtpSettings(Value):
    """The mail server by which our people are told, and the address that we send from.

    `security` is `starttls`, `tls` from the first byte, or `plain`, which goes to this machine only. The server's
    certificate is always checked: by the authorities of the file `trusted`, else by those of the machine.
    """

    host: str = Field(pattern=r"^[A-Za-z0-9.:\-]{1,253}$")
    port: int | None = Field(default=None, ge=1, le=65535)
    security: Literal["starttls", "tls", "plain"] = "starttls"
    sender: Address
    user: Text | None = None
    password: Password | None = None
    trusted: Beside | None = None
    timeout: float = Field(default=30.0, gt=0, le=600)

    @model_validator(mode="after")
    def _kept_from_others(self) -> Self:
        if self.security == "plain" and not is_loopback(self.host):
            message = "security: plain goes to this machine only: use starttls or tls"
            raise ValueError(message)
        if (self.user is None) != (self.password is None):
            message = "user and password: each needs the other"
            raise ValueError(message)
        return self


class ToldSettings(Value):
    """Some of our people, and how they are told that something is to be looked at: by a command, e-mail, or a webhook.

    They are told of the `reasons` named, without any of all; not in `quiet_hours` (`"20:00-07:00"`, Norwegian time) and
    with `working_days_only` not on weekends, public holidays and closed days of the agreement; with `digest_at` by one
    e-mail a day. `name` stays the same, and is no peer's: by it is known what they were told.
    """

    name: Annotated[Id, Field(max_length=40)]
    way: Literal["command", "e-mail", "webhook"]
    reasons: Annotated[tuple[Reason, ...], BeforeValidator(read_list)] = ()
    recipients: Annotated[tuple[Address, ...], BeforeValidator(read_list)] = Field(default=(), max_length=100)
    url: str | None = Field(default=None, pattern=r"^https?://[^\s#@]+$")
    keys: tuple[Key, ...] = Field(default=(), max_length=3)
    command: Annotated[tuple[Text, ...], BeforeValidator(read_command)] = Field(default=(), max_length=100)
    timeout: float = Field(default=10.0, gt=0, le=600)
    quiet_hours: str | None = Field(default=None, pattern=rf"^{_CLOCK}-{_CLOCK}$")
    working_days_only: bool = False
    digest_at: str | None = Field(default=None, pattern=rf"^{_CLOCK}$")
    language: Literal["nb", "en"] | None = None

    def hours(self, closed: ClosedDays = NONE_CLOSED) -> Hours:
        """The hours at which they are told; `closed` are days off beside weekends and public holidays."""
        quiet = None
        if self.quiet_hours is not None:
            begins, ends = map(time.fromisoformat, self.quiet_hours.split("-"))
            quiet = (begins, ends)
        return Hours(quiet, self.working_days_only, self.digest, closed)

    @property
    def digest(self) -> time | None:
        """The time of `digest_at`."""
        return None if self.digest_at is None else time.fromisoformat(self.digest_at)

    @model_validator(mode="before")
    @classmethod
    def _way_by_its_parts(cls, data: Any) -> Any:
        if isinstance(data, dict):
            for way, parts in _PARTS.items():
                for part in parts:
                    if data.get(part) and data.get("way") in _PARTS and data["way"] != way:
                        message = f"{part}: only where the way is {way}"
                        raise ValueError(message)
        return data

    @model_validator(mode="after")
    def _has_its_parts(self) -> Self:
        missing = [part for part in _NEEDED[self.way] if not getattr(self, part)]
        if missing:
            message = f"{missing[0]}: is needed where the way is {self.way}"
            raise ValueError(message)
        if len(set(self.recipients)) < len(self.recipients):
            message = "recipients: an address stands there twice"
            raise ValueError(message)
        if self.url is not None and not is_unheard(self.url):
            message = "url: is an https address, or http of this machine"
            raise ValueError(message)
        hours = self.hours()
        if hours.quiet is not None and hours.quiet[0] == hours.quiet[1]:
            message = "quiet_hours: begin when they end, so that it is always quiet or never"
            raise ValueError(message)
        if hours.digest_at is not None and hours.is_quiet(hours.digest_at):
            message = "digest_at: is in the quiet hours"
            raise ValueError(message)
        return self


_NEEDED = {"command": ("command",), "e-mail": ("recipients",), "webhook": ("url", "keys")}
_PARTS = {"command": ("command",), "e-mail": ("recipients", "digest_at"), "webhook": ("url", "keys")}
