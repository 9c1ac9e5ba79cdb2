"""MedCom's rules for reliable messaging, one test each, as they stand in reliable-messaging-rules.json."""

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.support.medcom import MEDCOM, header, medcom_loop, resources, wire_of
from tests.support.two_sides import Loop, notice


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """Two sides that speak in this manner."""
    made = medcom_loop(tmp_path)
    yield made
    made.hospital.exchange.close()
    made.municipality.exchange.close()


@pytest.fixture
def rules(shared_data: Path) -> dict[str, Any]:
    """The rules."""
    file = shared_data / "closed-loop" / "derived" / "reliable-messaging-rules.json"
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def _row(rules: dict[str, Any], *, bundle: bool, head: bool) -> str:
    """The action of a receiver that has seen the Bundle's id, and the header's."""
    table = rules["medcom_receiver"]["table"]
    (row,) = [one for one in table if (one["bundle_seen"], one["header_seen"]) == (bundle, head)]
    return str(row["action"])


def _sent(loop: Loop) -> bytes:
    wire = wire_of(loop.hospital.wire)
    wire.break_with = TimeoutError()
    loop.hospital.exchange.send_notice(notice("01"))
    loop.hospital.exchange.run_due()
    return wire.sent[-1]


def _taken(loop: Loop, content: bytes) -> dict[str, Any]:
    return dict(orjson.loads(loop.municipality.exchange.receive(content, "hospital", MEDCOM)))


def _effects(loop: Loop) -> tuple[int, int]:
    store = loop.municipality.exchange.store
    return len(store.referrals()), len(store.evidence())


def _code(acknowledgement: dict[str, Any]) -> str:
    return str(header(orjson.dumps(acknowledgement))["response"]["code"])


def _other_header(content: bytes) -> bytes:
    """The same Bundle id with another message in it."""
    ident = header(content)["id"]
    changed = content.replace(f"MessageHeader/{ident}".encode(), b"MessageHeader/other")
    bundle = orjson.loads(changed)
    bundle["entry"][0]["resource"]["id"] = "other"
    bundle["id"] = ident
    return orjson.dumps(bundle)


def test_new(loop: Loop, rules: dict[str, Any]) -> None:
    """Neither id was seen: processed and acknowledged."""
    assert _row(rules, bundle=False, head=False) == "process, acknowledge"
    assert rules["medcom_receiver"]["key"] == ["Bundle.id", "MessageHeader.id"]
    assert _code(_taken(loop, _sent(loop))) == "ok"
    assert _effects(loop)[0] == 1


def test_both_seen(loop: Loop, rules: dict[str, Any]) -> None:
    """Both ids were seen: not processed again, and the content of the first acknowledgement comes again."""
    assert "original acknowledgement content again" in _row(rules, bundle=True, head=True)
    content = _sent(loop)
    first, effects = _taken(loop, content), _effects(loop)
    loop.clock.forward(minutes=15)
    assert _taken(loop, content)["entry"] == first["entry"]
    assert _effects(loop) == effects


def test_header_seen_in_another_bundle(loop: Loop, rules: dict[str, Any]) -> None:
    """The message was seen in another Bundle: never shown twice; here it is answered as before."""
    assert "never show the user twice" in _row(rules, bundle=False, head=True)
    content = _sent(loop)
    first, effects = _taken(loop, content), _effects(loop)
    bundle = {**orjson.loads(content), "id": "another-envelope", "timestamp": "2026-01-12T14:00:00+01:00"}
    assert _taken(loop, orjson.dumps(bundle))["entry"] == first["entry"]
    assert _effects(loop) == effects


def test_bundle_seen_with_another_header(loop: Loop, rules: dict[str, Any]) -> None:
    """Another message in a Bundle that was seen is an error, is told so, and nothing happens."""
    assert _row(rules, bundle=True, head=False) == "error"
    content = _sent(loop)
    _taken(loop, content)
    effects = _effects(loop)
    refused = _taken(loop, _other_header(content))
    assert _code(refused) == "fatal-error"
    (outcome,) = resources(orjson.dumps(refused), "OperationOutcome")
    assert outcome["issue"][0]["details"]["coding"][0]["code"] == "MSG_DUPLICATE_ID"
    assert _effects(loop) == effects
    assert len(loop.municipality.exchange.store.refusals()) == 1


def test_codes(loop: Loop, rules: dict[str, Any]) -> None:
    """Acknowledgements say one of the three codes."""
    assert rules["medcom_receiver"]["ack_codes"] == ["ok", "transient-error", "fatal-error"]
    content = _sent(loop)
    loop.clock.forward(minutes=-40)
    codes = [_code(_taken(loop, content))]  # dated ahead of the clock
    loop.clock.forward(minutes=40)
    codes += [_code(_taken(loop, content)), _code(_taken(loop, _other_header(content)))]
    assert sorted(codes) == sorted(rules["medcom_receiver"]["ack_codes"])


def test_resends(loop: Loop, rules: dict[str, Any]) -> None:
    """Sent again after fifteen minutes without an acknowledgement, twice at most, with both ids and the content."""
    sender = rules["medcom_sender"]
    assert (sender["resend_after"]["doc020"], sender["max_resends"]) == ("15 minutes SHALL", 2)
    assert sender["resend_keeps"] == ["Bundle content", "Bundle.id", "MessageHeader.id"]
    wire = wire_of(loop.hospital.wire)
    wire.later = True
    loop.hospital.exchange.send_notice(notice("01"))
    times = []
    for _ in range(60):
        before = len(wire.sent)
        loop.hospital.exchange.run_due()
        times += [loop.clock.at] * (len(wire.sent) - before)
        loop.clock.forward(minutes=1)
    assert len(times) == 1 + sender["max_resends"]
    assert {round((late - early).total_seconds() / 60) for early, late in pairwise(times)} == {15}
    assert len(set(wire.sent)) == 1


def test_changed_content_is_a_new_message(loop: Loop, rules: dict[str, Any]) -> None:
    """Other content under the id of a message that was taken in is refused, and told so."""
    assert rules["medcom_sender"]["changed_content_is"] == "a new message"
    content = _sent(loop)
    _taken(loop, content)
    effects = _effects(loop)
    bundle = orjson.loads(content)
    bundle["id"] = "another-envelope"
    bundle["entry"][0]["resource"]["focus"].append({"reference": "Patient/other"})
    assert _code(_taken(loop, orjson.dumps(bundle))) == "fatal-error"
    assert _effects(loop) == effects
