"""Random bytes, randomly damaged messages: an answer or InvalidInput, and nothing stored by mistake."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ip_fhir.errors import InvalidInput
from tests.support.two_sides import TOKENS, form, make_loop, notice, unsent

_SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(allow_nan=False)
_KEYS = st.sampled_from(["id", "value", "x"])
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=5,
)
_KINDS = st.sampled_from(["notice", "form"])


class Target:
    """Both sides, a notice that is not yet delivered, and a green form that is on its way."""

    def __init__(self, directory: Path) -> None:
        self.loop = make_loop(directory)
        self.loop.hospital.exchange.send_notice(notice("02"))
        self.loop.settle()
        municipality = self.loop.municipality
        municipality.wire.break_with = TimeoutError()
        municipality.exchange.answer(form("02"))
        municipality.exchange.run_due()
        self.messages = {"notice": unsent(self.loop, "01"), "form": municipality.wire.sent[-1]}

    def receive(self, kind: str, content: bytes) -> InvalidInput | None:
        """Hand it to the side that it is for; the refusal, if it is one. Any other error fails the test."""
        to_municipality = kind == "notice"
        side = self.loop.municipality if to_municipality else self.loop.hospital
        peer = side.exchange.peer_by_token(TOKENS["hospital" if to_municipality else "municipality"])
        assert peer is not None
        records = len(side.exchange.store.evidence())
        try:
            side.exchange.receive(content, peer)
        except InvalidInput as error:
            refusal = error
        else:
            return None
        assert refusal.problems
        assert 400 <= refusal.status < 500
        assert len(side.exchange.store.evidence()) == records
        return refusal


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """One for all examples: what is refused leaves nothing behind."""
    made = Target(tmp_path_factory.mktemp("damage"))
    yield made
    made.loop.hospital.exchange.close()
    made.loop.municipality.exchange.close()


@given(kind=_KINDS, content=st.binary(max_size=300))
def test_random_bytes(target: Target, kind: str, content: bytes) -> None:
    """Refused."""
    assert target.receive(kind, content) is not None


@given(kind=_KINDS, data=st.data())
def test_flipped_bytes(target: Target, kind: str, data: st.DataObject) -> None:
    """A few bytes changed on the way: an answer or a refusal."""
    content = bytearray(target.messages[kind])
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    target.receive(kind, bytes(content))


@given(kind=_KINDS, data=st.data())
def test_cut_off(target: Target, kind: str, data: st.DataObject) -> None:
    """A message that broke off is no message."""
    content = target.messages[kind]
    assert target.receive(kind, content[: data.draw(st.integers(0, len(content) - 1))]) is not None


@given(kind=_KINDS, data=st.data())
def test_damaged_resources(target: Target, kind: str, data: st.DataObject) -> None:
    """Elements removed, doubled, replaced by anything: an answer or a refusal."""
    bundle = json.loads(target.messages[kind])
    for _ in range(data.draw(st.integers(1, 3))):
        _damage(bundle, data)
    target.receive(kind, json.dumps(bundle).encode())


def _damage(node: Any, data: st.DataObject) -> None:
    """Walk down to somewhere and do something there."""
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        child = node[key]
        if isinstance(child, dict | list) and child and data.draw(st.integers(0, 4)):
            node = child
            continue
        what = data.draw(st.sampled_from(["remove", "replace", "double"]))
        if what == "remove":
            del node[key]
        elif what == "double" and isinstance(node, list):
            node.append(child)
        else:
            node[key] = data.draw(_VALUES)
        return
