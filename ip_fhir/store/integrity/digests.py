"""Digests of what a transaction wrote. They go into the chain with the transaction's last record of evidence.

A *thing* is a row, or a part of one that changes by itself. Its name begins with its kind:

| thing | its value |
|---|---|
| `referral/ID`, `resource/TYPE/ID/VERSION`, `outbox/ID`, `item/ID` | the digest of the row's columns in `WHOLE` |
| `content/ID` | the digest of an outbox row's bytes |
| `status/ID` | the digest of an outbox row's status, and of what was said with it, once it has ended |
| `outcome/ID` | the digest of how a worklist item was done |
| `tokens/TYPE/ID` | the digest of a resource's search tokens |
| `inbox/KEY` | time, digest of the message, digest of the reply, which a purge may empty |
| `refusal/DIGEST` | time of the first refusal, digest of the row |
| `other-id/DIGEST` | the digest of the row |
| `subscription/ID` | the digest of what its client wrote |
| `plan/ID`, `version/PLAN/NUMBER`, `view/SHARE/NUMBER`, `name/KIND/ID` | the digest of a shared plan's rows |

A value is None where the thing is not there any more, and an ended row that waits again has no `status`.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import orjson

from ip_fhir.store.schema import metadata

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Table


WORKING: Final[Mapping[str, tuple[str, ...]]] = {
    "outbox": ("sequence", "due", "attempts", "claim", "lease_until", "leased_by", "handovers", "handed_over"),
    "resource": ("current",),
    "refusal": ("last", "times"),
    "subscription": ("status", "error", "place", "failures", "next_try", "lease_until", "claim"),
}
"""Columns that no digest covers, by table: they change with each attempt; `current` follows from the versions."""

PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "status": ("status", "last_error", "sent_at"),
    "content": ("content", "content_type"),
    "outcome": ("closed", "done", "done_by", "note"),
}
"""Columns that change by themselves, and so are things of their own."""


def _whole(table: Table) -> tuple[str, ...]:
    apart = (*WORKING.get(table.name, ()), *_PARTS_OF.get(table.name, ()))
    return tuple(str(column.name) for column in table.c if column.name not in apart)


_PARTS_OF: Final = {"outbox": PARTS["status"] + PARTS["content"], "worklist": PARTS["outcome"]}

WHOLE: Final[Mapping[str, tuple[str, ...]]] = {table.name: _whole(table) for table in metadata.tables.values()}
"""The covered columns of each table, without those of `PARTS`."""

OF_PLANS: Final[Mapping[str, tuple[str, ...]]] = {
    "plan": ("id",),
    "plan_version": ("plan_id", "version"),
    "plan_view": ("share", "number"),
    "plan_name": ("kind", "id"),
}
"""The tables of shared plans, each with the columns of its key."""

UNENDED: Final = ("waiting", "awaiting")
"""Statuses of outbox rows that have no `status` thing: between them a row changes with each attempt."""


def digest_of_columns(values: Mapping[str, Any], columns: Sequence[str]) -> str:
    """Returns the SHA-256 (64 hexadecimal digits) of the columns that are not null, by name, as canonical JSON.

    Bytes go in by their own SHA-256. A column that is added later and empty changes no digest.
    """
    kept = {name: value for name in columns if (value := values.get(name)) is not None}
    return sha256(orjson.dumps(kept, option=orjson.OPT_SORT_KEYS, default=_bytes)).hexdigest()


def _bytes(value: bytes) -> dict[str, str]:
    return {"sha256": sha256(value).hexdigest()}  # an object: no column holds one, so nothing else looks like bytes


def digest_of_row(table: str, values: Mapping[str, Any]) -> str:
    """Returns the digest of a table row, without the parts that change by themselves."""
    return digest_of_columns(values, WHOLE[table])


def digest_of_tokens(tokens: Sequence[tuple[str, str]]) -> str:
    """Returns the digest of a resource's search tokens, sorted pairs of name and value."""
    return sha256(orjson.dumps(tokens)).hexdigest()


def inbox_value(values: Mapping[str, Any]) -> str:
    """Returns the value of an inbox row: time, digest of the message, digest of the reply."""
    reply = values["reply"]
    replied = sha256(reply).hexdigest() if isinstance(reply, bytes) else "no bytes"
    return f"{values['at']} {values['digest']} {replied}"


def refusal_name(values: Mapping[str, Any]) -> str:
    """Returns the name of a refusal, made of the columns of its key."""
    return f"refusal/{digest_of_columns(values, ('peer', 'digest', 'code'))}"


def refusal_value(values: Mapping[str, Any]) -> str:
    """Returns the value of a refusal: time of the first, digest of the row."""
    return f"{values['first']} {digest_of_row('refusal', values)}"


def other_id_name(values: Mapping[str, Any]) -> str:
    """Returns the name of an id of another system's, made of the columns of its key."""
    return f"other-id/{digest_of_columns(values, ('party', 'kind', 'value'))}"


def plan_name(table: str, values: Mapping[str, Any]) -> str:
    """Returns the name of a row of one of the tables `OF_PLANS`.

    >>> plan_name("plan_version", {"plan_id": "p", "version": 2})
    'version/p/2'
    """
    return "/".join([table.removeprefix("plan_"), *(str(values[column]) for column in OF_PLANS[table])])


def owner(kind: str | None, id_: str | None) -> str:
    """Returns the aggregate that things belong to, as text; a purge takes them out together."""
    return f"{kind}/{id_ or ''}"


class Written:
    """The things that one transaction wrote, by owner, for the chain."""

    def __init__(self) -> None:
        self._things: dict[str, dict[str, str | None]] = {}

    def note(self, of: str, name: str, value: str | None) -> None:
        """Notes a thing's new value; of two the last counts. `of` is its owner, or "" for a part of an owned thing."""
        self._things.setdefault(of, {})[name] = value

    def take(self) -> str | None:
        """Returns all that was noted as canonical JSON and forgets it; None if that is nothing."""
        things, self._things = self._things, {}
        return dump_wrote(things=things) if things else None


def dump_wrote(**parts: Any) -> str:
    """Returns the text of a link's `wrote`.

    `things`: values by owner and name; `gone`: owners whose things were purged; `forgotten`: times (microseconds since
    1970) before which rows without an owner were purged; `stood`: true if the things had been there before the chain
    had digests.
    """
    return orjson.dumps(parts, option=orjson.OPT_SORT_KEYS).decode()
