"""Two who change one plan on a server at once: both changes survive, or a person decides and nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.servers import EditConflict, FetchedPlan, FhirServer
from ip_fhir.servers.connection import Connection, Patience
from tests.mapping.examples import example
from tests.servers.plans import same
from tests.support.fhir_server import FhirServerDouble, fhir_server

Place: TypeAlias = tuple[str, int, str]
"""A list of the plan, the number of an item in it, and a field of text; for the plan's own fields the list is empty."""

PLACES: list[Place] = [
    ("", 0, "title"),
    *(("goals", number, field) for number in range(3) for field in ("note", "target")),
    *(("measures", number, "extent") for number in range(3)),
    *(("needs", number, "text") for number in range(2)),
]
EDITS = st.dictionaries(st.sampled_from(PLACES), st.sampled_from(["Ny tekst", "En annen", "Åse"]), min_size=1)


def edited(plan: IndividualPlan, edits: dict[Place, str], mark: str) -> IndividualPlan:
    """The plan with other texts at these places."""
    for (name, number, field), text in edits.items():
        if not name:
            plan = plan.evolve(**{field: f"{text} {mark}"})
            continue
        items: list[Any] = list(getattr(plan, name))
        items[number] = items[number].evolve(**{field: f"{text} {mark}"})
        plan = plan.evolve(**{name: tuple(items)})
    return plan


def text_at(plan: IndividualPlan, place: Place) -> Any:
    """The text at a place."""
    name, number, field = place
    return getattr(getattr(plan, name)[number] if name else plan, field)


def with_both(test: Callable[[FhirServerDouble, FhirServer, FetchedPlan], None]) -> None:
    """Run a test with a server that has a plan on it, and a client."""
    with fhir_server() as double:
        client = FhirServer(Connection(double.base, patience=Patience(first=0.0), sleep=lambda _: None))
        test(double, client, client.store_plan(example(1)))
        client.close()


@pytest.mark.slow
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ours=EDITS, theirs=EDITS)
def test_edits_of_different_fields_both_survive(ours: dict[Place, str], theirs: dict[Place, str]) -> None:
    """Whatever two parties change in different fields, the plan on the server says both."""
    theirs = {place: text for place, text in theirs.items() if place not in ours}

    def test(double: FhirServerDouble, client: FhirServer, stored: FetchedPlan) -> None:
        client.update_plan(stored, edited(stored.plan, theirs, "deres"))
        updated = client.update_plan(stored, edited(stored.plan, ours, "vår"))
        found = client.fetch_plan(stored.plan.id).plan
        for place, text in ours.items():
            assert text_at(found, place) == text_at(updated.now.plan, place) == f"{text} vår"
        for place, text in theirs.items():
            assert text_at(found, place) == f"{text} deres"

    with_both(test)


@pytest.mark.slow
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(place=st.sampled_from(PLACES), others=EDITS)
def test_two_edits_of_one_field_are_left_to_a_person(place: Place, others: dict[Place, str]) -> None:
    """The conflict names the field with all three values; of ours nothing is written, theirs stands."""

    def test(double: FhirServerDouble, client: FhirServer, stored: FetchedPlan) -> None:
        client.update_plan(stored, edited(stored.plan, {place: "Deres"}, "deres"))
        count = double.count()
        with pytest.raises(EditConflict) as caught:
            client.update_plan(stored, edited(stored.plan, {**others, place: "Vår"}, "vår"))
        assert double.count() == count
        name, _, field = place
        (conflict,) = caught.value.conflicts
        assert conflict.field == (f"{name}.{field}" if name else field)
        assert (conflict.mine, conflict.theirs) == ("Vår vår", "Deres deres")
        assert same(caught.value.now, client.fetch_plan(stored.plan.id))
        assert "Vår" not in f"{caught.value} {caught.value!r}"

    with_both(test)


def test_their_elements_survive(double: FhirServerDouble, client: FhirServer, stored: FetchedPlan) -> None:
    """Between our reading and our writing somebody adds what no table names: it stays."""
    name = f"Goal/{stored.plan.goals[0].id}"
    theirs = {"extension": [{"url": "https://elsewhere.example/x", "valueString": "theirs"}]}
    double.before_transaction = lambda: double.put({**double.now(name), **theirs})
    updated = client.update_plan(stored, edited(stored.plan, {("goals", 0, "note"): "Ny"}, "vår"))
    assert updated.now.plan.goals[0].note == "Ny vår"
    assert theirs["extension"][0] in double.now(name)["extension"]


def test_the_same_edit_by_both_is_no_conflict(
    double: FhirServerDouble, client: FhirServer, stored: FetchedPlan
) -> None:
    """Both say the same: it is written once."""
    wanted = edited(stored.plan, {("", 0, "title"): "Felles"}, "begge")
    client.update_plan(stored, wanted)
    count = double.count()
    assert client.update_plan(stored, wanted).now.plan == client.fetch_plan(stored.plan.id).plan
    assert double.count() == count
