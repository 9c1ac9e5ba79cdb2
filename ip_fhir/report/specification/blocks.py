"""The parts of a document, and their text as Markdown and as HTML."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from itertools import repeat
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; `level` is 1 for the document's own."""

    text: str
    level: int = 2


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of plain text."""

    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its columns, and its rows of as many cells. Cells in the columns `code` are set as code."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    code: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """Lines that are shown as they stand."""

    lines: tuple[str, ...]


Block: TypeAlias = Heading | Paragraph | Table | Listing

_STYLE: Final = """
body{font:16px/1.5 system-ui,sans-serif;max-width:1200px;margin:2rem auto;padding:0 1rem;color:#1c2733}
h1{font-size:1.8rem;line-height:1.2}h2{margin-top:2.4rem;padding-bottom:.3rem;border-bottom:2px solid #c9d6e2}
h3{margin-top:1.8rem}table{border-collapse:collapse;width:100%;margin:.8rem 0;font-size:.88rem}
th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid #dde5ec}
th{background:#eef3f7}code{font-size:.85rem;white-space:nowrap}td code{white-space:normal}
td:first-child code{white-space:nowrap}
pre{background:#f6f8fa;border:1px solid #dde5ec;padding:.8rem;white-space:pre-wrap;overflow-wrap:anywhere;
font-size:.82rem}@media(max-width:45rem){body{margin:1rem auto}h1{font-size:1.5rem}
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
table,tbody,tr,td{display:block}tr{padding:.5rem 0;border-bottom:1px solid #c9d6e2}td{border:0;padding:.1rem 0}
td::before{content:attr(data-label);display:block;color:#4b5b6a;font-size:.8rem}td:empty{display:none}
td:first-child{font-weight:600}td:first-child::before{display:none}td:first-child code{white-space:normal}}
@media print{body{margin:0}h2{break-after:avoid}tr{break-inside:avoid}}
"""


def as_markdown(blocks: Iterable[Block]) -> str:
    """Returns the document as Markdown."""
    return "\n\n".join(map(_markdown, blocks)) + "\n"


def as_html(blocks: Iterable[Block], title: str, language: str) -> str:
    """Returns the document as one HTML page that fetches nothing."""
    body = "\n".join(map(_html, blocks))
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _markdown(block: Block) -> str:
    if isinstance(block, Heading):
        return f"{'#' * block.level} {block.text}"
    if isinstance(block, Paragraph):
        return block.text
    if isinstance(block, Listing):
        return "\n".join(["```", *block.lines, "```"])
    lines = [block.columns, tuple("---" for _ in block.columns)]
    rows = [tuple(map(_cell, row, (column in block.code for column in block.columns))) for row in block.rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in (*lines, *rows))


def _cell(text: str, code: bool) -> str:
    said = text.replace("|", "\\|").replace("\n", " ")
    return f"`{said}`" if code and said else said


def _html(block: Block) -> str:
    if isinstance(block, Heading):
        return f"<h{block.level}>{escape(block.text)}</h{block.level}>"
    if isinstance(block, Paragraph):
        return f"<p>{escape(block.text)}</p>"
    if isinstance(block, Listing):
        return f"<pre>{escape(chr(10).join(block.lines))}</pre>"
    head = "".join(f"<th>{escape(column)}</th>" for column in block.columns)
    rows = ("".join(map(_html_cell, row, block.columns, repeat(block.code))) for row in block.rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(f'<tr>{row}</tr>' for row in rows)}</tbody></table>"


def _html_cell(text: str, column: str, code: tuple[str, ...]) -> str:
    """A cell; on a narrow screen, where there are no columns, it shows the column's heading itself."""
    said = escape(text)
    within = f"<code>{said}</code>" if column in code and said else said
    return f'<td data-label="{escape(column)}">{within}</td>'
