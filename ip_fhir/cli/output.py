"""Output to stdout: JSON for machines, tables for people, and nothing else."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar

T = TypeVar("T")

_WIDE = 160  # into a file or a pipe: lines that can be searched

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import Console
    from rich.table import Table

    from ip_fhir.ports import Store


def emit(data: Any, *, pretty: bool = False) -> None:
    """Writes data as one JSON text in UTF-8, with a line break."""
    import orjson

    from ip_fhir.fhir.json_text import dumps

    options = orjson.OPT_APPEND_NEWLINE | (orjson.OPT_INDENT_2 if pretty else 0)
    emit_bytes(dumps(data, options, str))


def emit_bytes(content: bytes) -> None:
    """Writes bytes unchanged. Raises `BrokenPipeError` if nobody reads them any longer."""
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def say(line: str = "") -> None:
    """Writes one line of text."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def counted(items: Iterable[T], unit: str) -> Iterator[T]:
    """Yields the items, and shows on stderr how many there have been, if that is a terminal."""
    if not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.completed} {task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(unit, total=None)
        for item in items:
            yield item
            progress.advance(task)


def name_unreadable(store: Store, *kinds: str) -> None:
    """Names the rows of these tables that a list cannot show, on stderr: a machine reads the list itself."""
    from ip_fhir.ports.capabilities import sets_aside

    if sets_aside(store):
        for row in store.unreadable(1000):
            if row.kind in kinds:
                sys.stderr.write(f"ip-fhir: {row.kind} {row.key} cannot be read: {row.reason}\n")


def console() -> Console:
    """Returns the console for tables. Markup and highlighting are off, since the text may be anything."""
    from rich.console import Console

    wide = None if sys.stdout.isatty() else _WIDE
    return Console(highlight=False, markup=False, emoji=False, width=wide)


def table(*columns: str, title: str | None = None) -> Table:
    """Returns an empty table with these headings."""
    from rich import box
    from rich.table import Table

    made = Table(
        box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False, show_edge=False, padding=(0, 1)
    )
    for name in columns:
        made.add_column(name)
    return made


def show(headings: Sequence[str], rows: Sequence[Sequence[str]], title: str | None = None) -> None:
    """Prints a table of text."""
    made = table(*headings, title=title)
    made.columns[0].no_wrap = True  # an id, to be copied
    made.columns[0].min_width = max((len(row[0]) for row in rows), default=0)
    for row in rows:
        made.add_row(*row)
    console().print(made)
