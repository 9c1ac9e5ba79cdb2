"""The conditions of paths in HL7 v2: the test that a segment or repetition must pass, and how a new one is made to.

[f1~RP@0286]     a field with that code, in any repetition; after @ a table of HL7, or a coding system as it is written
[f4~*@99IP]      a field with any code of that coding system
[c5=PI]          a component with that text; `[f3.c1=reason]`: of the field's first repetition
[f2=*]           a field that says something; `[f2!=*]`: one that says nothing
[#need]          rows of groups, by their sub-id: `groups.py`
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ip_fhir.errors import MappingError
from ip_fhir.mapping.dialects.hl7v2.places import OURS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ip_fhir.mapping.tables.paths import Condition

NULL: Final = '""'
"""The text by which HL7 v2 says that something is known to be nothing."""

_DISPLAYS: Final = {
    ("RP", "0286"): "Referring Provider",
    ("RT", "0286"): "Referred to Provider",
    ("N", "0131"): "Next-of-Kin",
    ("O", "0284"): "Outpatient",
    ("org", "99IPROLE"): "Organisation",
    ("pro", "99IPROLE"): "Professional",
    ("ip-notice", OURS): "Melding om behov",
    ("ip-green-form", OURS): "Grønt skjema",
    ("ip-message", OURS): "Melding",
}
"""The words beside the codes that paths write."""


def test(condition: Condition) -> Callable[[dict[str, Any]], bool]:
    """The test of one condition on a segment, a group or a repetition. Raises `MappingError` for an unknown one."""
    names = tuple(filter(None, condition.member.split(".")))
    value = condition.value
    if condition.kind == "coding":
        code, system = _coding(value)
        return _coding_test(names, code, accepted(system))
    if condition.kind == "member" and value == "*":
        return lambda node: _says(node, names)
    if condition.kind == "not-member" and value == "*":
        return lambda node: not _says(node, names)
    if condition.kind == "member":
        return lambda node: value in list(_standing(node, names))
    if condition.kind == "not-member":
        return lambda node: value not in list(_standing(node, names))
    raise MappingError(f"there is no condition of the kind {condition.kind!r} in HL7 v2")


def _coding_test(names: tuple[str, ...], code: str, systems: frozenset[str]) -> Callable[[dict[str, Any]], bool]:
    """The test for a coding at a path; short for a field of a segment in its group, which is asked for each row."""
    if len(names) != 2 or not is_field(names[1]):
        return lambda node: any(_is_coding(one, code, systems) for one in _standing(node, names))
    segment, field = names

    def has_coding(node: dict[str, Any]) -> bool:
        found = node.get(segment)
        reps = found.get(field) if type(found) is dict else None
        if type(reps) is list:
            for rep in reps:
                if _is_coding(rep, code, systems):
                    return True
        return False

    return has_coding


def fixed(condition: Condition) -> dict[str, Any]:
    """The members that make a new segment or repetition meet the condition."""
    names = tuple(filter(None, condition.member.split(".")))
    if condition.kind == "coding":
        code, system = _coding(condition.value)
        code = "ip-items" if code == "*" else code
        written = {"c1": code, "c2": _DISPLAYS.get((code, system), ""), "c3": written_system(system)}
        return _nested(names, {name: text for name, text in written.items() if text})
    if condition.kind == "member" and condition.value != "*":
        return _nested(names, condition.value)
    return {}


def _nested(names: tuple[str, ...], value: Any) -> dict[str, Any]:
    """The value at a path of names; a field is a list of repetitions."""
    for name in reversed(names):
        value = {name: [value] if is_field(name) else value}
    made: dict[str, Any] = value
    return made


def by_text(items: list[Any], member: str) -> dict[str, list[Any]]:
    """The objects of a list by the text of a member, in their order. Raises `TypeError` for what is neither."""
    found: dict[str, list[Any]] = {}
    for item in items:
        text = item.get(member) if type(item) is dict else None
        if type(text) is str:
            found.setdefault(text, []).append(item)
        elif text is not None or type(item) is not dict:
            message = "an entry of another form"
            raise TypeError(message)
    return found


def is_field(name: str) -> bool:
    """True for the name of a field: `f7`."""
    return name[0] == "f" and name[1:].isdigit()


def accepted(system: str) -> frozenset[str]:
    """The texts of CWE-3 that mean a coding system; a table of HL7 is also meant where none is named."""
    return frozenset({f"HL7{system}", system, ""}) if system.isdigit() else frozenset({system})


def written_system(system: str) -> str:
    """The text of CWE-3 that is written for a coding system: `HL70286` for a table of HL7."""
    return f"HL7{system}" if system.isdigit() else system


def says_something(node: Any) -> bool:
    """True for a node with a text that is neither empty nor HL7's null."""
    if type(node) is str:
        return node not in ("", NULL)
    if type(node) is list and len(node) == 1 and type(node[0]) is dict:  # a field, as nearly always
        node = node[0]
    if type(node) is dict:
        node = node.values()
    elif type(node) is not list:
        return node is not None
    for inner in node:  # noqa: SIM110 - asked for each row of each message: `any` costs twice as much
        if inner not in ("", NULL) if type(inner) is str else says_something(inner):
            return True
    return False


def _says(node: Any, names: tuple[str, ...]) -> bool:
    """True if what stands at a path of names says something."""
    for at, name in enumerate(names):
        if type(node) is list:
            return any(map(says_something, _standing(node, names[at:])))
        node = node.get(name) if type(node) is dict else None
    return says_something(node)


def _coding(value: str) -> tuple[str, str]:
    code, at, system = value.partition("@")
    if not at or not code or not system:
        raise MappingError(f"condition ~{value} is no ~code@table")
    return code, system


def _is_coding(node: Any, code: str, systems: frozenset[str]) -> bool:
    if type(node) is not dict:
        return False
    return (code == "*" or node.get("c1") == code) and node.get("c3", "") in systems


def _standing(node: Any, names: tuple[str, ...]) -> Iterator[Any]:
    """Yields what stands at a path of names, each repetition of a field for itself."""
    if type(node) is list:
        for item in node:
            yield from _standing(item, names)
    elif not names:
        yield node
    elif type(node) is dict and names[0] in node:
        yield from _standing(node[names[0]], names[1:])
