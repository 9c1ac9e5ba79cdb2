"""The resources of a plan, and nothing that is derived from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
import orjson

from ip_fhir.fhir.json_text import dumps
from ip_fhir.mapping.generated.structs import write_json

if TYPE_CHECKING:
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.mapping.compiled import Compiled


@dataclass(slots=True)
class WrittenResource:
    """A resource that is written, and may still get what tells about it: a version, labels, terms.

    `content` is the struct of a fast writer, or JSON data where something of the participant's own stands in it;
    `version` is 0 where none was given.
    """

    type: str
    id: str
    content: Any = field(repr=False)
    version: int = 0

    @classmethod
    def of(cls, resource: dict[str, Any]) -> WrittenResource:
        """The resource in JSON data, which is not changed."""
        return cls(resource["resourceType"], resource["id"], resource)

    def mark(self, made: Any) -> None:
        """Give it the `meta`, and in front of its own the extensions, of the struct `made` of a fast writer."""
        if self._may_set("meta") and self._may_set("extension"):
            self.content.meta = made.meta
            self.content.extension = [*made.extension, *(self.content.extension or ())]
        else:
            marks, own = orjson.loads(write_json(made)), self.data()
            self.content = {**own, "meta": marks["meta"], "extension": [*marks["extension"], *own.get("extension", ())]}

    def number(self, version: int) -> None:
        """Give it a version from 1, as `meta.versionId`."""
        self.version = version
        if self._may_set("meta"):
            self.content.meta = _numbered(write_json(self.content.meta), version)
        else:
            own = self.data()
            self.content = {**own, "meta": {**own.get("meta", {}), "versionId": str(version)}}

    def _may_set(self, member: str) -> bool:
        """True for a struct that has this member, or has its place at the end, where a new member stands in JSON."""
        if isinstance(self.content, dict):
            return False
        return getattr(self.content, member, None) is not None or self.content.__struct_fields__[-1] == member

    def data(self) -> dict[str, Any]:
        """The resource as JSON data."""
        made: dict[str, Any] = (
            self.content if isinstance(self.content, dict) else orjson.loads(write_json(self.content))
        )
        return made

    def ready(self) -> Any:
        """The resource as `write_json` takes it."""
        return msgspec.Raw(dumps(self.content)) if isinstance(self.content, dict) else self.content


def written_resources(plan: IndividualPlan, compiled: Compiled) -> list[WrittenResource]:
    """The resources of a plan, the CarePlan last. Raises `InvalidInput` if the tables have no code for a word."""
    written = compiled.assembly("plan").written(plan, derived=False)
    return [WrittenResource(url.partition("/")[0], one.id, one) for url, one in written]


def plan_resources(plan: IndividualPlan, compiled: Compiled) -> list[dict[str, Any]]:
    """The resources of a plan as JSON data, the CarePlan last. Raises as `written_resources`."""
    return [one.data() for one in written_resources(plan, compiled)]


@lru_cache(maxsize=1024)
def _numbered(meta: bytes, version: int) -> msgspec.Raw:
    """The JSON text of a `meta`, or of none, with a version: a view has few kinds of them."""
    return msgspec.Raw(orjson.dumps({**(orjson.loads(meta) or {}), "versionId": str(version)}))
