"""Keys that stand twice in one object of a JSON text: RFC 8259, section 4, leaves open which of the values counts.

Parsers take the last one without a word, so a text is looked at beside what was parsed from it. The count is cheap and
certain: behind the quotation mark that ends a key stands, after blanks at most, a colon. Without blanks there are at
least as many such pairs as keys (a text may hold one, too). If there are as many as parsed keys, no key was lost.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_COUNTED = b'":\\'
_BETWEEN = b"dhklmnrstTS"  # enough letters that "http:", "urn:", "tel:" and a time of day are not taken for a key's end
_LEFT_OUT = bytes(byte for byte in range(256) if byte not in _COUNTED + _BETWEEN)  # blanks, and to have less to count
_TEXT = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_KEYS = re.compile(rb"(%b)\s*:|%b|({)|(})" % (_TEXT, _TEXT), re.DOTALL)
_TOKENS = re.compile(rb"%b|[{}\[\],]" % _TEXT, re.DOTALL)


class Step(NamedTuple):
    """A step of a path in JSON: the number of an item in its list or of a key in its object, from 0, and the key."""

    number: int
    key: str | None = None


@dataclass(slots=True)
class _Open:
    """An object or list that the scan is in."""

    is_object: bool
    number: int = 0
    key: str | None = None
    seen: set[str] = field(default_factory=set)

    @property
    def step(self) -> Step:
        return Step(self.number, self.key)


def may_repeat_key(content: bytes, keys: int) -> bool:
    """Returns False if no object in the JSON text has a key twice; `keys` are the keys of all objects parsed from it.

    True also where a text looks like the end of a key: `first_repeated_key` says whether there is one.

    >>> may_repeat_key(b'{"a": 1, "a": 2}', 1), may_repeat_key(b'{"a": 1, "b": 2}', 2)
    (True, False)
    """
    return content.translate(None, _LEFT_OUT).count(b'":') != keys


def first_repeated_key(content: bytes) -> tuple[Step, ...] | None:
    """Returns the path of the first key that stands twice in one object, or None. The text must be valid JSON in UTF-8.

    >>> first_repeated_key(b'[{"a": {"b": 1, "b": 2}}]')
    (Step(number=0, key=None), Step(number=0, key='a'), Step(number=1, key='b'))
    """
    return next(_repeated_keys(content), None) if _has_repeated_key(content) else None


def _has_repeated_key(content: bytes) -> bool:
    """True if an object has a key twice; looks at keys and objects only."""
    above: list[set[bytes]] = []
    for found in _KEYS.finditer(content):
        if found.lastindex == 1:
            key = found[1]
            key = key if b"\\" not in key else b'"%b"' % str(json.loads(key)).encode("utf-8", "surrogatepass")
            if key in above[-1]:
                return True
            above[-1].add(key)
        elif found.lastindex == 2:
            above.append(set())
        elif found.lastindex == 3:
            above.pop()
    return False


def _repeated_keys(content: bytes) -> Iterator[tuple[Step, ...]]:
    above: list[_Open] = []
    before = b""
    for found in _TOKENS.finditer(content):
        token = found[0]
        if token in (b"{", b"["):
            above.append(_Open(is_object=token == b"{"))
        elif token in (b"}", b"]"):
            above.pop()
        elif token == b",":
            above[-1].number += 1
        elif above and above[-1].is_object and before in (b"{", b","):
            inside, key = above[-1], str(json.loads(token))
            inside.key = key
            if key in inside.seen:
                yield tuple(one.step for one in above)
            inside.seen.add(key)
        before = token
