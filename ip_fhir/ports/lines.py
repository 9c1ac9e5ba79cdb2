"""An optional capability of whoever a listener hands bytes to: it knows what was agreed with each peer about a wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from ip_fhir.ports import WireFormat


@runtime_checkable
class LineKnowing(Protocol):
    """Knows the settings of peers' lines: part of a `Receiver`. A listener whose receiver has none uses its own."""

    def line_of(self, peer: str, format_name: WireFormat, number: str = "") -> object | None:
        """Return the settings by which a peer speaks a format; None where they are not known. Does no I/O.

        Of a carrier they are those of its party that alone has this register number, else those that all its parties
        have. Raises `InvalidInput` for a peer that settings do not name.
        """
        ...
