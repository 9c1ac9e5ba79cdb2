"""Reads a whole straight from the JSON text of its bundle, or leaves it to the lenses (see docs/mapping.md).

Only members that the tables read are decoded; docs/performance.md has the costs. A resource whose type no table reads
(an Observation in a searchset) is decoded no further than its type and id: the lenses pass over it too.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import orjson

from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.reading import DEFAULT_LIMITS, has_too_many_parts
from ip_fhir.mapping.bundle.parts import PRACTITIONER, unversioned
from ip_fhir.mapping.bundle.reads import LensesNeeded, StandDown
from ip_fhir.mapping.generated.decoding import NEVER, RAW, TEXT, Doubt, Memo, Shape, Unsupported, attribute
from ip_fhir.mapping.generated.drafts import most_items
from ip_fhir.mapping.generated.readers import Readers
from ip_fhir.mapping.tables.domain_fields import domain_types

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ip_fhir.mapping.bundle.assembly import Assembly
    from ip_fhir.mapping.lenses.table import TableLens
    from ip_fhir.mapping.tables.model import Tables

# JSON escapes of characters that the domain's texts may not have: control characters, U+FFFE, U+FFFF, half a pair.
_RARE = re.compile(rb"\\(?:[bf]|u(?:00[01]|[fF]{3}[eEfF]|[dD][89a-fA-F]))")
_NO_CHARACTER = re.compile(b"\xef\xbf[\xbe\xbf]")
_ID_BYTES = bytes(b for b in range(128) if chr(b).isalnum() or chr(b) in "-.")
_LONGEST_ID = 64
_SHAPES = bytes(ord("0") if chr(n).isdigit() else ord("a") if chr(n).isalpha() else ord(" ") for n in range(256))
_NUMBER = b" 00000000000 "  # eleven digits between what is neither letter nor digit
_NOT_SURE = (Doubt, InvalidInput, msgspec.MsgspecError, KeyError, ValueError, TypeError, AttributeError, RecursionError)
_ROLE = "PractitionerRole"
_IDS, _PEOPLE, _OTHERS = range(3)
_TYPE = re.compile("[A-Z][A-Za-z]{1,63}")
_MOST_TYPES = 256  # more than FHIR R4 and R5 have; so a peer that invents types cannot fill the memory


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of the whole with its struct and reader. A professional is two resources, each with some of the fields."""

    field: str
    struct: Any
    read: Callable[..., Any]
    by_root: bool
    one: bool
    most: int | None
    doubtful: bool  # an entry that the part's lens does not own may be read as one all the same


class _References(dict[str, str]):
    """Domain ids by reference. A reference to a version of a resource means the resource, as for the lenses."""

    __slots__ = ()

    def __missing__(self, reference: str) -> str:
        plain = unversioned(reference)
        if plain == reference:
            raise KeyError(reference)
        return self[plain]


class FastReader:
    """Reads one kind of whole. The constructor raises `Unsupported` for tables with rows that only lenses can read.

    `foreign` are elements (`Type.element`) of other FHIR versions; a bundle with one of them is left to the lenses.
    """

    def __init__(
        self, assembly: Assembly, tables: Tables, lenses: dict[str, TableLens], foreign: Iterable[str]
    ) -> None:
        readers = Readers(tables, lenses)
        root = tables.fields[assembly.root.name]
        names = (*(part.table for part in assembly.parts), PRACTITIONER, root.name)
        shapes = {name: readers.shape(name, many=name != root.name, closes=name == _ROLE) for name in names}
        types = {name: str(tables.fields[name].resource) for name in shapes}
        if len(set(types.values())) < len(types):
            raise Unsupported("two tables read one type of resource")
        _refuse(shapes, types, foreign)
        self._ours = _category_test(assembly, shapes[root.name])
        structs = {name: shape.struct(name, types[name]) for name, shape in shapes.items()}
        self._foreign = tuple(foreign)
        self._structs = tuple(structs.values())
        self._silent: dict[str, Any] = {}  # the structs of resource types that no table reads, by type
        self._learning = Lock()
        self._root, self._person, self._role = structs.pop(root.name), structs[PRACTITIONER], structs[_ROLE]
        self._read_root = readers.function(root.name, many=False)
        self._read_people = readers.function(PRACTITIONER, many=True)
        self._kinds = {struct: (f"{types[name]}/", _IDS) for name, struct in structs.items()}
        self._kinds[self._person] = f"{PRACTITIONER}/", _PEOPLE
        self._kinds[self._root] = "", _OTHERS
        self._decode: Callable[[bytes], Any]
        self._learn({str(d.lens.resource) for d in assembly.derived})
        self._subject = attribute(next(const.path[0].name for const in root.consts if const.owner))
        whole = domain_types()[root.domain]
        bounds = {p.field: most_items(whole.model_fields[p.field]) for p in assembly.parts}
        self._parts = tuple(
            _Part(
                p.field,
                structs[p.table],
                readers.function(p.table, many=True),
                p.by_root,
                p.one,
                bounds[p.field],
                p.in_doubt is not None,
            )
            for p in assembly.parts
        )
        self._finish = readers.finish(whole)
        self.code = readers.code

    def read(self, content: bytes) -> Any:
        """Read the whole in the UTF-8 JSON text of a bundle. Raises `LensesNeeded` where it is not certain."""
        if len(content) > DEFAULT_LIMITS.max_bytes or has_too_many_parts(content):
            raise LensesNeeded(StandDown.SIZE)
        if _is_unusual(content):
            raise LensesNeeded(StandDown.TEXT)
        try:
            return self._whole(self._decoded(content).entry)
        except _NOT_SURE:
            raise LensesNeeded(StandDown.DOUBT) from None

    def _decoded(self, content: bytes) -> Any:
        """Decode the bundle. At the first resource of an unknown type, learn the type and decode the text again."""
        try:
            return self._decode(content)
        except msgspec.ValidationError:
            types = {entry.resource.resourceType for entry in _read_types(content).entry}
            if not self._learn(types):
                raise
            return self._decode(content)

    def _learn(self, types: set[str]) -> bool:
        """Make later calls decode only the id of resources of these types. False if none of them is new."""
        with self._learning:
            known = {struct.__struct_config__.tag for struct in self._structs} | self._silent.keys()
            new = sorted(type_ for type_ in types - known if _TYPE.fullmatch(type_))
            if not new or len(self._silent) + len(new) > _MOST_TYPES:
                return False
            for type_ in new:
                shape = _foreign_refused(Shape({"id": TEXT}), type_, self._foreign)
                struct = self._silent[type_] = shape.struct(type_, type_)
                self._kinds[struct] = "", _OTHERS
            self._decode = _decoder([*self._structs, *self._silent.values()])
            return True

    def _whole(self, entries: list[Any]) -> Any:
        found, ids, people = self._sorted(entries)
        (root,) = found[self._root]
        if not self._ours[bytes(root.category)]:
            raise Doubt
        names: list[str] = []
        given = ids, ids[getattr(root, self._subject).reference], names.append
        whole = self._read_root(root, *given)
        fields = whole.__dict__
        for part in self._parts:
            structs = found[part.struct]
            if part.most is not None and len(structs) > part.most:
                raise Doubt
            if part.struct is self._role:
                values = part.read(structs, *given, self._read_people(people, *given))
            else:
                values = part.read(structs, *given)
            if part.doubtful and (len(values) != len(structs) or any(map(_has_several_categories, structs))):
                raise Doubt
            if part.by_root:
                values = _in_order(part, structs, values, fields[part.field], given[1])
            fields[part.field] = tuple(values) if not part.one else values[0] if values else None
        _check_ids(names)
        return self._finish(whole)

    def _sorted(self, entries: list[Any]) -> tuple[dict[Any, list[Any]], dict[str, str], list[Any]]:
        """Return the resources by struct type, the domain id of each reference, and the person of each role.

        Raises `Doubt` if two resources share an id or reference: the lenses decide which one is meant.
        """
        ids, people = _References(), _References()
        found: dict[Any, list[Any]] = defaultdict(list)
        kinds, by_kind, others, without = self._kinds, (ids, people, None), 0, 0
        for entry in entries:
            resource, url = entry.resource, entry.fullUrl
            struct, ident = type(resource), resource.id
            found[struct].append(resource)
            prefix, kind = kinds[struct]
            known = by_kind[kind]
            if known is None:  # no part refers to the root, or to a resource that no table reads
                others += 1
                if not (ident or url):
                    raise Doubt
                continue
            known[prefix + ident] = ident
            if url is not None:
                known[url] = ident
            else:
                without += 1
        things = len(entries) - others
        if len(set(ids.values())) != things - len(found[self._person]):
            raise Doubt
        persons = self._persons(found, ids, people)
        if len(ids) != 2 * things - without:
            raise Doubt
        return found, ids, persons

    def _persons(self, found: dict[Any, list[Any]], ids: dict[str, str], people: dict[str, str]) -> list[Any]:
        """Return the person of each role, and map references to the person to the role's id: the professional's id."""
        roles, persons = found[self._role], found[self._person]
        by_id = {person.id: person for person in persons}
        role_of = {people[role.practitioner.reference]: role.id for role in roles}
        if not len(role_of) == len(by_id) == len(roles) == len(persons):
            raise Doubt
        ids.update(zip(people, map(role_of.__getitem__, people.values()), strict=True))
        return [by_id[person] for person in role_of]


def _has_several_categories(struct: Any) -> bool:
    """True if a resource may be of two categories, of which its table reads one."""
    return bytes(struct.category or b"").count(b'"coding"') > 1


def _refuse(shapes: dict[str, Shape], types: dict[str, str], foreign: Iterable[str]) -> None:
    """Decode each resource's id; refuse implicitRules, elements of another FHIR version, and measures by reference."""
    for name, shape in shapes.items():
        shape.member("id", TEXT)
        shape.refuse(("implicitRules",))
        _foreign_refused(shape, types[name], foreign)
    shapes[_ROLE].inner("practitioner").member("reference", TEXT)
    if "CarePlan" in shapes:
        shapes["CarePlan"].refuse(("activity", "reference"))


def _foreign_refused(shape: Shape, type_: str, foreign: Iterable[str]) -> Shape:
    """Make the shape of a resource type refuse elements of other FHIR versions, and return it."""
    for kind, *path in (sign.split(".") for sign in foreign):
        if kind == type_:
            shape.refuse(tuple(path))
    return shape


def _category_test(assembly: Assembly, shape: Shape) -> Memo:
    """A `Memo` by the JSON text of the root's categories: True if they mark the root as one of ours."""
    nodes = [(const.path[0].name, node) for const, node in assembly.root.inner.consts if "plan-category" in const.place]
    if not nodes:
        raise Unsupported("nothing says which plans are ours")
    ((name, node),) = nodes
    shape.member(name, RAW)
    return Memo(lambda text: node.owns({name: orjson.loads(text)}))


def _is_unusual(content: bytes) -> bool:
    """True if the text has a character that the domain's texts may not have, or is not UTF-8."""
    if b"\\" in content and _RARE.search(content):
        return True
    if content.isascii():
        return False
    try:
        content.decode()  # msgspec does not check members that it skips
    except UnicodeDecodeError:
        return True
    return b"\xef" in content and _NO_CHARACTER.search(content) is not None


class _Writing(msgspec.Struct, gc=False):
    """The request of an entry that holds content. Any other, such as DELETE, is left to the lenses."""

    method: Literal["PUT", "POST"] = "PUT"


def _decoder(structs: list[Any]) -> Callable[[bytes], Any]:
    one_of = structs[0]
    for struct in structs[1:]:
        one_of |= struct
    request = ("request", _Writing | None, None)
    entry = msgspec.defstruct("Entry", [("resource", one_of), ("fullUrl", str | None, None), request], gc=False)
    members: list[Any] = [
        ("resourceType", Literal["Bundle"]),
        ("entry", list[entry]),  # type: ignore[valid-type]  # made at run time
        ("implicitRules", NEVER, None),
        ("type", Literal["transaction", "collection", "message", "searchset", "batch", "document"], "collection"),
    ]
    return msgspec.json.Decoder(msgspec.defstruct("Bundle", members)).decode


class _Typed(msgspec.Struct, gc=False):
    resourceType: str  # noqa: N815 - FHIR's name


class _TypedEntry(msgspec.Struct, gc=False):
    resource: _Typed


class _TypedBundle(msgspec.Struct):
    entry: list[_TypedEntry]


_read_types = msgspec.json.Decoder(_TypedBundle).decode
"""Decodes only the types of the resources in a bundle."""


def _in_order(part: _Part, structs: list[Any], values: list[Any], listed: Any, owner: str) -> list[Any]:
    """The values of a part in the order of the root. Raises `Doubt` if the root lists others."""
    wanted = (owner,) if part.field == "owner" else listed if not part.one else (listed,) if listed is not None else ()
    if len(values) != len(wanted) or len(values) != len(structs):
        raise Doubt
    if tuple([struct.id for struct in structs]) != wanted:
        by_id = {value.id: value for value in values}
        values = [by_id[ident] for ident in wanted]
    return values


def _check_ids(names: list[str]) -> None:
    """Raise `Doubt` unless every id has 1 to 64 letters, digits, `-` or `.`, as FHIR and the domain demand.

    Also for an id that may have a person's number in it: the domain says whether it has.
    """
    lengths = set(map(len, names))
    if 0 in lengths or max(lengths) > _LONGEST_ID or "".join(names).encode().translate(None, _ID_BYTES):
        raise Doubt
    if _NUMBER in b" %b " % " ".join(names).encode().translate(_SHAPES):
        raise Doubt
