"""A store from before the figures were kept counts the same, once upgraded, as one that always kept them."""

from typing import Any

import orjson
from alembic import command
from alembic.config import Config

from ip_fhir.domain.effects import Timer, TimerKind
from ip_fhir.domain.referral import Referral, Role, State
from ip_fhir.store import open_store, upgrade_store
from ip_fhir.store.engine import Database
from ip_fhir.store.migrate import MIGRATIONS
from ip_fhir.testing.store_samples import NOON, after, referral
from tests.store.places import Place


def make_old(url: str) -> None:
    """The tables of the first version."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    database = Database(url)
    with database.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    database.engine.dispose()


def some() -> list[Referral]:
    """One in each state, twice: with the answer clock running and without; delivered or not; each side's."""
    timer = Timer(kind=TimerKind.ANSWER, due=after(days=3))
    found = []
    ways: list[dict[str, Any]] = [{"timers": (timer,)}, {"paused": (timer,)}, {}, {"vacancies": (after(days=1),)}]
    for role in (Role.HOSPITAL, Role.MUNICIPALITY):
        for state in State:
            for number, way in enumerate(ways):
                made = referral(f"{role}-{state}-{number}", state, opened=after(hours=-number), delivered=NOON)
                found.append(made.evolve(role=role, **way))
        found.append(referral(f"{role}-under-way", State.DELIVERED).evolve(role=role, delivered=None))
    return found


def test_what_is_there_is_counted(bare: Place) -> None:
    """Every referral's wait and deadline are worked out when the columns are added, as the domain does it."""
    make_old(bare.url)
    for one in some():
        bare.sql(
            "INSERT INTO referral (correlation_id, role, state, changed, revision, body) "
            "VALUES (:ident, :role, :state, 0, 1, :body)",
            ident=one.correlation_id,
            role=one.role,
            state=one.state,
            body=orjson.dumps(one.to_data()).decode(),
        )
    upgrade_store(bare.url)
    asked = "SELECT correlation_id, waits_since, overdue FROM referral ORDER BY 1"
    upgraded = bare.sql(asked)
    store = open_store(bare.url)
    with store.begin() as transaction:
        for one in some():
            transaction.save(one, 1)
    store.close()
    assert upgraded == bare.sql(asked)
    assert {row[2] for row in upgraded} == {0, 1}
    assert None in {row[1] for row in upgraded}
