"""A FHIR server as a place of plans: they are fetched whole, and changed without losing anybody's changes.

An update sends only what has changed, in one transaction, each resource onto the version that was read. If somebody was
faster, the plan is read again and both changes are merged; two changes of one field are left to a person.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ip_fhir.errors import Conflict, InvalidInput, Problem, Rejected, Unavailable
from ip_fhir.fhir.rest import instances, searches
from ip_fhir.fhir.rest.addresses import Location
from ip_fhir.fhir.rest.bundles import transaction
from ip_fhir.fhir.rest.linking import linked
from ip_fhir.fhir.rest.operations import capability
from ip_fhir.mapping import default
from ip_fhir.mapping.foreign.choice import is_individual
from ip_fhir.servers.changes import (
    Changes,
    changes,
    creates_by_name,
    creates_own,
    heeds,
    place_of,
    without_our_identifiers,
    written,
)
from ip_fhir.servers.closure import Closure
from ip_fhir.servers.plans import EditConflict, FetchedPlan, UpdatedPlan
from ip_fhir.servers.strangers import without_unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.values.ids import PersonId
    from ip_fhir.fhir.rest.bundles import EntryRequest, EntryResult
    from ip_fhir.mapping.mapper import Mapper
    from ip_fhir.ports import JsonObject
    from ip_fhir.servers.connection import Connection

_ROOT: Final = "CarePlan"
_ROUNDS: Final = 5  # a plan that changes under us more often is left for later
_NO_CONDITION = frozenset({400, 405, 501})  # statuses of servers that cannot search each type by identifier
_GONE: Final = "is referred to, and the server does not give it"
_NUMBERS: Final = ("her-id", "resh-id", "hpr", "fnr", "dnr", "fhn", "duf", "org-number", "municipality")
# Parts first, the CarePlan last, as plans are written. An order of its own makes a later reading the same.
_ORDER: Final = (
    *("Patient", "RelatedPerson", "Organization", "Practitioner", "PractitionerRole", "Condition", "Goal", "CareTeam"),
    *("Consent", "Appointment", "HealthcareService", "Provenance"),
)


class FhirServer:
    """Plans on one server. Threads may share it; each has a connection of its own.

    `batches` is False for a server that takes no batches, `by_name` is True for one on which parts of a plan are
    created with ids of ours, as it refuses conditions. Both are noticed at the first refusal.
    """

    def __init__(
        self, connection: Connection, mapper: Mapper | None = None, *, batches: bool = True, by_name: bool = False
    ) -> None:
        self.connection = connection
        self.mapper = mapper or default()
        self.batches = batches
        self.by_name = by_name

    def capability(self) -> JsonObject:
        """Returns the server's CapabilityStatement. Raises the errors of a peer."""
        return self.connection.perform(capability())

    def fetch_plan(self, plan_id: str | None = None, *, person: PersonId | None = None) -> FetchedPlan:
        """Fetches a plan with all that it refers to: by the id of its CarePlan, or that of a person by number.

        Takes 4 to 6 requests where the server takes batches, else one for each resource. With both arguments, the plan
        must be this person's. Raises `InvalidInput` if the person has no plan there or several (not-found,
        multiple-matches), and the errors of a peer; also `Rejected` for a plan that cannot be read, or is another's.
        """
        plan = self._plan_of(person) if plan_id is None else self._plan(plan_id)
        closure = Closure(self.connection, batches=self.batches)
        closure.of(plan)
        self.batches = closure.batches
        fetched = self._fetched(self._bundle(closure.found), closure.gone)
        if person is not None and fetched.plan.owner.identifier != person:
            raise Rejected(f"{self.connection.host}: the plan is another person's than was asked for")
        return fetched

    def update_plan(self, before: FetchedPlan, after: IndividualPlan) -> UpdatedPlan:
        """Writes what differs between a plan that was fetched and the same plan changed, in one transaction.

        Somebody else's changes since then are merged with ours. After an answer that did not come, the server is asked
        before anything is sent again. Raises `EditConflict` (nothing was written: both sides changed one field),
        `InvalidInput` if FHIR has no place for a part, and the errors of a peer. The same call may be made again.
        """
        base, wanted, plan = before, self._put(before, after), after
        sent = 0  # in transactions of which it is not known if they took effect
        for attempt in range(1, _ROUNDS + 1):
            whole = self._changes(base.bundle, wanted, _seed_of(base))
            made = self._missing(whole)
            left = (*made.not_written, *self.mapper.removed_entries(base.bundle, wanted))
            if not made.requests:
                return UpdatedPlan(self._again(base) if whole.requests else base, sent, left)
            try:
                results = self.connection.perform(transaction(made.requests))
            except Rejected as error:
                self._expect_without_conditions(made, error, last=attempt == _ROUNDS)
            except (Conflict, Unavailable) as error:
                if isinstance(error, Unavailable):
                    if not error.in_doubt or attempt == _ROUNDS:
                        raise
                    self.connection.wait(error, attempt)
                    sent = len(made.requests)
                elif attempt == _ROUNDS:
                    raise
                else:
                    self._expect_single(made)
                if self._took_effect(whole):
                    return UpdatedPlan(self._again(base), len(made.requests), left)
                base, wanted, plan = self._rebased(base, plan)
            else:
                return UpdatedPlan(self._after(base, wanted, made, results), len(made.requests), left)
        raise AssertionError  # the last attempt returns or raises

    def store_plan(self, plan: IndividualPlan) -> FetchedPlan:
        """Stores a plan that the server does not have; returns it as it is there, with the server's ids.

        A plan that was stored before is returned as it is now; nothing is written over. Raises `InvalidInput` if FHIR
        has no place for a part, and the errors of a peer; also `Rejected` if the same plan is there as another
        person's. The same call may be made again.
        """
        bundle = self._moved(self.mapper.to_fhir(plan))
        base = self.connection.base.rstrip("/")
        seed = f"{base}|{plan.owner.id}|{plan.created.isoformat()}"
        made = self._changes(None, bundle, seed)
        try:
            return self._stored(made, plan.owner.identifier)
        except Rejected as error:
            self._expect_without_conditions(made, error)
        return self._stored(self._changes(None, bundle, seed), plan.owner.identifier)

    def close(self) -> None:
        """Closes this thread's connections."""
        self.connection.close()

    def _stored(self, made: Changes, person: PersonId | None) -> FetchedPlan:
        """The plan that these requests create, if it is not there; as it is there then, and this person's."""
        number = next(n for n, request in enumerate(made.requests) if request.url.partition("/")[0] == _ROOT)
        there = self._find(made.requests[number])
        for attempt in range(1, _ROUNDS + 1):
            if there is not None:
                return self.fetch_plan(there.id, person=person)
            try:
                results = self.connection.perform(transaction(made.requests))
            except Conflict as error:  # somebody creates one of them at the same time
                if attempt == _ROUNDS:
                    raise
                self._expect_single(made)
                self.connection.wait(error, attempt)
                there = self._find(made.requests[number])
            except Unavailable as error:
                there = self._find(made.requests[number]) if error.in_doubt else None
                if there is None:
                    raise
                return self.fetch_plan(there.id, person=person)
            else:
                for request, result in zip(made.requests, results, strict=True):
                    self._expect_next_version(request, result)
                stored = self.fetch_plan(place_of(results[number]).id, person=person)
                self._expect_heeded(made, results, stored)
                return stored
        raise AssertionError  # the last attempt returns or raises

    def _expect_heeded(self, made: Changes, results: tuple[EntryResult, ...], plan: FetchedPlan) -> None:
        """Raise `Rejected` if a resource was taken for one that is to be created, and is another."""
        there = {
            (one["resource"]["resourceType"], one["resource"]["id"]): one["resource"] for one in plan.bundle["entry"]
        }
        for request, result in zip(made.requests, results, strict=True):
            place = result.location
            if not creates_own(request) or result.status == 201 or place is None:
                continue
            found = there.get((place.type, place.id))
            if found is not None and not heeds(request, found):
                reason = f"a condition was not heeded, and another {place.type} taken for a new one: see the plan there"
                raise Rejected(f"{self.connection.host}: {reason}")

    def _expect_without_conditions(self, made: Changes, error: Rejected, *, last: bool = False) -> None:
        """Raise the refusal of a transaction, but for the first that a server may have refused for its conditions."""
        if last or self.by_name or error.status not in _NO_CONDITION or not any(map(creates_own, made.requests)):
            raise error
        self.by_name = True

    def _expect_single(self, made: Changes) -> None:
        """Raise `Rejected` if a condition finds several: that is no conflict of versions, and stays as it is."""
        for one in made.requests:
            found = self._matches(one) if one.if_none_exist else []
            if len(found) > 1:
                reason = f"there are {len(found)} of type {one.url} with one number: somebody must merge them there"
                raise Rejected(f"{self.connection.host}: {reason}", status=412)

    def _missing(self, made: Changes) -> Changes:
        """The changes without what they would create by name and is there: it is the same, or has been changed."""
        if not self.by_name:
            return made
        there = {one.full_url: one.url for one in made.requests if creates_by_name(one) and self._find(one)}
        names = {urn: url for urn, url in there.items() if urn is not None}
        kept = (one for one in made.requests if one.full_url not in there)
        return replace(made, requests=tuple(replace(one, resource=linked(one.resource, names)) for one in kept))

    def _plan(self, plan_id: str) -> JsonObject:
        return self.connection.perform(instances.read(_ROOT, plan_id)).resource

    def _plan_of(self, person: PersonId | None) -> JsonObject:
        """The one individual plan of a person; of several the only active one."""
        if person is None:
            raise InvalidInput.at("plan_id", "is needed, or the person whose plan it is", "required")
        systems = sorted(self.mapper.compiled.systems.accepted(person.kind.value))
        patients = self._search("Patient", "identifier", [f"{system}|{person}" for system in systems])
        people = [f"Patient/{patient['id']}" for patient in patients if isinstance(patient.get("id"), str)]
        plans = self._search(_ROOT, "patient", people) if people else []
        ours = [plan for plan in plans if is_individual(plan, self.mapper.compiled)]
        active = [plan for plan in ours if plan.get("status") == "active"]
        for found in (ours, active):
            if len(found) == 1:
                return found[0]
        if not ours:
            raise InvalidInput.at("person", "has no individual plan on this server", "not-found")
        reason = f"has {len(ours)} individual plans there: ask for one by its id"
        raise InvalidInput.at("person", reason, "multiple-matches")

    def _search(self, type_: str, name: str, values: list[str]) -> list[JsonObject]:
        first = self.connection.perform(searches.search(type_, [(name, ",".join(values))]))
        return [found for found in self.connection.all_pages(first) if found["resourceType"] == type_]

    def _bundle(self, found: dict[Location, JsonObject]) -> JsonObject:
        """The resources as a collection of the server's base, in an order that does not depend on how they came."""
        base = self.connection.base.rstrip("/")
        places = sorted(found, key=_rank)
        entries = [{"fullUrl": f"{base}/{place.type}/{place.id}", "resource": found[place]} for place in places]
        return {"resourceType": "Bundle", "type": "collection", "entry": entries}

    def _fetched(self, bundle: JsonObject, gone: Iterable[Location] = ()) -> FetchedPlan:
        warned = [Problem(place.type, _GONE, "not-found", "warning") for place in gone]
        try:
            reading = self.mapper.read_fhir(bundle)
        except InvalidInput as error:  # theirs, not the caller's
            readable = without_unreadable(bundle, error)
            if readable is None:
                raise Rejected(f"{self.connection.host}: the plan cannot be read: {error}") from error
            fetched = self._fetched(readable[0])
            return replace(fetched, warnings=(*fetched.warnings, *readable[1], *warned))
        return FetchedPlan(reading.plan, bundle, (*without_our_identifiers(reading.warnings, bundle), *warned))

    def _put(self, before: FetchedPlan, after: IndividualPlan) -> JsonObject:
        return self.mapper.open_plan(before.bundle).put(after)

    def _changes(self, before: JsonObject | None, after: JsonObject, seed: str) -> Changes:
        systems = self.mapper.compiled.systems
        numbers = [(systems.uri(name), *systems.aliases.get(name, ())) for name in _NUMBERS]
        return changes(before, after, numbers, seed, self.connection.host, by_name=self.by_name)

    def _again(self, plan: FetchedPlan) -> FetchedPlan:
        return self.fetch_plan(plan.plan.id)

    def _rebased(self, base: FetchedPlan, plan: IndividualPlan) -> tuple[FetchedPlan, JsonObject, IndividualPlan]:
        """The plan as it is there now, and our change brought onto it. Raises `EditConflict`."""
        fresh = self._again(base)
        rebased = self.mapper.rebase(base.plan, plan, fresh.bundle)
        if rebased.merged.conflicts:
            raise EditConflict(self.connection.host, rebased.merged.conflicts, fresh)
        return fresh, rebased.bundle, rebased.merged.plan

    def _took_effect(self, made: Changes) -> bool:
        """True if what a transaction was to create is there: then all of it took effect; else nothing can be said."""
        own = next((one for one in made.requests if creates_own(one) or creates_by_name(one)), None)
        return own is not None and self._find(own) is not None

    def _find(self, request: EntryRequest) -> Location | None:
        """The resource that a creation would find there: by its condition, or by the name that it gives."""
        if creates_by_name(request):
            return self._named(*request.url.split("/"))
        return next((Location(request.url, str(one["id"])) for one in self._matches(request)), None)

    def _matches(self, request: EntryRequest) -> list[JsonObject]:
        """The resources there that the condition of a creation asks for."""
        found = self.connection.perform(searches.search(request.url, request.if_none_exist)).resources
        return [one for one in found if heeds(request, one)]

    def _named(self, type_: str, id_: str) -> Location | None:
        try:
            return Location(type_, id_, self.connection.perform(instances.read(type_, id_)).version)
        except Rejected as error:
            if error.status not in {404, 410}:
                raise
            return None

    def _after(
        self, base: FetchedPlan, wanted: JsonObject, made: Changes, results: tuple[EntryResult, ...]
    ) -> FetchedPlan:
        """The plan as it is on the server after a transaction, read again only where it may hold something else."""
        for request, result in zip(made.requests, results, strict=True):
            self._expect_next_version(request, result)
        was_there = any(
            one.method == "POST" and result.status != 201 for one, result in zip(made.requests, results, strict=True)
        )
        if was_there or (self.by_name and made.urns):  # it may say something else
            now = self._again(base)
            self._expect_heeded(made, results, now)
            return now
        return self._fetched(self._bundle(written(wanted, made, results)))

    def _expect_next_version(self, request: EntryRequest, result: EntryResult) -> None:
        """Raise `Rejected` if a version that we had not read was written over, which only a number shows."""
        before = "0" if creates_by_name(request) else request.if_match
        now = result.location.version if result.location is not None else None
        if before is None or now is None or not (before.isdecimal() and now.isdecimal()):
            return
        if int(now) > int(before) + 1 and not (creates_by_name(request) and self._said_the_same(request, int(now))):
            type_ = request.url.partition("/")[0]
            reason = f"If-Match was not heeded, and version {int(now) - 1} of a {type_} written over: see its history"
            raise Rejected(f"{self.connection.host}: {reason}")

    def _said_the_same(self, request: EntryRequest, now: int) -> bool:
        """True if a version and the one before it say the same: another of ours created it at the same time."""
        type_, id_ = request.url.split("/")
        wanted = (instances.vread(type_, id_, str(version)) for version in (now - 1, now))
        before, after = (self.connection.perform(one).resource for one in wanted)
        return {**before, "meta": None} == {**after, "meta": None}

    def _moved(self, bundle: JsonObject) -> JsonObject:
        """The bundle with the server's base in place of ours."""
        base = self.connection.base.rstrip("/")
        entries = [
            {"fullUrl": f"{base}/{'/'.join(entry['fullUrl'].rsplit('/', 2)[-2:])}", "resource": entry["resource"]}
            for entry in bundle["entry"]
        ]
        return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def _seed_of(plan: FetchedPlan) -> str:
    """Text that tells the plan from all others: the address of its CarePlan."""
    return next(
        str(entry["fullUrl"])
        for entry in plan.bundle["entry"]
        if (entry["resource"]["resourceType"], entry["resource"]["id"]) == (_ROOT, plan.plan.id)
    )


def _rank(place: Location) -> tuple[int, int, str]:
    """The order of resources: by type, the CarePlan last, then by id, numbers by their value."""
    order = _ORDER.index(place.type) if place.type in _ORDER else len(_ORDER)
    return order + (place.type == _ROOT), int(place.id) if place.id.isdecimal() else 0, place.id
