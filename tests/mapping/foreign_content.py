"""Foreign content: what another system may have put into a resource of ours, wherever FHIR lets it.

Each piece carries a mark of its own, `foreign-1`, `foreign-2`, …, so that it can be told what became of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

FIRST_COUNTS = frozenset(
    (
        *("name", "address", "note", "target", "careTeam", "replaces", "communication", "reasonCode"),
        *("agent", "requestedPeriod", "basedOn", "destination", "payload", "answer", "about", "given"),
    )
)
"""Lists whose first entry is ours, whatever it is: others' entries come after it."""

_SNOMED = "http://snomed.info/sct"
_ENTRIES: dict[str, list[dict[str, Any]]] = {
    "extension": [
        {"url": "https://other.example/ext", "valueString": "?"},
        {"url": "https://other.example/nested", "extension": [{"url": "a", "valueCode": "?"}]},
    ],
    "identifier": [{"system": "urn:other", "value": "?"}, {"value": "?"}, {"type": {"text": "?"}}],
    "telecom": [{"system": "fax", "value": "?"}, {"system": "phone", "extension": [{"url": "?"}]}],
    "name": [{"use": "old", "text": "?"}],
    "note": [{"authorString": "?"}],
    "address": [{"use": "old", "text": "?"}],
    "coding": [{"system": _SNOMED, "code": "?"}, {"code": "?"}, {"display": "?"}],
    "concept": [{"coding": [{"system": _SNOMED, "code": "?"}]}, {"text": "?"}],
    "participant": [
        {"role": [{"coding": [{"system": _SNOMED, "code": "?"}]}], "member": {"reference": "Practitioner/unknown"}},
        {"role": [{"coding": [{"system": "urn:oid:2.16.578.1.12.4.1.1.9034", "code": "1"}]}], "id": "?"},
        {"type": [{"coding": [{"code": "ATND"}]}], "actor": {"reference": "Device/unknown"}, "status": "?"},
        {"actor": {"display": "?"}, "status": "needs-action"},
    ],
    "activity": [
        {"reference": {"reference": "ServiceRequest/?"}},
        {"detail": {"status": "unknown", "description": "?"}},
    ],
    "reference": [{"display": "?"}, {"identifier": {"value": "?"}}],
    "performer": [{"display": "?"}],
    "reasonCode": [{"coding": [{"code": "?"}]}],
    "verification": [{"verified": False, "verificationDate": "?"}],
    "item": [{"linkId": "?", "text": "not ours"}],
    "output": [{"type": {"text": "?"}, "valueString": "x"}],
    "other": [{"text": "?"}],
}
_CONCEPTS = frozenset(("category", "relationship", "role", "type", "code"))
_REFERENCES = frozenset(("goal", "addresses", "reasonReference", "careTeam", "basedOn", "about", "focus"))
_ANYWHERE = ("extension", "contained", "meta", "text", "unmapped", "_element")
_NO_DISPLAY = frozenset(("reference", "display", "identifier", "type"))


class _Weaver:
    """Puts foreign content into a copy of a node."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw, self.count = draw, 0
        # In a Consent what cannot be read may limit it, and is refused: in its provisions, and who gave it.
        self.closed = False
        self.closed_lists: tuple[str, ...] = ()

    def weave(self, node: Any, name: str) -> Any:
        """The node with foreign content in it and below it."""
        if isinstance(node, list):
            items = [self.weave(item, name) for item in node]
            return items if self.closed or name in self.closed_lists else self._list(items, name)
        if not isinstance(node, dict):
            return node
        outside = self.closed
        if "resourceType" in node:
            self.closed_lists = ("performer",) if node["resourceType"] == "Consent" else ()
        self.closed |= name == "provision" or node.get("type") in ("permit", "deny")
        woven = {key: self.weave(value, key) for key, value in node.items()}
        self.closed = outside
        if "reference" not in node or not isinstance(node["reference"], str):
            self._beside(woven)
        return woven

    def _list(self, items: list[Any], name: str) -> list[Any]:
        if not items or not isinstance(items[0], dict) or not self._some():
            return items
        kind = name if name in _ENTRIES else "concept" if name in _CONCEPTS else "other"
        kind = "reference" if name in _REFERENCES else kind
        at = len(items) if name in FIRST_COUNTS else self.draw(st.integers(0, len(items)))
        entry = self._marked(self.draw(st.sampled_from(_ENTRIES[kind])))
        return [*items[:at], entry, *items[at:]]

    def _beside(self, woven: dict[str, Any]) -> None:
        """Something that no row names, in an object of ours."""
        if "resourceType" in woven:
            self._about_resource(woven)
        if self._some():
            woven["unmapped"] = self._marked({"any": ["?"]})
        if "extension" not in woven and "url" not in woven and self._some():
            woven["extension"] = [self._marked(_ENTRIES["extension"][0])]
        words = [key for key, value in woven.items() if isinstance(value, str) and key != "resourceType"]
        if words and self._some():
            woven[f"_{self.draw(st.sampled_from(words))}"] = {"extension": [self._marked(_ENTRIES["extension"][0])]}

    def _about_resource(self, woven: dict[str, Any]) -> None:
        if self._some():
            woven["meta"] = self._marked({"security": [{"code": "?"}], "tag": [{"system": "urn:x", "code": "?"}]})
        if self._some():
            woven["text"] = self._marked({"status": "additional", "div": "<div>?</div>"})
        if self._some():
            woven["contained"] = [self._marked({"resourceType": "Basic", "id": "?"})]

    def _some(self) -> bool:
        return self.draw(st.sampled_from((True, False, False)))

    def _marked(self, entry: dict[str, Any]) -> dict[str, Any]:
        self.count += 1
        marked: dict[str, Any] = _filled(deepcopy(entry), f"foreign-{self.count}")
        return marked


def _filled(node: Any, mark: str) -> Any:
    if isinstance(node, dict):
        return {key: _filled(value, mark) for key, value in node.items()}
    if isinstance(node, list):
        return [_filled(item, mark) for item in node]
    return node.replace("?", mark) if isinstance(node, str) else node


@st.composite
def woven(draw: st.DrawFn, node: dict[str, Any]) -> dict[str, Any]:
    """The node with foreign content in it."""
    made: dict[str, Any] = _Weaver(draw).weave(node, "")
    return made


_MARK = re.compile(r"foreign-\d+")


def marks(node: Any) -> list[str]:
    """Every mark below the node, in the order of the document; each as often as it stands there."""
    if isinstance(node, dict):
        return [mark for value in node.values() for mark in marks(value)]
    if isinstance(node, list):
        return [mark for item in node for mark in marks(item)]
    return _MARK.findall(node) if isinstance(node, str) else []


def foreign_entries(resource: dict[str, Any]) -> dict[str, list[Any]]:
    """The entries of the resource's own lists that are foreign through and through, by list, in order."""
    lists = {name: value for name, value in resource.items() if isinstance(value, list)}
    return {name: found for name, items in lists.items() if (found := [item for item in items if _foreign(item)])}


def _foreign(item: Any) -> bool:
    """Whether the entry is one that was woven in: it has a mark in one of its own texts or one level below."""
    return isinstance(item, dict) and any(map(_MARK.search, _texts(item)))


def _texts(item: dict[str, Any]) -> Iterator[str]:
    for value in item.values():
        if isinstance(value, str):
            yield value
