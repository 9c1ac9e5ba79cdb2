"""The output of generated writers: msgspec structs whose absent members are None, and ready pieces of JSON.

A struct costs a third of a dict, and what is None is left out when it is encoded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import orjson

from ip_fhir.mapping.generated.decoding import Memo, struct_type

if TYPE_CHECKING:
    from collections.abc import Iterable

FEW = 3
"""An object of so many members has them in its name; a longer one says them in the code."""


class WrittenReference(msgspec.Struct, gc=False):
    """A FHIR Reference."""

    reference: str


class WrittenRequest(msgspec.Struct, gc=False, tag_field="method", tag="PUT"):
    """The request of a bundle entry: PUT under the resource's own address."""

    url: str


class WrittenEntry(msgspec.Struct, gc=False):
    """An entry of a transaction."""

    fullUrl: str  # noqa: N815 - FHIR's name
    resource: Any
    request: WrittenRequest


class WrittenBundle(msgspec.Struct, gc=False, tag_field="resourceType", tag="Bundle"):
    """A transaction Bundle."""

    entry: list[WrittenEntry]
    type: str = "transaction"


def known_lists(entries: dict[str, Any]) -> Memo:
    """The entries for the words of a domain list, made once for each list; None for an empty one."""
    return Memo(lambda words: tuple(entries[word] for word in words) or None)


class Structs:
    """The struct type for each list of members, by the name that it has in the code."""

    def __init__(self) -> None:
        self.types: dict[str, Any] = {}
        self._names: dict[tuple[str, ...], str] = {}

    def name(self, members: Iterable[str], tag: str = "") -> str:
        """The name of the type; `tag` is the resourceType. A resource has an id, whether its table says it or not."""
        names = tuple(members)
        if tag and "id" not in names:
            names += ("id",)
        key = (tag, *names)
        if key not in self._names:
            said = tag or "_".join(names if len(names) <= FEW else ("object",))
            name = f"new_{said}" if f"new_{said}" not in self.types else f"new_{said}_{len(self.types)}"
            self._names[key] = name
            fields: Any = dict.fromkeys(names, (Any, None))
            self.types[name] = struct_type(said, fields, tag, omit_defaults=True)
        return self._names[key]


def ready(value: Any) -> msgspec.Raw:
    """JSON that does not vary."""
    return msgspec.Raw(orjson.dumps(value))


def _plain(value: Any) -> str:
    """A number of a register is text of a type of its own."""
    if isinstance(value, str):
        return str.__str__(value)
    message = f"no JSON for a {type(value).__name__}"
    raise TypeError(message)


write_json = msgspec.json.Encoder(enc_hook=_plain).encode
"""The JSON text in UTF-8 of what a writer made."""
