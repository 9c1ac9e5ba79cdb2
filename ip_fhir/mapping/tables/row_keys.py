"""The keys of a row and of a check: their meaning, default and example. `docs/mapping.md` is generated from these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class RowKey:
    """One key of a row in a table under mappings/fields, or in a site's overlay."""

    name: str
    meaning: str
    example: str  # TOML
    default: str = "-"


ROW_KEYS: Final = (
    RowKey("domain", "The domain field, in dots where it is a part of a value.", 'domain = "period.start"', "required"),
    RowKey("fhir", "The place in the resource; other dialects have a key of their own name.", 'fhir = "period.start"'),
    RowKey("type", "The leaf kind of the value in this place.", 'type = "day"', '"string"'),
    RowKey("codes", "The code table that translates the words of an enumeration.", 'codes = "team-role"'),
    RowKey("as", "The leaf kind by which codes are written.", 'as = "code"', '"concept"'),
    RowKey("table", "The field table that reads and writes the object in this place.", 'table = "Provision"'),
    RowKey("key", "The field that identifies entries of a list; without it, their whole value does.", 'key = "id"'),
    RowKey("default", "The value of an empty place; not written without `write_default`.", "default = false"),
    RowKey("required", "Refuse a resource in which this place is empty.", "required = true", "false"),
    RowKey("match", "The resource or entry is the table's only if this place can be read.", "match = true", "false"),
    RowKey("check_only", "Written with its field, and only compared when read.", "check_only = true", "false"),
    RowKey("write_default", "Written in a new resource even if it is the default.", "write_default = true", "false"),
    RowKey(
        "assumed", "Reading tells that the default was taken: the domain requires a value.", "assumed = true", "false"
    ),
    RowKey(
        "strict",
        "Refuse content of this place that cannot be read: without it the rest would mean something else.",
        "strict = true",
        "false",
    ),
    RowKey(
        "converter",
        "The named code by which the place depends on more than its path (see below).",
        'converter = { name = "only-where", field = "status", is = "held" }',
    ),
    RowKey(
        "law",
        "The clause of law, standard or practice that the row serves, by a source of `mappings/sources.toml`.",
        'law = "forskrift b): who takes part in the work"',
        "required",
    ),
)
"""Every key that a row may have, in the order in which rows write them."""

CHECK_KEYS: Final = (
    RowKey("fhir", "The element's place: names with dots between; each entry of a list is looked at.", 'fhir = "use"'),
    RowKey("refuse", "Nothing may stand there.", "refuse = true"),
    RowKey("only", "Each that stands there is one of these: a code, true or false, or `system#code`.", "only = [true]"),
    RowKey("some", "If something stands there, at least one of it is one of these.", 'some = ["act-reason#TREAT"]'),
    RowKey("never", "None of these stands there; a row reads the others.", 'never = ["entered-in-error"]'),
    RowKey(
        "order",
        "Of several entries the one whose value comes first here counts (`name[current]`); an entry with another value"
        ' is no entry of ours. `""` stands for no value.',
        'order = ["official", "usual", ""]',
    ),
    RowKey("last", "An entry with the element counts after those without it.", "last = true"),
    RowKey("ranked", "Entries are read in the order of this number, those without it last.", "ranked = true"),
    RowKey("read", "Something else reads the element: the reason says what.", 'read = "by the leaf kind person-id"'),
    RowKey(
        "otherwise",
        'With "left", a resource or entry that fails the check is out of sight and stays as it is; a plan tells it.',
        'otherwise = "left"',
        "refused",
    ),
    RowKey("required", "Refuse a resource in which this place is empty.", "required = true", "false"),
    RowKey("told", "The words in which a failed check is told.", 'told = "is not a need"'),
)
"""Every key that a check may have. It has one of `refuse` to `read`."""
