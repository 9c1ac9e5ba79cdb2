"""The doors of mapping: to FHIR and HL7 v2 and back, and checks. They store nothing, and need no author."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from pydantic import Field

from ip_fhir.domain.completeness import ItemStatus, completeness
from ip_fhir.domain.green_form import GreenForm, Missing, missing_items
from ip_fhir.domain.message import Message
from ip_fhir.domain.notice import Notice
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.remarks.remarks import remarks
from ip_fhir.domain.sharing.messages import PlanMessage
from ip_fhir.domain.values.value import Value
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.formats.hl7v2 import IncomingHl7v2
from ip_fhir.exchange.formats.hl7v2.writing import value_for
from ip_fhir.fhir.outcome import outcome
from ip_fhir.hl7v2.line import NO_SETTINGS, Hl7v2Line
from ip_fhir.hl7v2.message import new, read
from ip_fhir.mapping.hl7v2.line import spoken
from ip_fhir.web.own.doors import HL7V2, ID, RESOURCE, Content, Door, Query, Shown, values
from ip_fhir.web.own.problems import OneProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ip_fhir.errors import Problem
    from ip_fhir.exchange import Exchange
    from ip_fhir.hl7v2.message import Er7
    from ip_fhir.mapping import Mapper
    from ip_fhir.web.own.doors import Asked

MAPPING: Final = "mapping"

_ONTO = Query("onto", ID, "Id of the CarePlan that is written, where the other Bundle has several.")
_PEER = Query("peer", ID, "Peer whose settings of HL7 v2 count, by its name; without it, none are set.")


class PlanRead(Value):
    """A plan that was read."""

    plan: IndividualPlan = Field(description="The plan.")
    warnings: tuple[OneProblem, ...] = Field(default=(), description="Places that were not read, or look wrong.")


class MessageRead(Value):
    """A message that was read: about a loop, or about a plan."""

    message: Message | None = Field(default=None, description="The message about a loop.")
    plan_message: PlanMessage | None = Field(default=None, description="The message about a plan.")


class Checked(Value):
    """The result of a check of what can be used."""

    complete: bool = Field(description="True if nothing is missing.")
    items: tuple[ItemStatus, ...] = Field(default=(), description="Items a) to i) of the regulation, for a plan.")
    missing: tuple[Missing, ...] = Field(default=(), description="Items that a green form lacks.")
    warnings: tuple[OneProblem, ...] = Field(default=(), description="What no rule forbids, and a person should see.")


@dataclass(frozen=True, slots=True)
class MapDoors:
    """The doors of mapping, by the tables of one side."""

    exchange: Exchange

    def doors(self) -> Iterator[Door]:
        """Yields every door."""
        plan, message = values(IndividualPlan), values(Message)
        yield self._door("map/plan-to-fhir", "planToFhir", "A plan as a transaction Bundle.", plan, RESOURCE, self._out)
        yield self._door(
            "map/plan-from-fhir", "planFromFhir", "The plan in a Bundle, of any system.", RESOURCE, PlanRead, self._in
        )
        put = (
            "A plan written onto another system's Bundle, and nothing else changed in that: a Parameters with our own "
            "Bundle as `plan` and theirs as `onto`. The answer has theirs as `bundle`, and as `outcome` what left it."
        )
        yield self._door("map/plan-onto-bundle", "planOntoBundle", put, RESOURCE, RESOURCE, self._put, (_ONTO,))
        yield self._door(
            "map/message-to-fhir", "messageToFhir", "A message as a Bundle.", message, RESOURCE, self._message_out
        )
        yield self._door(
            "map/message-from-fhir",
            "messageFromFhir",
            "The message in a Bundle: about a loop, or about a plan.",
            RESOURCE,
            MessageRead,
            self._message_in,
        )
        yield self._door(
            "map/plan-to-hl7v2", "planToHl7v2", "A plan as PPG^PCG.", plan, HL7V2, self._plan_to_v2, (_PEER,)
        )
        yield self._door(
            "map/plan-from-hl7v2",
            "planFromHl7v2",
            "The plan in a message about a pathway (PPG, PPP, PTR, CCM).",
            HL7V2,
            PlanRead,
            self._plan_from_v2,
            (_PEER,),
        )
        yield self._door(
            "map/message-to-hl7v2", "messageToHl7v2", "A message as REF or RRI.", message, HL7V2, self._to_v2, (_PEER,)
        )
        yield self._door(
            "map/message-from-hl7v2",
            "messageFromHl7v2",
            "The message in a REF, RRI or PPG.",
            HL7V2,
            MessageRead,
            self._from_v2,
            (_PEER,),
        )
        yield from self._checks()

    def _checks(self) -> Iterator[Door]:
        law = "Check a plan against items a) to i) of the regulation, and for what a person should see."
        yield self._door("check/plan", "checkPlan", law, values(IndividualPlan), Checked, self._check_plan)
        notice = "Check a notice for what a person should see."
        yield self._door("check/notice", "checkNotice", notice, values(Notice), Checked, self._check_notice)
        form = "Check a green form for what closes the loop, and for what a person should see."
        yield self._door("check/green-form", "checkGreenForm", form, values(GreenForm), Checked, self._check_form)

    def _door(
        self,
        path: str,
        name: str,
        about: str,
        takes: Content,
        gives: Content | type[Value],
        shows: Callable[[Asked], Shown],
        query: tuple[Query, ...] = (),
    ) -> Door:
        given = gives if isinstance(gives, Content) else values(gives)
        return Door(
            "POST", f"/own/{path}", name, about, MAPPING, given, shows, takes=takes, query=query, needs_author=False,
            also=(404,),
        )  # fmt: skip

    # --- FHIR

    def _out(self, asked: Asked) -> Shown:
        return Shown(self._mapper.to_fhir(asked.body))

    def _in(self, asked: Asked) -> Shown:
        found = self._mapper.read_fhir(asked.body)
        return Shown(PlanRead(plan=found.plan, warnings=_told(found.warnings)))

    def _put(self, asked: Asked) -> Shown:
        """Write a plan onto a Bundle. Both come as resources: read as values, numbers would lose their zeros."""
        plan = self._mapper.read_fhir(_parameter(asked.body, "plan")).plan
        before = _parameter(asked.body, "onto")
        after = self._mapper.update_bundle(before, plan, onto=asked.query["onto"])
        given = {"bundle": after}
        if gone := self._mapper.removed_entries(before, after):
            given["outcome"] = outcome(gone)
        parameters = [{"name": name, "resource": one} for name, one in given.items()]
        return Shown({"resourceType": "Parameters", "parameter": parameters})

    def _message_out(self, asked: Asked) -> Shown:
        return Shown(self._mapper.message_to_fhir(asked.body))

    def _message_in(self, asked: Asked) -> Shown:
        if self._mapper.is_plan_message(asked.body):
            return Shown(MessageRead(plan_message=self._mapper.plan_message_from_fhir(asked.body)))
        return Shown(MessageRead(message=self._mapper.message_from_fhir(asked.body)))

    # --- HL7 v2

    def _plan_to_v2(self, asked: Asked) -> Shown:
        return Shown(new(spoken(self._mapper.plan_to_hl7v2(asked.body).value, self._line(asked))).to_bytes())

    def _plan_from_v2(self, asked: Asked) -> Shown:
        line = self._line(asked)
        found = self._mapper.plan_from_hl7v2(self._er7(asked, line).value, line.time_zone)
        return Shown(PlanRead(plan=found.plan, warnings=_told(found.warnings)))

    def _to_v2(self, asked: Asked) -> Shown:
        return Shown(new(value_for(asked.body, self._mapper, self._line(asked))).to_bytes())

    def _from_v2(self, asked: Asked) -> Shown:
        line = self._line(asked)
        found = IncomingHl7v2(self._er7(asked, line), line, asked.limits).message(self._mapper)
        if isinstance(found, PlanMessage):
            return Shown(MessageRead(plan_message=found))
        return Shown(MessageRead(message=found))

    def _er7(self, asked: Asked, line: Hl7v2Line) -> Er7:
        return read(asked.body, asked.limits, line.charset)

    def _line(self, asked: Asked) -> Hl7v2Line:
        peer = asked.query["peer"]
        found = self.exchange.line_of(peer, "hl7v2") if peer is not None else None
        return cast("Hl7v2Line", found or NO_SETTINGS)

    # --- checks

    def _check_plan(self, asked: Asked) -> Shown:
        items = completeness(asked.body)
        met = all(item.met for item in items)
        return Shown(Checked(complete=met, items=items, warnings=_told(remarks(asked.body))))

    def _check_notice(self, asked: Asked) -> Shown:
        return Shown(Checked(complete=True, warnings=_told(remarks(asked.body))))

    def _check_form(self, asked: Asked) -> Shown:
        missing = missing_items(asked.body)
        return Shown(Checked(complete=not missing, missing=missing, warnings=_told(remarks(asked.body))))

    @property
    def _mapper(self) -> Mapper:
        return self.exchange.mapper


def _parameter(body: dict[str, Any], name: str) -> dict[str, Any]:
    """The resource of a parameter that must be there once. Raises `InvalidInput` at it."""
    given = body.get("parameter")
    named = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    found = [one.get("resource") for one in named if one.get("name") == name]
    if body["resourceType"] != "Parameters" or len(found) != 1 or not isinstance(found[0], dict):
        reason = "one parameter of this name, with a resource, is needed in a resource Parameters"
        raise InvalidInput.at(f"Parameters.parameter.where(name='{name}')", reason, "required")
    return found[0]


def _told(warnings: Iterable[Problem]) -> tuple[OneProblem, ...]:
    return tuple(map(OneProblem.of, warnings))
