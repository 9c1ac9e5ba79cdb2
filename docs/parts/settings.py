"""Every setting with its type, its default and its meaning; the first two from the settings themselves."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from ip_fhir.domain.agreement import Agreement
from ip_fhir.domain.people import Organization
from ip_fhir.settings import ENV_PREFIX, Settings

_MEANINGS = {
    "role": "the side that this is: `hospital` or `municipality`",
    "organization": "who we are: `id`, `name`, `kind`, and `her_id`, `organization_number` or both",
    "units": "our departments that send and receive in their own name",
    "database": "SQLAlchemy URL: `sqlite:///file`, `postgresql://user@host/name`",
    "http.host": "address where we listen",
    "http.port": "port where we listen; 0 takes a free one",
    "http.base_url": "address by which others know us; it goes into receipts. Without it: `http://host:port`",
    "http.metrics_token": "token that a program shows to read /metrics; without it only a program on this machine may",
    "peers.name": "name in our own logs and commands",
    "peers.organization": "who the other party is; as `organization`",
    "peers.units": "its departments that send and receive in their own name",
    "peers.adapter": "adapter that sends to it; `ip-fhir adapters` lists those installed",
    "peers.url": "address that we send to; https, but for this machine",
    "peers.token": "token that we show",
    "peers.accepts": "tokens that it may show; two while one is being changed",
    "peers.plain_http": "true allows http to another machine, where a tunnel encrypts",
    "peers.timeout": "seconds for the whole exchange: connect, send, and every byte of the answer",
    "peers.options": "options of the adapter",
    "listeners.use": "plug-in that waits or polls, run by `serve` and `work`; the table's other keys are its options",
    "agreements": "deadlines and ladder with each party: here, or the path of a file of their own",
    "limits.max_bytes": "bytes of a body",
    "limits.max_depth": "levels of nesting",
    "limits.max_parts": "objects and lists in a body",
    "limits.max_skew": "seconds that a message may be dated ahead of our clock",
    "limits.max_age": "days that a message may be old",
    "worker.rest": "seconds between two runs when nothing is due",
    "worker.lease": "seconds that a claim holds; at least twice the longest `timeout` of a peer",
    "worker.batch": "rows that a claim takes",
    "worker.parallel": "rows sent at a time in all, without those whose peer takes long; 1: one after another",
    "worker.per_peer": "rows sent at a time to one peer",
    "worker.grace": "seconds in which the process ends after SIGTERM, whatever peers do",
    "worker.retry.first": "seconds before the second attempt; doubled after each",
    "worker.retry.cap": "longest wait between attempts, in seconds",
    "worker.retry.attempts": "attempts before a row is parked",
    "clock.file": "file with the simulated time; for tests and the demonstration only",
    "mappings.overlay": "the site's own rows and codes, a TOML file",
    "language": "language of what is shown to people: `nb` or `en`",
}
_WHOLE = (Organization, Agreement)  # values of the domain: described where they belong


def settings() -> str:
    """Returns the table of settings. Raises `ValueError` for one without a meaning, or a meaning without one."""
    found = dict(_fields(Settings))
    if set(found) != set(_MEANINGS):
        message = f"settings without a meaning, or meanings without a setting: {sorted(set(found) ^ set(_MEANINGS))}"
        raise ValueError(message)
    lines = ["| setting | default | meaning | in the environment |", "|---|---|---|---|"]
    lines += [f"| `{name}` | {default} | {_MEANINGS[name]} | {_variable(name)} |" for name, default in found.items()]
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
    if parts[0] == "peers":
        parts.insert(1, "0")
    return f"`{ENV_PREFIX}{'__'.join(parts).upper()}`"
