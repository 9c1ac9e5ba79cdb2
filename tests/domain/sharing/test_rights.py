"""Rights: the table restated for every field of a plan, and what an agreement may and may not say otherwise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ip_fhir.domain.merge import difference
from ip_fhir.domain.merge.places import BOUND
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.sharing.rights import PLACES, Right, Rights, is_fixed, right_of
from ip_fhir.domain.values.value import Value
from ip_fhir.errors import InvalidInput
from tests.support.strategies import plans

DEFAULT = Rights()

# Every place of a plan in words of its own: N never, L proposed and never at once, O at once for what one is
# responsible for, P proposed. A field that is added to a plan has to be given its letter here.
TABLE = """
N id owner status version created updated author coordinating_unit replaces
P title legal_basis period follow_up evaluation note
N owner.id owner.name owner.identifier owner.birth_date owner.gender owner.contacts owner.address owner.protection
N owner.language owner.needs_interpreter owner.deceased owner.dead
L related_persons
N related_persons.id related_persons.protection related_persons.mandate
P related_persons.name related_persons.relationship related_persons.identifier related_persons.contacts
P related_persons.next_of_kin
L organizations organizations.part_of organizations.organization_number organizations.her_id organizations.resh_id
N organizations.id
P organizations.name organizations.kind organizations.municipality organizations.address
O organizations.contacts
L professionals professionals.organization
N professionals.id professionals.protection
P professionals.name professionals.profession professionals.title professionals.hpr_number professionals.her_id
O professionals.contacts
L resources resources.area needs needs.area
N resources.id needs.id
P resources.text needs.text
L goals goals.areas goals.part_of
N goals.id
P goals.text goals.status goals.period goals.target goals.achievement goals.status_date goals.status_reason
P goals.expressed_by goals.note
L measures measures.areas measures.goals
N measures.id
P measures.what measures.responsible measures.takes_part measures.extent measures.how measures.where
O measures.period measures.status measures.status_reason
N contributions.id cooperation.id
P contributions contributions.by contributions.text contributions.actor
P cooperation cooperation.with_whom cooperation.organization cooperation.text
P reviews reviews.kind reviews.planned reviews.how reviews.responsible reviews.participants
N reviews.id
O reviews.status reviews.held reviews.outcome
N team team.id team.two_coordinators_reason
P team.status team.name
L team.memberships team.memberships.member team.memberships.role team.memberships.status team.memberships.period
L team.memberships.on_behalf_of
N team.memberships.id
P team.memberships.role_text team.memberships.task
N team.coordinators team.coordinators.id team.coordinators.kind team.coordinators.holder team.coordinators.period
N team.coordinators.appointed_by team.coordinators.mentor team.coordinators.wish_honoured
N team.coordinators.wish_reason
N consents consents.id consents.kind consents.status consents.given_on consents.given_by consents.form
N consents.verified_on consents.withdrawn_on consents.period consents.access consents.provisions consents.document
"""
LETTERS = {place: letter for letter, *places in map(str.split, TABLE.strip().splitlines()) for place in places}


def group(place: str) -> set[str]:
    """The places that are merged as one with this one, by the table of the merge."""
    name = place.rpartition(".")[2]
    above = place.removesuffix(name)
    lists = {"goals.": "Goal", "measures.": "Measure", "reviews.": "Review", "team.memberships.": "Membership"}
    lists |= {"contributions.": "Contribution", "cooperation.": "Cooperation"}
    units = {model.__name__: of for model, of in BOUND.items()}.get(lists.get(above, ""), ())
    return next(({f"{above}{one}" for one in unit} for unit in units if name in unit), {place})


def fields_of(model: type[Value]) -> set[str]:
    """The fields of a model."""
    return set(model.model_fields)


def test_the_table_has_every_field_of_a_plan() -> None:
    """No field of a plan, of its items or of its parts is without a right, and none is there that no plan has."""
    assert set(LETTERS) == set(PLACES)
    assert len(PLACES) == len(set(PLACES))
    assert {place for place in PLACES if "." not in place} == fields_of(IndividualPlan)


@given(plans(), plans())
def test_every_difference_has_a_right(one: IndividualPlan, other: IndividualPlan) -> None:
    """Whatever two plans differ in, its place is one of the table."""
    assert {change.field for change in difference(one, other)} <= set(LETTERS)


@pytest.mark.parametrize("place", PLACES)
def test_the_default(place: str) -> None:
    """Without a word said otherwise, each place has the right that the table gives it."""
    letter = LETTERS[place]
    own = {"N": Right.NEVER, "O": Right.AT_ONCE}.get(letter, Right.PROPOSED)
    assert right_of(place, responsible=True, rights=DEFAULT) is own
    others = Right.NEVER if letter == "N" else Right.PROPOSED
    assert right_of(place, responsible=False, rights=DEFAULT) is others
    assert is_fixed(place) is (letter == "N")


@pytest.mark.parametrize("place", PLACES)
def test_what_an_agreement_can_say(place: str) -> None:
    """Each list takes the places that the table leaves open to it, and then has its effect; it refuses the others."""
    wanted = {"at_once": "PO", "at_once_for_all": "PO", "proposed": "PLO", "never": "PLO"}
    for name, letters in wanted.items():
        if LETTERS[place] in letters:
            rights = Rights.from_data({name: [place]})
            effect = Right.AT_ONCE if name.startswith("at_once") else Right(name)
            for one in group(place):
                assert right_of(one, responsible=True, rights=rights) is effect
                not_theirs = Right.PROPOSED if name == "at_once" else effect
                assert right_of(one, responsible=False, rights=rights) is not_theirs
        else:
            with pytest.raises(InvalidInput) as caught:
                Rights.from_data({name: [place]})
            assert [problem.path for problem in caught.value.problems] == [f"{name}.0"]


OPEN = [place for place in PLACES if LETTERS[place] != "N"]
AGREED = st.dictionaries(st.sampled_from(OPEN), st.sampled_from([*Rights.model_fields]), max_size=12)


@given(AGREED, st.booleans())
def test_no_agreement_opens_what_is_closed(said: dict[str, str], responsible: bool) -> None:
    """Whatever is agreed, who sees what is never changed without a person, and what is fixed is not changed at all."""
    lists: dict[str, list[str]] = {name: [] for name in Rights.model_fields}
    taken: set[str] = set()
    for place, name in said.items():
        if not taken & group(place) and not (LETTERS[place] == "L" and name.startswith("at_once")):
            lists[name].append(place)
            taken |= group(place)
    rights = Rights.from_data(lists)
    for place, letter in LETTERS.items():
        found = right_of(place, responsible=responsible, rights=rights)
        assert letter != "N" or found is Right.NEVER
        assert letter != "L" or found is not Right.AT_ONCE
        assert {right_of(one, responsible=responsible, rights=rights) for one in group(place)} == {found}


def test_a_whole_item_is_as_careful_as_its_fields() -> None:
    """What is added whole brings every field along: it is not at once where one of them, ids apart, cannot be."""
    for place in PLACES:
        inside = [one for one in PLACES if one.startswith(f"{place}.") and not one.endswith(".id")]
        if inside and LETTERS[place] != "N":
            careful = any(LETTERS[one] in "NL" for one in inside)
            assert (LETTERS[place] == "L") is careful, place


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"at_once": ["measures.staus"]}, "at_once.0: is no place of a plan; perhaps measures.status is meant"),
        ({"never": ["0"]}, "never.0: is no place of a plan"),
        (
            {"proposed": ["goals.status"], "never": ["goals.text", "goals.status_reason"]},
            "never.1: stands in another of these lists, too, itself or a field that is changed together with it",
        ),
        ({"never": ["team"]}, "never.0: no participant changes this, and no agreement can say otherwise"),
    ],
)
def test_a_wrong_place_is_told(said: dict[str, list[str]], told: str) -> None:
    """Every error names the line and what is wrong with it."""
    with pytest.raises(InvalidInput) as caught:
        Rights.from_data(said)
    assert str(caught.value) == told


def test_fields_that_are_one_may_be_named_apart() -> None:
    """Two fields that are changed together may both stand in one list."""
    rights = Rights(at_once=("goals.status", "goals.status_reason"))
    assert right_of("goals.achievement", responsible=True, rights=rights) is Right.AT_ONCE


def test_no_such_place() -> None:
    """A place that no plan has is the caller's mistake, not a right."""
    with pytest.raises(InvalidInput, match=r"field: is no place of a plan; perhaps measures\.how is meant"):
        right_of("measures.hov", responsible=True, rights=DEFAULT)
