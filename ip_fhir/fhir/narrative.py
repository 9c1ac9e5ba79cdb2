"""FHIR narrative: XHTML with basic formatting and nothing that acts, fetches or hides."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from ip_fhir.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable

_XHTML = "http://www.w3.org/1999/xhtml"
# fmt: off
_ELEMENTS = frozenset((
    "a", "abbr", "b", "big", "blockquote", "br", "caption", "cite", "code", "col", "colgroup", "dd", "dfn", "div", "dl",
    "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "li", "ol", "p", "pre", "q", "small", "span", "strong",
    "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "ul", "var",
))
_ATTRIBUTES = frozenset(("class", "colspan", "dir", "href", "id", "lang", "name", "rowspan", "scope", "title"))
# fmt: on
_MOST = 2_000_000


def div(content: str) -> str:
    """The narrative with this XHTML inside."""
    return f'<div xmlns="{_XHTML}">{content}</div>'


def paragraphs(text: str) -> str:
    """Plain text as a narrative: a paragraph for each block, a line break for each line."""
    blocks = (block.strip() for block in text.replace("\r\n", "\n").split("\n\n"))
    return div("".join(f"<p>{escape(block).replace(chr(10), '<br/>')}</p>" for block in blocks if block))


def items(lines: Iterable[str]) -> str:
    """Lines as a list."""
    made = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<ul>{made}</ul>" if made else ""


def checked(text: str, at: str = "narrative") -> str:
    """XHTML from outside, if FHIR allows it as a narrative (rules txt-1, txt-2). Raises `InvalidInput` otherwise."""
    from lxml import etree  # heavy, and most callers have no narrative of their own

    if len(text) > _MOST:
        raise InvalidInput.at(at, "is longer than a narrative may be", "too-long")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError as error:
        raise InvalidInput.at(at, f"is no XHTML (line {error.lineno})", "structure") from None
    if root.tag != f"{{{_XHTML}}}div" or "<!DOCTYPE" in text:
        raise InvalidInput.at(at, f"is not one div in {_XHTML}", "structure")
    if not "".join(map(str, root.itertext())).strip():
        raise InvalidInput.at(at, "says nothing", "invariant")
    for element in root.iter():
        name = element.tag.removeprefix(f"{{{_XHTML}}}") if isinstance(element.tag, str) else ""
        if name not in _ELEMENTS or not _ATTRIBUTES.issuperset(map(str, element.attrib)):
            raise InvalidInput.at(at, f"has an element or attribute that a narrative may not have: {name or '?'}")
        if not str(element.get("href", "#")).startswith(("#", "http://", "https://", "mailto:", "tel:")):
            raise InvalidInput.at(at, "has a link that is neither to a place in it, nor http, mail or telephone")
    return text
