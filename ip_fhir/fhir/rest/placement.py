"""The requests that put the resources of a message onto a server, by what is there and what the server can do.

A person or an organisation that is there is referred to and never written. What we wrote before is written over only
onto the version that was read, and only if nobody else has changed it: its tag is the digest of what we wrote.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.fhir.reading import read_json
from ip_fhir.fhir.rest.bundles import EntryRequest
from ip_fhir.fhir.rest.carrier import TASK, content_digest, identifiers
from ip_fhir.fhir.rest.etags import version_in
from ip_fhir.fhir.rest.linking import linked

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from ip_fhir.fhir.rest.ways import Ways
    from ip_fhir.ports import JsonObject

ACTORS: Final = frozenset({"Patient", "Practitioner", "Organization", "HealthcareService"})
"""Types of resources that are the server's own where they are there."""

CHANGED: Final = "was changed on the server by somebody else, and stays there as it is: the message says what is new"

ONLY_STATUS: Final = "PATCH"
"""The method of an entry that changes the status of what is there, and creates nothing."""

URI_SYSTEM: Final = "urn:ietf:rfc:3986"
"""The system of identifiers that are made for resources (http://hl7.org/fhir/R4/datatypes.html#identifier)."""


@dataclass
class Placement:
    """One resource to be put there: its urn, the identifiers by which it is found, and those that were found.

    With `only_status` the status of what is there is changed, and nothing is created. `unheeded`: a search by its
    identifiers gave others, so the server would take any of them for it if it were created on that condition.
    """

    urn: str
    resource: JsonObject = field(repr=False)
    wanted: frozenset[str] = field(repr=False)
    only_status: bool = False
    unheeded: bool = False
    there: list[JsonObject] = field(default_factory=list, repr=False)

    @property
    def type(self) -> str:
        """The resource type."""
        return str(self.resource["resourceType"])

    @property
    def is_ours(self) -> bool:
        """True if it is found by an identifier that was made for it, and not by a number."""
        return self.type == TASK or all(value.startswith(f"{URI_SYSTEM}|") for value in self.wanted)

    @property
    def own_id(self) -> str:
        """The id under which it is created on a server that cannot be searched for it."""
        return self.urn.removeprefix("urn:uuid:")

    @property
    def name(self) -> str:
        """The name by which others refer to it in the transaction."""
        return f"{self.type}/{self.there[0]['id']}" if self.there else self.urn

    def find(self, resources: Iterable[JsonObject]) -> None:
        """Keep those of the resources that have one of its identifiers: a server may ignore a criterion."""
        self.there += [
            one for one in resources if isinstance(one.get("id"), str) and not self.wanted.isdisjoint(identifiers(one))
        ]


def find_all(ones: Sequence[Placement], resources: Sequence[JsonObject]) -> None:
    """Keep, of what a search by the identifiers of several placements gave, what is theirs."""
    wanted = frozenset[str]().union(*(one.wanted for one in ones))
    unheeded = any(wanted.isdisjoint(identifiers(found)) for found in resources)
    for one in ones:
        one.find(resources)
        one.unheeded |= unheeded


def placements(content: bytes) -> list[Placement]:
    """Returns the resources of a transaction that the format fhir-resources has written, the carrier first.

    Raises `InvalidInput` for anything else.
    """
    try:
        found = [_placement(entry) for entry in read_json(content)["entry"]]
        tasks = [one for one in found if one.type == TASK]
        if len(tasks) == 1:
            return [*tasks, *(one for one in found if one is not tasks[0])]
    except (KeyError, TypeError, AttributeError):
        pass
    raise InvalidInput.at("Bundle", "is no transaction of the format fhir-resources", "structure")


def _placement(entry: Any) -> Placement:
    condition = dict(parse_qsl(entry["request"]["ifNoneExist"]))
    wanted = frozenset(condition["identifier"].split(","))
    return Placement(entry["fullUrl"], entry["resource"], wanted, entry["request"]["method"] == ONLY_STATUS)


def requests_of(
    all_: Sequence[Placement], wanted: Collection[Placement], ways: Ways, *, profile: bool
) -> tuple[list[EntryRequest], list[Problem]]:
    """Returns the requests for those that are `wanted`, and a warning for each that is left as it is.

    References to those of `all_` that are not written there have words instead. Without `profile`, `meta.profile` is
    left out.
    """
    kept = [one for one in wanted if one.there or one.type in ways.writable]
    names: dict[str, str | None] = {**dict.fromkeys((one.urn for one in all_), None)}
    names |= {one.urn: one.name for one in kept}
    requests: list[EntryRequest] = []
    left: list[Problem] = []
    for one in kept:
        if one.only_status:
            requests += _with_status(one)
            continue
        made = _as_wanted(one.resource, names, profile=profile)
        if not one.there:
            requests.append(_creation(one, made, ways))
        elif one.type in ACTORS or content_digest(made) == content_digest(one.there[0]):
            continue
        elif one.type in ways.writable and (update := _update(one, made)) is not None:
            requests.append(update)
        else:
            left.append(Problem(one.type, CHANGED, "conflict", "warning"))
    return requests, left


def _as_wanted(resource: JsonObject, names: Mapping[str, str | None], *, profile: bool) -> JsonObject:
    """The resource with the names of this server, a digest that fits them, and profiles if they are wanted."""
    made: JsonObject = linked(resource, names)
    before, after = content_digest(resource), content_digest(made)
    meta = {name: value for name, value in made.get("meta", {}).items() if profile or name != "profile"}
    if before != after and "tag" in meta:
        meta["tag"] = [{**tag, "code": after} if tag.get("code") == before else tag for tag in meta["tag"]]
    return {**{name: value for name, value in made.items() if name != "meta"}, **({"meta": meta} if meta else {})}


def _creation(one: Placement, made: JsonObject, ways: Ways) -> EntryRequest:
    if one.type not in ways.searchable or one.unheeded:
        return EntryRequest("PUT", f"{one.type}/{one.own_id}", {**made, "id": one.own_id}, one.urn)
    request = EntryRequest("POST", one.type, made, one.urn)
    if one.type not in ways.conditional:
        return request
    return replace(request, if_none_exist=(("identifier", ",".join(sorted(one.wanted))),))


def _with_status(one: Placement) -> list[EntryRequest]:
    """The update of the status of what is there; all else stays, also what others have changed."""
    wanted = one.resource["status"]
    return [
        EntryRequest("PUT", f"{one.type}/{there['id']}", {**there, "status": wanted}, one.urn, if_match=version)
        for there in one.there[:1]
        if (version := version_in(there)) is not None and there.get("status") != wanted
    ]


def _update(one: Placement, made: JsonObject) -> EntryRequest | None:
    """The update of what we wrote and nobody else has changed; None for anything else."""
    there = one.there[0]
    version = version_in(there)
    if version is None or content_digest(there) not in _tags(there):
        return None
    return EntryRequest("PUT", one.name, {**made, "id": there["id"]}, one.urn, if_match=version)


def _tags(resource: JsonObject) -> list[Any]:
    meta = resource.get("meta")
    tags = meta.get("tag") if isinstance(meta, dict) else None
    return [tag.get("code") for tag in tags if isinstance(tag, dict)] if isinstance(tags, list) else []
