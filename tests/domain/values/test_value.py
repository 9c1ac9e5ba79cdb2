"""What every value shares: one way in, closed, frozen, and silent about its content."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from copy import deepcopy
from datetime import date, timedelta
from typing import Annotated, Any, ClassVar, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError, model_validator

from ip_fhir.domain.completeness import completeness
from ip_fhir.domain.consent.matrix import consent_matrix
from ip_fhir.domain.consent.permission import permits
from ip_fhir.domain.green_form import GreenForm, missing_items
from ip_fhir.domain.message import Message
from ip_fhir.domain.notice import Notice
from ip_fhir.domain.people import Attachment, PersonName, PlanOwner
from ip_fhir.domain.plan import Goal, IndividualPlan
from ip_fhir.domain.values.value import AsMade, Id, Period, Value, read, require
from ip_fhir.errors import InvalidInput, IpFhirError
from tests.support import strategies
from tests.support.data import ABSENT, EXAMPLES, changed, example, parts
from tests.support.domain_types import domain_values
from tests.support.json_schema import fits
from tests.support.loop import sent
from tests.support.strategies import green_forms, messages, notices, periods, plans

WHOLES: list[tuple[type[Value], st.SearchStrategy[Any]]] = [
    (IndividualPlan, plans()),
    (Notice, notices()),
    (GreenForm, green_forms()),
    (Message, messages()),
]
SHOWN = ("id", "correlation_id", "kind", "status", "state")
MARKER = "Hemmeligæ-Navn-11111111111"


def problem(model: type[Value], data: Any) -> tuple[str, str, str]:
    """Path, reason and code of the one problem there is."""
    with pytest.raises(InvalidInput) as caught:
        read(model, data)
    (only,) = caught.value.problems
    return only.path, only.reason, only.code


def refusal(model: type[Value], data: Any) -> InvalidInput | None:
    """The error that reading raises, or None; another error than ours goes through."""
    try:
        read(model, data)
    except InvalidInput as error:
        return error
    return None


# --- in and out --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "strategy"), WHOLES)
def test_json_there_and_back(model: type[Value], strategy: st.SearchStrategy[Any]) -> None:
    """What is written, as text or as data, with or without line breaks, is read back equal and written the same."""

    @given(strategy)
    def there_and_back(value: Value) -> None:
        text = value.to_json()
        for form in (text, text.encode(), value.to_json(indent=2), value.to_data(), json.loads(text)):
            again = read(model, form)
            assert again == value
            assert again.to_json() == text
        assert model.from_json(text) == model.from_data(value.to_data()) == value

    there_and_back()


PARTS = ["consents", "contact_points", "coordinators", "goals", "measures", "memberships", "needs", "organizations"]
PARTS += ["attachments", "addresses", "arrangements", "care_teams", "contributions", "cooperations", "mandates"]
PARTS += ["owners", "periods", "person_names", "professionals", "provisions", "rejections", "related_persons"]
PARTS += ["resources", "reviews"]


@pytest.mark.parametrize("name", PARTS)
def test_every_part_there_and_back(name: str) -> None:
    """Each part alone is read back equal too, and can be told from what it is not by `==` and as a key."""

    @given(getattr(strategies, name)())
    def there_and_back(value: Value) -> None:
        again = read(type(value), value.to_json())
        assert again == value
        assert hash(again) == hash(value)
        data: object = value.to_data()
        assert value != data

    there_and_back()


def test_defaults_are_left_out() -> None:
    """Only what was said is written."""
    assert json.loads(Goal(id="g", text="Gå tur").to_json()) == {"id": "g", "text": "Gå tur"}
    assert Goal(id="g", text="Gå tur").to_data() == {"id": "g", "text": "Gå tur"}


@given(plans(), st.sampled_from(["title", "note"]))
def test_evolve_changes_what_it_names(plan: IndividualPlan, name: str) -> None:
    """A copy with a change has the change and is otherwise the same; the value itself stays."""
    before = plan.to_json()
    after = plan.evolve(**{name: "Ny tekst"})
    assert getattr(after, name) == "Ny tekst"
    assert after.evolve(**{name: getattr(plan, name)}) == plan
    assert plan.to_json() == before


def test_evolve_checks() -> None:
    """A copy is checked like any new value."""
    with pytest.raises(InvalidInput, match="the period ends before it starts"):
        Period(start=date(2026, 2, 1)).evolve(end=date(2026, 1, 1))
    with pytest.raises(InvalidInput, match="not known here"):
        Period().evolve(finish=date(2026, 1, 1))


def test_evolve_names_the_field() -> None:
    """A field that is not there, or a value of the wrong type, is told by the field; every one at once."""
    with pytest.raises(InvalidInput) as caught:
        Goal(id="g", text="x").evolve(txt="y", when="now")
    assert [p.path for p in caught.value.problems] == ["txt", "when"]
    assert caught.value.problems[0].reason == "is not known here; perhaps text is meant"
    with pytest.raises(InvalidInput) as wrong:
        Goal(id="g", text="x").evolve(text=7, period="2026")
    assert [p.path for p in wrong.value.problems] == ["text", "period"]


MAKE: list[Callable[[dict[str, Any]], Any]] = [
    lambda fields: Goal(**fields),
    Goal.from_data,
    Goal.model_validate,
    lambda fields: Goal.from_json(json.dumps(fields)),
    lambda fields: Goal.model_validate_json(json.dumps(fields)),
    lambda fields: read(Goal, fields),
    lambda fields: Goal(id="g", text="x").evolve(**fields),
]


@pytest.mark.parametrize("make", MAKE)
def test_every_way_to_make_one_raises_our_error(make: Callable[[dict[str, Any]], Any]) -> None:
    """However a value is made: one error of ours with every place, those of values inside it too; no input in it."""
    with pytest.raises(InvalidInput) as caught:
        make({"id": MARKER, "text": "", "period": {"start": "2026-02-01", "end": "2026-01-01"}, "areas": ["x"]})
    assert [p.path for p in caught.value.problems] == ["id", "text", "areas.0", "period"]
    assert MARKER not in str(caught.value)
    assert caught.value.__suppress_context__, "a traceback does not show pydantic's error"


def test_a_missing_field_is_told_by_its_place() -> None:
    """A constructor that is called with too little names what is missing."""
    with pytest.raises(InvalidInput) as caught:
        Goal(id="g")  # type: ignore[call-arg]
    assert [(p.path, p.code) for p in caught.value.problems] == [("text", "required")]


WRONG_TYPES: list[tuple[Callable[[], Any], str]] = [
    (lambda: read(IndividualPlan, 5), "IndividualPlan is read from an object, not from int"),  # type: ignore[arg-type]
    (lambda: read(IndividualPlan, None), "IndividualPlan is read from an object, not from NoneType"),  # type: ignore[arg-type]
    (lambda: read(IndividualPlan, Goal), "IndividualPlan is read from an object, not from the type Goal"),  # type: ignore[arg-type]
    (lambda: read(5, {}), "model: is no type of domain value, but int"),  # type: ignore[arg-type]
    (lambda: read(dict, {}), "model: is no type of domain value, but the type dict"),  # type: ignore[type-var]
    (lambda: Goal.from_json({}), "JSON text is str or bytes, not dict"),  # type: ignore[arg-type]
    (lambda: Goal.from_data("{}"), "Goal is read from an object, not from str"),  # type: ignore[arg-type]
    (lambda: require(MARKER, Goal, "goal"), "goal: is no Goal, but str"),
    (lambda: completeness("x"), "plan: is no IndividualPlan, but str"),  # type: ignore[arg-type]
    (lambda: completeness(IndividualPlan), "plan: is no IndividualPlan, but the type IndividualPlan"),  # type: ignore[arg-type]
    (lambda: missing_items({}), "form: is no GreenForm, but dict"),  # type: ignore[arg-type]
    (lambda: permits((), "x"), "request: is no AccessRequest, but str"),  # type: ignore[arg-type]
    (lambda: consent_matrix("x", date(2026, 1, 15)), "plan: is no IndividualPlan, but str"),  # type: ignore[arg-type]
]  # fmt: skip


@pytest.mark.parametrize(("call", "words"), WRONG_TYPES)
def test_an_argument_of_the_wrong_type(call: Callable[[], Any], words: str) -> None:
    """What is not of the type asked for is refused in words, with the argument's name; it is not shown."""
    with pytest.raises(InvalidInput) as caught:
        call()
    assert str(caught.value) == words


def test_values_in_values_are_made_without_python() -> None:
    """Pydantic does not take our constructor for a custom one, which would make a plan of a thousand items slow."""
    assert len(domain_values()) > 35
    assert not any(model.__pydantic_custom_init__ for model in domain_values())


def test_frozen() -> None:
    """A value does not change."""
    name = PersonName(family="Sæbø")
    with pytest.raises(ValidationError):
        name.family = "Åsheim"  # type: ignore[misc]


@pytest.mark.parametrize(("model", "strategy"), WHOLES)
def test_repr_is_silent(model: type[Value], strategy: st.SearchStrategy[Any]) -> None:
    """`repr` and `str` show type, ids, kind and state, and nothing of what is inside."""

    @given(strategy)
    def silent(value: Value) -> None:
        shown = {name: str(getattr(value, name)) for name in SHOWN if name in model.model_fields}
        inside = ", ".join(f"{name}={text!r}" for name, text in shown.items())
        assert repr(value) == str(value) == f"{value}" == f"{model.__name__}({inside})"

    silent()


def test_a_referral_shows_which_and_where_it_stands() -> None:
    """`repr` of a referral is its correlation id and its state, nothing of a person."""
    referral = sent().referral
    assert repr(referral) == "Referral(correlation_id='loop-1', state='sent')"


# --- what is refused ---------------------------------------------------------------------------------

PLAN = example("plans", "01")


@pytest.mark.parametrize(
    ("data", "path", "code"),
    [
        ("", "", "structure"),
        ("{", "", "structure"),
        (b"\xff\xfe", "", "structure"),
        ("\ufeff{}", "", "structure"),
        ("{'id': 1}", "", "structure"),
        ("null", "", "structure"),
        ("[]", "", "structure"),
        ("1", "", "structure"),
        ("[" * 100_000, "", "structure"),
        ('{"goals":' * 100_000, "", "structure"),
        (changed(PLAN, "owner.name.family", ABSENT), "owner.name.family", "required"),
        (changed(PLAN, "status", "aktiv"), "status", "code-invalid"),
        (changed(PLAN, "goals.0.areas.0", "money"), "goals.0.areas.0", "code-invalid"),
        (changed(PLAN, "goals.0.text", 7), "goals.0.text", "value"),
        (changed(PLAN, "goals.0.text", " \n "), "goals.0.text", "value"),
        (changed(PLAN, "goals.0.text", "a\x00b"), "goals.0.text", "value"),
        (changed(PLAN, "goals.0.text", "a\x1bb"), "goals.0.text", "value"),
        (changed(PLAN, "goals.0.text", "a\uffffb"), "goals.0.text", "value"),
        (changed(PLAN, "goals.0.text", "æ" * 50_001), "goals.0.text", "too-long"),
        (changed(PLAN, "goals.0.id", "Å"), "goals.0.id", "value"),
        (changed(PLAN, "goals.0.id", "x" * 65), "goals.0.id", "value"),
        (changed(PLAN, "goals.0.id", "a\n"), "goals.0.id", "value"),
        (changed(PLAN, "goals", "none"), "goals", "value"),
        (changed(PLAN, "version", "3"), "version", "value"),
        (changed(PLAN, "version", 3.5), "version", "value"),
        (changed(PLAN, "version", True), "version", "value"),
        (changed(PLAN, "version", 0), "version", "value"),
        (changed(PLAN, "follow_up.every_months", 61), "follow_up.every_months", "value"),
        (changed(PLAN, "owner.needs_interpreter", "yes"), "owner.needs_interpreter", "value"),
        (changed(PLAN, "related_persons.0.next_of_kin", 1), "related_persons.0.next_of_kin", "value"),
        (changed(PLAN, "created", "2026-01-12T08:00:00"), "created", "value"),
        (changed(PLAN, "created", "2026-01-12"), "created", "value"),
        (changed(PLAN, "created", 1768203600), "created", "value"),
        (changed(PLAN, "created", "1768203600"), "created", "value"),
        (changed(PLAN, "owner.birth_date", 20190517), "owner.birth_date", "value"),
        (changed(PLAN, "owner.birth_date", "86400"), "owner.birth_date", "value"),
        (changed(PLAN, "owner.birth_date", "-86400.0"), "owner.birth_date", "value"),
        (changed(PLAN, "owner.birth_date", "2019"), "owner.birth_date", "value"),
        (changed(PLAN, "owner.birth_date", "2019-02-30"), "owner.birth_date", "value"),
        (changed(PLAN, "owner.birth_date", "17.05.2019"), "owner.birth_date", "value"),
        (changed(PLAN, "owner.identifier", "05827500286"), "owner.identifier", "value"),
        (changed(PLAN, "owner.language", "norsk bokmål"), "owner.language", "value"),
        (changed(PLAN, "period.end", "2026-01-01"), "period", "invariant"),
        (changed(PLAN, "goals.0.colour", "red"), "goals.0", "structure"),
    ],
)  # fmt: skip
def test_place_and_code(data: Any, path: str, code: str) -> None:
    """Each wrong thing is one problem with the place and the kind of it."""
    found = problem(IndividualPlan, json.dumps(data) if isinstance(data, dict) else data)
    assert (found[0], found[2]) == (path, code)
    if isinstance(data, dict):
        assert problem(IndividualPlan, data) == found, "data and text are refused alike"


def test_every_problem_at_once() -> None:
    """Several wrong things are several problems, in one error."""
    data = changed(changed(PLAN, "status", "x"), "owner.name.family", ABSENT)
    with pytest.raises(InvalidInput) as caught:
        read(IndividualPlan, data)
    assert {p.path for p in caught.value.problems} == {"status", "owner.name.family"}
    assert caught.value.status == 422
    with pytest.raises(InvalidInput) as broken:
        read(IndividualPlan, "{")
    assert broken.value.status == 400


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("titel", "; perhaps title is meant"),
        ("goals.0.part_off", "; perhaps part_of is meant"),
        ("team.coordinators.0.holders", "; perhaps holder is meant"),
        ("related_persons.0.mandate.document.uri", "; perhaps url is meant"),
        ("owner.Ola Nordmann", ""),
    ],
)
def test_unknown_field(path: str, hint: str) -> None:
    """An unknown field is told by its place and what may be meant; its name is not repeated."""
    data = changed(
        changed(PLAN, "related_persons.0.mandate.document", {"title": "x", "content_type": "a/b"}), path, "x"
    )
    data["related_persons"][0]["mandate"]["document"].setdefault("url", "x")
    above = path.rpartition(".")[0]
    assert problem(IndividualPlan, data) == (above, f"has a field that is not known here{hint}", "structure")


def test_keys_that_are_no_text() -> None:
    """A key that JSON could not have is refused like an unknown field."""
    assert problem(Period, {7: 1}) == ("", "has a field that is not known here", "structure")


@pytest.mark.parametrize("text", ["x", "Æ vil heim", "a\tb\r\nc", "\u00a0x", "e\u0301", "🙂", "\u2028x", "æ" * 50_000])
def test_text_takes_what_people_write(text: str) -> None:
    """Letters of every kind, tab and line breaks, blanks around: kept as they are."""
    assert read(Goal, {"id": "g", "text": text}).text == text


@pytest.mark.parametrize(
    ("field", "text", "right"),
    [
        ("url", "https://nordvik.example/a?b=c#d", True),
        ("url", "urn:uuid:0a1b", True),
        ("url", "https://nordvik.example/a b", False),
        ("url", "a\nb", False),
        ("data", "QUJD", True),
        ("data", "QUI=", True),
        ("data", "QUJ D", False),
        ("data", "æ", False),
        ("data", "", False),
        ("data", "QUJD" * 20_000, True),
        ("content_type", "text/plain; charset=utf-8", True),
        ("content_type", "pdf", False),
        ("content_type", "application/pdf\n", False),
    ],
)
def test_attachments(field: str, text: str, right: bool) -> None:
    """An address has no blanks, bytes are base64 of any size that the network carries, a media type is one."""
    data = {"title": "Vedlegg", "content_type": "application/pdf", "url": "https://x.example", field: text}
    if field == "data":
        data.pop("url")
    if right:
        assert getattr(read(Attachment, data), field) == text
    else:
        assert problem(Attachment, data)[0] == field


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_random_bytes(data: bytes) -> None:
    """Random bytes give our error or a value, never another error."""
    for model, _ in WHOLES:
        with pytest.raises(InvalidInput):
            read(model, data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
EXAMPLE_DATA = {
    IndividualPlan: [example("plans", n) for n in ("01", "05")],
    Notice: [example("notices", n) for n in ("02", "05")],
    GreenForm: [example("green_forms", n) for n in ("03", "05")],
}


@given(st.sampled_from(list(EXAMPLE_DATA)), st.data())
def test_damaged_data(model: type[Value], data: st.DataObject) -> None:
    """An example with up to three places replaced by anything at all is read or refused, and never anything else."""
    whole = data.draw(st.sampled_from(EXAMPLE_DATA[model]))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.sampled_from(parts(whole)))
        whole = changed(whole, place, data.draw(JSON | st.just(ABSENT)))
    error = refusal(model, deepcopy(whole))
    if error is not None:
        assert error.problems
        assert isinstance(error, IpFhirError)
        return
    value = read(model, whole)
    assert read(model, value.to_json()) == value


DAMAGE: list[Any] = [
    MARKER,
    {MARKER: 1},
    [MARKER],
    {"id": MARKER},
    MARKER * 9000,
    f" {MARKER}\x00",
    {"x": {MARKER: MARKER}},
]


@given(st.sampled_from(list(EXAMPLE_DATA)), st.data())
def test_errors_repeat_nothing(model: type[Value], data: st.DataObject) -> None:
    """Whatever stands where it should not, as value or as name, no error text, path or `repr` repeats it."""
    whole = data.draw(st.sampled_from(EXAMPLE_DATA[model]))
    place = data.draw(st.sampled_from([*parts(whole), MARKER, f"{MARKER}.{MARKER}"]))
    damaged = changed(whole, place, data.draw(st.sampled_from(DAMAGE)))
    cut = json.dumps(damaged, ensure_ascii=False)[: data.draw(st.integers(0, 9999))]
    for form in (damaged, json.dumps(damaged), cut):
        error = refusal(model, form)
        if error is None:
            continue
        texts = [str(error), repr(error), repr(error.problems), *(p.path + p.reason for p in error.problems)]
        assert not any("Hemmelig" in text or "11111111111" in text for text in texts)
        assert error.__suppress_context__, "a traceback does not show pydantic's error"


# --- periods -----------------------------------------------------------------------------------------

DAY = date(2026, 1, 15)
NEAR = st.integers(-5, 5).map(lambda days: DAY + timedelta(days=days))


@st.composite
def short_periods(draw: st.DrawFn) -> Period:
    """Periods within eleven days, open or not."""
    start, end = draw(st.none() | NEAR), draw(st.none() | NEAR)
    return Period(start=start, end=end) if not (start and end and end < start) else Period(start=end, end=start)


def days_of(period: Period) -> set[date]:
    """The days of the period in a range that open ends reach over."""
    around = (DAY + timedelta(days=days) for days in range(-20, 21))
    return {day for day in around if (period.start or day) <= day <= (period.end or day)}


@given(short_periods(), short_periods(), NEAR)
def test_periods_are_sets_of_days(one: Period, other: Period, day: date) -> None:
    """A period covers its days, both ends included; two overlap when they share one."""
    assert one.covers(day) == (day in days_of(one))
    assert one.overlaps(other) == other.overlaps(one) == bool(days_of(one) & days_of(other))


@given(periods())
def test_periods_end_after_they_start(period: Period) -> None:
    """A period turned around is refused."""
    if period.start and period.end and period.start < period.end:
        turned = {"start": period.end.isoformat(), "end": period.start.isoformat()}
        assert problem(Period, turned) == ("", "the period ends before it starts", "invariant")


# --- JSON Schema -------------------------------------------------------------------------------------

SCHEMAS = [(IndividualPlan, "plans"), (Notice, "notices"), (GreenForm, "green_forms")]


@pytest.mark.parametrize(("model", "folder"), SCHEMAS)
def test_schema_takes_the_examples(model: type[Value], folder: str) -> None:
    """Every example is valid by the JSON Schema of its kind, with all defaults written out too."""
    schema = model.model_json_schema()
    files = sorted((EXAMPLES / folder).glob("*.json"))
    assert files
    for file in files:
        assert fits(json.loads(file.read_text(encoding="utf-8")), schema, schema)
        value = read(model, file.read_bytes())
        assert fits(value.model_dump(mode="json"), schema, schema)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("owner", ABSENT),
        ("status", "aktiv"),
        ("goals.0.text", ""),
        ("goals.0.id", "Å"),
        ("goals.0.colour", "red"),
        ("owner.identifier", "123"),
        ("version", 0),
        ("version", "1"),
        ("follow_up.every_months", 61),
        ("measures", {}),
    ],
)
def test_schema_refuses_what_read_refuses(path: str, value: Any) -> None:
    """What the schema can say it says: required, closed, enumerations, patterns, bounds."""
    schema = IndividualPlan.model_json_schema()
    damaged = changed(PLAN, path, value)
    assert not fits(damaged, schema, schema)
    with pytest.raises(InvalidInput):
        read(IndividualPlan, damaged)


@pytest.mark.parametrize(("model", "strategy"), WHOLES)
def test_schema_takes_every_value(model: type[Value], strategy: st.SearchStrategy[Any]) -> None:
    """Every value is valid by the schema of its type."""
    schema = model.model_json_schema()

    @given(strategy)
    def valid(value: Value) -> None:
        assert fits(value.to_data(), schema, schema)

    valid()


@pytest.mark.parametrize("model", domain_values())
def test_every_field_is_described(model: type[Value]) -> None:
    """Each field has a description of its own: a sentence, in `help` and in the JSON Schema; the type has its own."""
    schema = model.model_json_schema()
    known = schema if "properties" in schema else schema["$defs"][model.__name__]
    assert "Fields:" not in known["description"]
    assert known["description"].splitlines()[0] == (model.__doc__ or "").splitlines()[0]
    for name, info in model.model_fields.items():
        said = info.description or ""
        assert re.fullmatch(r".{4,80}\.", said), f"{model.__name__}.{name}"
        assert known["properties"][name]["description"] == said
        assert f"    {name}: {said}" in (model.__doc__ or "").splitlines()


def test_owner_alone() -> None:
    """The smallest plan owner: an id and a family name."""
    assert read(PlanOwner, '{"id": "p", "name": {"family": "Sæbø"}}').name.full == "Sæbø"


class Counted(Value):
    """A value that counts how often it is checked."""

    checks: ClassVar[int] = 0
    id: Id = Field(description="Its id.")

    @model_validator(mode="after")
    def _count(self) -> Self:
        Counted.checks += 1
        return self


class Holder(Value):
    """A value that holds one as it was made."""

    held: Annotated[Counted, AsMade()] = Field(description="The value that it holds.")


def test_a_value_that_was_made_is_not_checked_again() -> None:
    """A field marked `AsMade` takes a value as it is, and reads data as any other field does, with every problem."""
    made = Counted(id="a")
    before = Counted.checks
    assert Holder(held=made).evolve(held=made).held is made
    assert Counted.checks == before
    for found in (Holder.from_data({"held": {"id": "a"}}), Holder.from_json('{"held": {"id": "a"}}')):
        assert found == Holder(held=made)
    assert Counted.checks == before + 2
    with pytest.raises(InvalidInput, match=r"held\.id"):
        Holder.from_data({"held": {"id": ""}})
    with pytest.raises(InvalidInput, match=r"held\.id"):
        Holder.from_json('{"held": {"id": ""}}')
    with pytest.raises(InvalidInput, match="held"):
        Holder.from_data({"held": Holder(held=made)})
    assert Holder(held=made).to_data() == {"held": {"id": "a"}}
    assert Holder.model_json_schema()["properties"]["held"]["$ref"] == "#/$defs/Counted"
