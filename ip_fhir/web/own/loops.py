"""The doors of the loop: notices, green forms, what people decide, and what there is about each loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ip_fhir.domain.consent.protection import EVERY_PART, withheld
from ip_fhir.domain.green_form import GreenForm
from ip_fhir.domain.loop import OWN_EVENTS, needed_from_our_side, possible_events
from ip_fhir.domain.notice import Notice
from ip_fhir.domain.referral import Event, EventKind, Referral, State
from ip_fhir.domain.values.aggregate import REFERRAL, Aggregate
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.access import deeds
from ip_fhir.ports.capabilities import knows_persons
from ip_fhir.web.own.doors import CURSOR, ID, Door, Query, Shown, limit, values
from ip_fhir.web.own.loop_values import (
    Act,
    Disclosure,
    NotRead,
    PersonSearch,
    PossibleAct,
    PossibleActs,
    ReferralPage,
    ReferralSummary,
    Step,
    StepPage,
)
from ip_fhir.web.own.pages import next_page, place_of
from ip_fhir.web.own.problems import OneProblem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.exchange import Exchange
    from ip_fhir.ports import Stored
    from ip_fhir.web.own.doors import Asked

GROUP: Final = "loops"

_MOST_OF_ONE_PERSON: Final = 100
_OF_ACTS: Final = (403, 404, 409, 412)
_STATES = Query(
    "state",
    {"type": "array", "items": {"type": "string", "enum": [str(state) for state in State]}},
    "Only in this state; may be repeated.",
)
_OF = Query("of", ID, "Key here of the loop that the form answers, where several parties have its correlation id.")
_RELEASE = Query(
    "release",
    {"type": "array", "items": {"type": "string", "enum": [str(part) for part in EVERY_PART]}},
    "Part that goes along although an address is protected; may be repeated.",
)


@dataclass(frozen=True, slots=True)
class LoopDoors:
    """The doors of the loop of one side."""

    exchange: Exchange

    def doors(self) -> Iterator[Door]:
        """Yields every door."""
        yield from self._opening()
        yield from self._deciding()
        yield from self._lists()
        yield from self._reading()

    def _opening(self) -> Iterator[Door]:
        yield Door(
            "POST",
            "/own/notices",
            "sendNotice",
            "Open a loop with a notice: it is stored, and sent when the outbox is run. The same again changes nothing.",
            GROUP,
            values(Referral),
            lambda asked: self._shown(self.exchange.loop_key(asked.body.correlation_id)),
            self._send,
            takes=values(Notice),
            query=(_RELEASE,),
            status=201,
            once=True,
            also=(403, 409),
        )
        yield Door(
            "POST",
            "/own/green-forms",
            "sendGreenForm",
            "Answer a notice with a green form, complete or not.",
            GROUP,
            values(Referral),
            lambda asked: self._shown(self._key(asked)),
            self._answer,
            takes=values(GreenForm),
            query=(_OF,),
            status=201,
            once=True,
            versioned=True,
            also=_OF_ACTS,
        )

    def _deciding(self) -> Iterator[Door]:
        yield Door(
            "POST",
            "/own/referrals/{referral}/events",
            "actOnReferral",
            "Do something with a loop: accept, assess, ask, remind, withdraw consent, close ...",
            GROUP,
            values(Referral),
            lambda asked: self._shown(asked.path["referral"]),
            self._act,
            takes=values(Act),
            once=True,
            versioned=True,
            also=_OF_ACTS,
        )
        yield Door(
            "POST",
            "/own/referrals/{referral}/disclosures",
            "discloseProtected",
            "Say which parts of a person with a protected address may go to one party, in messages made from now on.",
            GROUP,
            values(Referral),
            lambda asked: self._shown(asked.path["referral"]),
            self._disclose,
            takes=values(Disclosure),
            also=(404,),
        )

    def _lists(self) -> Iterator[Door]:
        yield Door(
            "GET",
            "/own/referrals",
            "listReferrals",
            "The loops, latest changed first; no names.",
            GROUP,
            values(ReferralPage),
            self._list,
            query=(_STATES, limit(), CURSOR),
        )
        yield Door(
            "POST",
            "/own/referrals/search",
            "findReferrals",
            "The loops about one person that are not over.",
            GROUP,
            values(ReferralPage),
            self._about,
            takes=values(PersonSearch),
        )

    def _reading(self) -> Iterator[Door]:
        yield Door(
            "GET",
            "/own/referrals/{referral}",
            "readReferral",
            "One loop, without what leads to a person with a protected address.",
            GROUP,
            values(Referral),
            lambda asked: self._shown(asked.path["referral"]),
            versioned=True,
            also=(404,),
        )
        yield Door(
            "GET",
            "/own/referrals/{referral}/acts",
            "possibleActs",
            "The decisions that are possible now, with the field that each needs.",
            GROUP,
            values(PossibleActs),
            self._possible,
            versioned=True,
            also=(404,),
        )
        yield Door(
            "GET",
            "/own/referrals/{referral}/evidence",
            "listEvidence",
            "Every step of a loop, with who did it and the hash of the chain.",
            GROUP,
            values(StepPage),
            self._evidence,
            query=(limit(), CURSOR),
            also=(404,),
        )
        yield Door(
            "GET",
            "/own/referrals/{referral}/not-read",
            "notRead",
            "The places of the notice that were not read.",
            GROUP,
            values(NotRead),
            self._not_read,
            also=(404,),
        )

    # --- what changes something

    def _send(self, asked: Asked) -> None:
        self.exchange.send_notice(asked.body, by=asked.who, released=asked.query["release"])

    def _answer(self, asked: Asked) -> None:
        self.exchange.answer(asked.body, of=asked.query["of"], by=asked.who)

    def _act(self, asked: Asked) -> None:
        referral, act = self._stored(asked.path["referral"]).referral, asked.body
        if act.event not in OWN_EVENTS[referral.role]:
            reason = f"is one of {', '.join(OWN_EVENTS[referral.role])}"
            raise InvalidInput.at("event", reason, "code-invalid")
        if act.form is not None and act.event is not EventKind.ANSWER:
            raise InvalidInput.at("form", f"{act.event} takes no form, answer does", "not-supported")
        if act.at is not None and act.at < referral.changed:
            raise InvalidInput.at("at", "before the last change of the loop", "business-rule")
        event = Event(
            id=act.form.id if act.form is not None else deeds.new_id("event"),
            kind=act.event,
            at=act.at or self.exchange.now(),
            raised_by=referral.role,
            text=act.text,
            form=act.form,
            by=asked.who,
        )
        self.exchange.submit(referral.correlation_id, event)

    def _disclose(self, asked: Asked) -> None:
        said = asked.body
        self.exchange.releases.parts(asked.path["referral"], said.party, said.parts, by=asked.who)

    # --- what is shown

    def _key(self, asked: Asked) -> str:
        """The key here of the loop that a form answers."""
        return asked.query["of"] or self.exchange.loop_key(asked.body.answers)

    def _shown(self, correlation_id: str) -> Shown:
        stored = self._stored(correlation_id)
        return Shown(stored.referral.evolve(notice=withheld(stored.referral.notice)), stored.revision)

    def _stored(self, correlation_id: str) -> Stored:
        stored = self.exchange.store.referral(correlation_id)
        if stored is None:
            raise InvalidInput.at("referral", "the store has no such referral", "not-found")
        return stored

    def _list(self, asked: Asked) -> Shown:
        after = place_of(asked)
        found = self.exchange.store.referrals(
            asked.query["state"], asked.query["limit"] + 1, after[0] if after is not None else None
        )
        page, following = next_page(asked, found, lambda one: [one.correlation_id])
        return Shown(ReferralPage(items=tuple(map(ReferralSummary.of, page)), next=following))

    def _about(self, asked: Asked) -> Shown:
        with self.exchange.store.begin() as tx:
            if not knows_persons(tx):
                raise InvalidInput.at("person", "this store finds no loops by person", "not-supported")
            nobody = Aggregate(kind=REFERRAL, id="-")
            found = tx.others_about(nobody, str(asked.body.person), _MOST_OF_ONE_PERSON)
        referrals = [self._stored(key).referral for key in found]
        return Shown(ReferralPage(items=tuple(map(ReferralSummary.of, referrals))))

    def _possible(self, asked: Asked) -> Shown:
        stored = self._stored(asked.path["referral"])
        acts = [PossibleAct(event=kind, needs=needed_from_our_side(kind)) for kind in possible_events(stored.referral)]
        return Shown(PossibleActs(state=stored.referral.state, items=tuple(acts)), stored.revision)

    def _evidence(self, asked: Asked) -> Shown:
        key, after = self._stored(asked.path["referral"]).referral.correlation_id, place_of(asked)
        start = after[0] if after is not None else 0
        steps = [Step.of(link) for link in self.exchange.store.evidence(key) if link.number > start]
        page, following = next_page(asked, steps, lambda step: [step.number])
        return Shown(StepPage(items=tuple(page), next=following))

    def _not_read(self, asked: Asked) -> Shown:
        key = self._stored(asked.path["referral"]).referral.correlation_id
        return Shown(NotRead(items=tuple(map(OneProblem.of, self.exchange.not_read(key)))))
