"""The forms that a mock answers with, for every notice of the examples."""

from __future__ import annotations

import pytest

from ip_fhir.domain.green_form import Missing, missing_items
from ip_fhir.mock.forms import NOTE, complete_form, incomplete_form, rejection
from tests.support.two_sides import START, notice

NAMES = ("01", "02", "03", "04", "05")


@pytest.mark.parametrize("name", NAMES)
def test_complete(name: str) -> None:
    """Nothing is lacking, it answers this notice, it says that it is a mock's, and is the same each time."""
    made = complete_form(notice(name), START)
    assert missing_items(made, notice(name)) == ()
    assert (made.answers, made.sender, made.note) == (notice(name).correlation_id, notice(name).recipient, NOTE)
    assert made == complete_form(notice(name), START)


@pytest.mark.parametrize("name", NAMES)
def test_incomplete(name: str) -> None:
    """It lacks how to reach the coordinator, and from when; it is another form than the complete one."""
    made = incomplete_form(notice(name), START)
    assert missing_items(made, notice(name)) == (Missing.COORDINATOR_CONTACT, Missing.COORDINATOR_FROM)
    assert made.id != complete_form(notice(name), START).id


@pytest.mark.parametrize("name", NAMES)
def test_rejection(name: str) -> None:
    """A no has all that a no must have."""
    assert missing_items(rejection(notice(name), START), notice(name)) == ()


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_the_person_goes_along(name: str) -> None:
    """The content is made up: neither name nor number of the person stands in any of them."""
    owner = notice(name).owner
    for make in (complete_form, incomplete_form, rejection):
        text = make(notice(name), START).to_json()
        assert str(owner.name.family) not in text
        assert str(owner.identifier) not in text
