"""`support-bundle`: one file for whoever helps: versions, settings without secrets, counts, findings, last errors.

Nothing in it is about a person or opens anything: texts that others wrote are left out, errors are codes and places.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping
from dataclasses import fields
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ip_fhir.cli.options import Config

if TYPE_CHECKING:
    from collections.abc import Collection

    from ip_fhir.cli.commands.operation.checks.side import Finding
    from ip_fhir.ports import OutboxRow, Refusal
    from ip_fhir.settings import Settings
    from ip_fhir.store import SqlStore

_MOST: Final = 200  # refusals, the latest; rows of each status, the oldest
_TROUBLED: Final = ("waiting", "awaiting", "held", "parked", "refused")
_LEFT_OUT: Final = "..."
_README: Final = """\
What ip-fhir support-bundle wrote. Read it before you send it: each file is plain text, and none is compressed.

versions.json   this program, Python, the machine's kind, every package that is installed
settings.json   numbers, switches, names of parties; of any other text only that it is set
findings.json   what ip-fhir doctor found
store.json      version of the tables, size, counts, number and hash of the last record of evidence
errors.json     messages that did not go out or were not taken in: codes, places, times, parties
"""


def support_bundle(
    target: Annotated[Path, typer.Argument(help="The zip file to write; it must not be there yet.", metavar="FILE")],
    config: Config,
) -> None:
    """Write a file for whoever helps when something is wrong.

    Versions, settings without secrets, counts, what `doctor` finds, and the last errors by code and place: nothing of
    a person, and nothing that opens anything. It is written also where settings or store cannot be used.
    """
    from ip_fhir.cli.commands.operation.checks.side import check_installation, check_side
    from ip_fhir.cli.output import say

    findings = [*check_installation(), *check_side(config)]
    settings, problem = _settings(config)
    store, errors = _of_the_store(settings)
    parts = {
        "versions.json": versions(),
        "settings.json": problem or _outline(settings),
        "findings.json": [_finding(one) for one in findings],
        "store.json": store,
        "errors.json": errors,
    }
    _write(target, parts)
    say(f"written: {', '.join(parts)}; read it before you send it")


def versions() -> dict[str, Any]:
    """This program, Python and the kind of machine (not its name), and each package that is installed."""
    from ip_fhir import __version__

    packages = {one.metadata["Name"]: one.version for one in distributions() if one.metadata["Name"]}
    return {
        "ip-fhir": __version__,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "packages": dict(sorted(packages.items(), key=lambda one: one[0].lower())),
    }


def without_folders(text: str) -> str:
    """The text with the file's name alone in place of each path: folders may be named after whoever works there."""
    return re.sub(r"(?<![:/\w.])~?/(?:[^\s/:()]+/)+", f"{_LEFT_OUT}/", text)


def places(text: str, known: Collection[str]) -> list[str]:
    """The places that an error's text names before its reasons; of each, only names that are in `known`.

    >>> places("Bundle.entry[2].resource.Kari: is not known; HTTP 422: no", {"entry", "resource"})
    ['....entry[2].resource....']
    """
    found = (one.partition(": ")[0] for one in text.split("; ") if ": " in one)
    paths = (path for path in found if re.fullmatch(r"[\w.\[\]-]+", path, re.ASCII) and re.search(r"[.\[]", path))
    return [shown for path in paths if (shown := _known(path, known)).replace(_LEFT_OUT, "").strip(".")]


def _known(path: str, known: Collection[str]) -> str:
    return re.sub(r"[A-Za-z_]\w*", lambda name: name[0] if name[0] in known else _LEFT_OUT, path)


def _finding(found: Finding) -> dict[str, str]:
    """A finding of the doctor; of a row that cannot be read only that there is one, since its key may be anything."""
    detail = "" if found.what == "unreadable row" else without_folders(found.detail)
    return {"what": found.what, "status": found.status, "detail": detail}


def _settings(config: Path) -> tuple[Settings | None, dict[str, str] | None]:
    """The settings, or the codes of what is wrong with them; `findings.json` has the reasons."""
    from ip_fhir.cli.opening import read_config
    from ip_fhir.errors import InvalidInput

    try:
        return read_config(config), None
    except InvalidInput as error:
        return None, {"cannot be read": ", ".join(sorted({one.code for one in error.problems}))}


def _outline(settings: Settings | None) -> dict[str, Any]:
    from ip_fhir.settings.outline import outline

    return {} if settings is None else outline(settings)


def _of_the_store(settings: Settings | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """The standing of the store, and its last errors; only the error's kind where it cannot be read."""
    from ip_fhir.cli.opening import absence
    from ip_fhir.errors import IpFhirError
    from ip_fhir.store import open_store, standing

    if settings is None:
        return {}, {}
    facts: dict[str, Any] = {}
    try:
        found = standing(settings.database)
        facts = {"database": found.database, "version": found.version, "needed": found.needed, "bytes": found.size}
        if absence(settings.database) is not None or found.version != found.needed:
            return facts, {}
        store = open_store(settings.database)
        try:
            return facts | _counts(store), _errors(store)
        finally:
            store.close()
    except IpFhirError as error:
        return facts | {"cannot be read": type(error).__name__}, {}


def _counts(store: SqlStore) -> dict[str, Any]:
    figures, head = store.figures(), store.head()
    counted = {field.name: getattr(figures, field.name) for field in fields(figures)}
    return {"figures": counted, "records": head.number, "purged": head.purged, "head": head.hash}


def _errors(store: SqlStore) -> dict[str, Any]:
    known = _names()
    rows = [row for status in _TROUBLED for row in store.outbox(status, _MOST) if row.last_error]
    return {
        "outbox": [_row(row, known) for row in rows],
        "refusals": [_refusal(one, known) for one in store.refusals(_MOST)],
    }


def _names() -> frozenset[str]:
    """The names of FHIR's elements, and of the resources and segments that the tables have."""
    from ip_fhir.fhir.data import element_names
    from ip_fhir.mapping.tables.loading import load_tables

    return element_names() | {word for name in load_tables().fields for word in re.findall(r"\w+", str(name))}


def _row(row: OutboxRow, known: Collection[str]) -> dict[str, Any]:
    said = row.last_error or ""
    return {
        "peer": row.peer,
        "about": row.aggregate_kind,
        "effect": str(row.effect.kind),
        "status": row.status,
        "attempts": row.attempts,
        "handovers": row.handovers,
        "due": row.due,
        "http": re.findall(r"\bHTTP ([1-5]\d\d)\b", said),
        "places": places(said, known),
    }


def _refusal(one: Refusal, known: Collection[str]) -> dict[str, Any]:
    return {
        "peer": one.peer,
        "code": one.code,
        "places": places(one.reason, known),
        "first": one.first,
        "last": one.last,
        "times": one.times,
    }


def _write(target: Path, parts: dict[str, Any]) -> None:
    """Write the parts into a zip file for the owner alone. Raises `InvalidInput` where a file is there already."""
    import os
    from zipfile import ZIP_STORED, ZipFile

    from ip_fhir.errors import InvalidInput

    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise InvalidInput.at("FILE", "there is a file of this name already", "duplicate") from None
    with os.fdopen(descriptor, "wb") as file, ZipFile(file, "w", ZIP_STORED) as opened:
        opened.writestr("README.txt", _README)
        for name, content in parts.items():
            opened.writestr(name, _text(content))


def _text(content: Any) -> str:
    import json

    return json.dumps(_plain(content), indent=2, ensure_ascii=False)


def _plain(content: Any) -> Any:
    """The content as JSON values, with nothing in a text that may be a person's number."""
    from ip_fhir.domain.values.ids import PARTS_OF_11_DIGITS

    if isinstance(content, Mapping):
        return {_plain(str(name)): _plain(value) for name, value in content.items()}
    if isinstance(content, list):
        return [_plain(one) for one in content]
    if content is None or isinstance(content, bool | int | float):
        return content
    return PARTS_OF_11_DIGITS.sub(_LEFT_OUT, str(content))
