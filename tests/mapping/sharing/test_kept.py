"""What a participant writes that no table names: kept with its change, and given back with its view."""

from copy import deepcopy
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ip_fhir.domain.agreement import ContentLevel
from ip_fhir.domain.consent.protection import EVERY_PART
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.messages import PlanMessage
from ip_fhir.domain.sharing.share import Kept
from ip_fhir.domain.sharing.view import PlanView
from ip_fhir.errors import InvalidInput
from ip_fhir.mapping import default, plan_message_from_fhir, plan_message_to_fhir, view_from_fhir, view_to_fhir
from ip_fhir.testing.message_samples import plan_message
from tests.mapping.examples import example
from tests.mapping.foreign_content import woven

JSON = dict[str, Any]
ALL = default().releasing(EVERY_PART)
NOTE = {"authorString": "skolen", "text": "vår egen merknad"}
OTHER = {"resourceType": "Observation", "id": "step-count", "status": "final", "code": {"text": "Skritt"}}


def change_message() -> PlanMessage:
    """A change to an example plan."""
    message = plan_message(PlanMessageKind.PLAN_CHANGE)
    assert message.change is not None
    plan = example(1).evolve(consents=(), author=None, replaces=None)
    return message.evolve(change=message.change.evolve(wanted=plan, whole=False))


def resource(bundle: JSON, type_: str) -> JSON:
    """The first resource of a type."""
    found: JSON = next(e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == type_)
    return found


def received(change: Any) -> PlanMessage:
    """The change as it is read after `change` has been done to its bundle."""
    made = deepcopy(plan_message_to_fhir(change_message(), ALL))
    change(made)
    return plan_message_from_fhir(made)


def _adds(bundle: JSON) -> None:
    resource(bundle, "Goal")["note"] = [{"text": "x"}, NOTE]
    resource(bundle, "CarePlan")["contributor"] = [{"display": "skolen"}]
    bundle["entry"].append({"resource": OTHER})


def test_ours_keeps_nothing() -> None:
    """In a change as this library writes it every place is read."""
    message = change_message()
    assert plan_message_from_fhir(plan_message_to_fhir(message, ALL)) == message


def test_what_no_table_names_is_kept() -> None:
    """Each resource with such content is kept as it stands, and a resource that is no part of a plan too."""
    message = received(_adds)
    assert message.change is not None
    assert [(kept.type, kept.resource) for kept in message.change.kept] == [
        ("CarePlan", example(1).id),
        ("Goal", example(1).goals[0].id),
        ("Observation", "step-count"),
    ]
    assert orjson.loads(message.change.kept[1].data)["note"] == [{"text": "x"}, NOTE]
    assert orjson.loads(message.change.kept[2].data) == OTHER


def test_a_change_with_kept_data_comes_back() -> None:
    """Written and read again, the change is equal, with what was kept."""
    message = received(_adds)
    assert plan_message_from_fhir(plan_message_to_fhir(message, ALL)) == message


@settings(max_examples=30)
@given(st.data())
def test_any_foreign_content_comes_back(data: st.DataObject) -> None:
    """The same for whatever other systems may put into resources of a plan."""

    def weave(bundle: JSON) -> None:
        entry = data.draw(st.sampled_from([e for e in bundle["entry"][1:] if "parameter" not in e["resource"]]))
        there = {k: v for k, v in entry["resource"].items() if k != "meta"}
        entry["resource"] = {**data.draw(woven(there)), "meta": entry["resource"].get("meta", {})}
        entry["resource"].pop("contained", None)

    message = received(weave)
    assert message.change is not None
    wanted = change_message().change
    assert wanted is not None
    assert message.change.wanted == wanted.wanted
    assert plan_message_from_fhir(plan_message_to_fhir(message, ALL)) == message


def test_it_is_given_back_with_the_view() -> None:
    """A view has what the participant wrote itself, with the fields of the view as they are today."""
    sent = received(_adds).change
    assert sent is not None
    goal = sent.wanted.goals[0].evolve(text="Nå heter målet noe annet")
    plan = sent.wanted.evolve(goals=(goal, *sent.wanted.goals[1:]))
    view = PlanView(share="share-1", number=8, level=ContentLevel.PLAN, plan=plan)
    made = view_to_fhir(view, ALL, kept=sent.kept)
    there = resource(made, "Goal")
    assert (there["description"]["text"], there["note"][1]) == ("Nå heter målet noe annet", NOTE)
    assert resource(made, "Observation") == OTHER
    assert resource(made, "CarePlan")["contributor"] == [{"display": "skolen"}]
    assert view_from_fhir(made) == view


def test_what_is_closed_meanwhile_is_not_given_back() -> None:
    """A resource whose item is in the view no longer stays away, and so does a measure inside the CarePlan."""
    sent = received(_adds).change
    assert sent is not None
    gone, measure = sent.wanted.goals[0], sent.wanted.measures[0]
    left = sent.wanted.evolve(
        goals=tuple(g.evolve(part_of=None) if g.part_of == gone.id else g for g in sent.wanted.goals[1:]),
        measures=tuple(m.evolve(goals=tuple(g for g in m.goals if g != gone.id)) for m in sent.wanted.measures[1:]),
    )
    view = PlanView(share="share-1", number=9, level=ContentLevel.PLAN, plan=left)
    text = orjson.dumps(view_to_fhir(view, ALL, kept=sent.kept)).decode()
    assert gone.id not in text
    assert gone.text not in text
    assert measure.what not in text
    assert NOTE["text"] not in text


def test_the_narrative_is_not_kept() -> None:
    """It may tell in words of what is closed to the participant by then."""

    def narrate(bundle: JSON) -> None:
        _adds(bundle)
        resource(bundle, "CarePlan")["text"] = {"status": "additional", "div": "<div>alt</div>"}

    message = received(narrate)
    assert message.change is not None
    assert "<div>" not in message.change.to_json()


def test_references_are_kept_by_the_ids_of_the_view() -> None:
    """A reference that means a resource of the bundle by another name means it by its id afterwards."""

    def refer(bundle: JSON) -> None:
        goal = next(e for e in bundle["entry"] if e["resource"]["resourceType"] == "Goal")
        bundle["entry"].append(
            {"resource": {**OTHER, "focus": [{"reference": goal["fullUrl"]}, {"reference": "Device/theirs"}]}}
        )

    change = received(refer).change
    assert change is not None
    assert orjson.loads(change.kept[-1].data)["focus"] == [
        {"reference": f"Goal/{example(1).goals[0].id}"},
        {"reference": "Device/theirs"},
    ]


@pytest.mark.parametrize("data", ["{", "[]", '{"resourceType": "Goal", "id": "another"}'])
def test_kept_data_that_is_not_its_resource_is_refused(data: str) -> None:
    """Only the JSON of the resource that it names is woven in."""
    plan = example(1).evolve(consents=(), author=None, replaces=None)
    view = PlanView(share="share-1", number=9, level=ContentLevel.PLAN, plan=plan)
    with pytest.raises(InvalidInput) as caught:
        view_to_fhir(view, ALL, kept=(Kept(resource=plan.goals[0].id, type="Goal", data=data),))
    assert caught.value.problems[0].path == "kept.0.data"
