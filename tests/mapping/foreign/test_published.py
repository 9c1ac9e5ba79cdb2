"""The whole set of published resources as parts of plans: kept exactly, changed exactly, and nothing silent.

The oracle of silence is the reading itself: a leaf that is not told must change what is read, what is told or whether
the plan is refused, as soon as the leaf changes.
"""

import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ip_fhir.domain.people import PersonName, PlanOwner
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput
from ip_fhir.mapping import Reading, put_plan, read_fhir
from ip_fhir.mapping.bundle.refusal import AS_NO
from tests.mapping.foreign.published import JSON, Published, fhirpath, leaves, published, whole_plans, with_value
from tests.mapping.json_diff import differences

CREATED = datetime(2026, 1, 2, 9, tzinfo=UTC)
OWNER = PlanOwner(
    id="person-9",
    name=PersonName(family="Bjørnstad", given="Håvard"),
    identifier="14826121549",  # type: ignore[arg-type]
)

# What needs no telling, each with its reason; everything else does.
SILENT_ELEMENTS = {
    "resourceType": "the type is what the entry is read as",
    "id": "a server's own name of a resource; who refers to it is told where that leads nowhere",
    "meta": "a server's own; a summary and a security label are looked at by those who read them",
    "language": "of the words, which stay as they are",
}


def reading(bundle: JSON) -> Reading | None:
    """What is read, with a time of creation and an owner if the bundle needs them; None if it is refused."""
    for owner in (None, OWNER):
        try:
            return read_fhir(bundle, created=CREATED, owner=owner)
        except InvalidInput as error:
            assert all(problem.path.startswith("Bundle") for problem in error.problems)  # noqa: PT017 - names its place
    return None


@pytest.fixture(scope="module")
def parts(shared_data: Path) -> list[tuple[Published, Reading]]:
    """Every published part whose plan is read, with the reading."""
    found = [(one, reading(one.bundle)) for one in published(shared_data)]
    return [(one, read_) for one, read_ in found if read_ is not None]


@pytest.fixture(scope="module")
def plans(shared_data: Path) -> list[tuple[Published, Reading]]:
    """Every whole plan that is read, with the reading."""
    found = [(one, reading(one.bundle)) for one in whole_plans(shared_data)]
    return [(one, read_) for one, read_ in found if read_ is not None]


def told_by(found: Reading) -> list[str]:
    """The places that are told; of a consent that is read as a no, the whole consent, as its reason says."""
    return [
        warning.path.partition(".resource")[0] + ".resource" if warning.reason.endswith(AS_NO) else warning.path
        for warning in found.warnings
    ]


def type_of(one: Published) -> str:
    """The resource type of the published part."""
    return str(one.bundle["entry"][one.part]["resource"]["resourceType"])


def test_most_are_read(parts: list[tuple[Published, Reading]], plans: list[tuple[Published, Reading]]) -> None:
    """The tests below are about more than a hundred parts of all types, and about whole plans."""
    count = Counter(type_of(one) for one, _ in parts)
    assert {"Patient", "CarePlan", "Goal", "Condition", "Consent", "ServiceRequest", "Organization"} <= count.keys()
    assert count.total() > 100
    assert len(plans) > 15


def test_writing_what_was_read_changes_nothing(
    parts: list[tuple[Published, Reading]], plans: list[tuple[Published, Reading]]
) -> None:
    """put(read(bundle), bundle) == bundle for every one of them."""
    wrong = [one.name for one, found in (*parts, *plans) if put_plan(found.plan, one.bundle) != one.bundle]
    assert wrong == []


def test_the_laws_hold_after_a_change_of_the_plan(plans: list[tuple[Published, Reading]]) -> None:
    """A whole plan with another title: the title is the only place that differs, and it is read back."""
    for one, found in plans:
        new = changed(found.plan, "title", "Ny tittel")
        written = put_plan(new, one.bundle)
        assert differences(one.bundle, written) == [f"entry[{number_of_plan(one, found)}].resource.title"], one.name
        again = reading(written)
        assert again is not None
        assert again.plan == new


CHANGES: dict[str, tuple[str, tuple[str, ...], str, str]] = {
    "Patient": ("owner", ("birth_date",), "1969-12-24", "birthDate"),
    "Goal": ("goals", ("text",), "Ny", "description"),
    "Condition": ("needs", ("text",), "Ny", "code"),
    "ServiceRequest": ("measures", ("what",), "Ny", "code"),
    "Organization": ("organizations", ("name",), "Ny", "name"),
    "Consent": ("consents", ("verified_on",), "2026-01-09", "verification"),
    "Practitioner": ("professionals", ("name", "family"), "Ny", "name"),
    "RelatedPerson": ("related_persons", ("name", "family"), "Ny", "name"),
}
"""By type: the field of the plan, the field of its only value there, another value, and the element that it changes."""


def with_field(plan: JSON, name: str, way: tuple[str, ...], value: str) -> JSON | None:
    """The data of a plan with another value in its owner, or in the only value of a list; None if there is none."""
    found = plan.get(name, [])
    one = found if isinstance(found, dict) else found[0] if len(found) == 1 else None
    if one is None:
        return None
    new = with_value({way[0]: None, **one}, way, value)
    return {**plan, name: new if isinstance(found, dict) else [new]}


def changed(plan: IndividualPlan, field: str, value: Any) -> IndividualPlan:
    """The plan with another value in a field of its own."""
    return read(IndividualPlan, {**plan.to_data(), field: value})


def number_of_plan(one: Published, found: Reading) -> int:
    """The number of the CarePlan's entry."""
    return next(
        n
        for n, entry in enumerate(one.bundle["entry"])
        if entry.get("resource", {}).get("resourceType") == "CarePlan"
        and entry["resource"].get("id", found.plan.id) == found.plan.id
    )


def test_one_change_changes_one_place(parts: list[tuple[Published, Reading]]) -> None:
    """A goal's text, a person's day of birth, a unit's name: nothing but the element of that field differs."""
    tried = Counter[str]()
    for one, found in parts:
        name, way, value, element = CHANGES.get(type_of(one), ("", (), "", ""))
        data = with_field(found.plan.to_data(), name, way, value)
        if data is None or f"Bundle.entry[{one.part}].resource" in told_by(found):  # a consent that stays as it is
            continue
        places = differences(one.bundle, put_plan(read(IndividualPlan, data), one.bundle))
        assert places
        assert all(place.startswith(f"entry[{one.part}].resource.{element}") for place in places), (one.name, places)
        tried[type_of(one)] += 1
    assert {"Patient", "Goal", "Condition", "Organization", "Practitioner"} <= tried.keys()


def test_no_leaf_is_silent(parts: list[tuple[Published, Reading]], plans: list[tuple[Published, Reading]]) -> None:
    """Issue 11: each leaf is read, or told, or in the list of what needs no telling; the silent ones are named here."""
    silent = Counter[str]()
    tried = 0
    for one, found in parts:
        tried += _listen(one, found, one.part, silent)
    for one, found in plans:
        for number, entry in enumerate(one.bundle["entry"]):
            if "resource" in entry:
                tried += _listen(one, found, number, silent)
    assert sorted(silent.items()) == []
    assert tried > 500


def _listen(one: Published, found: Reading, number: int, silent: Counter[str]) -> int:
    """Change each leaf of one entry that is not told; count in `silent` those that nobody hears. Return the number."""
    resource = one.bundle["entry"][number]["resource"]
    told = told_by(found)
    tried = 0
    for path, value in leaves(resource):
        at = fhirpath(("entry", number, "resource", *path))
        if _needs_no_word(resource, path) or any(_covers(place, f"Bundle.{at}") for place in told):
            continue
        tried += 1
        again = reading(with_value(one.bundle, ("entry", number, "resource", *path), _another(value)))
        if again is not None and (again.plan, again.warnings) == (found.plan, found.warnings):
            silent[f"{resource['resourceType']}.{re.sub(r'[0-9]+', 'n', fhirpath(path))}"] += 1
    return tried


def _needs_no_word(resource: JSON, path: tuple[str | int, ...]) -> bool:
    """True for the elements listed above, a narrative that says what the elements say, and what repeats its neighbour.

    That is the display beside a code or a reference, and the type of what a reference or its identifier means.
    """
    if path[0] == "text":
        return resource["text"].get("status") in ("generated", "empty")
    beside: Any = resource
    for step in path[:-1]:
        beside = beside[step]
    repeats = {"display": {"code", "reference"}, "type": {"reference", "identifier"}}.get(str(path[-1]), set())
    return path[0] in SILENT_ELEMENTS or (isinstance(beside, dict) and not repeats.isdisjoint(beside))


def _covers(place: str, at: str) -> bool:
    """True if the place that is told is the leaf, or above it."""
    return at == place or at.startswith((f"{place}.", f"{place}["))


def _another(value: Any) -> Any:
    """Another value of the same type; of a text one that is no code, reference, date or URL that anybody knows."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, str) and "/_history/" in value:  # which version is named changes nothing of what is meant
        return value.replace("/_history/", "-another/_history/")
    return value + 1 if isinstance(value, int | float) else f"{value}-another" if isinstance(value, str) else "x"
