"""Fast readers of tables: code generated once from a table's tree, from msgspec structs straight to domain values.

A reader accepts only input that it is certain about and otherwise raises `Doubt`: then the lenses read the whole bundle
(docs/mapping.md). Vocabulary is read by the lens, once for each different text (`Memo`). Every value is checked as its
domain field is, by a cheaper equal check if there is one.

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
    """The readers of one set of tables: the code of each, and the namespace with the compiled functions."""

    def __init__(self, tables: Tables, lenses: dict[str, TableLens]) -> None:
        self.tables = tables
        self.fragments = Fragments(tables, lenses)
        self.code: dict[str, str] = {}
        self.space: dict[str, Any] = {"Doubt": Doubt}
        self.drafts: set[str] = set()  # tables whose reader only makes drafts

    def shape(self, name: str, *, many: bool, closes: bool) -> Shape:
        """Compile a table's reader, and return the members that it reads of its resource. Raises `Unsupported`."""
        shape = Shape()
        self.compile(name, shape, many=many, closes=closes)
        return shape

    def function(self, name: str, *, many: bool) -> Callable[..., Any]:
        """The compiled function `read(struct, ids, owner, names)`.

        It returns the value, or None if the struct is not this table's; with `many` it takes a list of structs and
        returns a list. `ids` gives the domain id of each reference, `owner` is the owner's id, and `names` is called
        with each id that must be checked. A reader that closes drafts takes these as a fifth argument. It raises
        `Doubt`, `KeyError` or another error for input that it is not certain about.
        """
        found: Callable[..., Any] = self.space[_function(name, many=many)]
        return found

    def finish(self, model: type[Value]) -> Callable[[Any], Any]:
        """A function that turns a draft into a value of the model."""
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
        """Make a value available to the code under a name, and return the name."""
        self.space[name] = value
        return name


def _function(name: str, *, many: bool) -> str:
    return f"read_each_{name}" if many else f"read_{name}"
