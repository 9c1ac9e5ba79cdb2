"""A leaf kind: one type of value that a row may name for the end of its path, with everything specific to it.

Lenses, checks, laws, reviews and generated code ask the kind; none of them knows kinds by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from ip_fhir.mapping.lenses.nodes import Node
    from ip_fhir.mapping.tables.model import Row, Systems

Decoded: TypeAlias = Literal[
    "vocabulary",  # its JSON text is kept as it is, and read by the lens once for each different text
    "lens",  # its JSON text is given to the lens each time
    "text",  # a string, checked as its field in the domain is
    "words",  # a list of strings, joined by blanks
    "flag",  # true or false
    "number",  # a whole number
    "moment",  # a string that the lens makes a moment of
    "reference",  # the domain id that a reference means
    "person-number",  # the one number in use among identifiers
]
"""The ways in which a generated reader takes a leaf in."""


def _numbered(row: Row, number: int) -> Any:
    return f"{row.field} {number}"


def _no_names(_systems: Systems) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class LeafKind:
    """One kind of leaf.

    `lens` makes the leaf's lens: of the systems, or, where the kind goes by a code table (`coded`), of that table.
    `holds` is the type of the domain fields that it can stand for, `element` the format's own data type, for reviews.

    For the laws: `sample` gives JSON data for a row, different for each number; `value` makes the domain value from it
    (None: the data is the value).

    For generated code: `decoded` says how a reader decodes it, `scalar` that its vocabulary is a plain string;
    `written` is the expression for its JSON with `{}` for the domain value, and `names` the values that it names;
    `structs` are the members of the objects that it makes, as `new_<member>`.
    """

    name: str
    lens: Callable[[Any], Node]
    decoded: Decoded
    coded: bool = False
    holds: type = str
    element: str = ""
    sample: Callable[[Row, int], Any] = _numbered
    value: Callable[[Any], Any] | None = None
    scalar: bool = False
    written: str = "{}"
    names: Callable[[Systems], Mapping[str, Any]] = _no_names
    structs: tuple[str, ...] = ()
    refers: bool = False  # the domain has the id of something, the format a reference to it
    presence: bool = False  # true if the entry is present, with any content
    of_role: bool = False  # joins a role to its person: read when the bundle is put together
