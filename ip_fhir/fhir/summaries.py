"""Resources that a server has shortened: after `_summary` or `_elements` they bear the tag SUBSETTED.

What is left out of such a resource looks as if it were not there, and putting it back would delete it: "Applications
should not use such resources for anything but displaying". http://hl7.org/fhir/R4/search.html#summary
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ip_fhir.errors import InvalidInput, Problem, few_problems

if TYPE_CHECKING:
    from collections.abc import Iterator

IS_SUMMARY: Final = "says that the server left out parts of it: a summary is neither read as a whole nor put back"
"""The reason for refusing a resource with the tag."""

_HOLDERS: Final = {"meta", "contained", "entry"}
_CODE: Final = "SUBSETTED"
_SYSTEMS: Final = (
    "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "http://hl7.org/fhir/v3/ObservationValue",  # before R4
)

SUBSETTED: Final = {"system": _SYSTEMS[0], "code": _CODE, "display": "subsetted"}
"""The tag of a resource of which parts are left out."""


def summary_tags(resource: dict[str, Any]) -> Iterator[str]:
    """Yields the FHIRPath, below the resource, of each tag that says it is a summary.

    >>> tag = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
    >>> list(summary_tags({"resourceType": "Goal", "meta": {"tag": [tag]}}))
    ['meta.tag[0]']
    """
    meta = resource.get("meta")
    tags = meta.get("tag") if isinstance(meta, dict) else None
    for number, tag in enumerate(tags if isinstance(tags, list) else ()):
        if _is_summary(tag):
            yield f"meta.tag[{number}]"


def refuse_summaries(bundle: dict[str, Any]) -> None:
    """Raises `InvalidInput` with the path of each such tag of a bundle, its resources and what they contain."""
    found = [*_tags_in(bundle)]
    if found:
        raise InvalidInput(few_problems(Problem(path, IS_SUMMARY, "not-supported") for path in found))


def _tags_in(node: Any, at: str = "Bundle") -> Iterator[str]:
    """The paths of the tags in a resource and in those that it holds, as entries or contained."""
    if not isinstance(node, dict):
        return
    if "meta" in node:
        yield from (f"{at}.{path}" for path in summary_tags(node))
    for index, inner in enumerate(_listed(node, "contained")):
        yield from _tags_in(inner, f"{at}.contained[{index}]")
    for number, entry in enumerate(_listed(node, "entry")):
        inner = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(inner, dict) and _HOLDERS & inner.keys():
            yield from _tags_in(inner, f"{at}.entry[{number}].resource")


def _listed(node: dict[str, Any], name: str) -> list[Any]:
    found = node.get(name)
    return found if isinstance(found, list) else []


def _is_summary(tag: Any) -> bool:
    return isinstance(tag, dict) and tag.get("code") == _CODE and tag.get("system") in _SYSTEMS
