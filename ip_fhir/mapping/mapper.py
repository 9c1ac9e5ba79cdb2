"""The mapper: every verb on one set of tables. `verbs` has functions that call its methods.

`default()` writes R4, and reads R4 and R5, whichever a plan shows. A mapper made for one version, or with a site's
overlay, reads and writes that version alone.
"""

from __future__ import annotations

from copy import copy
from functools import cache
from typing import TYPE_CHECKING, Any

import orjson

from ip_fhir.domain.consent.protection import withheld
from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.bundle import BundleContent
from ip_fhir.fhir.reading import read_json
from ip_fhir.mapping import evidence
from ip_fhir.mapping import message as messages
from ip_fhir.mapping import notice_form as forms
from ip_fhir.mapping import plan as plans
from ip_fhir.mapping import rebase as rebases
from ip_fhir.mapping import referral as referrals
from ip_fhir.mapping.bundle.reads import Reads
from ip_fhir.mapping.compiled import Compiled, shipped
from ip_fhir.mapping.dialects.hl7v2.context import OSLO
from ip_fhir.mapping.fhir_version import version_of
from ip_fhir.mapping.foreign import reading as foreign
from ip_fhir.mapping.foreign.choice import name_of
from ip_fhir.mapping.foreign.not_read import notice_not_read
from ip_fhir.mapping.hl7v2 import plan as pathways
from ip_fhir.mapping.hl7v2.parts import parts_from_hl7v2, plan_with_hl7v2, unread_by_plan
from ip_fhir.mapping.hl7v2.reading import message_from_hl7v2
from ip_fhir.mapping.hl7v2.sharing import plan_message_from_hl7v2, plan_message_to_hl7v2
from ip_fhir.mapping.hl7v2.writing import message_to_hl7v2
from ip_fhir.mapping.sharing import message as plan_messages
from ip_fhir.mapping.sharing import view as views

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime, tzinfo

    from pydantic import BaseModel

    from ip_fhir.domain.consent.protection import LocatingPart
    from ip_fhir.domain.message import Message
    from ip_fhir.domain.notice import Notice, NoticeKind
    from ip_fhir.domain.people import PlanOwner
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.referral import Event, Referral
    from ip_fhir.domain.sharing.messages import PlanMessage
    from ip_fhir.domain.sharing.share import Kept
    from ip_fhir.domain.sharing.view import PlanView
    from ip_fhir.errors import Problem
    from ip_fhir.mapping.bundle.open_plan import OpenPlan
    from ip_fhir.mapping.hl7v2.parts import PlanParts
    from ip_fhir.mapping.hl7v2.plan import Pathway, PathwayReading
    from ip_fhir.mapping.lenses.table import Lens
    from ip_fhir.mapping.overlays.overlay import Overlay
    from ip_fhir.mapping.rebase import Rebased
    from ip_fhir.mapping.tables.model import Tables
    from ip_fhir.mapping.tables.variants import FhirVersion
    from ip_fhir.ports import EvidenceRecord


class Mapper:
    """Maps by one set of tables: as they ship, or with a site's overlay. Threads may share it.

    A process may hold several: an EHR vendor serves many municipalities. `version` is the FHIR version written, `reads`
    counts reads of plans. What leads to a person with a protected address is not written (`consent.protection`), but
    for the parts in `released`.
    """

    released: frozenset[LocatingPart] = frozenset()

    def __init__(self, compiled: Compiled, *, any_version: bool = False) -> None:
        self.compiled = compiled
        self.version = compiled.version
        self.reads = Reads()
        self._any_version = any_version

    @classmethod
    def load(cls, overlay: Overlay | None = None, version: FhirVersion | None = None) -> Mapper:
        """The mapper with a site's overlay (path of a TOML file, or its content); without one, `default(version)`.

        An overlay is for one version, by default R4. Raises `MappingError` with every problem of the overlay.
        """
        return default(version) if overlay is None else cls(Compiled.load(overlay, version or "R4"))

    def of(self, version: FhirVersion | None) -> Mapper:
        """This mapper for one version; itself if None. Raises `InvalidInput` if it is for another version."""
        if version is None:
            return self
        if version != self.version:
            raise InvalidInput.at("version", f"is {version}, and the mapper is for {self.version}", "not-supported")
        return default(version).releasing(self.released) if self._any_version else self

    def releasing(self, parts: Collection[LocatingPart]) -> Mapper:
        """This mapper, which also writes these parts of persons with a protected address; for one recipient only."""
        if self.released == frozenset(parts):
            return self
        made = copy(self)
        made.released = frozenset(parts)
        return made

    @property
    def tables(self) -> Tables:
        """The tables, as rows."""
        return self.compiled.tables

    def lens(self, name: str) -> Lens:
        """The lens of one table, for instance `lens("CarePlan")`. Raises `MappingError` for an unknown name."""
        return self.compiled.lens(name)

    def to_fhir(self, plan: IndividualPlan, *, strict: bool = False) -> dict[str, Any]:
        """The plan as a transaction Bundle of about one resource for each person, goal and consent.

        Sending it twice creates no duplicates. `from_fhir` returns an equal plan, but for what is withheld. `strict`:
        FHIR's own models check it (a hundred times slower). Raises `InvalidInput` where the tables have no code.
        """
        return plans.checked(orjson.loads(self.to_fhir_json(plan)), self.version, strict=strict)

    def to_fhir_json(self, plan: IndividualPlan) -> bytes:
        """The same Bundle as UTF-8 JSON text, made directly, without dicts in between."""
        return plans.to_fhir_json(withheld(plan, self.released), self.compiled)

    def to_models(self, plan: IndividualPlan) -> list[BaseModel]:
        """The plan's resources as typed objects of `fhir.resources` (R4B or R5), each checked by its model."""
        return plans.to_models(self.to_fhir(plan), self.version)

    def from_fhir(self, bundle: dict[str, Any], *, strict: bool = False) -> IndividualPlan:
        """Read the plan in a Bundle, ours or another system's.

        `read_fhir` reads the same plan, and lists the places that were not read. With `strict`, FHIR's own models check
        the whole Bundle first. Raises `InvalidInput` with every problem and its FHIRPath; mixed FHIR versions are one.
        """
        compiled, content = self._for(bundle), BundleContent(bundle)
        plans.checked(bundle, compiled.version, strict=strict)
        ours = foreign.is_plain(content, compiled)
        return plans.from_fhir(content, compiled) if ours else foreign.read_plan(bundle, compiled)

    def from_fhir_json(self, content: bytes) -> IndividualPlan:
        """Read the plan in the UTF-8 JSON text of a Bundle; ten times as fast as `from_fhir` for Bundles of ours.

        Raises `InvalidInput` as `from_fhir`, and for text that is no JSON or exceeds `fhir.reading.Limits`.
        """
        found = self.read_fast(content)
        return self.from_fhir(read_json(content)) if found is None else found

    def read_fast(self, content: bytes) -> IndividualPlan | None:
        """Read the plan in UTF-8 JSON text by the fast reader; None if it stands down and the lenses must read."""
        return plans.read_fast(content, self.compiled, self.reads)

    def read_fhir(
        self,
        bundle: dict[str, Any],
        *,
        owner: PlanOwner | None = None,
        created: datetime | None = None,
        plan: str | None = None,
        told_is_error: bool = False,
    ) -> foreign.Reading:
        """Read the plan in a Bundle, ours or another system's, with a warning for each place that was not read.

        `owner` is used if the bundle has no Patient: the CarePlan's subject must be this person; `created` (with zone)
        if the CarePlan has no creation time. `plan` is the id of the CarePlan where there are several; without it the
        only active one is read. Raises `InvalidInput` with every problem and its FHIRPath, also wherever reading would
        need a guess; with `told_is_error`, each warning is a problem too.
        """
        return foreign.read_fhir(
            bundle, self._for(bundle), owner=owner, created=created, plan=plan, told_is_error=told_is_error
        )

    def open_plan(
        self,
        bundle: dict[str, Any],
        *,
        owner: PlanOwner | None = None,
        created: datetime | None = None,
        plan: str | None = None,
    ) -> OpenPlan | foreign.OpenForeignPlan:
        """Open a plan in its bundle, to change it. The bundle is read once, and a put to ours costs only the changes.

        Its `put` returns the same as `update_bundle`. `owner`, `created` and `plan` are those of `read_fhir`. Raises
        `InvalidInput` like `read_fhir`.
        """
        compiled, content = self._for(bundle), BundleContent(bundle)
        if plan is None and foreign.is_plain(content, compiled):
            return plans.open_plan(content, compiled, self.reads, self.released)
        return foreign.OpenForeignPlan(
            bundle, compiled, owner=owner, created=created, plan=plan, released=self.released
        )

    def update_bundle(
        self, bundle: dict[str, Any], plan: IndividualPlan, *, onto: str | None = None, strict: bool = False
    ) -> dict[str, Any]:
        """Return a copy of `bundle`, changed so that it says what `plan` says, and nowhere else.

        Where the bundle has several CarePlans, the one with the plan's id is written, or the one whose id is `onto`.
        Entries that are no longer part of the plan leave the bundle (`removed_entries` lists them); nothing asks a
        server to delete them. With `strict`, FHIR's own models check the result, including others' resources in it.
        Raises `InvalidInput` if the bundle has no place for a part of the plan, or is about another person.
        """
        compiled, content = self._for(bundle), BundleContent(bundle)
        if onto is None and foreign.is_plain(content, compiled):
            written = plans.put_plan(plan, content, compiled, self.reads, self.released)
        else:
            written = foreign.put_read(plan, bundle, compiled, onto, self.released)
        return plans.checked(written, compiled.version, strict=strict)

    def put_plan(
        self, plan: IndividualPlan, bundle: dict[str, Any], *, onto: str | None = None, strict: bool = False
    ) -> dict[str, Any]:
        """The same as `update_bundle`, with the plan as the first argument."""
        return self.update_bundle(bundle, plan, onto=onto, strict=strict)

    def rebase(self, before: IndividualPlan, after: IndividualPlan, bundle_now: dict[str, Any]) -> Rebased:
        """Apply the change from `before` to `after` to a bundle that somebody else has changed meanwhile.

        Returns the new bundle and the merge; in its conflicts the bundle's value is kept. Where the bundle lacks owner
        or creation time, those of `before` are used. Raises `InvalidInput` as `open_plan` and its `put`.
        """
        name = name_of(before.id, bundle_now)
        now = self.open_plan(bundle_now, owner=before.owner, created=before.created, plan=name)
        return rebases.rebase(before, after, now)

    @staticmethod
    def removed_entries(before: dict[str, Any], after: dict[str, Any]) -> tuple[Problem, ...]:
        """The entries of `before` that `update_bundle` removed, as warnings by their FHIRPath in `before`."""
        return plans.removed_entries(before, after)

    def message_to_fhir(self, message: Message) -> dict[str, Any]:
        """The message as a Bundle: MessageHeader first, then the resources of its content."""
        return messages.message_to_fhir(message, self.compiled, self.released)

    def message_from_fhir(self, bundle: dict[str, Any] | BundleContent) -> Message:
        """Read the message in a Bundle, or in its content. Raises `InvalidInput` with every problem, by FHIRPath."""
        return messages.message_from_fhir(bundle, self.compiled)

    def message_to_hl7v2(self, message: Message, *, owner: PlanOwner | None = None) -> dict[str, Any]:
        """The message as the value of a REF or RRI of HL7 v2, which `ip_fhir.hl7v2` writes as ER7.

        `owner` is the person whom a message without a notice is about; without it PID names nobody. Raises
        `InvalidInput` for what HL7 v2 cannot say.
        """
        return message_to_hl7v2(message, self.compiled, self.released, owner)

    def message_from_hl7v2(
        self, value: dict[str, Any], zone: tzinfo = OSLO, notice_kind: NoticeKind | None = None
    ) -> Message:
        """Read the message in the value of a REF or RRI; `zone` is the sender's, for times without an offset.

        Raises `InvalidInput` with every problem, by its place (`PID-7.1`); `NotTaken` for what a person must look at.
        """
        return message_from_hl7v2(value, self.compiled, zone, notice_kind)

    def plan_to_hl7v2(self, plan: IndividualPlan, *, sent: datetime | None = None) -> Pathway:
        """The plan as the value of a PPG^PCG of HL7 v2, with a warning for each field that PPG has no place for.

        `sent` (with zone) is the time of the message, by default that of the plan's last change. Raises `InvalidInput`
        for what HL7 v2 cannot say.
        """
        return pathways.plan_to_hl7v2(plan, self.compiled, sent or plan.updated or plan.created, self.released)

    def plan_from_hl7v2(self, value: dict[str, Any], zone: tzinfo = OSLO) -> PathwayReading:
        """Read the plan in the value of a PPG, PPP, PTR or CCM of HL7 v2, with a warning for what a pathway has not.

        Raises `InvalidInput` with every problem, by its place (`GOL-4`).
        """
        return pathways.plan_from_hl7v2(value, self.compiled, zone)

    def parts_from_hl7v2(self, value: dict[str, Any], zone: tzinfo = OSLO) -> PlanParts:
        """Read goals, needs and measures in the value of a PPR, PGL or CCR of HL7 v2, with what is not read.

        Raises `InvalidInput` with the place of what cannot be read.
        """
        return parts_from_hl7v2(value, self.compiled, zone)

    def plan_with_hl7v2(self, plan: IndividualPlan, value: dict[str, Any], zone: tzinfo = OSLO) -> IndividualPlan:
        """The plan with what a message of HL7 v2 about its goals and needs changes: absence says nothing.

        Raises `InvalidInput` for a message about another person or plan, and for a plan that would be unsound.
        """
        return plan_with_hl7v2(plan, value, self.compiled, zone)

    def unread_in_hl7v2(self, plan: IndividualPlan, value: dict[str, Any], zone: tzinfo = OSLO) -> tuple[Problem, ...]:
        """The places of a message of HL7 v2 that `plan_with_hl7v2` does not read, a warning each; the header aside."""
        return unread_by_plan(plan, value, self.compiled, zone)

    def plan_message_to_hl7v2(self, message: PlanMessage) -> dict[str, Any]:
        """The message about a shared plan as the value of a PPG of HL7 v2. Raises `InvalidInput` for other kinds."""
        return plan_message_to_hl7v2(message, self.compiled, self.released)

    def plan_message_from_hl7v2(
        self, value: dict[str, Any], zone: tzinfo = OSLO, *, whole: bool = False
    ) -> PlanMessage:
        """Read the message about a shared plan in the value of a PPG of HL7 v2.

        With `whole` the sender's changes always have all that is left: what one lacks was taken out. Raises
        `InvalidInput` with every problem, by its place, and `NotTaken` where no share is named.
        """
        return plan_message_from_hl7v2(value, self.compiled, zone, whole=whole)

    def message_from_transaction(self, bundle: dict[str, Any] | BundleContent) -> Message:
        """The notice in a transaction Bundle (ServiceRequest with what it refers to) as a message.

        Without a correlation id, the ServiceRequest's own id serves as one; the message id derives from it, so that the
        same transaction sent again is the same message. Raises `InvalidInput` as `message_from_fhir`.
        """
        return messages.message_from_transaction(bundle, self.compiled)

    def plan_message_to_fhir(self, message: PlanMessage) -> dict[str, Any]:
        """The message about a plan as a Bundle: MessageHeader first, then the resources of its content."""
        return plan_messages.plan_message_to_fhir(message, self.compiled, self.released)

    def plan_message_from_fhir(self, bundle: dict[str, Any] | BundleContent) -> PlanMessage:
        """Read the message about a plan in a Bundle, or in its content.

        Raises `InvalidInput` with every problem, by FHIRPath.
        """
        return plan_messages.plan_message_from_fhir(bundle, self.compiled)

    def is_plan_message(self, bundle: Any) -> bool:
        """True for a message Bundle whose header names an event about a plan."""
        return plan_messages.is_plan_message(bundle, self.compiled)

    def view_to_fhir(
        self, view: PlanView, *, numbers: Mapping[str, int] | None = None, kept: Sequence[Kept] = ()
    ) -> dict[str, Any]:
        """The view of a plan as a collection Bundle, the CarePlan last, tagged `plan-view` and labelled REDACTED.

        `numbers` gives, by id, the number of the view in which an item last changed: the greatest in a resource becomes
        its `meta.versionId`. `kept` is what the participant wrote and no table names: it is given back in them.
        Raises `InvalidInput` for a view with consents, and where the tables have no code.
        """
        return views.view_to_fhir(view, self.compiled, self.released, numbers, kept)

    def view_from_fhir(self, bundle: dict[str, Any]) -> PlanView:
        """Read the view in a Bundle. Raises `InvalidInput` with every problem, also for a plan, which is no view."""
        return views.view_from_fhir(bundle, self._for(bundle))

    def is_view(self, bundle: Any) -> bool:
        """True if a CarePlan in the Bundle is tagged as a view. Raises `InvalidInput` if `bundle` is no Bundle."""
        return views.is_view(bundle, self.compiled)

    def notice_to_form(self, notice: Notice) -> dict[str, Any]:
        """A transaction Bundle: the QuestionnaireResponse (Questionnaire `notice`) and the resources it refers to."""
        return forms.notice_to_form(withheld(notice, self.released), self.compiled)

    def notice_from_form(self, bundle: dict[str, Any]) -> Notice:
        """Read the notice in a Bundle of `notice_to_form`. Raises `InvalidInput` with every problem, by FHIRPath."""
        return forms.notice_from_form(bundle, self.compiled)

    def referral_to_fhir(
        self, referral: Referral, existing: list[dict[str, Any]], *, just_read: bool = False
    ) -> list[dict[str, Any]]:
        """The ServiceRequest and the Task of a referral, in this order, put onto `existing` versions of them.

        A terminal Task is never reopened: a referral that goes on has a new one, with the next number in its id. With
        `just_read`, the existing ServiceRequest is the one that the notice was read from: it is not written again.
        """
        return referrals.referral_to_fhir(referral, existing, self.compiled, just_read=just_read)

    def notice_not_read(self, request: dict[str, Any]) -> tuple[Problem, ...]:
        """Return a warning, with its FHIRPath, for each place of a stored ServiceRequest that was not read."""
        return notice_not_read(request, self.compiled)

    def event_from_task(self, before: Referral, task: dict[str, Any], now: datetime) -> Event | None:
        """The event that a Task stands for after the other party has changed it; dated `now` (UTC).

        None if it says what ours says. A contained green form is an answer; else the statuses give the event. Raises
        `InvalidInput` if they do not.
        """
        return referrals.event_from_task(before, task, now, self.compiled)

    def evidence_to_fhir(self, records: Iterable[EvidenceRecord]) -> Iterator[dict[str, Any]]:
        """Yield two resources for each record, in the order of the chain: a Provenance, then an AuditEvent."""
        return evidence.evidence_to_fhir(records, self.compiled)

    def _for(self, bundle: Any) -> Compiled:
        """The tables for the FHIR version that a bundle shows. Raises `InvalidInput` if this mapper has none."""
        version = version_of(bundle, None if self._any_version else self.version)
        return self.compiled if version == self.version else shipped(version)


def default(version: FhirVersion | None = None) -> Mapper:
    """The mapper on the shipped tables of a version (`MappingError`: unknown); without one R4 is written, both read."""
    return _default(version)


_MADE: dict[FhirVersion | None, Mapper] = {}  # keeps one if two threads make it at once: two would count reads apart


@cache
def _default(version: FhirVersion | None) -> Mapper:
    return _MADE.setdefault(version, Mapper(shipped(version or "R4"), any_version=version is None))
