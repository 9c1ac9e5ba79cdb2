"""Every setting with its type, its default and its meaning; the first two from the settings themselves."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from ip_fhir.domain.agreement import Agreement
from ip_fhir.domain.people import Organization
from ip_fhir.settings import ENV_PREFIX, Settings
from ip_fhir.settings.meanings import MEANINGS

_WHOLE = (Organization, Agreement)  # values of the domain: described where they belong


def settings() -> str:
    """Returns the table of settings. Raises `ValueError` for one without a meaning, or a meaning without one."""
    found = dict(_fields(Settings))
    if set(found) != set(MEANINGS):
        message = f"settings without a meaning, or meanings without a setting: {sorted(set(found) ^ set(MEANINGS))}"
        raise ValueError(message)
    lines = ["| setting | default | meaning | in the environment |", "|---|---|---|---|"]
    lines += [f"| `{name}` | {default} | {MEANINGS[name]} | {_variable(name)} |" for name, default in found.items()]
    return "\n".join(lines) + "\n"


def _fields(model: type[BaseModel], inside: str = "") -> list[tuple[str, str]]:
    """Returns each setting's dotted name and its default in words."""
    found: list[tuple[str, str]] = []
    for name, field in model.model_fields.items():
        inner = _model_in(field.annotation)
        if inner is not None and not issubclass(inner, _WHOLE):
            found += _fields(inner, f"{inside}{name}.")
        else:
            default = field.get_default(call_default_factory=True, validated_data={})
            found.append((f"{inside}{name}", _in_words(default)))
    return found


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := _model_in(part)) is not None), None)


def _in_words(default: Any) -> str:
    if default is PydanticUndefined:
        return "required"
    if default is None or default in ((), {}):
        return "none"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _variable(name: str) -> str:
    parts = name.split(".")
    if parts[0] in ("peers", "carriers", "listeners", "told"):
        parts.insert(1, "0")
    if parts[:2] == ["own", "programs"]:
        parts.insert(2, "0")
    return f"`{ENV_PREFIX}{'__'.join(parts).upper()}`"
