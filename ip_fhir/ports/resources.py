"""FHIR resources as a store holds them, and the parties that may find them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Protocol, TypeAlias

from ip_fhir.domain.values.aggregate import REFERRAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ip_fhir.domain.values.aggregate import Aggregate

JsonObject: TypeAlias = "dict[str, Any]"

_SEPARATE = re.compile(r"(?<!\\)((?:\\\\)*),")
_ESCAPED = re.compile(r"\\([,|$\\])")


def alternatives(value: str) -> tuple[str, ...]:
    """The values of a search criterion of which one must match: they are joined by commas.

    A comma, bar or backslash of the value itself has a backslash before it (FHIR R4, search, section 3.1.1.4.5.1).

    >>> alternatives("requested,received")
    ('requested', 'received')
    """
    return tuple(_ESCAPED.sub(r"\1", one) for one in _SEPARATE.sub("\\1\n", value).split("\n"))


def exactly(value: str) -> str:
    """The search criterion that only this value matches.

    >>> alternatives(exactly("a,b"))
    ('a,b',)
    """
    return re.sub(r"([,\\])", r"\\\1", value)


class SearchPlace(NamedTuple):
    """The place of a resource in a search: resources come by kind and id of their aggregate, then by their own id."""

    aggregate_kind: str
    aggregate_id: str
    id: str


class TimePlace(NamedTuple):
    """The place of a resource in a search that is ordered by the time (UTC) of its last change, then by its id."""

    updated: datetime
    id: str


SearchOrder: TypeAlias = Literal["place", "oldest", "newest"]
"""The order of a search: by `SearchPlace`, or by `TimePlace`, the one changed longest ago or the latest one first."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds of a search beside its criteria: last changed from `begin` on and before `end` (UTC), about one person.

    `person` is the person's number. Only resources of referrals are found by it.
    """

    begin: datetime | None = None
    end: datetime | None = None
    person: str | None = field(default=None, repr=False)


UNBOUNDED: Final = Bounds()
"""The bounds of a search that has none."""


@dataclass(frozen=True, slots=True)
class ResourceVersion:
    """A FHIR resource as held for REST: `version` counts from 1 and is the ETag.

    `correlation_id` is the id of the aggregate that it shows, of `aggregate_kind`.
    """

    type: str
    id: str
    version: int
    body: JsonObject = field(repr=False)
    updated: datetime
    correlation_id: str | None = None
    aggregate_kind: str = REFERRAL

    @property
    def of_referral(self) -> str | None:
        """The correlation id of the referral that the resource shows; None if it shows another aggregate."""
        return self.correlation_id if self.aggregate_kind == REFERRAL else None

    @property
    def place(self) -> SearchPlace:
        """The resource's place in a search."""
        return SearchPlace(self.aggregate_kind, self.correlation_id or "", self.id)

    def place_in(self, order: SearchOrder) -> SearchPlace | TimePlace:
        """Returns the resource's place in a search of that order."""
        return self.place if order == "place" else TimePlace(self.updated, self.id)


@dataclass(frozen=True, slots=True)
class PartyNames:
    """Names of parties. `basis` is the digest of the settings by which it was worked out whom an aggregate concerns.

    Under other settings the same name may be another's: names are compared only if they have the same basis.
    """

    names: frozenset[str]
    basis: str


class ResourceTransaction(Protocol):
    """The part of a transaction that writes FHIR resources, and whom they concern."""

    def resource(self, type_: str, id_: str) -> ResourceVersion | None:
        """The current version of a FHIR resource."""
        ...

    def put_resource(self, resource: ResourceVersion, expected: int | None) -> None:
        """Write the version after `expected`; old versions are kept.

        Raises `Conflict` if the current version is not `expected` (None: there is none).
        """
        ...

    def set_parties(self, aggregate: Aggregate, parties: PartyNames) -> None:
        """Keep the parties that an aggregate concerns, instead of those kept before.

        Called after `save` in the same transaction, or after `hold`, so that two writers come one after the other.
        """
        ...

    def hold(self, correlation_id: str) -> None:
        """Keep others from changing the referral until this transaction ends. Does nothing if there is none."""
        ...


class ResourceStore(Protocol):
    """The part of a store that finds FHIR resources."""

    def search_resources(
        self,
        type_: str,
        criteria: Mapping[str, str],
        limit: int = 100,
        *,
        parties: PartyNames | None = None,
        after: SearchPlace | TimePlace | None = None,
        bounds: Bounds = UNBOUNDED,
        order: SearchOrder = "place",
    ) -> list[ResourceVersion]:
        """Current versions matching `_id`, `identifier`, `status`, `based-on`, `focus` (exact) and `correlation`.

        With `parties` only resources of aggregates that concern one of them, by `set_parties`. They come in order of
        `SearchPlace`; with `after` those after that place. That order does not change with time, so that page by page
        each resource is found once, also if some change meanwhile. A resource of no aggregate has no place: it is found
        only without `parties` and `after`. With another `order`, `after` is a `TimePlace`, and a resource that changes
        between two pages moves: from the oldest on it is found once more, from the newest on it may be passed over.

        An identifier as `system|value` or `value`, a reference as it stands, as `Type/id` or `id`; of several values,
        joined by commas, one must match (see `alternatives`). Raises `InvalidInput` for any other criterion: ignoring
        it would find too much.
        """
        ...

    def count_resources(
        self, type_: str, criteria: Mapping[str, str], parties: PartyNames, at_most: int, bounds: Bounds = UNBOUNDED
    ) -> int:
        """The number of resources that such a search finds in all its pages; counts no further than `at_most`."""
        ...

    def resource_versions(self, type_: str, id_: str, limit: int, before: int | None = None) -> list[ResourceVersion]:
        """The versions of a resource, latest first; with `before` those with a lower number. None if it is unknown."""
        ...

    def without_parties(self, basis: str, limit: int) -> list[str]:
        """Correlation ids of referrals whose parties have not been worked out by the settings of this basis."""
        ...
