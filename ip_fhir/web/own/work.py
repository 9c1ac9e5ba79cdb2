"""The doors of daily work: worklist, messages that go out or were refused, and what stands in the settings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, get_args

from ip_fhir.domain.loop.worklist import WorklistItem
from ip_fhir.domain.values.calendar import moment_of
from ip_fhir.errors import InvalidInput
from ip_fhir.ports import ChainHead, OutboxStatus
from ip_fhir.report.ladder import rungs
from ip_fhir.store.integrity.verification import with_the_rest
from ip_fhir.web.own.doors import CURSOR, ID, Door, Query, Shown, limit, values
from ip_fhir.web.own.loop_values import (
    Agreements,
    Because,
    Head,
    Ladder,
    Ladders,
    LadderStep,
    LetGo,
    NamedParties,
    NamedParty,
    OutboxMessage,
    OutboxPage,
    RefusedMessage,
    RefusedMessages,
    Verified,
    WorklistPage,
    WorkNote,
)
from ip_fhir.web.own.pages import next_page, place_of
from ip_fhir.web.own.problems import OneProblem
from ip_fhir.web.requests import BadRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.exchange import Exchange
    from ip_fhir.ports.capabilities import WorklistPlace
    from ip_fhir.web.own.doors import Asked

WORK: Final = "work"
SETTINGS: Final = "settings"

_STATUSES: Final = get_args(OutboxStatus)
_STATUS = Query(
    "status",
    {"type": "string", "enum": [*_STATUSES, "all"], "default": "parked"},
    "Only with this status; `parked` waits for a person.",
)
_TIME: Final = r"T[0-9]{2}:[0-9]{2}(?::[0-9]{2})?(?:Z|[+-][0-9]{2}:[0-9]{2})?"
_SENT = Query(
    "sent",
    {"type": "string", "pattern": f"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}(?:{_TIME})?"},
    "Day or time when the notice is delivered: 2026-03-30; by default now. A day alone is its noon in Norway.",
)
_EXPECT = Query(
    "expect",
    {"type": "array", "items": {"type": "string", "pattern": "[0-9]{1,15}-[0-9a-f]{64}"}},
    "A head that was kept elsewhere, as number and hash with a hyphen between; may be repeated.",
)
_ALL = Query("all", {"type": "boolean", "default": False}, "What is done, too.")
_LOOP = Query("loop", ID, "Only of this loop.")


@dataclass(frozen=True, slots=True)
class WorkDoors:
    """The doors of daily work of one side."""

    exchange: Exchange

    def doors(self) -> Iterator[Door]:
        """Yields every door."""
        yield from self._worklist()
        yield from self._messages()
        yield from self._decisions()
        yield from self._settings()
        yield from self._evidence()

    def _worklist(self) -> Iterator[Door]:
        item = values(WorklistItem)
        yield Door(
            "GET",
            "/own/worklist",
            "listWork",
            "What our own people must do, what was opened first at the top.",
            WORK,
            values(WorklistPage),
            self._items,
            query=(_ALL, _LOOP, limit(), CURSOR),
        )
        yield Door(
            "GET", "/own/worklist/{item}", "readWork", "One item of the worklist.", WORK, item, self._item, also=(404,)
        )
        yield Door(
            "POST",
            "/own/worklist/{item}/done",
            "workDone",
            "Mark an item as done; done twice, the first counts. It moves no loop.",
            WORK,
            item,
            self._item,
            self._done,
            takes=values(WorkNote),
            also=(404,),
        )

    def _messages(self) -> Iterator[Door]:
        row = values(OutboxMessage)
        yield Door(
            "GET",
            "/own/outbox",
            "listMessages",
            "Messages that go out, oldest first.",
            WORK,
            values(OutboxPage),
            self._rows,
            query=(_STATUS, limit(), CURSOR),
        )
        yield Door("GET", "/own/outbox/{row}", "readMessage", "One message.", WORK, row, self._row, also=(404,))
        yield Door(
            "GET",
            "/own/refusals",
            "listRefusals",
            "Messages that came and were not taken in, latest first.",
            WORK,
            values(RefusedMessages),
            self._refusals,
            query=(limit(),),
        )

    def _decisions(self) -> Iterator[Door]:
        row = values(OutboxMessage)
        yield Door(
            "POST",
            "/own/outbox/{row}/park",
            "parkMessage",
            "Send a message no more until it is retried; the loop learns that it has not arrived.",
            WORK,
            row,
            self._row,
            self._park,
            takes=values(Because),
            also=(404,),
        )
        yield Door(
            "POST",
            "/own/outbox/{row}/retry",
            "retryMessage",
            "Send a message again, unchanged to the byte.",
            WORK,
            row,
            self._row,
            lambda asked: self.exchange.retry(asked.path["row"]),
            also=(404,),
        )
        yield Door(
            "POST",
            "/own/outbox/{row}/release",
            "releaseMessage",
            "Let a held message about a person with a protected address leave.",
            WORK,
            row,
            self._row,
            self._release,
            takes=values(LetGo),
            also=(404,),
        )
        yield Door(
            "POST",
            "/own/outbox/{row}/withhold",
            "withholdMessage",
            "Keep a held message back.",
            WORK,
            row,
            self._row,
            self._withhold,
            takes=values(Because),
            also=(404,),
        )

    def _settings(self) -> Iterator[Door]:
        yield Door(
            "GET",
            "/own/parties",
            "listParties",
            "The parties of the settings, our own first.",
            SETTINGS,
            values(NamedParties),
            self._parties,
            needs_author=False,
        )
        yield Door(
            "GET",
            "/own/agreements",
            "listAgreements",
            "The agreements of this side.",
            SETTINGS,
            values(Agreements),
            self._agreements,
            needs_author=False,
        )
        yield Door(
            "GET",
            "/own/agreements/explained",
            "explainAgreements",
            "When reminders and escalations fall by each agreement, for a notice that nobody answers.",
            SETTINGS,
            values(Ladders),
            self._explained,
            query=(_SENT,),
            needs_author=False,
        )

    def _evidence(self) -> Iterator[Door]:
        yield Door(
            "GET",
            "/own/evidence/verification",
            "verifyEvidence",
            "Check the chain of evidence and all that it says was written: it takes as long as it takes to read all.",
            SETTINGS,
            values(Verified),
            self._verified,
            query=(_EXPECT,),
            needs_author=False,
        )
        yield Door(
            "GET",
            "/own/evidence/head",
            "evidenceHead",
            "The end of the chain of evidence; a copy kept elsewhere shows later that nobody made it anew.",
            SETTINGS,
            values(Head),
            self._head,
            needs_author=False,
        )

    # --- worklist

    def _items(self, asked: Asked) -> Shown:
        after = place_of(asked)
        found = self.exchange.worklist(
            open_only=not asked.query["all"],
            limit=asked.query["limit"] + 1,
            correlation_id=asked.query["loop"],
            after=_place_in(after) if after is not None else None,
        )
        page, following = next_page(asked, found, _place)
        return Shown(WorklistPage(items=tuple(page), next=following))

    def _item(self, asked: Asked) -> Shown:
        return Shown(self.exchange.work_item(asked.path["item"]))

    def _done(self, asked: Asked) -> None:
        self.exchange.done(asked.path["item"], by=asked.who, note=asked.body.note)

    # --- outbox

    def _rows(self, asked: Asked) -> Shown:
        status, after = asked.query["status"], place_of(asked)
        found = self.exchange.store.outbox(
            None if status == "all" else status, asked.query["limit"] + 1, after[0] if after is not None else None
        )
        page, following = next_page(asked, found, lambda row: [row.id])
        return Shown(OutboxPage(items=tuple(map(OutboxMessage.of, page)), next=following))

    def _row(self, asked: Asked) -> Shown:
        with self.exchange.store.begin() as tx:
            row = tx.row(asked.path["row"])
        if row is None:
            raise InvalidInput.at("row", "there is no such outbox row", "not-found")
        return Shown(OutboxMessage.of(row))

    def _park(self, asked: Asked) -> None:
        self.exchange.park(asked.path["row"], f"parked: {asked.body.reason}", by=asked.who)

    def _release(self, asked: Asked) -> None:
        said = asked.body
        self.exchange.releases.yes(asked.path["row"], by=asked.who, note=said.note, along=said.parts)

    def _withhold(self, asked: Asked) -> None:
        self.exchange.releases.no(asked.path["row"], asked.body.reason, by=asked.who)

    def _refusals(self, asked: Asked) -> Shown:
        found = self.exchange.store.refusals(asked.query["limit"])
        return Shown(RefusedMessages(items=tuple(map(RefusedMessage.of, found))))

    # --- settings and evidence

    def _parties(self, _asked: Asked) -> Shown:
        parties = self.exchange.parties().items()
        return Shown(NamedParties(items=tuple(NamedParty(name=name, organization=one) for name, one in parties)))

    def _agreements(self, _asked: Asked) -> Shown:
        return Shown(Agreements(items=self.exchange.agreements))

    def _explained(self, asked: Asked) -> Shown:
        sent = _moment(asked.query["sent"]) if asked.query["sent"] is not None else self.exchange.now()
        ladders = [(one.name, rungs(one, sent)) for one in self.exchange.agreements]
        items = tuple(Ladder(name=name, steps=tuple(map(LadderStep.of, found))) for name, found in ladders)
        return Shown(Ladders(sent=sent, items=items))

    def _head(self, _asked: Asked) -> Shown:
        return Shown(Head.of(self.exchange.store.head()))

    def _verified(self, asked: Asked) -> Shown:
        store = self.exchange.store
        expected = [
            ChainHead(int(number), hash_) for number, hash_ in (one.split("-") for one in asked.query["expect"])
        ]
        found, head = with_the_rest(store, store.verify(expected)), store.head()
        return Shown(Verified(whole=not found, head=Head.of(head), problems=tuple(map(OneProblem.of, found))))


def _moment(text: str) -> datetime:
    """Returns a time of a query, in UTC. Raises `BadRequest` 400 for a day that there is not."""
    try:
        return moment_of(text).astimezone(UTC)
    except ValueError:
        raise BadRequest(400, "is no day and no time", "value", _SENT.name) from None


def _place(item: WorklistItem) -> list[str | bool]:
    """Returns the place of an item in the list: open ones first, then by opening time."""
    return [item.done is not None, item.opened.isoformat(), item.id]


def _place_in(place: list[Any]) -> WorklistPlace:
    """Returns a place of `_place` as the store takes it."""
    is_done, opened, ident = place
    return is_done, datetime.fromisoformat(opened), ident
