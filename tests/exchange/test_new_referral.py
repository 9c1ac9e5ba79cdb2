"""A new referral is written without looking for what it cannot have yet; what is there all the same counts."""

from __future__ import annotations

import pytest

from ip_fhir.errors import InvalidInput
from ip_fhir.ports import ResourceVersion
from tests.support.two_sides import TOKENS, Loop, unsent


def _keep(loop: Loop, of: str | None) -> None:
    """A Task that stands where the municipality's Task of the first notice is to stand."""
    now = loop.clock.now()
    body = {"resourceType": "Task", "id": "referral-01-1", "status": "draft"}
    with loop.municipality.store.begin() as tx:
        tx.put_resource(ResourceVersion("Task", "referral-01-1", 1, body, now, of), None)


def _receive(loop: Loop, content: bytes) -> None:
    exchange = loop.municipality.exchange
    peer = exchange.peer_by_token(TOKENS["hospital"])
    assert peer is not None
    exchange.receive(content, peer)


def test_resource_of_another_referral(loop: Loop) -> None:
    """A notice whose Task would have the id of another referral's is refused, and leaves nothing behind."""
    content = unsent(loop, "01")
    _keep(loop, "referral-02")
    with pytest.raises(InvalidInput, match="another referral has a resource with this id"):
        _receive(loop, content)
    store = loop.municipality.store
    assert store.referral("referral-01") is None
    assert [r.correlation_id for r in store.search_resources("Task", {})] == ["referral-02"]
    assert store.search_resources("ServiceRequest", {}) == []
    assert store.verify() == ()


def test_resource_that_was_left(loop: Loop) -> None:
    """A Task of the same id that was left from before has a next version, and its search words are the new ones."""
    content = unsent(loop, "01")
    _keep(loop, "referral-01")
    _receive(loop, content)
    store = loop.municipality.store
    (task,) = store.search_resources("Task", {"status": "received"})
    assert (task.id, task.version, task.body["meta"]["versionId"]) == ("referral-01-1", 2, "2")
    assert store.search_resources("Task", {"status": "draft"}) == []
    assert [r.version for r in store.search_resources("ServiceRequest", {})] == [1]
    assert store.verify() == ()
