"""The people of the mock: told of an item as a person would be, they do what the script says, after its delay."""

from __future__ import annotations

import queue
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ip_fhir.domain.plan import Need
from ip_fhir.domain.referral import Author, EventKind
from ip_fhir.errors import IpFhirError
from ip_fhir.mock.forms import complete_form, incomplete_form, rejection
from ip_fhir.mock.scripts import Deed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ip_fhir.domain.green_form import GreenForm
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.exchange import Exchange
    from ip_fhir.mock.journal import Journal
    from ip_fhir.mock.scripts import Policy
    from ip_fhir.ports import OutboxRow

_BY: Final = Author(id="mock", name="ip-fhir mock")
_WORDS: Final = "MOCK: forslag fra ip-fhir mock"
_YES: Final = {Deed.ACCEPT_INVITATION: True, Deed.DECLINE_INVITATION: False}
_TAKES: Final = {Deed.ACCEPT_HANDOVER: True, Deed.DECLINE_HANDOVER: False}
_FORMS: Final[dict[Deed, Callable[..., GreenForm]]] = {
    Deed.COMPLETE_FORM: complete_form,
    Deed.INCOMPLETE_FORM: incomplete_form,
    Deed.REJECTION: rejection,
}
_EVENTS: Final = {Deed.ACCEPT: EventKind.ACCEPT, Deed.AGREE_ABORT: EventKind.AGREE_ABORT}


@dataclass(frozen=True, slots=True)
class _Task:
    """A deed about a loop or plan (`of`), and what in it (`about`), not before `at` (monotonic seconds)."""

    deed: Deed
    of: str
    about: str
    at: float


class MockPeople:
    """Do as `policy` says, `after` so many seconds."""

    def __init__(self, policy: Policy, after: float, journal: Journal) -> None:
        self._policy, self._after, self._journal = policy, after, journal
        self._tasks: queue.SimpleQueue[_Task] = queue.SimpleQueue()
        self._over = threading.Event()
        self._exchange: Exchange | None = None

    def told(self, row: OutboxRow) -> None:
        """Note what they are told of, and what they will do about it."""
        of, about = row.correlation_id, row.effect.about
        self._journal.note("received", str(row.effect.reason), of, about)
        at = time.monotonic() + self._after
        for deed in self._policy.deeds(row.effect.reason):
            self._tasks.put(_Task(deed, of, about or "", at))

    @contextmanager
    def at_work(self, exchange: Exchange) -> Iterator[None]:
        """Do what is to be done, in a thread of their own, until the block ends; what is not due then is left."""
        self._exchange = exchange
        thread = threading.Thread(target=self._work, args=(exchange,), name="ip-fhir-mock", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join(10)

    def heard_of(self, loop: str) -> set[str] | None:
        """Return the ids of the messages that came about a loop last and first; None if there is no such loop."""
        stored = self._exchange.store.referral(loop) if self._exchange is not None else None
        if stored is None:
            return None
        return {one for one in (stored.referral.notice_message, stored.referral.last_message) if one is not None}

    def _work(self, exchange: Exchange) -> None:
        while not self._over.is_set():
            try:
                task = self._tasks.get(timeout=0.05)
            except queue.Empty:
                continue
            if self._over.wait(max(0.0, task.at - time.monotonic())):
                return
            self._do(exchange, task)

    def _do(self, exchange: Exchange, task: _Task) -> None:
        try:
            done = _done(exchange, task)
        except IpFhirError as error:
            self._journal.note("failed", task.deed, task.of, task.about or None, why=str(error))
            return
        if done:
            self._journal.note("did", task.deed, task.of, task.about or None)


def _done(exchange: Exchange, task: _Task) -> bool:
    """Do it; False if it was done before. Raises `IpFhirError`."""
    deed = task.deed
    if deed in _FORMS:
        return _answer(exchange, task.of, _FORMS[deed])
    if deed in _EVENTS:
        exchange.act(task.of, _EVENTS[deed], by=_BY)
    elif deed in _YES:
        exchange.answer_invitation(task.about, _YES[deed], by=_BY, reason=_WORDS)
    elif deed in _TAKES:
        exchange.answer_handover(task.about, _TAKES[deed], by=_BY, reason=_WORDS)
    else:
        return _change(exchange, task.of, task.about)
    return True


def _answer(exchange: Exchange, loop: str, form: Callable[..., GreenForm]) -> bool:
    stored = exchange.store.referral(loop)
    if stored is None:
        return False
    made = form(stored.referral.notice, exchange.now())
    if any(kept.form.id == made.id for kept in stored.referral.forms):
        return False
    exchange.answer(made, of=loop, by=_BY)
    return True


def _change(exchange: Exchange, plan: str, share: str) -> bool:
    """Propose a change of a share that came, once."""
    case = exchange.plan(plan)
    view = next((copy.view for copy in case.copies if copy.share == share), None)
    if view is None or any(kept.change.share == share for kept in case.changes):
        return False
    exchange.change_plan(view.evolve(plan=_changed(view.plan)), by=_BY, text=_WORDS, whole=False)
    return True


def _changed(plan: IndividualPlan) -> IndividualPlan:
    """The plan with another way of its first measure; without measures, with another need."""
    if plan.measures:
        first, *others = plan.measures
        return plan.evolve(measures=(first.evolve(how=_WORDS), *others))
    return plan.evolve(needs=(*plan.needs, Need(id="mock-need", text=_WORDS)))
