"""The wire formats by name: a site's own, and the installed ones."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, cast

from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.formats.protocol import Format, PerPeer, Writer
from ip_fhir.plugins import PluginKind, broken, faults, load

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ip_fhir.ports import WireFormat

NO_LINES: Final[Mapping[WireFormat, object]] = MappingProxyType({})
"""The settings of a peer that has none."""

FORMATS: Final = PluginKind("format", "ip_fhir.formats", Format)


class Formats:
    """The formats of one side of the loop: its `own`, and the installed ones, which are loaded when first named.

    Threads may share it. Raises `InvalidInput` if one of `own` breaks its Protocol, or two have the same name.

    >>> Formats().writer("fhir-message").content_type
    'application/fhir+json'
    """

    def __init__(self, own: Iterable[Format] = ()) -> None:
        self._known: dict[str, Format] = {}
        for format_ in own:
            name = str(getattr(format_, "name", "?"))
            if name in self._known:
                raise broken(f"formats.{name}", "given twice")
            self._known[name] = _checked(name, format_)

    def named(self, name: WireFormat) -> Format:
        """The format of that name. Raises `InvalidInput` when it is not installed, is installed twice or is broken."""
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = _checked(name, cast("Format", load(FORMATS, name)))
        return found

    def spoken(self, name: WireFormat, lines: Mapping[WireFormat, object]) -> Format:
        """The format of that name as a peer with these settings speaks it. Raises `InvalidInput` as `named`."""
        found = self.named(name)
        return found.for_peer(lines[name]) if name in lines and isinstance(found, PerPeer) else found

    def writer(self, name: WireFormat, lines: Mapping[WireFormat, object] = NO_LINES) -> Writer:
        """The writer of the format of that name. Raises `InvalidInput` as `named`, and for a format without `write`.

        `lines` are the settings of the peer that is written to.
        """
        try:
            found = self.spoken(name, lines)
        except InvalidInput:
            found = None
        if found is None or not can_write(found):
            raise InvalidInput.at("peers", f"nothing writes the format {name}", "not-supported")
        return cast("Writer", found)


def can_write(format_: Format) -> bool:
    """True if the format can be sent as well as received."""
    return hasattr(format_, "write")


def _checked(name: str, format_: Format) -> Format:
    found = [*faults(format_, Format), *(faults(format_, Writer) if can_write(format_) else ())]
    if found:
        raise broken(f"formats.{name}", f"{type(format_).__name__} is no format: {', '.join(dict.fromkeys(found))}")
    return format_
