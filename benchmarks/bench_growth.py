"""Growth: each list and pair of lists, at a quarter of its bound and at the bound, through every verb and the exchange.

The exponent tells how the processor's time grows: 1 is in proportion, 2 quadratic. It is told of the time above that of
an empty plan, notice or form; where that is less than `_TOO_LITTLE` for the quarter, there is nothing to tell of.
"""

from __future__ import annotations

import gc
import math
import tempfile
import threading
import time
from contextlib import closing
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from loops import DUE, HOSPITAL, UNIT, Answering, SetClock, side
from measuring import Figure

from ip_fhir.domain.completeness import completeness
from ip_fhir.domain.consent.matrix import consent_matrix
from ip_fhir.domain.green_form import GreenForm, missing_items
from ip_fhir.domain.merge import difference, merge
from ip_fhir.domain.message import Message, MessageKind
from ip_fhir.domain.notice import Notice
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.referral import EventKind, Role
from ip_fhir.domain.values.value import read
from ip_fhir.mapping import (
    default,
    from_fhir,
    from_fhir_json,
    message_from_fhir,
    message_to_fhir,
    notice_from_form,
    notice_to_form,
    open_plan,
    put_plan,
    read_fhir,
    rebase,
    to_fhir,
    to_fhir_json,
)
from ip_fhir.report.document import plan_document
from ip_fhir.store import open_store
from tests.support import growing
from tests.support.growing import FORM_CASES, NOTICE_CASES, PLAN_CASES, Case, bounds_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ip_fhir.domain.values.value import Value
    from ip_fhir.exchange import Exchange

Verbs = dict[str, "Callable[[], object]"]

_STEP = 4  # the bound, by this
_TOO_LITTLE = 0.003  # seconds
_HALFWAY = 1.5  # the largest exponent: n log n has 1.1 to 1.2 here, quadratic is 2, and clocks are not exact
_MOST_SECONDS = 2.0
_MOST_DELAY = 1.0
_FIVE_MB = 4_900_000


def measure(quick: bool) -> Iterator[Figure]:
    """For each verb the worst exponent, and the longest time at a bound; then what one party's worst costs another."""
    for model, cases in ((IndividualPlan, PLAN_CASES), (Notice, NOTICE_CASES), (GreenForm, FORM_CASES)):
        if missing := bounds_of(model).keys() - {name for case in cases for name in case.lists} - _SHARED_LISTS:
            raise AssertionError(f"{model.__name__}: no case grows {', '.join(sorted(missing))}")
    times = 2 if quick else 5
    yield from _grown("plan", IndividualPlan, PLAN_CASES, plan_verbs, times)
    yield from _grown("notice", Notice, NOTICE_CASES, notice_verbs, times)
    yield from _grown("form", GreenForm, FORM_CASES, form_verbs, times)
    with tempfile.TemporaryDirectory(prefix="ip-fhir-bench-") as place:
        yield from _grown("loop", Notice, NOTICE_CASES, partial(loop_verbs, Path(place)), times)
        yield from largest()
        yield from delays(Path(place))


# Lists of values that a plan's cases grow, and that stand in notices and forms too.
_SHARED_LISTS = {name for case in PLAN_CASES for name in case.lists if "." in name}


def _grown(
    what: str, root: type[Value], cases: Iterable[Case], verbs: Callable[[dict[str, Any]], Verbs], times: int
) -> Iterator[Figure]:
    worst: dict[str, tuple[float, str]] = {}
    longest: dict[str, tuple[float, str]] = {}
    empty = _times(partial(verbs, {}), times)
    for case in cases:
        sizes = max(case.most(root) // _STEP, 1), case.most(root)
        small, large = (_times(partial(verbs, case.make(size)), times) for size in sizes)
        for verb, seconds in large.items():
            longest[verb] = max(longest.get(verb, (0.0, "")), (seconds, case.name))
            if (above := small[verb] - empty[verb]) > _TOO_LITTLE:
                exponent = math.log((seconds - empty[verb]) / above) / math.log(sizes[1] / sizes[0])
                worst[verb] = max(worst.get(verb, (0.0, "")), (exponent, case.name))
    for verb, (seconds, name) in longest.items():
        yield Figure(f"{what}: {verb}, at the bound", seconds, "s", at_most=_MOST_SECONDS, note=name)
        if verb in worst:
            exponent, of = worst[verb]
            yield Figure(f"{what}: {verb}, exponent", exponent, "", at_most=_HALFWAY, note=of)


def _times(verbs: Callable[[], Verbs], times: int) -> dict[str, float]:
    """The least seconds that each verb took, of several runs; without garbage collection, which comes when it likes."""
    least: dict[str, float] = {}
    gc.collect()
    gc.disable()
    try:
        for _ in range(times):
            for verb, work in verbs().items():
                least[verb] = min(least.get(verb, math.inf), _seconds(work))
    finally:
        gc.enable()
    return least


def _seconds(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def plan_verbs(fields: dict[str, Any]) -> Verbs:
    """What is done with a plan."""
    plan = growing.plan(**fields)
    bundle, content, own = to_fhir(plan), to_fhir_json(plan), plan.to_json()
    changed, theirs = plan.evolve(title="Min plan"), plan.evolve(note="Deres")
    emptied = plan.evolve(**{name: () for name in fields if name in ("needs", "resources", "reviews", "measures")})
    opened = open_plan(bundle)
    opened.put(changed)
    return {
        "read": lambda: read(IndividualPlan, own),
        "write FHIR": lambda: to_fhir_json(plan),
        "read FHIR": lambda: from_fhir_json(content),
        "read FHIR by the lenses": lambda: from_fhir(bundle),
        "read others' FHIR": lambda: read_fhir(bundle, owner=plan.owner, created=plan.created),
        "put": lambda: put_plan(changed, bundle),
        "put, opened": lambda: opened.put(changed),
        "put, all of a list gone": lambda: opened.put(emptied),
        "merge": lambda: merge(plan, changed, theirs),
        "merge, all of a list new": lambda: merge(emptied, plan, emptied.evolve(note="Deres")),
        "difference": lambda: difference(emptied, plan),
        "rebase": lambda: rebase(plan, changed, bundle),
        "completeness": lambda: completeness(plan),
        "consent matrix": lambda: consent_matrix(plan, date(2020, 6, 1)),
        "document": lambda: plan_document(plan),
    }


def _message(kind: MessageKind, **content: Any) -> Message:
    hospital_sends = kind is MessageKind.NOTICE
    sender, recipient = (HOSPITAL, UNIT) if hospital_sends else (UNIT, HOSPITAL)
    said = {"id": f"message-{kind}", "correlation_id": "referral-1", "sent": growing.SENT}
    return Message(kind=kind, sender=sender, recipient=recipient, **said, **content)


def notice_verbs(fields: dict[str, Any]) -> Verbs:
    """What is done with a notice."""
    notice = growing.notice(**fields)
    message = _message(MessageKind.NOTICE, notice=notice)
    own, bundle, form = message.to_json(), message_to_fhir(message), notice_to_form(notice)
    return {
        "read": lambda: read(Message, own),
        "write FHIR": lambda: message_to_fhir(message),
        "read FHIR": lambda: message_from_fhir(bundle),
        "write form": lambda: notice_to_form(notice),
        "read form": lambda: notice_from_form(form),
    }


def form_verbs(fields: dict[str, Any]) -> Verbs:
    """What is done with a green form."""
    form = growing.form(**fields)
    message = _message(MessageKind.GREEN_FORM, form=form)
    own, bundle = message.to_json(), message_to_fhir(message)
    return {
        "read": lambda: read(Message, own),
        "write FHIR": lambda: message_to_fhir(message),
        "read FHIR": lambda: message_from_fhir(bundle),
        "items missing": lambda: missing_items(form),
    }


_count = iter(range(10**9))


def loop_verbs(directory: Path, fields: dict[str, Any]) -> Verbs:
    """A loop on two sides: notice sent, handed over, taken in; accepted; asked again when it is due."""
    number = next(_count)
    notice = growing.notice(str(number), **fields)
    wires, clock = (Answering(), Answering()), SetClock()
    stores = [open_store(f"sqlite:///{directory}/{role}-{number}.sqlite") for role in ("hospital", "unit")]
    hospital, unit = (
        side(role, store, wire, clock)
        for role, store, wire in zip((Role.HOSPITAL, Role.MUNICIPALITY), stores, wires, strict=True)
    )

    def deliver(wire: Answering, to: Exchange) -> None:
        peer = to.peer_by_token("token")
        assert peer is not None
        for content in wire.contents:
            to.receive(content, peer)
        wire.contents.clear()

    def remind() -> None:
        clock.at = DUE
        hospital.run_due()
        for store in stores:
            store.close()

    return {
        "send notice": lambda: hospital.send_notice(notice),
        "hand notice over": hospital.run_due,
        "take notice in": lambda: deliver(wires[0], unit),
        "accept": lambda: unit.act(notice.correlation_id, EventKind.ACCEPT),
        "hand acceptance over": unit.run_due,
        "take acceptance in": lambda: deliver(wires[1], hospital),
        "timers": remind,
    }


def largest() -> Iterator[Figure]:
    """Plans and bodies of 5 MB."""
    many = growing.measures(5000, 2000)
    fields = {"goals": growing.goals(2000), "measures": many[:4000], "needs": growing.needs(1000)}
    for verb, seconds in _times(partial(plan_verbs, fields), 1).items():
        yield Figure(
            f"plan of {len(to_fhir_json(growing.plan(**fields))) / 1e6:.1f} MB: {verb}", seconds, "s", at_most=2
        )
    head = b'{"resourceType":"Bundle","type":"message","entry":['
    bodies = {
        "empty entries": head + b",".join([b"{}"] * 190_000) + b"]}",
        "lists in lists": head + b",".join([b"[]"] * (_FIVE_MB // 3)) + b"]}",
        "brackets in texts": head + b",".join([b'{"resource":{"a":"[[[[[[[[[["}}'] * 90_000) + b"]}",
    }
    for name, body in bodies.items():
        seconds = _seconds(partial(_refused, body))
        yield Figure(f"{name}, {len(body) / 1e6:.1f} MB: refused", seconds, "s", at_most=_MOST_SECONDS)


def _refused(body: bytes) -> None:
    from ip_fhir.errors import InvalidInput
    from ip_fhir.fhir.reading import read_json

    try:
        message_from_fhir(read_json(body), default())
    except InvalidInput:
        return
    raise AssertionError("was taken")


def delays(directory: Path) -> Iterator[Figure]:
    """How long one party's small notices wait while another's notice of 5 MB is taken in."""
    with closing(open_store(f"sqlite:///{directory}/delays.sqlite")) as store:
        unit = side(Role.MUNICIPALITY, store, Answering(), SetClock())
        peer = unit.peer_by_token("token")
        assert peer is not None
        worst = growing.largest_notice()
        content = orjson.dumps(message_to_fhir(_of(worst)))
        small = [orjson.dumps(message_to_fhir(_of(growing.notice(f"small-{n}")))) for n in range(2000)]
        unit.receive(small.pop(), peer)
        over = threading.Event()

        def take_in() -> None:
            unit.receive(content, peer)
            over.set()

        thread = threading.Thread(target=take_in)
        begun = time.perf_counter()
        thread.start()
        waited = []
        while not over.is_set() and small:
            asked = time.perf_counter()
            unit.receive(small.pop(), peer)
            waited.append(time.perf_counter() - asked)
        thread.join()
        took = time.perf_counter() - begun
    note = f"{len(waited)} notices beside one of {len(content) / 1e6:.1f} MB, which took {took:.1f} s"
    yield Figure("longest wait for another party", max(waited), "s", at_most=_MOST_DELAY, note=note)


def _of(notice: Notice) -> Message:
    said = {"correlation_id": notice.correlation_id, "sent": growing.SENT, "notice": notice}
    return Message(id=f"message-{notice.id}", kind=MessageKind.NOTICE, sender=HOSPITAL, recipient=UNIT, **said)
