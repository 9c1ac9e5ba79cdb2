"""What a process of its own does with a store, until it is done or killed; `children.py` starts them."""

import os
import signal
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import Any, TypeAlias

from ip_fhir.errors import Conflict
from ip_fhir.ports import Seen
from ip_fhir.ports.plans import PlanTransaction
from ip_fhir.store import SqlStore, open_store, upgrade_store
from ip_fhir.testing.store_samples import (
    NOON,
    outbox_row,
    plan_version,
    record,
    referral,
    share,
    shared_plan,
    task,
    view_made,
)

Say: TypeAlias = Callable[[str], Any]


def steps(ident: str) -> list[Callable[[PlanTransaction], object]]:
    """What belongs together for one message, step by step."""
    return [
        lambda transaction: transaction.remember(Seen(ident, "digest", ident.encode()), NOON),
        lambda transaction: transaction.save(referral(ident), None),
        lambda transaction: transaction.append(ident, [record(f"{ident}-1"), record(f"{ident}-2")]),
        lambda transaction: transaction.enqueue([outbox_row(f"{ident}-1", ident), outbox_row(f"{ident}-2", ident)]),
        lambda transaction: transaction.put_resource(task(ident, correlation_id=ident), None),
        lambda transaction: transaction.save_plan(shared_plan(ident, shares=(share(ident, ident),)), None),
        lambda transaction: transaction.add_views(ident, [view_made(ident)]),
    ]


def die(store: SqlStore, name: str, after: int, _say: Say) -> None:
    """Die by SIGKILL when `after` steps are done; when all are, with the evidence written and only the commit to do."""
    with store.begin() as transaction:
        for step in steps(name)[:after]:
            step(transaction)
        if after == len(steps(name)):
            transaction.complete()
        os.kill(os.getpid(), signal.SIGKILL)


def write(store: SqlStore, name: str, number: int, say: Say) -> None:
    """Write set after set, `number` of them, and say which is committed."""
    for count in range(number):
        with store.begin() as transaction:
            for step in steps(f"{name}-{count}"):
                step(transaction)
        say(f"{name}-{count}")


def together(store: SqlStore, name: str, number: int, say: Say) -> None:
    """Write set after set in each of six threads, which share commits, and say which is committed."""
    turn = threading.Lock()

    def say_it(ident: str) -> None:
        with turn:
            say(ident)

    threads = [threading.Thread(target=write, args=(store, f"{name}-{n}", number, say_it)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def send(store: SqlStore, name: str, _number: int, say: Say) -> None:
    """Claim and send until there is nothing left, and say what was sent."""
    while rows := store.claim(name, NOON, timedelta(hours=1), 3):
        for row in rows:
            store.sent(row.id, NOON)
            say(row.id)


def count(store: SqlStore, _name: str, number: int, say: Say) -> None:
    """Raise the referral's number of reminders by `number`, one at a time, starting over after each conflict."""
    done = 0
    while done < number:
        kept = store.referral("counter")
        if kept is None:
            raise SystemExit("no counter")
        raised = kept.referral.evolve(reminders=kept.referral.reminders + 1)
        try:
            with store.begin() as transaction:
                transaction.save(raised, kept.revision)
        except Conflict:
            continue
        done += 1
    say("done")


def save_versions(store: SqlStore, name: str, number: int, say: Say) -> None:
    """Save `number` versions of one plan, and say what was saved; read again after each conflict."""
    done = 0
    while done < number:
        kept = store.shared_plan("p")
        if kept is None or kept.plan.plan is None:
            raise SystemExit("no plan")
        version = kept.plan.plan.version + 1
        try:
            with store.begin() as transaction:
                changed = kept.plan.evolve(plan=plan_version("p", version, title=name))
                transaction.save_plan(changed, kept.revision)
                transaction.add_views("p", [view_made("s", version, version)])
        except Conflict:
            continue
        done += 1
        say(f"{version} {name}")


WHAT: dict[str, Callable[[SqlStore, str, int, Say], None]] = {
    "die": die,
    "write": write,
    "together": together,
    "upgrade": write,
    "send": send,
    "count": count,
    "save": save_versions,
}


def run(what: str, url: str, name: str, number: int, parent: Connection) -> None:
    """Say that we are there, wait for the word, do it."""
    parent.send("started")
    parent.recv()
    if what == "upgrade":
        upgrade_store(url)
    with closing(open_store(url)) as store:
        WHAT[what](store, name, number, parent.send)
