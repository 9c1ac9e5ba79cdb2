"""The output of generated writers: msgspec structs whose absent members are None, and ready pieces of JSON.

A struct costs a third of a dict, and members that are None are left out when it is encoded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import orjson

from ip_fhir.mapping.generated.decoding import Memo, struct_type

if TYPE_CHECKING:
    from collections.abc import Iterable

FEW = 3
"""Structs with at most this many members are named after them; in longer ones comments in the code name the members."""

EACH_HAS = ("id", "meta")
"""Members that every resource has, the last ones where its table names none: they may be set once it is written."""


class WrittenReference(msgspec.Struct, gc=False):
    """A FHIR Reference."""

    reference: str


class WrittenRequest(msgspec.Struct, gc=False, tag_field="method", tag="PUT"):
    """The request of a bundle entry: PUT under the resource's own address."""

    url: str


class WrittenEntry(msgspec.Struct, gc=False):
    """An entry of a transaction Bundle."""

    fullUrl: str  # noqa: N815 - FHIR's name
    resource: Any
    request: WrittenRequest


class WrittenMember(msgspec.Struct, gc=False):
    """An entry of a collection Bundle."""

    fullUrl: str  # noqa: N815 - FHIR's name
    resource: Any


class WrittenBundle(msgspec.Struct, gc=False, tag_field="resourceType", tag="Bundle"):
    """A transaction Bundle."""

    entry: list[WrittenEntry]
    type: str = "transaction"


def known_lists(entries: dict[str, Any]) -> Memo:
    """A `Memo` that gives the JSON entries for a list of words; None for an empty list."""
    return Memo(lambda words: tuple(entries[word] for word in words) or None)


class Structs:
    """The struct types of generated code: one for each list of members, by its name in the code."""

    def __init__(self) -> None:
        self.types: dict[str, Any] = {}
        self._names: dict[tuple[str, ...], str] = {}

    def name(self, members: Iterable[str], tag: str = "") -> str:
        """The name of the struct type, made if needed; `tag` is the resourceType. A resource has all of `EACH_HAS`."""
        names = tuple(members)
        if tag:
            names += tuple(name for name in EACH_HAS if name not in names)
        key = (tag, *names)
        if key not in self._names:
            said = tag or "_".join(names if len(names) <= FEW else ("object",))
            name = f"new_{said}" if f"new_{said}" not in self.types else f"new_{said}_{len(self.types)}"
            self._names[key] = name
            fields: Any = dict.fromkeys(names, (Any, None))
            self.types[name] = struct_type(said, fields, tag, omit_defaults=True)
        return self._names[key]


def ready(value: Any) -> msgspec.Raw:
    """Constant JSON, encoded in advance."""
    return msgspec.Raw(orjson.dumps(value))


def _plain(value: Any) -> str:
    """Encode identifiers, whose types are subclasses of `str`, as text. Raises `TypeError` for anything else."""
    if isinstance(value, str):
        return str.__str__(value)
    message = f"no JSON for a {type(value).__name__}"
    raise TypeError(message)


write_json = msgspec.json.Encoder(enc_hook=_plain).encode
"""Encodes a writer's result as UTF-8 JSON text."""


def transaction(resources: Iterable[tuple[str, Any]], base: str) -> bytes:
    """A transaction Bundle of resources as JSON text: each with its relative URL; `base` ends in a slash."""
    return write_json(WrittenBundle([WrittenEntry(base + url, one, WrittenRequest(url)) for url, one in resources]))


def collection(resources: Iterable[tuple[str, Any]], base: str) -> bytes:
    """A collection Bundle of resources as JSON text, as `transaction`."""
    entries = [WrittenMember(base + url, one) for url, one in resources]
    return write_json({"resourceType": "Bundle", "type": "collection", "entry": entries})
