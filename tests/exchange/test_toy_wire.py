"""A wire that nobody had thought of: a line format, a listener and an adapter, some 60 lines of code, run a loop."""

import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ip_fhir.bootstrap import open_exchange
from ip_fhir.domain.message import Message
from ip_fhir.domain.people import Organization, OrganizationKind
from ip_fhir.domain.referral import EventKind, Role, State
from ip_fhir.domain.sharing.messages import PlanMessage
from ip_fhir.domain.values.ids import HerId, PersonId
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput, IpFhirError, Rejected, Unavailable
from ip_fhir.exchange import Exchange
from ip_fhir.exchange.formats import Answer, Format, MessageField, about_referral
from ip_fhir.exchange.listeners import listening
from ip_fhir.fhir.reading import Limits, too_long
from ip_fhir.mapping import Mapper
from ip_fhir.ports import Adapter, JsonObject, Listener, Outgoing, Receipt, Receiver
from ip_fhir.testing import FormatContract, ListenerContract
from tests.support.two_sides import SetClock, form, notice, side_settings

# --- the wire: `TOY|id|message as JSON` and a line end; the answer is `YES|id|` or `NO|id|place: reason`


class ToyFormat:
    """A message a line."""

    name = "toy"
    content_type = "text/plain"
    receipts = True

    def open(self, content: bytes, limits: Limits) -> "ToyLine":
        """Three fields between bars, one line."""
        if len(content) > limits.max_bytes:
            raise too_long(limits)
        head, _, rest = content.partition(b"|")
        ident, _, body = rest.partition(b"|")
        if head != b"TOY" or not body.endswith(b"\n"):
            raise InvalidInput.at("TOY-1", "is no line of this format", "structure")
        return ToyLine(ident, body)

    def write(self, message: Message | PlanMessage, mapper: Mapper) -> bytes:
        """The id stands beside the message, so that it can be seen without parsing."""
        return b"TOY|%s|%s\n" % (message.id.encode(), about_referral(message).to_json().encode())


class ToyLine:
    """A line that came in."""

    def __init__(self, ident: bytes, body: bytes) -> None:
        self._ident, self._body = ident, body

    def message(self, mapper: Mapper) -> Message:
        """Its third field, whose id is the second field's."""
        found = read(Message, self._body)
        if found.id.encode() != self._ident:
            raise InvalidInput.at("TOY-2", "is not the id in TOY-3", "invariant")
        return found

    def resources(self) -> Sequence[JsonObject]:
        """No FHIR."""
        return ()

    def persons(self) -> frozenset[PersonId]:
        """The notice's owner."""
        found = read(Message, self._body).notice
        return frozenset({found.owner.identifier} if found and found.owner.identifier else ())

    def digest(self) -> str:
        """Of the message."""
        return sha256(self._body).hexdigest()

    def reply(self, answer: Answer) -> bytes:
        """YES, LATER or NO, with the first reason."""
        word = {"ok": "YES", "transient-error": "LATER", "fatal-error": "NO"}[answer.receipt.code]
        return f"{word}|{answer.receipt.message_id}|{'; '.join(map(str, answer.receipt.problems))}\n".encode()

    def place(self, field: MessageField) -> str:
        """The id stands by itself, all else in the message."""
        return "TOY-2" if field == "message.id" else f"TOY-3.{field}"


class ToyListener:
    """Takes lines off a queue, each with somebody who waits for its answer."""

    name = "toy"
    longest_stop = 10.0

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._peer = options["peer"]
        self.lines: queue.Queue[tuple[bytes, Future[bytes]] | None] = queue.Queue()
        self._thread: threading.Thread | None = None

    def start(self, exchange: Receiver) -> None:
        """One thread, one line after the other."""
        self._thread = threading.Thread(target=self._run, args=(exchange,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """After the lines that are in the queue now."""
        if self._thread is not None:
            self.lines.put(None)
            self._thread.join(self.longest_stop)
            self._thread = None

    def _run(self, exchange: Receiver) -> None:
        while (line := self.lines.get()) is not None:
            try:
                line[1].set_result(exchange.receive(line[0], self._peer, "toy"))
            except Exception as error:  # noqa: BLE001 - whoever waits for the answer is told
                line[1].set_exception(error)


class ToyAdapter:
    """Puts a line into the other side's queue."""

    name = "toy"
    format = "toy"

    def __init__(self, to: ToyListener) -> None:
        self._to = to

    def send(self, outgoing: Outgoing) -> Receipt:
        """The receipt of the answer's first word."""
        try:
            word, ident, _ = ask(self._to, outgoing.content).split("|", 2)
        except IpFhirError as error:
            raise Unavailable("not now") if error.retry else Rejected("no") from None
        return Receipt(ident, "ok" if word == "YES" else "transient-error" if word == "LATER" else "fatal-error")


def ask(listener: ToyListener, line: bytes) -> str:
    """Put a line in and wait for the answer."""
    answer: Future[bytes] = Future()
    listener.lines.put((line, answer))
    return answer.result(timeout=20).decode()


# --- what it does


class TestToyFormat(FormatContract):
    """It keeps the contract, for messages about referrals alone."""

    plan_kinds = frozenset()

    @pytest.fixture
    def wire(self) -> Format:
        """A line."""
        return ToyFormat()


class TestToyListener(ListenerContract):
    """It keeps the contract."""

    @pytest.fixture
    def listener(self) -> Listener:
        """A queue."""
        made = ToyListener({"peer": "hospital"})
        made.longest_stop = 0.5
        return made

    def hand_in(self, listener: Listener, content: bytes) -> None:
        """As the adapter does."""
        assert isinstance(listener, ToyListener)
        if listener._thread is not None:
            ask(listener, content)


class Town:
    """Two sides that speak it."""

    def __init__(self, directory: Path) -> None:
        self.clock = SetClock()
        self.queues = {
            Role.HOSPITAL: ToyListener({"peer": "municipality"}),
            Role.MUNICIPALITY: ToyListener({"peer": "hospital"}),
        }
        self.hospital = self._opened(directory, Role.HOSPITAL, Role.MUNICIPALITY)
        self.municipality = self._opened(directory, Role.MUNICIPALITY, Role.HOSPITAL)

    def _opened(self, directory: Path, role: Role, to: Role) -> Exchange:
        settings = side_settings(directory, role, adapter="toy")
        wires: dict[str, Adapter] = {"toy": ToyAdapter(self.queues[to])}
        return open_exchange(settings, clock=self.clock, wires=wires, formats=[ToyFormat()])

    def states(self) -> list[State | None]:
        """Where the loop stands on both sides."""
        stored = [side.store.referral("referral-03") for side in (self.hospital, self.municipality)]
        return [found.referral.state if found else None for found in stored]

    def settle(self) -> None:
        """Send all that is to be sent."""
        while any(side.run_due().anything for side in (self.hospital, self.municipality)):
            pass


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """Both sides, listening."""
    made = Town(tmp_path)
    with ExitStack() as stack:
        for role, side in ((Role.HOSPITAL, made.hospital), (Role.MUNICIPALITY, made.municipality)):
            stack.callback(side.close)
            stack.enter_context(listening(side, [made.queues[role]]))
        yield made


def test_a_whole_loop(town: Town) -> None:
    """Notice, incomplete form, complete form, confirmed: over a wire that the core has never heard of."""
    town.hospital.send_notice(notice("03"))
    town.settle()
    assert town.states() == [State.DELIVERED, State.DELIVERED]
    town.municipality.act("referral-03", EventKind.ACCEPT)
    town.municipality.answer(form("03-stroke-patient-1"))
    town.settle()
    assert town.states() == [State.INCOMPLETE, State.INCOMPLETE]
    town.clock.forward(days=3)
    town.municipality.answer(form("03-stroke-patient-2"))
    town.settle()
    assert town.states() == [State.CONFIRMED, State.CONFIRMED]
    assert [side.store.verify() for side in (town.hospital, town.municipality)] == [(), ()]


def sent_by_hospital(town: Town, **changes: Any) -> bytes:
    """The notice's line, with something in it changed."""
    about = notice("03")
    fields: dict[str, Any] = {
        "id": "m-1",
        "kind": "notice",
        "correlation_id": about.correlation_id,
        "sent": town.clock.now(),
        "sender": about.organization(about.sender),
        "recipient": about.organization(about.recipient),
        "notice": about,
    }
    return ToyFormat().write(Message(**{**fields, **changes}), town.hospital._context.mapper)


def test_errors_name_the_toy_formats_places(town: Town) -> None:
    """Whatever the spine refuses, it says where that stands in this format, in the error and in what is kept."""
    to = town.queues[Role.MUNICIPALITY]
    stranger = Organization(
        id="stranger", name="Somebody else", kind=OrganizationKind.HOSPITAL, her_id=HerId("90000999")
    )
    for changes, place in (
        ({"sender": stranger}, "TOY-3.sender: not the party"),
        ({"recipient": stranger}, "TOY-3.recipient: addressed to somebody else"),
    ):
        with pytest.raises(InvalidInput, match=place):
            ask(to, sent_by_hospital(town, **changes))
    assert ask(to, sent_by_hospital(town)).startswith("YES|m-1|")
    with pytest.raises(InvalidInput, match="TOY-2: a message with this id and other content"):
        ask(to, sent_by_hospital(town, text="something else"))
    closure = {"kind": "closure", "notice": None, "correlation_id": "nobody", "id": "m-2"}
    answer = ask(to, sent_by_hospital(town, **closure))
    assert answer == "LATER|m-2|TOY-3.correlation_id: no notice came under this correlation id\n"
    town.clock.forward(days=-1)
    early = sent_by_hospital(town, id="m-3")
    town.clock.forward(days=400)
    assert ask(to, early).startswith("NO|m-3|TOY-3.sent: older than")
    kept = {refusal.reason.partition(":")[0] for refusal in town.municipality.store.refusals()}
    assert kept == {"TOY-2", "TOY-3.sender", "TOY-3.recipient", "TOY-3.correlation_id", "TOY-3.sent"}


def test_what_is_no_line_is_refused(town: Town) -> None:
    """With the format's own place; the listener takes the next line."""
    to = town.queues[Role.MUNICIPALITY]
    for line, place in ((b"MSH|^~\\&\n", "TOY-1"), (sent_by_hospital(town).replace(b"m-1", b"m-9", 1), "TOY-2")):
        with pytest.raises(InvalidInput, match=place):
            ask(to, line)
    assert ask(to, sent_by_hospital(town)).startswith("YES")
