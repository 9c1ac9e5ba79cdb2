"""Options of a peer that we send to by MLLP, FHIR server or message, and of listeners; from the options themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic_core import PydanticUndefined

from ip_fhir.wire import fhir_message, fhirserver
from ip_fhir.wire.options import ListenerOptions, PeerOptions

if TYPE_CHECKING:
    from ip_fhir.domain.values.value import Value


def peer_options() -> str:
    """Returns the table of the options of a peer whose adapter is `mllp`."""
    return _table(PeerOptions)


def listener_options() -> str:
    """Returns the table of the options of the listener `mllp`."""
    return _table(ListenerOptions)


def server_peer_options() -> str:
    """Returns the table of the options of a peer whose adapter is `fhirserver`."""
    return _table(fhirserver.PeerOptions)


def server_listener_options() -> str:
    """Returns the table of the options of the listener `fhirserver`."""
    return _table(fhirserver.ListenerOptions)


def message_peer_options() -> str:
    """Returns the table of the options of a peer whose adapter is `fhirmessage`."""
    return _table(fhir_message.PeerOptions)


def _table(model: type[Value]) -> str:
    lines = ["| option | default | meaning |", "|---|---|---|"]
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True, validated_data={})
        words = "none" if default is PydanticUndefined or default in (None, {}) else f"`{default}`"
        lines.append(f"| `{name}` | {words} | {field.description} |")
    return "\n".join(lines) + "\n"
