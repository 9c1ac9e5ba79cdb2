"""A table read fast: code made once from the table's tree, from msgspec structs straight to domain values.

The lens says what is right. What is written here takes only what is beyond doubt and raises `Doubt` at anything else:
then the lens reads it all. So whatever this gives, the lens would give (a property test compares them). A member that
holds vocabulary only is read by the lens itself, once for each text that stands there (`Memo`). The domain's rules hold
too: every value is checked as its field is, in a cheaper form where there is one.

`ip-fhir mappings show CarePlan --code` shows the code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ip_fhir.mapping.generated.by_lens import Fragments
from ip_fhir.mapping.generated.decoding import Doubt, Shape
from ip_fhir.mapping.generated.drafts import finishing
from ip_fhir.mapping.generated.reader_code import ReaderCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.domain.values.value import Value
    from ip_fhir.mapping.lenses.table import TableLens
    from ip_fhir.mapping.tables.model import Tables


class Readers:
    """The readers of one set of tables: the code of each, and the functions when it has run."""

    def __init__(self, tables: Tables, lenses: dict[str, TableLens]) -> None:
        self.tables = tables
        self.fragments = Fragments(tables, lenses)
        self.code: dict[str, str] = {}
        self.space: dict[str, Any] = {"Doubt": Doubt}
        self.drafts: set[str] = set()  # tables that have not all of their domain type: they leave a draft

    def shape(self, name: str, *, many: bool, closes: bool) -> Shape:
        """The members that a table reads of its resource; its reader is made on the way. Raises `Unsupported`."""
        shape = Shape()
        self.compile(name, shape, many=many, closes=closes)
        return shape

    def function(self, name: str, *, many: bool) -> Callable[..., Any]:
        """`read(struct, ids, owner, names)`: the value; None: not the table's. With `many` of structs, as a list.

        What `closes` is given drafts too. `ids` is the domain id of each reference; ids to be checked are given to
        `names`.
        """
        found: Callable[..., Any] = self.space[_function(name, many=many)]
        return found

    def finish(self, model: type[Value]) -> Callable[[Any], Any]:
        """The function that makes a value of a draft."""
        made: dict[str, Any] = {}
        code = "\n    ".join(["def finish(v):", *finishing(model, self.space), "return v"])
        exec(compile(code, f"<finish {model.__name__}>", "exec"), self.space, made)  # noqa: S102 - see below
        found: Callable[[Any], Any] = made["finish"]
        return found

    def compile(self, name: str, shape: Shape, *, many: bool = False, closes: bool = False) -> None:
        """Make the reader of a table whose object, or the objects in a list, has this shape."""
        code = ReaderCode(name, self, shape, many=many, closes=closes)
        text = code.text()
        if code.opens:
            self.drafts.add(name)
        if _function(name, many=many) not in self.space:
            self.code[name] = "\n".join(filter(None, (self.code.get(name), text)))
            exec(compile(text, f"<table {name}>", "exec"), self.space)  # noqa: S102 - made here, from checked tables

    def named(self, name: str, value: Any) -> str:
        """Give the code a name for a value."""
        self.space[name] = value
        return name


def _function(name: str, *, many: bool) -> str:
    return f"read_each_{name}" if many else f"read_{name}"
