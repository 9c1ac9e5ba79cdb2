"""FHIR narrative: XHTML with basic formatting and nothing that acts, fetches or hides."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from xml.parsers import expat

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
_LINKS = ("#", "http://", "https://", "mailto:", "tel:")
_MOST = 2_000_000  # characters
_DEEPEST = 256  # elements inside one another
_SEPARATOR = " "  # expat's, between namespace and name
_NOT_ONE_DIV = f"is not one div in {_XHTML}"
_FORBIDDEN = "has an element or attribute that a narrative may not have"


def div(content: str) -> str:
    """Returns a narrative `<div>` around XHTML that is right already."""
    return f'<div xmlns="{_XHTML}">{content}</div>'


def paragraphs(text: str) -> str:
    """Returns plain text as a narrative `<div>`: a paragraph for each block, a line break for each line."""
    blocks = (block.strip() for block in text.replace("\r\n", "\n").split("\n\n"))
    return div("".join(f"<p>{escape(block).replace(chr(10), '<br/>')}</p>" for block in blocks if block))


def items(lines: Iterable[str]) -> str:
    """Returns lines of plain text as an XHTML list; empty for no lines."""
    made = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<ul>{made}</ul>" if made else ""


def checked(text: str, at: str = "narrative") -> str:
    """Returns XHTML from outside unchanged if FHIR allows it as a narrative (rules txt-1 and txt-2).

    `at` is the place that an error names. Raises `InvalidInput` for text that is too long, not well-formed, not one
    `<div>`, without words, or with an element, attribute or link that a narrative may not have.
    """
    if len(text) > _MOST:
        raise InvalidInput.at(at, "is longer than a narrative may be", "too-long")
    parser = expat.ParserCreate("utf-8", namespace_separator=_SEPARATOR)
    _Check(parser, at)
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        raise InvalidInput.at(at, f"is no XHTML (line {error.lineno})", "structure") from None
    except UnicodeEncodeError:
        raise InvalidInput.at(at, "is no XHTML: it holds half a character", "structure") from None
    return text


class _Check:
    """The rules for a narrative, as handlers of one expat parser; a broken rule ends the parsing with `InvalidInput`.

    A document type is refused where it begins, so no entity is ever declared, expanded or fetched.
    """

    def __init__(self, parser: expat.XMLParserType, at: str) -> None:
        self._at = at
        self._depth = 0
        self._has_words = False
        parser.XmlDeclHandler = parser.StartDoctypeDeclHandler = self._refuse_prolog
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.CommentHandler = parser.ProcessingInstructionHandler = self._refuse_hidden

    def _refuse_prolog(self, *_: object) -> None:
        raise InvalidInput.at(self._at, _NOT_ONE_DIV, "structure")

    def _refuse_hidden(self, *_: object) -> None:
        raise InvalidInput.at(self._at, f"{_FORBIDDEN}: ?")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        namespace, _, name = tag.rpartition(_SEPARATOR)
        if not self._depth and (namespace, name) != (_XHTML, "div"):
            raise InvalidInput.at(self._at, _NOT_ONE_DIV, "structure")
        self._depth += 1
        if self._depth > _DEEPEST:
            raise InvalidInput.at(self._at, "nests deeper than a narrative may", "structure")
        if namespace != _XHTML or name not in _ELEMENTS or not _ATTRIBUTES.issuperset(attributes):
            raise InvalidInput.at(self._at, f"{_FORBIDDEN}: {name if namespace == _XHTML else '?'}")
        if not attributes.get("href", "#").startswith(_LINKS):
            raise InvalidInput.at(self._at, "has a link that is neither to a place in it, nor http, mail or telephone")

    def _end(self, _: str) -> None:
        self._depth -= 1
        if not self._depth and not self._has_words:
            raise InvalidInput.at(self._at, "says nothing", "invariant")

    def _characters(self, text: str) -> None:
        self._has_words = self._has_words or not text.isspace()
