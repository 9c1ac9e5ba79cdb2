"""A settings file to fill in, made from the settings themselves: each is in it, with its default and its meaning."""

from __future__ import annotations

import json
import secrets
import textwrap
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, get_args

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from ip_fhir.domain.agreement import Agreement
from ip_fhir.domain.people import Organization
from ip_fhir.domain.referral import Role
from ip_fhir.domain.sharing.terms import SharingTerms
from ip_fhir.settings import Settings
from ip_fhir.settings.meanings import MEANINGS
from ip_fhir.settings.unfilled import FILL_IN

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_PLAIN: Final = (Organization, Agreement)  # values of the domain: what they say of themselves is their meaning
_OFF: Final = "#"
_WIDTH: Final = 110
_SIDES: Final[dict[Role | None, tuple[str, str, str]]] = {
    Role.HOSPITAL: ("hospital", "hospital", "the hospital"),
    Role.MUNICIPALITY: ("ke", "coordinating-unit", "the coordinating unit"),
    None: ("participant", f"{FILL_IN}: school, general-practice or another kind", "the participant"),
}
"""Of each side the id, the kind and the words for its organisation. Who takes part in plans only has no role."""

_NAMED: Final = [
    {"organization_number": f"{FILL_IN}: {whose} number, as above; no plan is shared without an agreement of the two"}
    for whose in ("our", "their")
]
"""The two parties of an agreement."""

_HEAD: Final = """\
# Settings of {who}, to fill in. A key behind "#" shows a default: take the mark away, and change it.
# Where FILL IN stands, something is missing; `ip-fhir doctor --config {file}` names every such place at once.
# Paths are relative to this file. A token is its text, {{ env = "NAME" }} or {{ file = "path" }}.
# Keep this file to yourself: it holds tokens.

"""


def template(role: Role | None, file: str) -> str:
    """Returns the settings file of a side as TOML text, with a fresh token that the other side is to show us.

    The other side is the hospital to a municipality, and the municipality to anybody else.

    `file` is the name that it will have. Read unfilled, it is refused with every place that is to be filled in.
    """
    other = Role.HOSPITAL if role is Role.MUNICIPALITY else Role.MUNICIPALITY
    active = _active(role, other)
    tables = [name for name, field in Settings.model_fields.items() if _table(field.annotation) is not None]
    lines = [*_keys(Settings, "", active, leave_out=tables)]
    for name in tables:
        lines += ["", *_section(name, active)]
    return _HEAD.format(who=_SIDES[role][2], file=file) + "\n".join(lines) + "\n"


def _active(role: Role | None, other: Role) -> dict[str, Any]:
    """Returns the settings that stand in the file unmarked, with their values; the rest is as by default."""
    here, there = _SIDES[role], _SIDES[other]
    return {
        **({"role": str(role)} if role is not None else {}),
        "database": f"sqlite:///{role or here[0]}.sqlite",
        "organization.id": here[0],
        "organization.name": f"{FILL_IN}: name of {here[2]}",
        "organization.kind": here[1],
        "organization.organization_number": f"{FILL_IN}: number in the register of enterprises, 9 digits",
        "http.port": 8080,
        "http.base_url": f"{FILL_IN}: https address by which others know us",
        "peers.name": str(other),
        "peers.url": f"{FILL_IN}: {MEANINGS['peers.url']}",
        "peers.token": f"{FILL_IN}: {MEANINGS['peers.token']}, which they give to you",
        "peers.accepts": [secrets.token_urlsafe(32)],
        "peers.organization": {
            "id": there[0],
            "name": f"{FILL_IN}: name of {there[2]}",
            "kind": there[1],
            "organization_number": f"{FILL_IN}: its number in the register of enterprises, 9 digits",
        },
        **({"agreements.parties": _NAMED} if role is None else {"agreements.answer_days": Agreement().answer_days}),
    }


def _section(name: str, active: dict[str, Any]) -> Iterator[str]:
    """Yields a table of the file with its keys; a marked one if nothing in it is active."""
    field = Settings.model_fields[name]
    model = _table(field.annotation)
    if model is None:
        return
    mark = "" if any(key.startswith(f"{name}.") for key in active) else _OFF
    is_list = field.default == ()
    yield from _words((model.__doc__ or name).strip().partition("\n\n")[0])
    yield f"{mark}[[{name}]]" if is_list else f"{mark}[{name}]"
    inner = [key for key, one in model.model_fields.items() if _is_settings(one.annotation)]
    yield from _keys(model, f"{name}.", active, leave_out=inner)
    for key in inner:
        yield f"{mark or _OFF}[{name}.{key}]"
        yield from _keys(_table(model.model_fields[key].annotation) or model, f"{name}.{key}.", active)


def _keys(
    model: type[BaseModel], inside: str, active: dict[str, Any], leave_out: Collection[str] = ()
) -> Iterator[str]:
    """Yields the line of each key: with its value, or marked with its default; above it what it means."""
    for key, field in model.model_fields.items():
        if key in leave_out:
            continue
        path = f"{inside}{key}"
        yield from _words(MEANINGS.get(path) or field.description or key)
        if path in active:
            yield f"{key} = {_toml(active[path])}"
        else:
            default = field.get_default(call_default_factory=True, validated_data={})
            unsaid = default is None or default is PydanticUndefined
            yield f"{_OFF}{key} = {_toml(FILL_IN if unsaid else default)}"


def _words(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="# ", subsequent_indent="#   ", break_on_hyphens=False)


def _table(annotation: Any) -> type[BaseModel] | None:
    """Returns the model that a setting is a table of; None for a single value, and a list of organisations."""
    model = _model_in(annotation)
    is_list = model is not annotation
    return None if model is None or (is_list and model is Organization) else model


def _is_settings(annotation: Any) -> bool:
    """True for a setting that is a table of its own inside a table."""
    model = _model_in(annotation)
    return model is not None and (model is SharingTerms or model.__module__.startswith("ip_fhir.settings"))


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := _model_in(part)) is not None), None)


def _toml(value: Any) -> str:
    """Returns a value as TOML on one line; its strings, numbers and booleans are written as in JSON."""
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json", exclude_none=True)
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(inner)}" for key, inner in value.items()) + " }" if value else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(str(value) if isinstance(value, StrEnum) else value, ensure_ascii=False)
