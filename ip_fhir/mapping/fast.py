"""A whole from the JSON text of its bundle, the fast way: what is beyond doubt is read here, all else by the lenses.

Decoding takes only what the tables read; where the time goes stands in docs/performance.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import orjson

from ip_fhir.domain.people import Professional
from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.mapping.domains import domain_types
from ip_fhir.mapping.fields import maker
from ip_fhir.mapping.reader import Readers
from ip_fhir.mapping.shapes import NEVER, RAW, TEXT, UNSET, Doubt, Memo, Shape, Unsupported, attribute
from ip_fhir.mapping.slots import PRACTITIONER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ip_fhir.mapping.assembly import Assembly
    from ip_fhir.mapping.lens import TableLens
    from ip_fhir.mapping.tables import Tables

# Of what may be escaped in JSON, what the domain's texts may not hold: control characters, U+FFFE, U+FFFF, half a pair.
_RARE = re.compile(rb"\\(?:[bf]|u(?:00[01]|[fF]{3}[eEfF]|[dD][89a-fA-F]))")
_NO_CHARACTER = re.compile(b"\xef\xbf[\xbe\xbf]")
_ID_BYTES = bytes(b for b in range(128) if chr(b).isalnum() or chr(b) in "-.")
_LONGEST_ID = 64
_NOT_SURE = (Doubt, InvalidInput, msgspec.MsgspecError, KeyError, ValueError, TypeError, AttributeError, RecursionError)
_SILENT = Shape({"id": TEXT})


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of the whole, ready to be read. A professional is two resources."""

    field: str
    struct: Any
    read: Callable[..., Any]
    by_root: bool
    one: bool
    is_professional: bool


class FastReader:
    """Reads one kind of whole. Raises `Unsupported` when made of tables that say what only lenses can read.

    `foreign`: elements of other FHIR versions, by which a bundle is none of these tables'.
    """

    def __init__(
        self, assembly: Assembly, tables: Tables, lenses: dict[str, TableLens], foreign: Iterable[str]
    ) -> None:
        readers = Readers(tables, lenses)
        root = tables.fields[assembly.root.name]
        shapes = {name: readers.shape(name) for name in (*(p.table for p in assembly.parts), PRACTITIONER, root.name)}
        types = {name: str(tables.fields[name].resource) for name in shapes}
        if len(set(types.values())) < len(types):
            raise Unsupported("two tables read one type of resource")
        _refuse(shapes, types, foreign)
        self._ours = _category_test(assembly, shapes[root.name])
        structs = {name: shape.struct(name, types[name]) for name, shape in shapes.items()}
        silent = [_SILENT.struct(type_, type_) for type_ in {str(d.lens.resource) for d in assembly.derived}]
        self._decode = _decoder([*structs.values(), *silent])
        self._root, self._read_root = structs.pop(root.name), readers.function(root.name)
        self._person, self._read_person = structs[PRACTITIONER], readers.function(PRACTITIONER)
        self._prefix = {struct: f"{types[name]}/" for name, struct in structs.items()}
        self._subject = attribute(next(const.path[0].name for const in root.consts if const.owner))
        self._parts = tuple(
            _Part(p.field, structs[p.table], readers.function(p.table), p.by_root, p.one, p.person is not None)
            for p in assembly.parts
        )
        self._make, self._make_professional = maker(domain_types()[root.domain]), maker(Professional)
        self.code = readers.code

    def read(self, content: bytes) -> Any:
        """The whole in a bundle, or None where there is doubt: then the lenses are to be asked."""
        if len(content) > DEFAULT_LIMITS.max_bytes:
            return None
        if (b"\\" in content and _RARE.search(content)) or (b"\xef" in content and _NO_CHARACTER.search(content)):
            return None
        try:
            return self._whole(self._decode(content).entry)
        except _NOT_SURE:
            return None

    def _whole(self, entries: list[Any]) -> Any:
        (root,), found, ids, people = self._sorted(entries)
        if not self._ours[bytes(root.category)]:
            raise Doubt
        names: list[str] = []
        named = names.append
        owner = ids[getattr(root, self._subject).reference]
        fields = self._read_root(root, ids, owner, named)
        for part in self._parts:
            read = part.read
            values = [read(struct, ids, owner, named) for struct in found[part.struct]]
            if part.is_professional:
                persons = [self._read_person(struct, ids, owner, named) for struct in people]
                values = [self._make_professional({**p, **r}) for p, r in zip(persons, values, strict=True)]
            fields[part.field] = _chosen(part, values, fields.get(part.field), owner)
        _check_ids(names)
        return self._make(fields)

    def _sorted(self, entries: list[Any]) -> tuple[list[Any], dict[Any, list[Any]], dict[str, str], list[Any]]:
        """The root, the other resources by type, the domain id of each reference, the person of each role.

        There is doubt where two things are alike: the lenses tell which is meant.
        """
        roots: list[Any] = []
        found: dict[Any, list[Any]] = {struct: [] for struct in self._prefix}
        ids: dict[str, str] = {}
        people: dict[str, str] = {}
        references = 0
        for entry in entries:
            resource = entry.resource
            struct = type(resource)
            prefix = self._prefix.get(struct)
            if prefix is None:
                if struct is self._root:
                    roots.append(resource)
                if not resource.id:
                    raise Doubt
                continue  # what is derived is not read
            found[struct].append(resource)
            known = people if struct is self._person else ids
            ident = resource.id
            known[prefix + ident] = ident
            references += 1
            if entry.fullUrl is not None:
                known[entry.fullUrl] = ident
                references += 1
        things = sum(map(len, found.values())) - len(found[self._person])
        if len(set(ids.values())) != things:
            raise Doubt
        persons = self._persons(found, ids, people)
        if len(ids) != references:
            raise Doubt
        return roots, found, ids, persons

    def _persons(self, found: dict[Any, list[Any]], ids: dict[str, str], people: dict[str, str]) -> list[Any]:
        """The person of each role; a reference to the person means the professional, whose id is the role's."""
        by_id = {person.id: person for person in found[self._person]}
        roles = next(found[part.struct] for part in self._parts if part.is_professional)
        role_of = {people[role.practitioner.reference]: role.id for role in roles}
        if not len(role_of) == len(by_id) == len(roles) == len(found[self._person]):
            raise Doubt
        for reference, person in people.items():
            ids[reference] = role_of[person]
        return [by_id[person] for person in role_of]


def _refuse(shapes: dict[str, Shape], types: dict[str, str], foreign: Iterable[str]) -> None:
    """Every resource has an id. Rules of their own, another FHIR version, and measures elsewhere put it in doubt."""
    for name, shape in shapes.items():
        shape.member("id", TEXT)
        shape.refuse(("implicitRules",))
        for type_, *path in (sign.split(".") for sign in foreign):
            if type_ == types[name]:
                shape.refuse(tuple(path))
    shapes["PractitionerRole"].inner("practitioner").member("reference", TEXT)
    shapes["CarePlan"].refuse(("activity", "reference"))


def _category_test(assembly: Assembly, shape: Shape) -> Memo:
    """Whether the root says that it is one of ours, by the text of its categories."""
    nodes = [(const.path[0].name, node) for const, node in assembly.root.inner.consts if "plan-category" in const.fhir]
    if not nodes:
        raise Unsupported("nothing says which plans are ours")
    ((name, node),) = nodes
    shape.member(name, RAW)
    return Memo(lambda text: node.owns({name: orjson.loads(text)}))


def _decoder(structs: list[Any]) -> Callable[[bytes], Any]:
    one_of = structs[0]
    for struct in structs[1:]:
        one_of |= struct
    entry = msgspec.defstruct("Entry", [("resource", one_of), ("fullUrl", str | None, None)], gc=False)
    members: list[Any] = [
        ("resourceType", Literal["Bundle"]),
        ("entry", list[entry]),  # type: ignore[valid-type]  # made at run time
        ("implicitRules", NEVER, UNSET),
    ]
    return msgspec.json.Decoder(msgspec.defstruct("Bundle", members)).decode


def _chosen(part: _Part, values: list[Any], listed: Any, owner: str) -> Any:
    """The values of a part: those that the root lists, in its order, or all that are the table's."""
    if not part.by_root:
        return tuple(value for value in values if value is not None)
    wanted = [owner] if part.field == "owner" else [listed] if part.one and listed is not None else listed or []
    if [value.id for value in values] != list(wanted):
        if len(values) != len(wanted):
            raise Doubt
        by_id = {value.id: value for value in values}
        values = [by_id[ident] for ident in wanted]
    if part.one:
        return values[0] if values else None
    return tuple(values)


def _check_ids(names: list[str]) -> None:
    """Every id is one by the rules of FHIR and of the domain: letters, digits, `-`, `.`; at most 64."""
    if "" in names or len(max(names, key=len)) > _LONGEST_ID or "".join(names).encode().translate(None, _ID_BYTES):
        raise Doubt
