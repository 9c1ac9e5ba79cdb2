"""What the validator judges: every resource that the library makes of the examples, and of generated values."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ip_fhir.domain.green_form import GreenForm
from ip_fhir.domain.message import Message, MessageKind
from ip_fhir.domain.notice import Notice
from ip_fhir.domain.people import Organization, OrganizationKind
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.referral import Referral, Role, State
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.values.value import Value, read
from ip_fhir.mapping import (
    Mapper,
    message_to_fhir,
    notice_to_form,
    plan_message_to_fhir,
    referral_to_fhir,
    to_fhir,
    view_to_fhir,
)
from tests.support.loop import by_hospital, standing
from tests.support.pools import PHRASES
from tests.support.sharing_strategies import plan_messages, plan_views
from tests.support.strategies import messages, notices, plans

JsonObject = dict[str, Any]
T = TypeVar("T")
V = TypeVar("V", bound=Value)


PLANS = int(os.environ.get("IP_FHIR_PLANS", "100"))
"""How many generated plans are judged (500 in `.ci/run`); a fifth of them in other versions and ways of writing."""


def generated(strategy: st.SearchStrategy[T], count: int) -> list[T]:
    """The first `count` values of a strategy, the same in each run."""
    found: list[T] = []

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(value: T) -> None:
        found.append(value)

    collect()
    return found


def _examples(checkout: Path, directory: str, model: type[V]) -> list[V]:
    files = sorted((checkout / "examples" / directory).glob("*.json"))
    return [read(model, json.loads(file.read_text(encoding="utf-8"))) for file in files]


def example_bundles(checkout: Path, mapper: Mapper | None = None) -> Iterator[JsonObject]:
    """Every example plan as a transaction, every notice and green form as a message, every notice as a form too.

    As it ships, also the messages about a plan.
    """
    for plan in _examples(checkout, "plans", IndividualPlan):
        yield to_fhir(plan, mapper)
    for notice in _examples(checkout, "notices", Notice):
        yield message_to_fhir(_carrying(notice, None), mapper)
        yield notice_to_form(notice, mapper)
    for file in sorted((checkout / "examples" / "plan_messages").glob("*.json")) if mapper is None else ():
        yield json.loads(file.read_text(encoding="utf-8"))
    (notice, *_) = _examples(checkout, "notices", Notice)
    for form in _examples(checkout, "green_forms", GreenForm):
        yield message_to_fhir(_carrying(notice, form), mapper)


def example_referrals(checkout: Path, mapper: Mapper | None = None) -> Iterator[JsonObject]:
    """The ServiceRequest and Task of every example notice, in every state, on both sides."""
    for notice in _examples(checkout, "notices", Notice):
        for referral in _standings(notice):
            yield from referral_to_fhir(referral, [], mapper)


def generated_plans(count: int, mapper: Mapper | None = None) -> Iterator[JsonObject]:
    """Transaction Bundles of generated plans; each phrase that breaks careless code is the note of some."""
    found = zip(generated(plans(), count), cycle(PHRASES), strict=False)
    return (to_fhir(plan.evolve(note=plan.note or phrase), mapper) for plan, phrase in found)


def generated_messages(count: int, mapper: Mapper | None = None) -> Iterator[JsonObject]:
    """Message Bundles of generated messages: about half carry a notice or a green form.

    The notices list an organisation that nothing else in them refers to, as a hospital's may.
    """
    carrying = st.sampled_from((MessageKind.NOTICE, MessageKind.GREEN_FORM)).flatmap(messages)
    return (
        message_to_fhir(_with_somebody_listed(m), mapper) for m in generated(st.one_of(carrying, messages()), count)
    )


def generated_plan_messages(count: int, mapper: Mapper | None = None) -> Iterator[JsonObject]:
    """Message Bundles about a plan: `count` of generated messages, one kind after the other."""
    kinds = [*PlanMessageKind]
    for kind in kinds:
        for message in generated(plan_messages(kind), count // len(kinds)):
            yield plan_message_to_fhir(message, mapper)


def generated_views(count: int) -> Iterator[JsonObject]:
    """Generated views as collections, with version numbers."""
    return (view_to_fhir(view, numbers={view.plan.id: view.number}) for view in generated(plan_views(), count))


_LISTED = Organization(id="listed-only", name="Bare nevnt", kind=OrganizationKind.OTHER)


def _with_somebody_listed(message: Message) -> Message:
    if message.notice is None:
        return message
    return message.evolve(notice=message.notice.evolve(organizations=(*message.notice.organizations, _LISTED)))


def generated_notice_forms(count: int, mapper: Mapper | None = None) -> Iterator[JsonObject]:
    """Generated notices as answered questionnaires."""
    return (notice_to_form(notice, mapper) for notice in generated(notices(), count))


def generated_referrals(count: int, mapper: Mapper | None = None) -> Iterator[JsonObject]:
    """The ServiceRequest and Task of generated notices, one state after the other."""
    states = [(state, role) for state in State for role in (Role.HOSPITAL, Role.MUNICIPALITY)]
    for number, notice in enumerate(generated(notices(), count)):
        state, role = states[number % len(states)]
        yield from referral_to_fhir(_standing(notice, state, role), [], mapper)


def singles(bundles: Iterator[JsonObject]) -> Iterator[JsonObject]:
    """Each resource of the bundles by itself."""
    for bundle in bundles:
        yield from (entry["resource"] for entry in bundle["entry"])


def without_profile(resource: JsonObject) -> JsonObject:
    """The resource without the profile that it says it follows."""
    rest = {key: value for key, value in resource.get("meta", {}).items() if key != "profile"}
    return {**{key: value for key, value in resource.items() if key != "meta"}, **({"meta": rest} if rest else {})}


def shapes_of(resources: Iterator[JsonObject]) -> Iterator[JsonObject]:
    """The first resource of each shape: which members it has, and each of its codes and kinds of reference.

    Two that differ in words, dates and numbers alone are one to the validator.
    """
    seen: set[str] = set()
    for resource in resources:
        shape = json.dumps(_shape(resource, ""), sort_keys=True)
        if shape not in seen:
            seen.add(shape)
            yield resource


_TELLING = {"resourceType", "system", "code", "status", "url", "type", "priority", "gender", "linkId", "profile"}


def _shape(node: Any, name: str) -> Any:
    if isinstance(node, dict):
        return {key: _shape(value, key) for key, value in node.items()}
    if isinstance(node, list):
        return [_shape(item, name) for item in node]
    if name == "reference":
        return str(node).rpartition("/")[0]
    return node if name in _TELLING else type(node).__name__


def _carrying(notice: Notice, form: GreenForm | None) -> Message:
    """The notice, or a form that answers some notice, on its way."""
    if form is None:
        return by_hospital(notice, ident="message-1", notice=notice)
    return Message(
        id="message-2",
        kind=MessageKind.GREEN_FORM,
        correlation_id=form.answers,
        sent=form.authored,
        sender=next(o for o in form.organizations if o.id == form.sender),
        recipient=notice.organization(notice.sender),
        form=form,
    )


def _standings(notice: Notice) -> Iterator[Referral]:
    for state in State:
        yield _standing(notice, state, Role.HOSPITAL)
        yield _standing(notice, state, Role.MUNICIPALITY)


def _standing(notice: Notice, state: State, role: Role) -> Referral:
    return standing(state, role, notice=notice, correlation_id=notice.correlation_id, forms=())
