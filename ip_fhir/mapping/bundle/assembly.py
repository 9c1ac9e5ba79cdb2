"""A whole (plan, notice, green form) as a bundle: the resources that belong to it, and the references between them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, cast

from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput, MappingError, Problem
from ip_fhir.fhir.bundle import Entry, entries_of
from ip_fhir.fhir.references import References, references_in
from ip_fhir.mapping.bundle.derived import derived
from ip_fhir.mapping.bundle.links import links_between
from ip_fhir.mapping.bundle.parts import PRACTITIONER as _PRACTITIONER
from ip_fhir.mapping.bundle.parts import Part, Slot, places_of, refuse_doubles, slots_of, with_own_ids
from ip_fhir.mapping.bundle.refusal import Refusal
from ip_fhir.mapping.dialects.fhir.fhirpath import at
from ip_fhir.mapping.generated.structs import WrittenReference, transaction
from ip_fhir.mapping.lenses.references import Links
from ip_fhir.mapping.lenses.table import data_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from collections.abc import Mapping as Dict

    from ip_fhir.domain.values.value import V
    from ip_fhir.fhir.bundle import Place
    from ip_fhir.mapping.bundle.derived import Derived
    from ip_fhir.mapping.bundle.links import BundleLinks
    from ip_fhir.mapping.generated.writer import Writer
    from ip_fhir.mapping.lenses.table import Lens

_ROLE = "PractitionerRole"
_PERSON = f"{_PRACTITIONER}/"


@dataclass(frozen=True, slots=True)
class Located:
    """The entries of a whole in a bundle: its root, its parts, and the references between them."""

    root: Entry
    slots: list[Slot]
    links: BundleLinks


@dataclass(frozen=True, slots=True)
class Found:
    """A whole as found in a bundle: its data in JSON form, and the entries that hold it.

    `told` has warnings by the number of an entry that was not read as it stands, or not at all.
    """

    data: dict[str, Any]
    root: Entry
    slots: list[Slot]
    links: BundleLinks
    entries: list[Entry]
    told: dict[Place, list[Problem]] = field(default_factory=dict)

    def slot_of(self, part: Part, ident: str) -> Slot:
        """The slot of this part and domain id."""
        return next(slot for slot in self.slots if slot.part is part and slot.ident == ident)


@dataclass(frozen=True)
class Assembly:
    """One kind of whole: the lenses of its root, parts and derived resources. `writer` gives a table's fast writer."""

    name: str
    root: Lens
    parts: tuple[Part, ...]
    derived: tuple[Derived, ...]
    writer: Callable[[str], Writer]

    def resources(self, whole: Any, *, derived: bool = True) -> list[dict[str, Any]]:
        """Every resource of the whole, the root last. Raises `InvalidInput` if FHIR has no place or code for a part."""
        data = data_of(whole)
        links = self.own_links(self.idents(data), data["id"])
        made = [r for part in self.parts for item in items_of(data, part) for r in new_resources(part, item, links)]
        made += [d.lens.new(item, links) for d in self.derived for item in d.make(whole)] if derived else []
        return [*made, self.root.new(self.root_data(data), links)]

    def json(self, whole: Any, base: str) -> bytes:
        """The UTF-8 JSON text of a transaction Bundle of `resources`. Raises `InvalidInput` as that does."""
        return transaction(self.written(whole), f"{base}/")

    def written(self, whole: Any, *, derived: bool = True) -> list[tuple[str, Any]]:
        """Each resource, for `write_json` alone, and its relative URL, made by the tables' fast writers.

        Raises `InvalidInput` as `resources`.
        """
        try:
            return self._written(whole, self._writing[1] if derived else [])
        except KeyError as missing:
            self.resources(whole)  # the lenses raise the error that names the word without a code
            raise MappingError("the fast writer does not write what the lenses write") from missing

    def _written(self, whole: Any, derived: list[_WrittenPart]) -> list[tuple[str, Any]]:
        parts, _, root = self._writing
        refs: dict[str | None, WrittenReference | None] = {
            None: None,
            f"={whole.id}": WrittenReference(root.begin + whole.id),
        }
        for part in parts:
            begin = part.begin
            for item in part.items(whole):
                ident = item.id
                refs[ident] = WrittenReference(begin + ident)
                if part.person is not None:
                    refs["~" + ident] = WrittenReference(_PERSON + ident)
        owner = cast("WrittenReference", refs[whole.owner.id])
        written: list[tuple[str, Any]] = []
        add = written.append
        for part in (*parts, *derived, root):
            begin, write = part.begin, part.write
            for item in part.items(whole):
                ident = item.id
                if part.person is not None:
                    url = _PERSON + ident
                    resource = part.person(item, refs, owner)
                    resource.id = ident
                    add((url, resource))
                add((begin + ident, write(item, refs, owner)))
        return written

    def value(self, model: type[V], bundle: Any) -> V:
        """Read the whole in a bundle by the lenses. Raises `InvalidInput` with every problem, by FHIRPath."""
        return self.checked(model, self.find(entries_of(bundle)))

    def checked(self, model: type[V], found: Found) -> V:
        """The whole that was found, as a domain value. Raises `InvalidInput` with every problem, by FHIRPath."""
        try:
            return read(model, found.data)
        except InvalidInput as error:
            if self._settle(found, error.problems):
                return self.checked(model, found)
            raise InvalidInput(self._where(problem, found) for problem in error.problems) from None

    def _settle(self, found: Found, problems: Sequence[Problem]) -> bool:
        """Replace in `found` each value in doubt that the domain's rules refuse. False if there is none."""
        refused: dict[str, list[Problem]] = {}
        for problem in problems:
            name, _, rest = problem.path.partition(".")
            number = rest.partition(".")[0]
            part = next((p for p in self.parts if p.field == name and p.in_doubt is not None), None)
            if part is not None and number.isdigit():
                slot = found.slot_of(part, found.data[name][int(number)]["id"])
                refused.setdefault(slot.ident, []).append(self._where(problem, found))
        for slot in [slot for slot in found.slots if slot.part.in_doubt is not None and slot.ident in refused]:
            if slot.entry.place in found.told:
                return False  # it stands in for the entry already, and is refused all the same
            _stand_in(slot, found, refused[slot.ident])
        return bool(refused)

    def locate(self, entries: list[Entry]) -> Located:
        """Find the entries of the whole. Raises `InvalidInput` without a single root, and for ambiguous references."""
        roots = [entry for entry in entries if self.root.owns(entry.resource)]
        if len(roots) != 1:
            reason = f"holds {len(roots)} resources that could be the {self.root.name}; there must be one"
            raise InvalidInput.at("Bundle", reason, "multiple-matches" if roots else "required")
        references = References(entries)
        root = roots[0]
        slots = self._slots(entries, root, references)
        held = {place for slot in slots for place in places_of(slot)} | {root.place}
        inside = [one for number, several in references.contained.items() if (number, None) in held for one in several]
        if inside:
            slots = self._slots([*entries, *inside], root, references)
        refuse_doubles(slots, references)
        self._expect_owner(slots, root)
        slots = with_own_ids(slots, references)
        return Located(root, slots, links_between(slots, references))

    def _slots(self, entries: Iterable[Entry], root: Entry, references: References) -> list[Slot]:
        """The parts of the whole among these resources, part by part."""
        of_type: dict[str, list[Entry]] = {}
        for entry in entries:
            of_type.setdefault(entry.type, []).append(entry)
        named = _named({**root.resource, "contained": None}, root, references)
        return [
            slot
            for part in self.parts
            for slot in slots_of(
                part, of_type.get(str(part.lens.resource), []), self._of_part(part, root, named, references), references
            )
        ]

    def find(self, entries: list[Entry]) -> Found:
        """Read the whole in these entries as data in JSON form, not yet checked by the domain's rules."""
        located = self.locate(entries)
        root, slots, links = located.root, located.slots, located.links
        data, problems, told = _read_parts(slots, links)
        try:
            whole = self.root.get({**root.resource, "id": root.id}, links.of(root), root.at)
        except InvalidInput as error:
            raise InvalidInput([*error.problems, *problems]) from None
        if problems:
            raise InvalidInput(problems)
        named: dict[str, set[str]] = {}
        for part in self.parts:
            items = data.get(part.field, {})
            listed = whole.pop(part.field, None)
            if part.one:
                chosen = items.get(listed) if listed else items.get(min(items, default=""))
            else:
                chosen = [items[i] for i in listed or () if i in items] if part.by_root else list(items.values())
            if chosen:
                whole[part.field] = chosen
            if part.by_root:
                named[part.field] = {item["id"] for item in items_of({part.field: chosen}, part)}
        # Entries that the root refers to for another reason (a second team, a background condition) are not the plan's.
        ours = [slot for slot in slots if slot.ident in named.get(slot.part.field, (slot.ident,))]
        return Found(whole, root, ours, links, entries, told)

    def _of_part(self, part: Part, root: Entry, named: set[Place], references: References) -> set[Place] | None:
        """The places that make a resource this part's: all that the root names, for the owner those of its subject.

        None: the part is not found by reference.
        """
        if not part.by_root:
            return None
        return named if part.field != "owner" else _named(root.resource.get(self._subject), root, references)

    @property
    def _subject(self) -> str:
        """The root's element that names the owner."""
        return next(const.path[0].name for const, _ in self.root.inner.consts if const.owner)

    def _expect_owner(self, slots: list[Slot], root: Entry) -> None:
        """Raise one `InvalidInput` if the owner is not in the bundle, in place of one for each reference to them."""
        if any(part.field == "owner" for part in self.parts) and not any(slot.part.field == "owner" for slot in slots):
            reason = "must refer to the person whom it is about, in the bundle"
            raise InvalidInput.at(f"{root.at}.{self._subject}", reason, "required")

    def idents(self, data: dict[str, Any]) -> dict[str, list[str]]:
        """The ids of a whole's parts, by field."""
        return {part.field: [item["id"] for item in items_of(data, part)] for part in self.parts}

    def own_links(self, idents: Mapping[str, Collection[str]], whole: str) -> Links:
        """The references of a whole that is not in a bundle yet, by the ids of its parts and its own."""
        references: dict[str, str] = {}
        for part in self.parts:
            for ident in idents[part.field]:
                references[ident] = f"{part.lens.resource}/{ident}"
                if part.person is not None:
                    references[f"~{ident}"] = f"{_PRACTITIONER}/{ident}"
        references[f"={whole}"] = f"{self.root.resource}/{whole}"
        return Links(references, owner=next(iter(idents.get("owner", ())), None))

    def root_data(self, data: dict[str, Any]) -> dict[str, Any]:
        """The whole's data for the root's table: values that the root refers to are replaced by their ids."""
        ids = {
            part.field: data[part.field]["id"] if part.one else [item["id"] for item in data[part.field]]
            for part in self.parts
            if part.by_root and data.get(part.field)
        }
        return {**data, **ids}

    def _where(self, problem: Problem, found: Found) -> Problem:
        """Translate the path of a domain problem to its FHIRPath in the bundle."""
        field, *rest = problem.path.split(".")
        part = next((p for p in self.parts if p.field == field), None)
        if part is None:
            return replace(problem, path=at(found.root.at, self.root.where(problem.path, found.root.resource)))
        if not found.data.get(field) or not (rest or part.one):  # missing, or too many: the root names them all
            return replace(problem, path=found.root.at, reason=f"{field}: {problem.reason}")
        index = int(rest.pop(0)) if not part.one and rest else 0
        item = found.data[field] if part.one else found.data[field][index]
        slot = found.slot_of(part, item["id"])
        inner = ".".join(rest)
        if slot.person is not None and part.person is not None:
            place = part.person.where(inner, slot.person.resource)
            if place:
                return replace(problem, path=at(slot.person.at, place))
        return replace(problem, path=at(slot.entry.at, part.lens.where(inner, slot.entry.resource)))

    @cached_property
    def _writing(self) -> tuple[list[_WrittenPart], list[_WrittenPart], _WrittenPart]:
        parts = [
            _WrittenPart(
                f"{part.lens.resource}/",
                partial(_values, part.field, part.one),
                self.writer(part.lens.name),
                self.writer(part.person.name) if part.person is not None else None,
            )
            for part in self.parts
        ]
        derived = [_WrittenPart(f"{d.lens.resource}/", d.make, self.writer(d.lens.name)) for d in self.derived]
        return (
            parts,
            derived,
            _WrittenPart(f"{self.root.resource}/", lambda whole: (whole,), self.writer(self.root.name)),
        )


def _named(node: Any, holder: Entry, references: References) -> set[Place]:
    """The places of the resources that the references below a node mean."""
    return {entry.place for one in references_in(node) for entry in references.meant_by(one, holder)}


def items_of(data: dict[str, Any], part: Part) -> list[dict[str, Any]]:
    """The data of a part's values, from a whole's data; empty if there are none."""
    found = data.get(part.field)
    if not found:
        return []
    return [found] if part.one else found


def new_resources(part: Part, item: dict[str, Any], links: Links) -> Iterator[dict[str, Any]]:
    """Yield the resources of one value: for a professional the Practitioner, then the PractitionerRole."""
    if part.person is not None:
        yield {"resourceType": _PRACTITIONER, "id": item["id"], **part.person.new(item, links)}
    yield part.lens.new(item, links)


def _read_parts(
    slots: list[Slot], links: BundleLinks
) -> tuple[dict[str, dict[str, Any]], list[Problem], dict[Place, list[Problem]]]:
    """The data of each part by field and id, the problems, and what is to be told; slots out of sight are removed."""
    data: dict[str, dict[str, Any]] = {}
    problems: list[Problem] = []
    told: dict[Place, list[Problem]] = {}
    hidden: set[Place] = set()
    for slot in slots:
        try:
            data.setdefault(slot.part.field, {})[slot.ident] = _read_slot(slot, links)
        except InvalidInput as error:
            rule = slot.part.in_doubt
            if rule is None or rule.is_of_another(slot.entry, error.problems):
                problems += error.problems
                continue
            told[slot.entry.place] = rule.told(slot.entry, error.problems)
            value = rule.value(slot.ident, slot.entry, links.of(slot.entry))
            if value is None:
                hidden.add(slot.entry.place)
            else:
                data.setdefault(slot.part.field, {})[slot.ident] = value
    slots[:] = [slot for slot in slots if slot.entry.place not in hidden]
    return data, problems, told


def _stand_in(slot: Slot, found: Found, problems: list[Problem]) -> None:
    """Replace the value of a slot by the one that its part's rule gives, or take both out of what was found."""
    rule = cast("Refusal", slot.part.in_doubt)
    found.told[slot.entry.place] = rule.told(slot.entry, problems)
    value = rule.value(slot.ident, slot.entry, found.links.of(slot.entry))
    items: list[dict[str, Any]] = found.data[slot.part.field]
    at = next(n for n, item in enumerate(items) if item["id"] == slot.ident)
    items[at : at + 1] = [] if value is None else [value]
    if value is None:
        found.slots[:] = [one for one in found.slots if one is not slot]


def _read_slot(slot: Slot, links: BundleLinks) -> dict[str, Any]:
    if slot.part.in_doubt is not None:
        return slot.part.in_doubt.read(slot.ident, slot.entry, links.of(slot.entry))
    item = slot.part.lens.get({**slot.entry.resource, "id": slot.ident}, links.of(slot.entry), slot.entry.at)
    if slot.part.person is None:
        return item
    if slot.person is None:
        raise InvalidInput.at(f"{slot.entry.at}.practitioner", "refers to nobody in the bundle", "not-found")
    return {**slot.part.person.get(slot.person.resource, links.of(slot.person), slot.person.at), **item}


@dataclass(frozen=True, slots=True)
class _WrittenPart:
    """The fast writers of a part; `items` gives the part's values in a whole."""

    begin: str  # the beginning of a reference: `Goal/`
    items: Callable[[Any], Iterable[Any]]
    write: Writer
    person: Writer | None = None


def _values(field: str, one: bool, whole: Any) -> Iterable[Any]:
    found: Any = getattr(whole, field)
    return ((found,) if found is not None else ()) if one else found


# The rules for what cannot be kept whole that bundles.toml may name; there are no others.
_IN_DOUBT = {"refusal": Refusal}


def assemblies(
    rows: Iterable[Dict[str, Any]], lenses: Dict[str, Lens], writer: Callable[[str], Writer]
) -> dict[str, Assembly]:
    """The assembly of every kind of whole, by name (mappings/bundles.toml)."""

    def part(row: dict[str, Any]) -> Part:
        table = row.pop("table")
        rule = _IN_DOUBT[row.pop("in_doubt")](lenses[table]) if "in_doubt" in row else None
        return Part(lens=lenses[table], person=lenses[_PRACTITIONER] if table == _ROLE else None, in_doubt=rule, **row)

    def assembly(row: Dict[str, Any]) -> Assembly:
        parts = tuple(part(dict(p)) for p in row["part"])
        return Assembly(row["name"], lenses[row["root"]], parts, derived(row.get("derived", ()), lenses), writer)

    return {row["name"]: assembly(row) for row in rows}
