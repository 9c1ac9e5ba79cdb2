"""References both ways: from a domain id to the reference of its resource, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ip_fhir.fhir.references import references_in, unversioned
from ip_fhir.mapping.lenses.wrong import Wrong

if TYPE_CHECKING:
    from collections.abc import Mapping


class Links:
    """The references of one bundle (or of one resource that stands alone).

    `references` gives a domain id its reference ("Goal/g1"); `ids` gives a reference its domain id. `owner` is the
    domain id of the plan owner, which tables name as `$owner`; `~id` is the person behind a role, `=id` the whole.
    """

    __slots__ = ("closed", "ids", "owner", "references")

    def __init__(
        self,
        references: Mapping[str, str],
        ids: Mapping[str, str] | None = None,
        owner: str | None = None,
        *,
        closed: bool = True,
    ) -> None:
        self.references = dict(references)
        self.ids = {v: k.lstrip("~=") for k, v in references.items()} if ids is None else dict(ids)
        self.owner = owner
        self.closed = closed

    @classmethod
    def within(cls, resource: Any) -> Links:
        """The links of a single resource: every reference in it, by the id at its end."""
        return cls({_last(reference): reference for reference in references_in(resource)}, closed=False)

    @classmethod
    def of(cls, ids: dict[str, str], owner: str) -> Links:
        """Links for reading only; `ids` is not copied."""
        links = cls({}, {}, owner)
        links.ids = ids
        return links

    def reference(self, ident: str) -> str:
        """The reference that stands for a domain id."""
        found = self.references.get(ident)
        if found is None:
            raise Wrong("refers to nothing that is mapped", "not-found")
        return found

    def ident(self, reference: str) -> str:
        """The domain id that a reference means."""
        found = self.ids.get(reference) or self.ids.get(unversioned(reference))
        if found is not None:
            return found
        if self.closed:
            raise Wrong("refers to a resource that is not in the bundle", "not-found")
        return _last(reference)


def _last(reference: str) -> str:
    """The id at the end of a reference: `Patient/p1`, `urn:uuid:…`, `#p1`."""
    return reference.rpartition("/")[2].removeprefix("urn:uuid:").removeprefix("urn:oid:").removeprefix("#")


NO_LINKS = Links({}, closed=False)
"""The links of a resource without references."""
