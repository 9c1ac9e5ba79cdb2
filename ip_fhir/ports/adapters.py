"""An optional capability of an adapter: our acknowledgements go through it, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from ip_fhir.ports import Adapter

if TYPE_CHECKING:
    from ip_fhir.ports import Endpoint


@runtime_checkable
class AcknowledgingAdapter(Adapter, Protocol):
    """An adapter of peers that may want our acknowledgements posted, and not as answers alone."""

    def wants_acknowledgements(self, endpoint: Endpoint) -> bool:
        """True if the peer's options ask for acknowledgements that are posted. Raises nothing."""
        ...

    def acknowledge(self, content: bytes, endpoint: Endpoint) -> None:
        """Post the acknowledgement of a message of the peer's. Raises as `send`: then it is posted again later."""
        ...
