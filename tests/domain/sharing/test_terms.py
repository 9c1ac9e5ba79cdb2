"""The terms of sharing: defaults that stand in the documents, and bounds."""

from typing import Any

import pytest

from ip_fhir.domain.sharing.rights import Rights
from ip_fhir.domain.sharing.terms import RequestRule, ShareStart, SharingTerms
from ip_fhir.errors import InvalidInput


def test_the_defaults() -> None:
    """Without a word said otherwise, the clocks are those of the specification, and nothing begins by itself."""
    terms = SharingTerms()
    assert (terms.change_days, terms.change_leader_days, terms.request_days) == (5, 10, 5)
    assert (terms.invitation_days, terms.handover_days, terms.acknowledgement_days) == (10, 10, 5)
    assert (terms.warning_days, terms.base_days, terms.undecided_changes) == (14, 90, 50)
    assert (terms.shares_begin, terms.requests) == (ShareStart.BY_NAME, RequestRule.PERSON_DECIDES)
    assert terms.rights == Rights()
    assert terms.to_data() == {}


def test_what_is_written_is_read() -> None:
    """A deviation is kept, and the rest is as by default."""
    said = {"change_days": 3, "shares_begin": "by-rule", "requests": "by-rule", "rights": {"at_once": ["goals.note"]}}
    terms = SharingTerms.from_data(said)
    assert (terms.shares_begin, terms.requests) == (ShareStart.BY_RULE, RequestRule.BY_RULE)
    assert SharingTerms.from_data(terms.to_data()) == terms
    assert terms.to_data() == said


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({"change_days": 0}, "change_days"),
        ({"base_days": 366}, "base_days"),
        ({"warning_days": "3"}, "warning_days"),
        ({"undecided_changes": 0}, "undecided_changes"),
        ({"shares_begin": "always"}, "shares_begin"),
        ({"requests": "by-name"}, "requests"),
        ({"rights": {"at_once": ["consents"]}}, "rights.at_once.0"),
        ({"change_days": 11}, "change_leader_days"),
        ({"change_dayz": 3}, ""),
    ],
)
def test_what_makes_no_terms(said: dict[str, Any], path: str) -> None:
    """Each is refused, and the place is named."""
    with pytest.raises(InvalidInput) as caught:
        SharingTerms.from_data(said)
    assert [problem.path for problem in caught.value.problems] == [path]
