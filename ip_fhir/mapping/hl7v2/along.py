"""The words of a message, written beside its rows for systems that show no rows of ours: as NTE, and as HTML.

They are only written: who reads such a message reads the rows. The HTML is the display segment of HL7 Australia's
referrals (ADRM, HL7AU-OO-REF-SIMPLIFIED): an OBX|ED with the code HTML of the coding system AUSPDI.
"""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any, Final

import orjson

from ip_fhir.fhir.data import root

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.domain.message import Message
    from ip_fhir.hl7v2.line import Hl7v2Line

_FORMS: Final = ("notice", "green-form")
_OTHERS: Final = {"message-kind": "Melding", "text": "Tekst"}
_REFERENCES: Final = ("reference", "attachment", "group", "display")


def with_words(value: dict[str, Any], message: Message, line: Hl7v2Line) -> dict[str, Any]:
    """The value with a display segment and a note, where the line's settings ask for them."""
    if line.display_segment:
        value = _with_row(value, _display(value))
    reason = message.notice.reason if message.notice is not None else message.text
    return _with_note(value, reason) if line.note and reason else value


def _with_note(value: dict[str, Any], words: str) -> dict[str, Any]:
    """The value with the words as NTE after the last row: by the grammar that row's own, at the end of the message."""
    form, rows = _rows(value)
    note = {"f1": [{"c1": "1"}], "f2": [{"c1": "L"}], "f3": [{"c1": words}]}
    return _with_rows(value, form, [*rows[:-1], {**rows[-1], "NTE": [note]}])


def _with_row(value: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    form, rows = _rows(value)
    return _with_rows(value, form, [*rows, {"OBX": {"f1": [{"c1": str(len(rows) + 1)}], **row}}])


def _rows(value: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    form = value["OBSERVATION"][0]
    return form, form.get("RESULTS_NOTES", [])


def _with_rows(value: dict[str, Any], form: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {**value, "OBSERVATION": [{**form, "RESULTS_NOTES": rows}, *value["OBSERVATION"][1:]]}


def _display(value: dict[str, Any]) -> dict[str, Any]:
    """The row with the message as HTML, in UTF-8 whatever the message is in: it is Base64."""
    return {
        "f2": [{"c1": "ED"}],
        "f3": [{"c1": "HTML", "c2": "Display format in HTML", "c3": "AUSPDI"}],
        "f5": [{"c2": "TEXT", "c3": "HTML", "c4": "Base64", "c5": b64encode(_html(value).encode()).decode("ascii")}],
        "f11": [{"c1": "F"}],
    }


def _html(value: dict[str, Any]) -> str:
    form, rows = _rows(value)
    heading = form["OBR"]["f4"][0].get("c2", "")
    name = value["PID"]["f5"][0]
    who = " ".join(filter(None, (name.get("c2"), name.get("c1"))))
    said = "".join(f"<tr><th>{escape(label)}</th><td>{words}</td></tr>" for label, words in _said(rows))
    return (
        '<!DOCTYPE html><html lang="nb"><head><meta charset="utf-8"><title>'
        f"{escape(heading)}</title></head><body><h1>{escape(heading)}</h1>"
        f"{f'<p>{escape(who)}</p>' if who else ''}<table>{said}</table></body></html>"
    )


def _said(rows: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yields label and words of each row that says something to people; ids and documents do not."""
    for group in rows:
        row = group["OBX"]
        label = _labels().get(row["f3"][0].get("c1", ""))
        if label is not None:
            yield label, "<br>".join(escape(_words(rep)).replace("\n", "<br>") for rep in row.get("f5", ()))


def _words(rep: dict[str, str]) -> str:
    return rep.get("c2") or rep.get("c1", "")


@cache
def _labels() -> dict[str, str]:
    """The words of each item of our questionnaires, by its linkId, but for those that refer to something."""
    found = dict(_OTHERS)
    for name in _FORMS:
        form = orjson.loads((root() / "questionnaires" / f"{name}.json").read_bytes())
        found |= {item["linkId"]: item["text"] for item in _items(form) if item["type"] not in _REFERENCES}
    return found


def _items(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in node.get("item", ()):
        yield item
        yield from _items(item)
