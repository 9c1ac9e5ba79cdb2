"""The settings as somebody else may see them: numbers, switches and a few names; of all other texts only that they are.

A text is shown only if its field is in `_SHOWN`: a field that is added later is not, whatever it holds.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretStr

if TYPE_CHECKING:
    from ip_fhir.settings import Settings

_SET: Final = "set"
# By model and field: words of closed lists, names of plug-ins, and names that a site gave its parties itself.
_SHOWN: Final = {
    "Settings": {"role", "unit_list", "language"},
    "HttpSettings": {"host"},
    "TlsSettings": {"clients"},
    "PeerSettings": {"name", "adapter", "absent", "passes_on", "readers"},
    "CarrierSettings": {"name", "parties"},
    "ListenerSettings": {"use", "speaks_for"},
    "LogSettings": {"format", "level"},
}
_ADDRESSES: Final = {"url", "base_url", "database", "issuer", "audience"}


def outline(settings: Settings) -> dict[str, Any]:
    """Returns the settings as JSON values, in which no secret, no path and no organisation's name or number stands.

    Of an address scheme, host and port are left; of any other text, path or option "set" where it is given.
    """
    return _model(settings)


def _model(value: BaseModel) -> dict[str, Any]:
    shown = _SHOWN.get(type(value).__name__, set())
    fields = {name: _field(getattr(value, name), name, shown) for name in type(value).model_fields}
    return fields | {name: _of(extra) for name, extra in (value.model_extra or {}).items()}


def _field(value: Any, name: str, shown: set[str]) -> Any:
    if isinstance(value, str) and name in _ADDRESSES:
        return _address(value)
    if name in shown and isinstance(value, str):
        return str(value)
    if name in shown and isinstance(value, tuple):
        return list(map(str, value))
    return _of(value)


def _of(value: Any) -> Any:
    """A value of any field: what is neither a number, nor a switch, nor made of such, is only said to be set."""
    if isinstance(value, BaseModel):
        return _model(value)
    if isinstance(value, Enum):
        return str(value.value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, tuple | list) and not all(isinstance(one, str | SecretStr) for one in value):
        return [_of(one) for one in value]
    if isinstance(value, dict):
        return {str(name): _of(one) for name, one in value.items()}
    return _SET if value else None


def _address(text: str) -> str:
    """Scheme, host and port of an address; of one without a host, its scheme."""
    try:
        parts = urlsplit(text)
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError:
        return _SET
    return f"{parts.scheme}://{parts.hostname or ''}{port}"
