"""Consent: who may see what, when. Silence is no consent, and two that disagree are none."""

from __future__ import annotations

import json
from datetime import date
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ip_fhir.domain.consent.consent import Access, Consent, ConsentKind, ConsentStatus
from ip_fhir.domain.consent.permission import AccessRequest, Allowed, Refused, Rule, permits
from ip_fhir.domain.people import PersonName, PlanOwner, RelatedPerson
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput
from tests.support.strategies import consents, related_persons

DAY = date(2026, 6, 1)
WORK, TREATMENT, FAMILY = LifeArea.WORK, LifeArea.TREATMENT, LifeArea.FAMILY


def consent(ident: str = "c", **fields: Any) -> Consent:
    """A consent to sharing, given on New Year's Day 2026 by the person, with `fields` as JSON has them."""
    return read(Consent, {"id": ident, "kind": "sharing", "given_on": "2026-01-01", **fields})


def withdrawn(ident: str = "c", on: str = "2026-03-01", **fields: Any) -> Consent:
    """The same, withdrawn."""
    return consent(ident, status="withdrawn", withdrawn_on=on, **fields)


def refused(ident: str = "c", **fields: Any) -> Consent:
    """A no."""
    return consent(ident, status="refused", **fields)


def deny(*recipients: str, areas: tuple[str, ...] = (), **fields: Any) -> dict[str, Any]:
    """A provision that keeps something from somebody."""
    return {"access": "deny", "recipients": list(recipients), "areas": list(areas), **fields}


def permit(*recipients: str, areas: tuple[str, ...] = (), **fields: Any) -> dict[str, Any]:
    """A provision that gives something to somebody."""
    return {**deny(*recipients, areas=areas, **fields), "access": "permit"}


def only(*provisions: dict[str, Any], ident: str = "c", **fields: Any) -> Consent:
    """A consent to nothing but this."""
    return consent(ident, access="deny", provisions=list(provisions), **fields)


def asked(
    recipient: str = "kari", *areas: LifeArea, within: tuple[str, ...] = ("nav",), on: date = DAY
) -> AccessRequest:
    """Kari, who works for NAV, asks on the first of June 2026."""
    return AccessRequest(ConsentKind.SHARING, recipient, on=on, within=within, areas=areas)


def representative(**mandate: Any) -> RelatedPerson:
    """Somebody who acts for the person, with this mandate, or none at all."""
    data = {"id": "mor", "name": {"family": "Sæbø"}, "relationship": "mother"}
    return read(RelatedPerson, {**data, **({"mandate": mandate} if mandate else {})})


BY_MOTHER = consent(given_by="mor")
CHILD = PlanOwner(id="owner", name=PersonName(family="Sæbø"), birth_date=date(2018, 5, 4))

# --- one consent -------------------------------------------------------------------------------------

ONE: list[tuple[str, Consent, AccessRequest, Rule | None]] = [
    ("a yes", consent(), asked(), None),
    ("a yes, for an area", consent(), asked("kari", WORK), None),
    ("on the day it was given", consent(given_on="2026-06-01"), asked(), None),
    ("the day before it was given", consent(given_on="2026-06-02"), asked(), Rule.NOT_GIVEN),
    ("a draft", consent(status="draft"), asked(), Rule.NOT_GIVEN),
    ("a no", refused(), asked(), Rule.REFUSED),
    ("withdrawn", withdrawn(), asked(), Rule.WITHDRAWN),
    ("withdrawn that day", withdrawn(on="2026-06-01"), asked(), Rule.WITHDRAWN),
    ("withdrawn the day after", withdrawn(on="2026-06-02"), asked(), None),
    ("before its period", consent(period={"start": "2026-06-02"}), asked(), Rule.PERIOD),
    ("after its period", consent(period={"end": "2026-05-31"}), asked(), Rule.PERIOD),
    ("first and last day of its period", consent(period={"start": "2026-06-01", "end": "2026-06-01"}), asked(), None),
    ("to another kind", consent(kind="plan"), asked(), Rule.NO_CONSENT),
    ("a whole no, on the books as active", consent(access="deny"), asked(), Rule.RECIPIENT),
    ("not for her", consent(provisions=[deny("kari")]), asked(), Rule.RECIPIENT),
    ("not for him: not her matter", consent(provisions=[deny("ola")]), asked(), None),
    ("not for her organisation", consent(provisions=[deny("nav")]), asked(), Rule.RECIPIENT),
    ("not for the organisation, but for her", consent(provisions=[deny("nav"), permit("kari")]), asked(), None),
    (
        "for the organisation, but not for her",
        consent(provisions=[permit("nav"), deny("kari")]),
        asked(),
        Rule.RECIPIENT,
    ),
    ("both for her: no wins", consent(provisions=[permit("kari"), deny("kari")]), asked(), Rule.RECIPIENT),
    ("not this area", consent(provisions=[deny(areas=("treatment",))]), asked("kari", TREATMENT), Rule.RECIPIENT),
    ("another area", consent(provisions=[deny(areas=("treatment",))]), asked("kari", WORK), None),
    ("no area asked for", consent(provisions=[deny(areas=("treatment",))]), asked(), None),
    (
        "one of two areas",
        consent(provisions=[deny(areas=("treatment",))]),
        asked("kari", WORK, TREATMENT),
        Rule.RECIPIENT,
    ),
    (
        "not this area for NAV",
        consent(provisions=[deny("nav", areas=("family",))]),
        asked("kari", FAMILY),
        Rule.RECIPIENT,
    ),
    (
        "for another, that area",
        consent(provisions=[deny("nav", areas=("family",))]),
        asked("eli", FAMILY, within=()),
        None,
    ),
    (
        "nothing about the area but to her",
        consent(provisions=[deny(areas=("work",)), permit("kari", areas=("work",))]),
        asked("kari", WORK),
        None,
    ),
    (
        "her, but of her not this area",
        consent(provisions=[permit("kari"), deny("kari", areas=("work",))]),
        asked("kari", WORK),
        Rule.RECIPIENT,
    ),
    ("only NAV", only(permit("nav")), asked(), None),
    ("only NAV, she is not of NAV", only(permit("nav")), asked(within=("dps",)), Rule.RECIPIENT),
    ("only her", only(permit("kari")), asked("ola"), Rule.RECIPIENT),
    ("only work", only(permit(areas=("work",))), asked("kari", WORK), None),
    ("only work, and no area asked for", only(permit(areas=("work",))), asked(), Rule.RECIPIENT),
    ("only work, and more is asked for", only(permit(areas=("work",))), asked("kari", WORK, FAMILY), Rule.RECIPIENT),
    ("a provision that is over", consent(provisions=[deny("kari", period={"end": "2026-05-31"})]), asked(), None),
    ("one that is not begun", only(permit("kari", period={"start": "2026-06-02"})), asked(), Rule.RECIPIENT),
    ("somebody without a mandate", BY_MOTHER, asked(), Rule.REPRESENTATIVE),
    ("a no with exceptions", refused(access="deny", provisions=[permit("ola")]), asked(), Rule.RECIPIENT),
]


@pytest.mark.promise(13)
@pytest.mark.parametrize(("words", "one", "request_", "rule"), ONE, ids=[case[0] for case in ONE])
def test_one_consent(words: str, one: Consent, request_: AccessRequest, rule: Rule | None) -> None:
    """What one consent alone answers, and the rule by which it refuses."""
    answer = permits([one], request_)
    if rule is None:
        assert answer == Allowed(("c",))
        return
    assert isinstance(answer, Refused)
    assert answer.rule is rule
    assert answer.reason
    assert answer.consents == (() if rule is Rule.NO_CONSENT else ("c",))


def test_silence_is_no_consent() -> None:
    """Nothing is no yes."""
    answer = permits([], asked())
    assert answer == Refused(Rule.NO_CONSENT, "there is no consent of the kind sharing")


@pytest.mark.promise(13)
@pytest.mark.parametrize(
    ("mandate", "rule"),
    [
        ({"kind": "parent"}, None),
        ({"kind": "guardian", "period": {"start": "2026-01-01"}}, None),
        ({"kind": "written", "period": {"start": "2026-01-02"}}, Rule.REPRESENTATIVE),
        ({"kind": "written", "period": {"end": "2025-12-31"}}, Rule.REPRESENTATIVE),
        ({"kind": "written", "period": {"end": "2026-01-01"}}, None),
        ({}, Rule.REPRESENTATIVE),
    ],
)
def test_a_representatives_word(mandate: dict[str, Any], rule: Rule | None) -> None:
    """It counts when there was a mandate on the day it was given; that the mandate ends later does not undo it."""
    answer = permits([BY_MOTHER], asked(), [representative(**mandate)], CHILD)
    assert (answer.rule if isinstance(answer, Refused) else None) is rule


# --- several -----------------------------------------------------------------------------------------

SEVERAL: list[tuple[str, list[Consent], AccessRequest, Rule | set[str]]] = [
    ("two that say yes", [consent("a"), consent("b")], asked(), {"a", "b"}),
    ("yes and no on one day", [consent("a"), refused("b")], asked(), Rule.DISAGREE),
    ("no, then yes", [refused("a"), consent("b", given_on="2026-02-01")], asked(), {"b"}),
    ("yes, then no", [consent("a"), refused("b", given_on="2026-02-01")], asked(), Rule.DISAGREE),
    ("yes, and a no that is not said yet", [consent("a"), refused("b", given_on="2026-07-01")], asked(), {"a"}),
    ("withdrawn, then a new yes", [withdrawn("a"), consent("b", given_on="2026-03-02")], asked(), {"b"}),
    ("a yes, and a later withdrawal", [consent("a"), withdrawn("b")], asked(), Rule.DISAGREE),
    ("a draft beside a yes", [consent("a"), consent("b", status="draft")], asked(), {"a"}),
    ("an old one beside a new one", [consent("a", period={"end": "2026-02-01"}), consent("b")], asked(), {"b"}),
    (
        "yes, no, and a yes that is over: the no stands",
        [
            consent("a"),
            refused("b", given_on="2026-02-01"),
            consent("c", given_on="2026-03-01", period={"end": "2026-04-01"}),
        ],
        asked(),
        Rule.DISAGREE,
    ),
    (
        "a no is not undone by somebody without a mandate",
        [refused("a"), consent("b", given_on="2026-02-01", given_by="mor")],
        asked(),
        Rule.REPRESENTATIVE,
    ),
    ("one gives, one keeps", [consent("a"), consent("b", provisions=[deny("nav")])], asked(), Rule.DISAGREE),
    ("one gives, the other keeps all", [consent("a"), consent("b", access="deny")], asked(), Rule.DISAGREE),
    ("one per participant", [only(permit("kari"), ident="a"), only(permit("ola"), ident="b")], asked(), {"a"}),
    (
        "one per participant, and the other's is withdrawn",
        [
            only(permit("kari"), ident="a"),
            only(permit("ola"), ident="b", status="withdrawn", withdrawn_on="2026-03-01"),
        ],
        asked(),
        {"a"},
    ),
    (
        "one per participant, and hers is withdrawn",
        [
            only(permit("ola"), ident="a"),
            only(permit("kari"), ident="b", status="withdrawn", withdrawn_on="2026-03-01"),
        ],
        asked(),
        Rule.WITHDRAWN,
    ),
    (
        "what a withdrawn consent kept from her, a new one may give",
        [withdrawn("a", provisions=[deny("kari")]), consent("b", given_on="2026-04-01")],
        asked(),
        {"b"},
    ),
    (
        "each covers one of two areas",
        [only(permit(areas=("work",)), ident="a"), only(permit(areas=("family",)), ident="b")],
        asked("kari", WORK, FAMILY),
        {"a", "b"},
    ),
    (
        "two areas, and nobody covers the third",
        [only(permit(areas=("work",)), ident="a"), only(permit(areas=("family",)), ident="b")],
        asked("kari", WORK, TREATMENT, FAMILY),
        Rule.RECIPIENT,
    ),
    ("another kind says no", [consent("a"), refused("b", kind="plan")], asked(), {"a"}),
    (
        "withdrawn, and the next is not given yet",
        [withdrawn("a"), consent("b", given_on="2026-07-01")],
        asked(),
        Rule.WITHDRAWN,
    ),
]


@pytest.mark.promise(13)
@pytest.mark.parametrize(("words", "several", "request_", "expected"), SEVERAL, ids=[case[0] for case in SEVERAL])
def test_several_consents(
    words: str, several: list[Consent], request_: AccessRequest, expected: Rule | set[str]
) -> None:
    """What several consents together answer, in whatever order they stand."""
    for order in permutations(several):
        answer = permits(order, request_)
        assert (answer.rule if isinstance(answer, Refused) else set(answer.consents)) == expected


def test_two_that_disagree_are_both_named() -> None:
    """Somebody must look at both."""
    answer = permits([consent("a"), refused("b")], asked())
    assert answer == Refused(Rule.DISAGREE, "two consents at the same time disagree", ("a", "b"))


def test_reasons_hold_no_data() -> None:
    """The reason names no recipient and no area."""
    for _, one, request_, _ in ONE:
        answer = permits([one], request_)
        if isinstance(answer, Refused):
            assert not any(word in answer.reason for word in ("kari", "nav", "ola", "mor", "treatment", "work"))


# --- what holds for all ------------------------------------------------------------------------------

RECIPIENTS = ("kari", "ola", "nav", "dps")
ANY = st.lists(st.integers(1, 9).flatmap(lambda n: consents(f"c{n}", ("related-1",), RECIPIENTS)), max_size=3)
ASKED = st.builds(
    AccessRequest,
    kind=st.sampled_from(ConsentKind),
    recipient=st.sampled_from(RECIPIENTS),
    on=st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    within=st.sampled_from([(), ("nav",), ("dps", "nav")]),
    areas=st.lists(st.sampled_from([WORK, TREATMENT, FAMILY]), max_size=2, unique=True).map(tuple),
)
PEOPLE = st.lists(related_persons("related-1"), max_size=1)


def said(answer: Allowed | Refused) -> object:
    """The answer without the order of the consents."""
    return set(answer.consents) if isinstance(answer, Allowed) else answer.rule


@given(ANY, ASKED, PEOPLE)
def test_a_yes_has_a_ground(several: list[Consent], request_: AccessRequest, people: list[RelatedPerson]) -> None:
    """Each consent that a yes rests on is of the kind, given by then, in force that day, and says yes somewhere."""
    answer = permits(several, request_, people)
    if isinstance(answer, Refused):
        assert answer.rule in Rule
        return
    grounds = [one for one in several if one.id in answer.consents]
    assert grounds
    for ground in grounds:
        assert ground.kind is request_.kind
        assert ground.given_on <= request_.on
        assert ground.period.covers(request_.on)
        assert ground.status in (ConsentStatus.ACTIVE, ConsentStatus.WITHDRAWN)
        assert ground.withdrawn_on is None or ground.withdrawn_on > request_.on
        assert ground.access is Access.PERMIT or any(p.access is Access.PERMIT for p in ground.provisions)


@pytest.mark.promise(13)
@given(ANY, ASKED, PEOPLE)
def test_area_by_area(several: list[Consent], request_: AccessRequest, people: list[RelatedPerson]) -> None:
    """Several areas are allowed exactly when each of them is."""
    each = [
        permits(
            several, AccessRequest(request_.kind, request_.recipient, request_.on, request_.within, (area,)), people
        )
        for area in request_.areas
    ]
    if each:
        whole = permits(several, request_, people)
        assert isinstance(whole, Allowed) == all(isinstance(answer, Allowed) for answer in each)


@given(ANY, ASKED, PEOPLE, consents("draft"))
def test_a_draft_says_nothing(
    several: list[Consent], request_: AccessRequest, people: list[RelatedPerson], other: Consent
) -> None:
    """A draft beside other consents never changes a yes, and never makes one."""
    draft = other.evolve(status=ConsentStatus.DRAFT, withdrawn_on=None, kind=request_.kind)
    before, after = permits(several, request_, people), permits([*several, draft], request_, people)
    assert isinstance(before, Allowed) == isinstance(after, Allowed)
    if isinstance(before, Allowed):
        assert said(before) == said(after)


@given(ANY, ASKED, PEOPLE)
def test_the_last_no_stands(several: list[Consent], request_: AccessRequest, people: list[RelatedPerson]) -> None:
    """A no said on the day that is asked about is never overruled by what was said before."""
    no = read(Consent, {"id": "no", "kind": request_.kind, "status": "refused", "given_on": request_.on.isoformat()})
    assert isinstance(permits([*several, no], request_, people), Refused)


# --- what a consent must say -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"status": "withdrawn"}, "a consent has withdrawn_on if, and only if, its status is withdrawn"),
        ({"withdrawn_on": "2026-02-01"}, "a consent has withdrawn_on if, and only if, its status is withdrawn"),
        ({"status": "withdrawn", "withdrawn_on": "2025-12-31"}, "the consent is withdrawn before it was given"),
    ],
)
def test_withdrawal_has_a_date(fields: dict[str, str], reason: str) -> None:
    """A withdrawal says when, and comes after the consent."""
    with pytest.raises(InvalidInput) as caught:
        consent(**fields)
    assert str(caught.value) == reason


def test_withdrawn_the_same_day() -> None:
    """One may think again the same day."""
    assert withdrawn(on="2026-01-01").withdrawn_on == date(2026, 1, 1)


# --- published decision cases ------------------------------------------------------------------------

THIS_YEAR, LATER = asked(on=date(2022, 6, 1)), asked(on=date(2023, 6, 1))
EXPIRED = consent(given_on="2022-01-01", period={"end": "2022-12-31"})
SUBSET = only(permit(areas=("work",), period={"start": "2026-01-01", "end": "2026-12-31"}))
NOT_SUBSET = consent(provisions=[deny(areas=("work",))])
PCF: dict[str, list[tuple[Consent, AccessRequest, bool]] | str] = {
    "ex-consent-basic-treat": [(consent(), asked("kari", TREATMENT), True), (consent(kind="plan"), asked(), False)],
    "ex-consent-basic-reject": [(consent(access="deny"), asked(), False), (refused(), asked(), False)],
    "ex-consent-expired-treat": [(EXPIRED, THIS_YEAR, True), (EXPIRED, LATER, False)],
    "ex-dissent-intermediate-break-glass": [
        (only(permit("kari")), asked(), True),
        (only(permit("kari")), asked("ola"), False),
    ],
    "ex-consent-intermediate-timeframe|authoredby|data|encounter": [
        (SUBSET, asked("kari", WORK), True),
        (SUBSET, asked("kari", FAMILY), False),
        (SUBSET, asked("kari", WORK, on=date(2027, 1, 1)), False),
    ],
    "ex-consent-intermediate-not-timeframe|not-authoredby|not-data|not-encounter": [
        (NOT_SUBSET, asked("kari", FAMILY), True),
        (NOT_SUBSET, asked("kari", WORK), False),
    ],
    "ex-consent-intermediate-purpose": [
        (only(permit("nav")), asked(), True),
        (only(permit("nav")), asked(within=("dps",)), False),
    ],
    "ex-consent-advanced-*": "security labels: a plan has life areas instead, asked for one by one",
}
LEAP: dict[str, list[tuple[list[Consent], AccessRequest, bool]] | str] = {
    "only status=active is considered": [([consent(status="draft")], asked(), False)],
    "scope, or failing that category, must match the requested one": [([consent(kind="notice")], asked(), False)],
    "outside provision.period -> treated as NO_CONSENT": [([EXPIRED], asked(), False)],
    "several applicable consents: latest dateTime wins": (
        "not here: the later yes wins over an earlier no, but a no is not overruled by the clock of two yeses"
    ),
    "an unconditional matching deny provision (actor/purpose/class) -> DENY": [
        ([consent(provisions=[deny("kari")])], asked(), False)
    ],
    "deny provision that is conditional on securityLabel/class/code"
    " -> PERMIT with REDACT obligation listing the codes": (
        "not here: what may be sent is asked for area by area, and a refused area is left out by the one who asks"
    ),
    "actor compared by identifier of the resolved reference, not by reference string": [
        ([only(permit("nav"))], asked(), True)
    ],
    "no applicable consent -> NO_CONSENT (caller decides)": [([], asked(), False)],
}


@pytest.mark.promise(13)
def test_published_cases(shared_data: Path) -> None:
    """Every published decision case is decided alike, or there is a reason why it does not arise here."""
    file = shared_data / "closed-loop" / "derived" / "consent-decision-cases.json"
    published = json.loads(file.read_text(encoding="utf-8"))
    assert {row["consent"] for row in published["pcf"]} == set(PCF)
    assert set(published["leap_rules"]) == set(LEAP)


CASES = [([one], request_, yes) for found in PCF.values() if not isinstance(found, str) for one, request_, yes in found]
CASES += [case for found in LEAP.values() if not isinstance(found, str) for case in found]


@pytest.mark.parametrize(("several", "request_", "yes"), CASES)
def test_decided_alike(several: list[Consent], request_: AccessRequest, yes: bool) -> None:
    """The published decision."""
    assert isinstance(permits(several, request_), Allowed) is yes
