"""A whole (plan, notice, green form) and its bundle: which resources belong to it, and how they refer to each other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import orjson

from ip_fhir.domain.value import read
from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.fhir.bundle import Entry, entries_of
from ip_fhir.mapping.lens import data_of
from ip_fhir.mapping.links import Links, references_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from collections.abc import Mapping as Dict

    from ip_fhir.domain.value import V
    from ip_fhir.mapping.lens import Lens
    from ip_fhir.mapping.writer import Writer

_ROLE, _PRACTITIONER = "PractitionerRole", "Practitioner"


@dataclass(frozen=True, slots=True)
class Part:
    """One field of the whole and the lens of its resources; of professionals also the lens of the person."""

    field: str
    lens: Lens
    person: Lens | None = None
    by_root: bool = False
    one: bool = False

    @property
    def table(self) -> str:
        """The name of the table."""
        return self.lens.name


@dataclass(frozen=True, slots=True)
class Slot:
    """A part found in a bundle: its domain id and its entry (of a professional: the role's and the person's)."""

    part: Part
    ident: str
    entry: Entry
    person: Entry | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A whole as found in a bundle."""

    data: dict[str, Any]
    root: Entry
    slots: list[Slot]
    links: Links
    entries: list[Entry]


@dataclass(frozen=True)
class Assembly:
    """The parts of one kind of whole. `writer` gives a table's writer by name."""

    name: str
    root: Lens
    parts: tuple[Part, ...]
    writer: Callable[[str], Writer]

    def resources(self, whole: Any) -> list[dict[str, Any]]:
        """Every resource of the whole, parts before the root. Raises `InvalidInput` where FHIR has no place for it."""
        data = data_of(whole)
        links = self._own_links(data)
        made = [resource for part in self.parts for item in _items(data, part) for resource in _new(part, item, links)]
        return [*made, self.root.new(self._root_data(data), links)]

    def json(self, whole: Any, base: str) -> bytes:
        """`resources` as the JSON text of a transaction Bundle."""
        writing = self._writing
        refs: dict[str, dict[str, str]] = {}
        todo: list[tuple[str, str, Writer, Any]] = []
        for part in writing.parts:
            for item in part.items(whole):
                ident = item.id
                url = f"{part.type}/{ident}"
                refs[ident] = {"reference": url}
                if part.person is not None:
                    person = f"{_PRACTITIONER}/{ident}"
                    refs[f"~{ident}"] = {"reference": person}
                    todo.append((person, ident, part.person, item))
                todo.append((url, ident, part.write, item))
        todo.append((f"{writing.root_type}/{whole.id}", whole.id, writing.root, whole))
        owner = refs[whole.owner.id]
        entries = []
        for url, ident, write, item in todo:
            resource = write(item, refs, owner)
            resource["id"] = ident  # the table of the Practitioner has none: it shares the professional's
            request = {"method": "PUT", "url": url}
            entries.append({"fullUrl": f"{base}/{url}", "resource": resource, "request": request})
        return orjson.dumps(
            {"resourceType": "Bundle", "type": "transaction", "entry": entries}, option=orjson.OPT_UTC_Z
        )

    def value(self, model: type[V], bundle: Any) -> V:
        """The whole in a bundle. Raises `InvalidInput` with every problem, by FHIRPath."""
        found = self.find(entries_of(bundle))
        try:
            return read(model, found.data)
        except InvalidInput as error:
            raise InvalidInput(self._where(problem, found) for problem in error.problems) from None

    def onto(self, whole: Any, bundle: dict[str, Any], base: str) -> dict[str, Any]:
        """The bundle with what `whole` says, and nothing else changed.

        What the whole no longer has leaves the bundle. Raises `InvalidInput` where the bundle is about another person.
        """
        found = self.find(entries_of(bundle))
        data = data_of(whole)
        if found.links.owner != (data.get("owner") or {}).get("id"):
            raise InvalidInput.at("Bundle", "is about another person", "invariant")
        links = self._links_onto(data, found)
        with_request = bundle.get("type") in ("transaction", "batch")
        places: dict[int, dict[str, Any] | None] = {}
        added: list[dict[str, Any]] = []
        for part in self.parts:
            slots = [slot for slot in found.slots if slot.part is part]
            written = _Written(bundle["entry"], base, with_request=with_request)
            entries = [written.entry(part, item, slots, links) for item in _items(data, part)]
            places.update(zip((slot.entry.number for slot in slots), [*entries, *[None] * len(slots)], strict=False))
            places.update(
                {s.person.number: None for s in slots if s.person is not None and s.person.number not in places}
            )
            places.update(written.people)
            added += [*written.new_people, *entries[len(slots) :]]
        root_entry = bundle["entry"][found.root.number]
        new_root = self.root.put(self._root_data(data), found.root.resource, links, found.root.at)
        places[found.root.number] = (
            root_entry if new_root == found.root.resource else {**root_entry, "resource": new_root}
        )
        kept = (places.get(number, entry) for number, entry in enumerate(bundle["entry"]))
        return {**bundle, "entry": [*(entry for entry in kept if entry is not None), *added]}

    def find(self, entries: list[Entry]) -> Found:
        """The whole among these entries, as domain data not yet checked by the domain."""
        roots = [entry for entry in entries if self.root.owns(entry.resource)]
        if len(roots) != 1:
            reason = f"holds {len(roots)} resources that could be the {self.root.name}; there must be one"
            raise InvalidInput.at("Bundle", reason, "multiple-matches" if roots else "required")
        slots = [slot for part in self.parts for slot in _slots(part, entries, set(references_in(roots[0].resource)))]
        links = _links(slots)
        data, problems = _read_parts(slots, links)
        try:
            whole = self.root.get(roots[0].resource, links, roots[0].at)
        except InvalidInput as error:
            raise InvalidInput([*error.problems, *problems]) from None
        if problems:
            raise InvalidInput(problems)
        for part in self.parts:
            items = data.get(part.field, {})
            listed = whole.pop(part.field, None)
            if part.one:
                chosen = items.get(listed) if listed else next(iter(items.values()), None)
            else:
                chosen = [items[i] for i in listed or () if i in items] if part.by_root else list(items.values())
            if chosen:
                whole[part.field] = chosen
        return Found(whole, roots[0], slots, links, entries)

    def _own_links(self, data: dict[str, Any]) -> Links:
        references: dict[str, str] = {}
        for part in self.parts:
            for item in _items(data, part):
                references[item["id"]] = f"{part.lens.resource}/{item['id']}"
                if part.person is not None:
                    references[f"~{item['id']}"] = f"{_PRACTITIONER}/{item['id']}"
        owner = data.get("owner")
        return Links(references, owner=owner["id"] if owner else None)

    def _links_onto(self, data: dict[str, Any], found: Found) -> Links:
        """The bundle's own references for what stays, new ones for what comes.

        An id that has come to mean another kind of thing reads as unlike every id, so that it is written anew.
        """
        own = self._own_links(data)
        kind = {item["id"]: part for part in self.parts for item in _items(data, part)}
        stays = {slot.ident for slot in found.slots if kind.get(slot.ident) is slot.part}
        kept = {i: ref for i, ref in found.links.references.items() if i.removeprefix("~") in stays}
        ids = {ref: i if i in stays else f"!{i}" for ref, i in found.links.ids.items()}
        return Links({**own.references, **kept}, ids, own.owner)

    def _root_data(self, data: dict[str, Any]) -> dict[str, Any]:
        """The whole with what other tables map replaced by ids."""
        ids = {
            part.field: data[part.field]["id"] if part.one else [item["id"] for item in data[part.field]]
            for part in self.parts
            if part.by_root and data.get(part.field)
        }
        return {**data, **ids}

    def _where(self, problem: Problem, found: Found) -> Problem:
        """A problem of the domain at its place in the bundle."""
        field, *rest = problem.path.split(".")
        part = next((p for p in self.parts if p.field == field), None)
        if part is None:
            return Problem(f"{found.root.at}.{self.root.where(problem.path)}", problem.reason, problem.code)
        if not found.data.get(field):  # what is required did not come at all: its place is where it should be named
            return Problem(found.root.at, f"{field}: {problem.reason}", problem.code)
        index = int(rest.pop(0)) if not part.one and rest and rest[0].isdigit() else 0
        item = found.data[field] if part.one else found.data[field][index]
        slot = next(s for s in found.slots if s.part is part and s.ident == item["id"])
        return Problem(f"{slot.entry.at}.{part.lens.where('.'.join(rest))}", problem.reason, problem.code)

    @cached_property
    def _writing(self) -> _Writing:
        parts = tuple(
            _WrittenPart(
                part.field,
                part.one,
                str(part.lens.resource),
                self.writer(part.lens.name),
                self.writer(part.person.name) if part.person is not None else None,
            )
            for part in self.parts
        )
        return _Writing(parts, str(self.root.resource), self.writer(self.root.name))


def _items(data: dict[str, Any], part: Part) -> list[dict[str, Any]]:
    found = data.get(part.field)
    if not found:
        return []
    return [found] if part.one else found


def _new(part: Part, item: dict[str, Any], links: Links) -> Iterator[dict[str, Any]]:
    if part.person is not None:
        yield {"resourceType": _PRACTITIONER, "id": item["id"], **part.person.new(item, links)}
    yield part.lens.new(item, links)


def _entry(resource: dict[str, Any], base: str, *, with_request: bool) -> dict[str, Any]:
    url = f"{resource['resourceType']}/{resource['id']}"
    request = {"request": {"method": "PUT", "url": url}} if with_request else {}
    return {"fullUrl": f"{base}/{url}", "resource": resource, **request}


def _slots(part: Part, entries: list[Entry], of_root: set[str]) -> Iterator[Slot]:
    """The entries that are this part. Ids that another part also uses get their type in front (see `_links`)."""
    mine = [entry for entry in entries if part.lens.owns(entry.resource)]
    if part.by_root:
        mine = [entry for entry in mine if of_root & set(entry.references)]
    people = [entry for entry in entries if entry.type == _PRACTITIONER] if part.person is not None else []
    for entry in mine:
        named = set(references_in(entry.resource.get("practitioner")))
        yield Slot(part, entry.id, entry, next((p for p in people if named & set(p.references)), None))


def _links(slots: list[Slot]) -> Links:
    """References both ways for what was found; two things of one id keep apart by their type."""
    references: dict[str, str] = {}
    ids: dict[str, str] = {}
    owner = None
    for number, slot in enumerate(slots):
        ident = slot.ident if slot.ident not in references else f"{slot.entry.type}.{slot.ident}"[-64:]
        if ident != slot.ident:
            slots[number] = slot = Slot(slot.part, ident, slot.entry, slot.person)  # noqa: PLW2901 - the renamed one
        if slot.part.field == "owner":
            owner = ident
        references[ident] = _reference(slot.entry)
        ids.update(dict.fromkeys(slot.entry.references, ident))
        if slot.person is not None:
            references[f"~{ident}"] = _reference(slot.person)
            for reference in slot.person.references:
                ids.setdefault(reference, ident)
    return Links(references, ids, owner)


def _reference(entry: Entry) -> str:
    """How to refer to the entry: as others in the bundle have to."""
    if entry.full_url is not None and entry.full_url.startswith("urn:"):
        return entry.full_url
    return f"{entry.type}/{entry.id}"


def _read_parts(slots: Iterable[Slot], links: Links) -> tuple[dict[str, dict[str, Any]], list[Problem]]:
    data: dict[str, dict[str, Any]] = {}
    problems: list[Problem] = []
    for slot in slots:
        try:
            data.setdefault(slot.part.field, {})[slot.ident] = _read_slot(slot, links)
        except InvalidInput as error:
            problems += error.problems
    return data, problems


def _read_slot(slot: Slot, links: Links) -> dict[str, Any]:
    item = slot.part.lens.get({**slot.entry.resource, "id": slot.ident}, links, slot.entry.at)
    if slot.part.person is None:
        return item
    if slot.person is None:
        raise InvalidInput.at(f"{slot.entry.at}.practitioner", "refers to nobody in the bundle", "not-found")
    return {**slot.part.person.get(slot.person.resource, links, slot.person.at), **item}


class _Written:
    """The entries of one part as they are to be: what stays keeps its entry, what comes gets a new one."""

    def __init__(self, entries: list[dict[str, Any]], base: str, *, with_request: bool) -> None:
        self.entries, self.base, self.with_request = entries, base, with_request
        self.people: dict[int, dict[str, Any]] = {}
        self.new_people: list[dict[str, Any]] = []

    def entry(self, part: Part, item: dict[str, Any], slots: list[Slot], links: Links) -> dict[str, Any]:
        """The entry of one item; of a professional the role's, with the person's kept aside."""
        slot = next((slot for slot in slots if slot.ident == item["id"]), None)
        if slot is None:
            *people, resource = _new(part, item, links)
            self.new_people += [_entry(person, self.base, with_request=self.with_request) for person in people]
            return _entry(resource, self.base, with_request=self.with_request)
        if slot.person is not None and part.person is not None:
            self.people[slot.person.number] = self._changed(part.person, slot.person, item, links)
        return self._changed(part.lens, slot.entry, item, links)

    def _changed(self, table: Lens, entry: Entry, item: dict[str, Any], links: Links) -> dict[str, Any]:
        ident = entry.resource.get("id")
        new = table.put(item if ident is None else {**item, "id": ident}, entry.resource, links, entry.at)
        if ident is None:
            new = {key: value for key, value in new.items() if key != "id"}
        old = self.entries[entry.number]
        return old if new == entry.resource else {**old, "resource": new}


@dataclass(frozen=True, slots=True)
class _WrittenPart:
    """What writing a part needs of its tables."""

    field: str
    one: bool
    type: str
    write: Writer
    person: Writer | None

    def items(self, whole: Any) -> Iterable[Any]:
        """The part's values in a whole."""
        found: Any = getattr(whole, self.field)
        return ((found,) if found is not None else ()) if self.one else found


@dataclass(frozen=True, slots=True)
class _Writing:
    """What writing a whole needs of its tables."""

    parts: tuple[_WrittenPart, ...]
    root_type: str
    root: Writer


def assemblies(
    rows: Iterable[Dict[str, Any]], lenses: Dict[str, Lens], writer: Callable[[str], Writer]
) -> dict[str, Assembly]:
    """Every kind of whole, by name (mappings/bundles.toml)."""

    def part(row: dict[str, Any]) -> Part:
        table = row.pop("table")
        return Part(lens=lenses[table], person=lenses[_PRACTITIONER] if table == _ROLE else None, **row)

    return {
        row["name"]: Assembly(row["name"], lenses[row["root"]], tuple(part(dict(p)) for p in row["part"]), writer)
        for row in rows
    }
