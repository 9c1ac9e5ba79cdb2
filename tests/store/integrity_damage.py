"""A store with one of each thing in it, and the ways to change it behind its back."""

from dataclasses import dataclass
from typing import Any

from ip_fhir.domain.effects import Reason
from ip_fhir.domain.loop.worklist import WorklistItem
from ip_fhir.domain.referral import Author, State
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.share import IdPair
from ip_fhir.domain.values.aggregate import PLAN, Aggregate
from ip_fhir.ports import Refusal, Seen
from ip_fhir.store import SqlStore
from ip_fhir.testing.store_samples import (
    NOON,
    after,
    outbox_row,
    plan_row,
    plan_version,
    record,
    referral,
    share,
    shared_plan,
    task,
    view_made,
    work_item,
)
from tests.store.places import Place


def fill(store: SqlStore, ident: str = "r", *, state: State = State.SENT) -> None:
    """A loop with one of each thing: rows that wait, are sent, parked and refused, two versions, two items."""
    rows = [outbox_row(f"{ident}-{name}", ident) for name in ("waits", "sent", "parked", "refused")]
    items: list[WorklistItem] = [
        work_item(f"{ident}-open", ident),
        work_item(f"{ident}-done", ident, Reason.NEW_NOTICE),
    ]
    with store.begin() as transaction:
        transaction.save(referral(ident, state, due=after(days=3)), None)
        transaction.append(ident, [record(f"{ident}-1", state=state).evolve(before=None)])
        transaction.remember(Seen(f"hospital/{ident}", "digest", b"reply"), NOON)
        transaction.enqueue(rows)
        transaction.put_resource(task(f"{ident}-task", correlation_id=ident, status="requested"), None)
        transaction.open_items(items)
    with store.begin() as transaction:
        transaction.put_resource(task(f"{ident}-task", 2, correlation_id=ident, status="completed"), 1)
        transaction.finish_item(f"{ident}-done", NOON, Author(id="n", name="Kari Testesen"), "a note")
    store.keep_content(f"{ident}-sent", b"bytes", "text/plain")
    store.keep_content(f"{ident}-waits", b"other bytes", "text/plain")
    store.sent(f"{ident}-sent", NOON)
    store.failed(f"{ident}-parked", "no room", None)
    store.refused(f"{ident}-refused", "consent")
    with store.begin() as transaction:
        transaction.refuse(Refusal("hospital", f"of-{ident}", "value", "unreadable", NOON, NOON))


def fill_plan(store: SqlStore, ident: str = "p") -> None:
    """A shared plan in its second version, with two views of one share, the first of which was superseded."""
    of, due = Aggregate(kind=PLAN, id=ident), after(days=3)
    about = f"{ident}-s"
    shared = shared_plan(ident, due=due, shares=(share(about, ident, book=(IdPair(view="own", plan="added"),)),))
    with store.begin() as transaction:
        transaction.save_plan(shared, None)
        transaction.add_views(ident, [view_made(about)])
        transaction.append_records(of, [{"event": "first"}])
        transaction.enqueue([plan_row(f"{ident}-first", ident, about)])
    with store.begin() as transaction:
        transaction.save_plan(shared.evolve(plan=plan_version(ident, 2)), 1)
        transaction.add_views(ident, [view_made(about, 2, 2)])
        transaction.append_records(of, [{"event": "second"}])
        transaction.supersede_rows(of, about, [PlanMessageKind.PLAN], "a newer view")
        transaction.enqueue([plan_row(f"{ident}-second", ident, about)])
        transaction.open_items([work_item(f"{ident}-item", ident, kind=PLAN, about=about)])


@dataclass(frozen=True)
class Change:
    """A statement that changes the store of `fill`, and the path of the problem that names it."""

    sql: str
    path: str


def change(place: Place, made: Change) -> None:
    """Change the database past the store."""
    given: dict[str, Any] = {"other": b"other bytes", "no": False}
    place.sql(made.sql, **{name: value for name, value in given.items() if f":{name}" in made.sql})


CHANGES: dict[str, Change] = {
    # the 17 of the attack
    "referral: state": Change("UPDATE referral SET state = 'closed'", "referral.r"),
    "referral: body": Change("UPDATE referral SET body = replace(body, 'r-notice', 'x-notice')", "referral.r"),
    "referral: the person's name": Change("UPDATE referral SET body = replace(body, 'Hemm', 'Hamm')", "referral.r"),
    "referral: deleted": Change("DELETE FROM referral", "referral.r"),
    "referral: copied in": Change(
        "INSERT INTO referral SELECT 'copy', role, state, changed, next_due, revision, body, waits_since, overdue "
        "FROM referral",
        "referral.copy",
    ),
    "referral: no reminder any more": Change("UPDATE referral SET next_due = NULL", "referral.r"),
    "outbox: deleted": Change("DELETE FROM outbox WHERE id = 'r-waits'", "outbox.r-waits"),
    "outbox: effect": Change(
        "UPDATE outbox SET effect = replace(effect, 'reminder', 'abort-refused') WHERE id = 'r-waits'",
        "outbox.r-waits",
    ),
    "outbox: content": Change("UPDATE outbox SET content = NULL WHERE id = 'r-waits'", "content.r-waits"),
    "outbox: status": Change("UPDATE outbox SET status = 'sent' WHERE id = 'r-waits'", "status.r-waits"),
    "outbox: inserted": Change(
        "INSERT INTO outbox (id, aggregate_id, lane, effect, due, attempts, claim, status) "
        "SELECT 'new', aggregate_id, lane, effect, due, 0, 0, 'waiting' FROM outbox WHERE id = 'r-waits'",
        "outbox.new",
    ),
    "inbox: deleted": Change("DELETE FROM inbox", "inbox.hospital.r"),
    "inbox: reply": Change("UPDATE inbox SET reply = :other", "inbox.hospital.r"),
    "resource: changed": Change(
        "UPDATE resource SET body = replace(body, 'completed', 'rejected') WHERE version = 2",
        "resource.Task.r-task.2",
    ),
    "resource: deleted": Change("DELETE FROM resource WHERE version = 2", "resource.Task.r-task.2"),
    "token: deleted": Change("DELETE FROM token", "tokens.Task.r-task"),
    "refusal: deleted": Change("DELETE FROM refusal", "refusal."),
    # and more of the kind
    "outbox: a sent row made to wait": Change("UPDATE outbox SET status = 'waiting' WHERE id = 'r-sent'", "status."),
    "outbox: why it was parked": Change("UPDATE outbox SET last_error = 'x' WHERE id = 'r-parked'", "status.r-parked"),
    "outbox: bytes put in": Change("UPDATE outbox SET content = :other WHERE id = 'r-refused'", "content."),
    "outbox: given to another loop": Change(
        "UPDATE outbox SET aggregate_id = 'other' WHERE id = 'r-waits'", "outbox.r-waits"
    ),
    "inbox: given another key": Change("UPDATE inbox SET key = 'other'", "inbox.hospital.r"),
    "resource: an old version": Change("DELETE FROM resource WHERE version = 1", "resource.Task.r-task.1"),
    "resource: none is current": Change("UPDATE resource SET current = :no", "current.Task.r-task"),
    "token: put in": Change(
        "INSERT INTO token (type, name, value, id) VALUES ('Task', 'status', 'x', 'r-task')", "tokens.Task.r-task"
    ),
    "token: of no resource": Change(
        "INSERT INTO token (type, name, value, id) VALUES ('Task', 'status', 'x', 'none')", "tokens.Task.none"
    ),
    "item: deleted": Change("DELETE FROM worklist WHERE id = 'r-open'", "item.r-open"),
    "item: done by nobody": Change("UPDATE worklist SET closed = 1 WHERE id = 'r-open'", "outcome.r-open"),
    "item: done by another": Change("UPDATE worklist SET done_by = NULL WHERE id = 'r-done'", "outcome.r-done"),
    "item: not done after all": Change(
        "UPDATE worklist SET closed = 0, done = NULL, done_by = NULL, note = NULL WHERE id = 'r-done'",
        "outcome.r-done",
    ),
    "refusal: reason": Change("UPDATE refusal SET reason = 'x'", "refusal."),
    "evidence: what was written": Change("UPDATE evidence SET wrote = NULL WHERE number = 1", "evidence.1"),
}
"""Every direct change that `verify` must name."""

PLAN_CHANGES: dict[str, Change] = {
    "plan: body": Change("UPDATE plan SET body = replace(body, 'school', 'scholl')", "plan.p"),
    "plan: an older revision": Change("UPDATE plan SET revision = 1, version = 1", "plan.p"),
    "plan: its clock": Change("UPDATE plan SET next_due = NULL", "plan.p"),
    "plan: over": Change("UPDATE plan SET over = 1", "plan.p"),
    "plan: deleted": Change("DELETE FROM plan", "plan.p"),
    "plan: copied in": Change(
        "INSERT INTO plan SELECT 'copy', side, changed, next_due, over, version, revision, body, settled_by, "
        "settled_since FROM plan",
        "plan.copy",
    ),
    "version: content": Change(
        "UPDATE plan_version SET body = replace(body, 'Hemm', 'Hamm') WHERE version = 1", "version.p.1"
    ),
    "version: digest": Change("UPDATE plan_version SET digest = 'x' WHERE version = 2", "version.p.2"),
    "version: who saved it": Change("UPDATE plan_version SET saved_by = '{}' WHERE version = 1", "version.p.1"),
    "version: deleted": Change("DELETE FROM plan_version WHERE version = 1", "version.p.1"),
    "version: put in": Change(
        "INSERT INTO plan_version SELECT plan_id, 3, digest, saved, saved_by, body FROM plan_version WHERE version = 2",
        "version.p.3",
    ),
    "view: day": Change("UPDATE plan_view SET day = '2026-03-01' WHERE number = 1", "view.p-s.1"),
    "view: version": Change("UPDATE plan_view SET version = 2 WHERE number = 1", "view.p-s.1"),
    "view: deleted": Change("DELETE FROM plan_view WHERE number = 2", "view.p-s.2"),
    "view: another's number": Change("UPDATE plan_view SET number = 7 WHERE number = 2", "view.p-s.7"),
    "name: deleted": Change("DELETE FROM plan_name", "name.share.p-s"),
    "name: of another plan": Change("UPDATE plan_name SET plan_id = 'q'", "name.share.p-s"),
    "outbox: sent after all": Change("UPDATE outbox SET status = 'sent' WHERE id = 'p-first'", "status.p-first"),
    "outbox: superseded no more": Change("UPDATE outbox SET status = 'waiting' WHERE id = 'p-first'", "status.p-first"),
    "outbox: about another share": Change("UPDATE outbox SET about = 'x' WHERE id = 'p-second'", "outbox.p-second"),
    "outbox: another message": Change("UPDATE outbox SET plan_message = 'x' WHERE id = 'p-second'", "outbox.p-second"),
    "item: about another share": Change("UPDATE worklist SET about = 'x'", "item.p-item"),
}
"""Every direct change to the store of `fill_plan` that `verify` must name."""
