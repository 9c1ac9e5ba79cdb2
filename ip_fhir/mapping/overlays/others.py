"""Content of another system beside ours, for the laws: in FHIR and in HL7 v2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection


def with_foreign(resource: dict[str, Any], dialect: str, strict: Collection[str] = ()) -> dict[str, Any]:
    """The resource as another system might write it: with extensions, and entries of its own at the end of each list.

    Members that are `strict` get no entries: there, another system's entry is refused. So is its modifierExtension.
    """
    if dialect == "hl7v2":
        return {**_v2(resource, "", strict), "ZIP": {"f1": [{"c1": "theirs"}]}}
    strict = {*strict, "modifierExtension"}
    return {**_foreign(resource, strict), "language": "se", "_language": {"id": "x"}}


def _foreign(node: Any, strict: Collection[str], name: str = "") -> Any:
    if isinstance(node, dict):
        changed = {key: _foreign(value, strict, key) for key, value in node.items()}
        own = {"url": "urn:somebody-else", "valueString": "theirs"}
        return (
            changed
            if "url" in node or "reference" in node
            else {**changed, "extension": [*changed.get("extension", ()), own]}
        )
    if isinstance(node, list) and all(isinstance(item, dict) for item in node):
        items = [_foreign(item, strict) for item in node]
        return items if name in strict else [*items, {"id": "theirs"}]
    return node


def _v2(node: Any, name: str, strict: Collection[str]) -> Any:
    """A segment, field or group of HL7 v2 with another system's parts at the end of each."""
    if isinstance(node, list):
        items = [_v2(item, name, strict) for item in node]
        return items if name in strict or name not in _V2_LISTS else [*items, _V2_LISTS[name]]
    if not isinstance(node, dict):
        return node
    return {key: _v2(value, key, strict) for key, value in node.items()} | _beside(node)


def _beside(node: dict[str, Any]) -> dict[str, Any]:
    """A component, or a field, that no row names."""
    first = next(iter(node), "")
    if first[:1] == "c":
        return {"c99": "theirs"} if "c1" not in node or "c3" not in node else {}
    return {"f99": [{"c1": "theirs"}]} if first[:1] == "f" else {}


_V2_LISTS: dict[str, dict[str, Any]] = {
    "PROVIDER_CONTACT": {"PRD": {"f1": [{"c1": "PP", "c3": "HL70286"}], "f2": [{"c1": "Theirs"}]}},
    "OBSERVATION": {"OBR": {"f4": [{"c1": "11488-4", "c3": "LN"}]}, "RESULTS_NOTES": []},
    "RESULTS_NOTES": {"OBX": {"f2": [{"c1": "ST"}], "f3": [{"c1": "8867-4", "c3": "LN"}], "f5": [{"c1": "72"}]}},
    "f7": {"c1": "theirs", "c2": "SL"},
    "f33": {"c1": "theirs", "c4": "THEIRS"},
    "f13": {"c2": "PRN", "c3": "FX", "c12": "theirs"},
}
"""The entries of other systems, by the list that they stand in."""
