"""A message of the domain, read from the value of a message of HL7 v2: ours, or another system's."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.domain.green_form import FormDecision
from ip_fhir.domain.message import Message, MessageKind
from ip_fhir.domain.values.ids import PersonId
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput, NotTaken
from ip_fhir.mapping.dialects.hl7v2.conditions import says_something
from ip_fhir.mapping.dialects.hl7v2.context import OSLO, Context
from ip_fhir.mapping.dialects.hl7v2.numbers import NUMBER_TYPES
from ip_fhir.mapping.hl7v2.cited import with_cited_id
from ip_fhir.mapping.hl7v2.echoes import gathered
from ip_fhir.mapping.hl7v2.events import STRUCTURES, TABLES, check_status, kind_said
from ip_fhir.mapping.hl7v2.line import heard
from ip_fhir.mapping.hl7v2.parties import Actors, check_facility, side_of, unit_of

if TYPE_CHECKING:
    from datetime import tzinfo

    from ip_fhir.domain.notice import NoticeKind
    from ip_fhir.errors import Problem
    from ip_fhir.mapping.compiled import Compiled
    from ip_fhir.mapping.hl7v2.parties import Data, Side

_SERIES: Final = "2.16.578.1.12.4.1.4."
"""The beginning of the OIDs of the registers of persons."""

_HEADER_FIELDS: Final = ("sent", "correlation_id", "answers", "number", "missing", "text")


def message_from_hl7v2(
    value: dict[str, Any], compiled: Compiled, zone: tzinfo = OSLO, notice_kind: NoticeKind | None = None
) -> Message:
    """Read the message in the value of a REF or RRI. `zone` is the sender's, for times without an offset.

    `notice_kind` is the need that a referral is about which does not say it, as agreed with the sender.

    Raises `InvalidInput` with every problem, by the place (`PID-7.1`), and `NotTaken` for an answer that a person must
    look at, or that says only that the referral came in.
    """
    reader = _Reader(value, compiled, zone, notice_kind)
    data = reader.data()
    try:
        return read(Message, data)
    except InvalidInput as error:
        raise InvalidInput(reader.placed(problem) for problem in error.problems) from None


class _Reader:
    """The reading of one message."""

    def __init__(self, value: dict[str, Any], compiled: Compiled, zone: tzinfo, notice_kind: NoticeKind | None) -> None:
        self.notice_kind = notice_kind
        self.value, self.compiled = with_cited_id(heard(value)), compiled
        self.context = Context.of_message(value, zone)
        named = ((value.get("MSH") or {}).get("f9") or [{}])[0]
        self.code, self.trigger = named.get("c1", ""), named.get("c2", "")
        if self.code not in TABLES:
            raise InvalidInput.at("MSH-9", "is neither REF nor RRI", "not-supported")
        self.structure = STRUCTURES[self.code]
        self.actors = Actors()

    def data(self) -> Data:
        """The message in JSON form."""
        header, kind = self.header, self.kind
        made: Data = {name: header[name] for name in _HEADER_FIELDS if name in header}
        made |= {"id": header.get("id") or header["control_id"], "kind": kind}
        if "answers" not in made and "MSA" in self.value and "answered" in self.standard:
            made["answers"] = self.standard["answered"]
        content = self._content(kind)
        made |= content
        form = content.get("form", {})
        decision = FormDecision(form["decision"]) if form.get("decision") else None
        check_status(header.get("status"), kind, decision)
        made |= {"sender": self.sender.party, "recipient": self.recipient.party}
        return made

    def _content(self, kind: MessageKind) -> Data:
        if kind is MessageKind.NOTICE:
            return {"notice": self._notice()}
        return {"form": self._form()} if kind is MessageKind.GREEN_FORM else {}

    @cached_property
    def header(self) -> Data:
        """The data that the message's own table reads."""
        return self._read(TABLES[self.code])

    @cached_property
    def standard(self) -> Data:
        """The data that the standard fields alone say."""
        return self._read("V2Standard")

    @cached_property
    def kind(self) -> MessageKind:
        """The kind of the message."""
        if "kind" in self.header:
            return MessageKind(self.header["kind"])
        if "status" not in self.header and says_something((self.value.get("RF1") or {}).get("f1")):
            raise NotTaken.at("RF1-1", "is a status that is not known here: a person must look", "not-supported")
        reached = any(person.get("contacts") for person in self._referred())
        return kind_said(self.code, self.trigger, self.header.get("status"), names_coordinator=reached)

    @property
    def is_ours(self) -> bool:
        """True if the message says its kind in a row of ours, as each of ours does.

        Ids of ours alone tell nothing: another system copies the segments of the notice into its answer.
        """
        return "kind" in self.header

    @cached_property
    def sender(self) -> Side:
        """The side that sends the message."""
        return self._side("sender", "MSH-4", from_referring=self.code == "REF")

    @cached_property
    def recipient(self) -> Side:
        """The side that the message is for."""
        return self._side("recipient", "MSH-6", from_referring=self.code == "RRI")

    def _side(self, name: str, place: str, *, from_referring: bool) -> Side:
        said, facility = self.header.get(name, {}), self.header.get(f"{name}_facility")
        if self.is_ours and "id" in said:
            check_facility(said, facility, self.value["MSH"], place)
            return side_of(Actors(), said, None, None, place)
        words = self.standard.get("sending_name" if name == "sender" else "receiving_name")
        unit = {key: part for key, part in self._unit(referring=from_referring).items() if key != "part_of"}
        return side_of(self.actors, unit, facility, words, place)

    def _unit(self, *, referring: bool) -> Data:
        """The unit that the standard PRD segments name for a side; empty where they name none."""
        found = self.standard
        if referring:
            person = found.get("referring_person") or found.get("authoring_person") or {}
            return found.get("referring_unit") or found.get("authoring_unit") or unit_of(person)
        person = found.get("intended_person") or {}
        unit: Data = found.get("referred_unit") or found.get("intended_unit") or unit_of(person)
        return unit

    def _referred(self) -> list[Data]:
        """The persons whom a message of another sender was referred to: in an answer they coordinate."""
        persons: list[Data] = self.standard.get("referred_persons", [])
        return persons

    def _notice(self) -> Data:
        made = gathered(self._read("V2Notice"))
        if self.notice_kind is not None:
            made.setdefault("kind", self.notice_kind)
        made.setdefault("id", self.header["control_id"])
        made.setdefault("authored", self.header["sent"])
        if not made.get("organizations"):
            made |= self._of_standard_parties()
            made["recipient"] = self.recipient.unit["id"]
            author = self.standard.get("referring_person") or self.standard.get("authoring_person")
            if author is not None:
                made["author"] = self.actors.professional(author)["id"]
            made |= {name: self.standard[name] for name in ("reason", "attachments") if name in self.standard} | made
        return made

    def _form(self) -> Data:
        made = gathered(self._read("V2GreenForm"))
        made.setdefault("id", self.header["control_id"])
        made.setdefault("authored", self.header["sent"])
        if not self.is_ours or not made.get("organizations"):
            places = made.get("coordinators", [])
            made |= self._of_standard_parties()
            made |= {"coordinators": self._coordinators(places)}
            if "decision" not in made:
                made["decision"] = {"accepted": "appointed", "rejected": "rejected"}.get(self.header.get("status", ""))
        return {name: part for name, part in made.items() if part is not None}

    def _of_standard_parties(self) -> Data:
        """Sender and actors of a notice or form, as the standard PRD segments name them."""
        sender = self.sender.unit["id"]
        self.recipient  # noqa: B018 - it is among the actors too
        return {
            "sender": sender,
            "organizations": self.actors.organizations,
            "professionals": self.actors.professionals,
        }

    def _coordinators(self, places: list[Data]) -> list[Data]:
        """The coordinators of a form, each with the person who holds the place.

        Groups of rows that name nobody, and persons who are named, belong together in their order. Raises
        `InvalidInput` for more places than persons: it is not said which is vacant.
        """
        people = [(self.actors.professional(person)["id"], _period_of(person)) for person in self._referred()]
        unnamed = [place for place in places if "holder" not in place]
        if people and len(unnamed) > len(people):
            raise InvalidInput.at(
                "OBX-4", "has more coordinators than PRD segments name: which is vacant?", "invariant"
            )
        for place, (person, period) in zip(unnamed, people, strict=False):
            place["holder"] = person
            place.setdefault("period", period)
        more = enumerate(people[len(unnamed) :], start=len(places) + 1)
        return [*places, *({"id": f"coordinator-{n}", "holder": who, "period": period} for n, (who, period) in more)]

    def _read(self, table: str) -> Data:
        return self.compiled.get(table, self.value, self.context, self.structure)

    def placed(self, problem: Problem) -> Problem:
        """The problem of a field of the domain, at its place in the message."""
        first, _, rest = problem.path.partition(".")
        table = {"notice": "V2Notice", "form": "V2GreenForm"}.get(first, TABLES[self.code])
        path = rest if first in ("notice", "form") else problem.path
        place = self.compiled.lens(table).where(path, self.value) if path else ""
        return replace(problem, path=place or self.structure)


def _period_of(person: Data) -> Data:
    """The period in which somebody has the role of the PRD segment that names them."""
    days = {"start": person.get("held_from"), "end": person.get("held_until")}
    return {name: day for name, day in days.items() if day is not None}


def persons_in_hl7v2(value: dict[str, Any]) -> frozenset[PersonId]:
    """Return the numbers of the persons that PID names; none for a PID without a number of a register.

    A number that is none is left out: reading the message tells it. Every entry of PID-3 counts.
    """
    found = (_person_in(rep) for rep in (value.get("PID") or {}).get("f3", ()))
    return frozenset(number for number in found if number is not None)


def _person_in(rep: dict[str, str]) -> PersonId | None:
    series = rep.get("c4s2", "")
    if not (series.startswith(_SERIES) or (not series and rep.get("c5") in NUMBER_TYPES)):
        return None
    try:
        return PersonId(rep.get("c1", ""))
    except InvalidInput:
        return None
