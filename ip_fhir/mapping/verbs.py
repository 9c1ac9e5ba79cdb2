"""The verbs as functions: each calls the method of the same name of a mapper, by default that of the shipped tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ip_fhir.mapping.dialects.hl7v2.context import OSLO
from ip_fhir.mapping.mapper import Mapper, default

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime, tzinfo

    from pydantic import BaseModel

    from ip_fhir.domain.message import Message
    from ip_fhir.domain.notice import Notice, NoticeKind
    from ip_fhir.domain.people import PlanOwner
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.referral import Event, Referral
    from ip_fhir.domain.sharing.messages import PlanMessage
    from ip_fhir.domain.sharing.share import Kept
    from ip_fhir.domain.sharing.view import PlanView
    from ip_fhir.errors import Problem
    from ip_fhir.fhir.bundle import BundleContent
    from ip_fhir.mapping.bundle.open_plan import OpenPlan
    from ip_fhir.mapping.foreign import reading as foreign
    from ip_fhir.mapping.hl7v2.parts import PlanParts
    from ip_fhir.mapping.hl7v2.plan import Pathway, PathwayReading
    from ip_fhir.mapping.lenses.table import Lens
    from ip_fhir.mapping.rebase import Rebased
    from ip_fhir.mapping.tables.variants import FhirVersion
    from ip_fhir.ports import EvidenceRecord


def _chosen(mapper: Mapper | None, version: FhirVersion | None = None) -> Mapper:
    """The given mapper, or the default one. Raises `InvalidInput` if `version` is not the given mapper's."""
    return default(version) if mapper is None else mapper.of(version)


def lens(name: str) -> Lens:
    """The lens of one table as it ships, for instance `lens("CarePlan")`. Raises `MappingError` for an unknown name.

    >>> lens("ContactPoint").new({"system": "phone", "value": "62 88 00 00"})
    {'system': 'phone', 'value': '62 88 00 00'}
    """
    return default().lens(name)


def to_fhir(
    plan: IndividualPlan, mapper: Mapper | None = None, *, version: FhirVersion | None = None, strict: bool = False
) -> dict[str, Any]:
    """`Mapper.to_fhir`: the plan as a transaction Bundle, R4 unless R5 is asked for."""
    return _chosen(mapper, version).to_fhir(plan, strict=strict)


def to_fhir_json(plan: IndividualPlan, mapper: Mapper | None = None, *, version: FhirVersion | None = None) -> bytes:
    """`Mapper.to_fhir_json`: the plan as the UTF-8 JSON text of a transaction Bundle."""
    return _chosen(mapper, version).to_fhir_json(plan)


def to_models(
    plan: IndividualPlan, mapper: Mapper | None = None, *, version: FhirVersion | None = None
) -> list[BaseModel]:
    """`Mapper.to_models`: the plan's resources as typed objects of `fhir.resources`."""
    return _chosen(mapper, version).to_models(plan)


def from_fhir(
    bundle: dict[str, Any],
    mapper: Mapper | None = None,
    *,
    version: FhirVersion | None = None,
    strict: bool = False,
) -> IndividualPlan:
    """`Mapper.from_fhir`: the plan in a Bundle, ours or another system's; `InvalidInput` has every problem."""
    return _chosen(mapper, version).from_fhir(bundle, strict=strict)


def from_fhir_json(
    content: bytes, mapper: Mapper | None = None, *, version: FhirVersion | None = None
) -> IndividualPlan:
    """`Mapper.from_fhir_json`: the plan in the UTF-8 JSON text of a Bundle; ten times as fast for Bundles of ours."""
    return _chosen(mapper, version).from_fhir_json(content)


def read_fhir(
    bundle: dict[str, Any],
    *,
    owner: PlanOwner | None = None,
    created: datetime | None = None,
    plan: str | None = None,
    told_is_error: bool = False,
    version: FhirVersion | None = None,
    mapper: Mapper | None = None,
) -> foreign.Reading:
    """`Mapper.read_fhir`: the plan in a Bundle, and a warning for each place that was not read."""
    return _chosen(mapper, version).read_fhir(
        bundle, owner=owner, created=created, plan=plan, told_is_error=told_is_error
    )


def open_plan(
    bundle: dict[str, Any],
    mapper: Mapper | None = None,
    *,
    owner: PlanOwner | None = None,
    created: datetime | None = None,
    plan: str | None = None,
    version: FhirVersion | None = None,
) -> OpenPlan | foreign.OpenForeignPlan:
    """`Mapper.open_plan`: a plan in its bundle, read once, to be changed."""
    return _chosen(mapper, version).open_plan(bundle, owner=owner, created=created, plan=plan)


def update_bundle(
    bundle: dict[str, Any],
    plan: IndividualPlan,
    mapper: Mapper | None = None,
    *,
    onto: str | None = None,
    version: FhirVersion | None = None,
    strict: bool = False,
) -> dict[str, Any]:
    """`Mapper.update_bundle`: a copy of the bundle that says what the plan says, and is otherwise unchanged."""
    return _chosen(mapper, version).update_bundle(bundle, plan, onto=onto, strict=strict)


def put_plan(
    plan: IndividualPlan,
    bundle: dict[str, Any],
    mapper: Mapper | None = None,
    *,
    onto: str | None = None,
    version: FhirVersion | None = None,
    strict: bool = False,
) -> dict[str, Any]:
    """The same as `update_bundle`, with the plan as the first argument."""
    return _chosen(mapper, version).put_plan(plan, bundle, onto=onto, strict=strict)


def rebase(
    before: IndividualPlan,
    after: IndividualPlan,
    bundle_now: dict[str, Any],
    mapper: Mapper | None = None,
    *,
    version: FhirVersion | None = None,
) -> Rebased:
    """`Mapper.rebase`: apply a change to a bundle that somebody else has changed; returns the conflicts too."""
    return _chosen(mapper, version).rebase(before, after, bundle_now)


def removed_entries(before: dict[str, Any], after: dict[str, Any]) -> tuple[Problem, ...]:
    """`Mapper.removed_entries`: the entries that `update_bundle` removed, as warnings by their FHIRPath."""
    return Mapper.removed_entries(before, after)


def message_to_fhir(message: Message, mapper: Mapper | None = None) -> dict[str, Any]:
    """`Mapper.message_to_fhir`: the message as a Bundle."""
    return _chosen(mapper).message_to_fhir(message)


def message_from_fhir(bundle: dict[str, Any] | BundleContent, mapper: Mapper | None = None) -> Message:
    """`Mapper.message_from_fhir`: the message in a Bundle; `InvalidInput` has every problem, by FHIRPath."""
    return _chosen(mapper).message_from_fhir(bundle)


def message_to_hl7v2(
    message: Message, mapper: Mapper | None = None, *, owner: PlanOwner | None = None
) -> dict[str, Any]:
    """`Mapper.message_to_hl7v2`: the message as the value of a REF or RRI of HL7 v2."""
    return _chosen(mapper).message_to_hl7v2(message, owner=owner)


def message_from_hl7v2(
    value: dict[str, Any],
    mapper: Mapper | None = None,
    *,
    zone: tzinfo = OSLO,
    notice_kind: NoticeKind | None = None,
) -> Message:
    """`Mapper.message_from_hl7v2`: the message in the value of a REF or RRI; `InvalidInput` has every problem."""
    return _chosen(mapper).message_from_hl7v2(value, zone, notice_kind)


def plan_to_hl7v2(plan: IndividualPlan, mapper: Mapper | None = None, *, sent: datetime | None = None) -> Pathway:
    """`Mapper.plan_to_hl7v2`: the plan as the value of a PPG, and what has no place in it."""
    return _chosen(mapper).plan_to_hl7v2(plan, sent=sent)


def plan_from_hl7v2(value: dict[str, Any], mapper: Mapper | None = None, *, zone: tzinfo = OSLO) -> PathwayReading:
    """`Mapper.plan_from_hl7v2`: the plan in the value of a PPG, PPP, PTR or CCM."""
    return _chosen(mapper).plan_from_hl7v2(value, zone)


def parts_from_hl7v2(value: dict[str, Any], mapper: Mapper | None = None, *, zone: tzinfo = OSLO) -> PlanParts:
    """`Mapper.parts_from_hl7v2`: goals, needs and measures in the value of a PPR, PGL or CCR of HL7 v2."""
    return _chosen(mapper).parts_from_hl7v2(value, zone)


def plan_with_hl7v2(
    plan: IndividualPlan, value: dict[str, Any], mapper: Mapper | None = None, *, zone: tzinfo = OSLO
) -> IndividualPlan:
    """`Mapper.plan_with_hl7v2`: the plan with what a message of HL7 v2 about its goals and needs changes in it."""
    return _chosen(mapper).plan_with_hl7v2(plan, value, zone)


def plan_message_to_hl7v2(message: PlanMessage, mapper: Mapper | None = None) -> dict[str, Any]:
    """`Mapper.plan_message_to_hl7v2`: the message about a shared plan as the value of a PPG of HL7 v2."""
    return _chosen(mapper).plan_message_to_hl7v2(message)


def plan_message_from_hl7v2(
    value: dict[str, Any], mapper: Mapper | None = None, *, zone: tzinfo = OSLO, whole: bool = False
) -> PlanMessage:
    """`Mapper.plan_message_from_hl7v2`: the message about a shared plan in the value of a PPG of HL7 v2."""
    return _chosen(mapper).plan_message_from_hl7v2(value, zone, whole=whole)


def message_from_transaction(bundle: dict[str, Any] | BundleContent, mapper: Mapper | None = None) -> Message:
    """`Mapper.message_from_transaction`: the notice in a transaction Bundle, as a message."""
    return _chosen(mapper).message_from_transaction(bundle)


def plan_message_to_fhir(message: PlanMessage, mapper: Mapper | None = None) -> dict[str, Any]:
    """`Mapper.plan_message_to_fhir`: the message about a plan as a Bundle."""
    return _chosen(mapper).plan_message_to_fhir(message)


def plan_message_from_fhir(bundle: dict[str, Any] | BundleContent, mapper: Mapper | None = None) -> PlanMessage:
    """`Mapper.plan_message_from_fhir`: the message about a plan in a Bundle; `InvalidInput` has every problem."""
    return _chosen(mapper).plan_message_from_fhir(bundle)


def is_plan_message(bundle: Any, mapper: Mapper | None = None) -> bool:
    """`Mapper.is_plan_message`: true for a message Bundle whose header names an event about a plan."""
    return _chosen(mapper).is_plan_message(bundle)


def view_to_fhir(
    view: PlanView,
    mapper: Mapper | None = None,
    *,
    numbers: Mapping[str, int] | None = None,
    kept: Sequence[Kept] = (),
    version: FhirVersion | None = None,
) -> dict[str, Any]:
    """`Mapper.view_to_fhir`: the view of a plan as a collection Bundle."""
    return _chosen(mapper, version).view_to_fhir(view, numbers=numbers, kept=kept)


def view_from_fhir(
    bundle: dict[str, Any], mapper: Mapper | None = None, *, version: FhirVersion | None = None
) -> PlanView:
    """`Mapper.view_from_fhir`: the view in a Bundle; `InvalidInput` has every problem, by FHIRPath."""
    return _chosen(mapper, version).view_from_fhir(bundle)


def is_view(bundle: Any, mapper: Mapper | None = None) -> bool:
    """`Mapper.is_view`: true if a CarePlan in the Bundle is tagged as a view."""
    return _chosen(mapper).is_view(bundle)


def notice_to_form(notice: Notice, mapper: Mapper | None = None) -> dict[str, Any]:
    """`Mapper.notice_to_form`: the notice as an answered questionnaire with the resources it refers to."""
    return _chosen(mapper).notice_to_form(notice)


def notice_from_form(bundle: dict[str, Any], mapper: Mapper | None = None) -> Notice:
    """`Mapper.notice_from_form`: the notice in a Bundle as `notice_to_form` makes."""
    return _chosen(mapper).notice_from_form(bundle)


def referral_to_fhir(
    referral: Referral, existing: list[dict[str, Any]], mapper: Mapper | None = None
) -> list[dict[str, Any]]:
    """`Mapper.referral_to_fhir`: the referral's ServiceRequest and Task, put onto `existing` versions of them."""
    return _chosen(mapper).referral_to_fhir(referral, existing)


def event_from_task(
    before: Referral, task: dict[str, Any], now: datetime, mapper: Mapper | None = None
) -> Event | None:
    """`Mapper.event_from_task`: the event that a Task stands for after the other party has changed it."""
    return _chosen(mapper).event_from_task(before, task, now)


def evidence_to_fhir(records: Iterable[EvidenceRecord], mapper: Mapper | None = None) -> Iterator[dict[str, Any]]:
    """`Mapper.evidence_to_fhir`: a Provenance and an AuditEvent for each record."""
    return _chosen(mapper).evidence_to_fhir(records)
