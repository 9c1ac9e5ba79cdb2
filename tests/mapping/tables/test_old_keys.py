"""Row keys of earlier versions: read, warned of, and named by what they are called now."""

from typing import Any

import pytest

from ip_fhir.errors import RenamedWarning
from ip_fhir.mapping.overlays.overlay import overlaid
from ip_fhir.mapping.tables.loading import row_of
from ip_fhir.mapping.tables.old_keys import CONVERTED, RENAMED, modern

PLACE = {"domain": "planned", "fhir": "requestedPeriod[0].start"}
CASES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"echo": True}, {"check_only": True}),
    ({"always": True}, {"write_default": True}),
    ({"closed": True}, {"strict": True}),
    (
        {"also": {"fhir": "provision.type", "codes": "access", "as": "code"}},
        {"converter": {"name": "second-place", "fhir": "provision.type", "codes": "access", "as": "code"}},
    ),
    (
        {"when": {"field": "status", "is": "held"}},
        {"converter": {"name": "only-where", "field": "status", "is": "held"}},
    ),
    (
        {"lead": {"fhir": "start", "type": "day-start"}, "when": {"field": "status", "is": "held"}},
        {
            "converter": {
                "name": "set-by-another",
                "fhir": "start",
                "type": "day-start",
                "field": "status",
                "is": "held",
            }
        },
    ),
    (
        {"unless": {"field": "access", "is": "deny", "table": "ExceptionToDeny"}},
        {"converter": {"name": "table-by-word", "field": "access", "is": "deny", "table": "ExceptionToDeny"}},
    ),
]


@pytest.mark.parametrize(("old", "new"), CASES, ids=["+".join(old) for old, _ in CASES])
def test_an_old_key_is_read_and_warned_of(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Each old key gives the row that its new one gives, and a warning that says where it stands and both names."""
    with pytest.warns(RenamedWarning) as warned:
        made = modern({**PLACE, **old}, "overlay, table Review, row planned")
    assert made == {**PLACE, **new}
    assert row_of(made) == row_of({**PLACE, **new})
    for key, warning in zip(old, warned, strict=True):
        assert str(warning.message).startswith(f"overlay, table Review, row planned: the key {key!r} is called ")


def test_every_old_key_is_tried_above() -> None:
    """The cases name every key that ever had another name."""
    assert {key for old, _ in CASES for key in old} == {*RENAMED, *CONVERTED}


def test_a_row_of_today_is_given_back() -> None:
    """A row without old keys is the same object, and nothing is warned of."""
    row = {**PLACE, "check_only": True}
    assert modern(row, "anywhere") is row


def test_an_overlay_with_old_keys_is_read() -> None:
    """A site's file from before goes on working: the key holds, and the site is told what it is called now."""
    overlay = {"table": [{"name": "Membership", "row": [{"domain": "status", "always": True}]}]}
    with pytest.warns(RenamedWarning, match=r"overlay, table Membership, row status: .*write_default"):
        tables = overlaid(overlay)
    assert next(row for row in tables.fields["Membership"].rows if row.field == "status").write_default
