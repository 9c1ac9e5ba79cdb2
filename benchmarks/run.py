"""Run the benchmarks and print what they found: `make bench`, `make bench ARGS="--quick store"`.

Each `bench_*.py` beside this file has a `measure(quick)` that yields figures, and stands alone otherwise.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from measuring import Figure
from rich import box
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable

HERE = Path(__file__).parent


def main() -> None:
    """Measure what is asked for, a table for each module as soon as it is there."""
    names = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
    parser = argparse.ArgumentParser(description="What the library costs, each figure beside the least it could cost.")
    parser.add_argument("names", nargs="*", help=f"which of {', '.join(names)}; all, if none is named")
    parser.add_argument("--quick", action="store_true", help="less of everything: a look, not a figure to quote")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(names):
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}")
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    console.print(f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} cores")
    for name in arguments.names or names:
        show(console, name, import_module(f"bench_{name}").measure(arguments.quick))


def show(console: Console, name: str, figures: Iterable[Figure]) -> None:
    """A module's figures as a table."""
    table = Table(title=name, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("what", "measured", "floor", "ratio", "goal", ""):
        table.add_column(heading, justify="left" if heading in ("what", "") else "right")
    for figure in figures:
        table.add_row(*figure.cells())
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
