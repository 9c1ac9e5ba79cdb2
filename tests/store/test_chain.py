"""`verify` finds whatever is done to the evidence behind the store's back, and says where."""

from dataclasses import asdict, dataclass
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ip_fhir.domain.referral import State
from ip_fhir.domain.values.aggregate import PLAN, REFERRAL, Aggregate
from ip_fhir.errors import Problem, StoreError
from ip_fhir.store import SqlStore
from ip_fhir.store.chain import START, Head, check, follow
from ip_fhir.store.codec import dump
from ip_fhir.testing.store_samples import PERSON, append, everything, record
from tests.store.places import Place

OWNER = Aggregate.of_referral("r")


@dataclass(frozen=True)
class Link:
    """A record of evidence as it is stored."""

    number: int
    aggregate_id: str
    body: str
    previous: str
    hash: str
    digest: str | None = None
    aggregate_kind: str = REFERRAL
    wrote: str | None = None


def chained(bodies: list[str], head: Head = START) -> list[Link]:
    """Links made as the store makes them."""
    return [Link(**link) for link in follow(head, [(OWNER, body) for body in bodies])]  # type: ignore[arg-type]


def end(links: list[Link]) -> Head:
    """The head that the store keeps beside them."""
    return Head(links[-1].number, links[-1].hash) if links else START


def paths(links: list[Link], head: Head | None) -> list[str]:
    """Where the problems are."""
    return [problem.path for problem in check(links, head)]


def test_the_formula() -> None:
    """A hash can be made again by anybody from what `chain.py` says, without this library."""
    record = sha256(b'{"a":1}').hexdigest()
    fields = '{"correlation_id":"r","number":1,"record":"' + record + '"}'
    assert chained(['{"a":1}'])[0].hash == sha256(("0" * 64 + fields).encode()).hexdigest()


def test_a_record_of_before_events_had_authors() -> None:
    """It has the hash that it had when it was written: what an event does not say is not in its canonical JSON."""
    opened = record("1").evolve(before=State.DRAFT)
    (link,) = follow(START, [(OWNER, dump(opened.to_data()))])
    assert link["hash"] == "2f0e9d8c75732bc82feda5484832fbe2c362643bf69fc84ccec9d8c55e961e48"


def test_the_formula_of_another_kind() -> None:
    """A record that is no referral's has its kind in the hash too."""
    record = sha256(b'{"a":1}').hexdigest()
    fields = '{"correlation_id":"r","kind":"plan","number":1,"record":"' + record + '"}'
    (link,) = follow(START, [(Aggregate(kind=PLAN, id="r"), '{"a":1}')])
    assert link["hash"] == sha256(("0" * 64 + fields).encode()).hexdigest()


@pytest.mark.promise(16)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=6), st.data())
def test_any_change_is_found(bodies: list[str], data: st.DataObject) -> None:
    """A whole chain has no problem; change any field of any record, and there is one at it or right after it."""
    links = chained(bodies)
    head = end(links)
    assert paths(links, head) == []
    at = data.draw(st.integers(0, len(links) - 1))
    field = data.draw(st.sampled_from(["aggregate_kind", "aggregate_id", "body", "previous", "hash"]))
    other = data.draw(st.sampled_from(["", "0" * 64, "other"]).filter(lambda new: new != getattr(links[at], field)))
    forged = Link(**{**asdict(links[at]), field: other})
    changed = [*links[:at], forged, *links[at + 1 :]]
    assert f"evidence.{at + 1}" in paths(changed, head)


@pytest.mark.promise(16)
@given(st.integers(1, 6), st.data())
def test_any_removal_is_found(length: int, data: st.DataObject) -> None:
    """Remove any run of records, from the start, the middle or the end: the first one that is missing is named."""
    links = chained([str(number) for number in range(length)])
    first = data.draw(st.integers(0, length - 1))
    last = data.draw(st.integers(first + 1, length))
    assert paths(links[:first] + links[last:], end(links)) == [f"evidence.{first + 1}"]


@pytest.mark.promise(16)
def test_an_inserted_record_is_found() -> None:
    """Put in with a number that is taken, or after the end, even when it is chained as it should be."""
    links = chained(["a", "b", "c"])
    more = chained(["forged"], end(links))
    assert paths([*links, *more], end(links)) == ["evidence.4"]
    assert "evidence.2" in paths([links[0], chained(["forged"], end(links[:1]))[0], *links[1:]], end(links))
    assert paths([*chained(["zero"], Head(-1, START.hash)), *links], end(links))[0] == "evidence.0"


def test_a_rewritten_tail_is_found() -> None:
    """Change a record and chain all that follow anew: the head tells."""
    links = chained(["a", "b", "c"])
    rewritten = links[:1] + chained(["forged", "c"], end(links[:1]))
    assert paths(rewritten, end(links)) == ["evidence.3"]
    assert paths(links, None) == ["evidence"], "the head itself is gone"


FORGED = "'r', body, hash, 'x', NULL, NULL, 'referral', NULL FROM evidence WHERE number = 5"

DAMAGE: list[tuple[str, str, str]] = [
    ("changed", "UPDATE evidence SET body = replace(body, 'hospital', 'other') WHERE number = 3", "evidence.3"),
    ("given to another", "UPDATE evidence SET aggregate_id = 'other' WHERE number = 3", "evidence.3"),
    ("made a plan's", "UPDATE evidence SET aggregate_kind = 'plan' WHERE number = 3", "evidence.3"),
    ("removed", "DELETE FROM evidence WHERE number = 3", "evidence.3"),
    ("cut at the end", "DELETE FROM evidence WHERE number >= 4", "evidence.4"),
    ("all removed", "DELETE FROM evidence", "evidence.1"),
    (
        "put after the end",
        f"INSERT INTO evidence SELECT 6, {FORGED}",
        "evidence.6",
    ),
    (
        "put before the start",
        f"INSERT INTO evidence SELECT 0, {FORGED}",
        "evidence.0",
    ),
    ("head removed", "DELETE FROM meta", "evidence"),
    (
        "head turned back",
        "UPDATE meta SET value = '4 ' || (SELECT hash FROM evidence WHERE number = 4) WHERE key = 'chain-head'",
        "evidence.5",
    ),
    ("head made nonsense", "UPDATE meta SET value = 'nonsense' WHERE key = 'chain-head'", "evidence"),
]


@pytest.mark.promise(16)
@pytest.mark.parametrize(("statement", "path"), [case[1:] for case in DAMAGE], ids=[case[0] for case in DAMAGE])
def test_damage_in_the_database(store: SqlStore, place: Place, statement: str, path: str) -> None:
    """Each kind of damage is found in the database, named by its number, without a word of what was said there."""
    append(store, "r", "1", "2", "3", "4", "5")
    assert store.verify() == ()
    place.sql(statement)
    problems = store.verify()
    assert path in [problem.path for problem in problems]
    assert PERSON not in str(problems)


def test_numbers_swapped(store: SqlStore, place: Place) -> None:
    """Two records that change places are found, both."""
    append(store, "r", "1", "2", "3", "4")
    for old, new in ((2, 99), (3, 2), (99, 3)):
        place.sql("UPDATE evidence SET number = :new WHERE number = :old", new=new, old=old)
    assert {"evidence.2", "evidence.3"} <= {problem.path for problem in store.verify()}


def test_without_a_head_nothing_is_written(store: SqlStore, place: Place) -> None:
    """A store whose chain has lost its head takes no evidence, and nothing that would need it."""
    append(store, "r", "1")
    place.sql("DELETE FROM meta")
    with pytest.raises(StoreError, match="the end of the evidence chain is not known"), store.begin() as transaction:
        everything(transaction)
    assert store.referral("r") is None


def test_damage_does_not_stop_the_work(store: SqlStore, place: Place) -> None:
    """A store with a changed record takes new ones, and the problem stays where it is."""
    append(store, "r", "1", "2")
    place.sql("UPDATE evidence SET body = '{}' WHERE number = 1")
    append(store, "r", "3")
    assert [problem.path for problem in store.verify()] == ["evidence.1"]


def test_a_long_chain_is_read_in_pages(store: SqlStore) -> None:
    """More records than are held at a time are checked, all of them."""
    append(store, "r", *(str(number) for number in range(2500)))
    assert store.verify() == ()
    assert len(store.evidence("r")) == 2500


def test_problems_are_values() -> None:
    """A problem has a path, a reason and the code of a broken invariant."""
    only = next(iter(check([], Head(1, "x"))))
    assert only == Problem("evidence.1", "the records to number 1 are missing at the end", "invariant")
