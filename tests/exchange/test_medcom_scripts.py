"""MedCom's TestScripts for acknowledgements and for chains, run against our two sides; and its fixtures, read by them.

Each step that a script asks of the system under test is done by one of our sides; each assertion about what was sent is
checked by the function that stands beside its expression here. An expression that is not here fails the test.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from ip_fhir.domain.referral import EventKind
from ip_fhir.exchange.formats import Citing, Formats, Reliable
from ip_fhir.fhir.reading import DEFAULT_LIMITS
from tests.support.medcom import MEDCOM, header, medcom_loop, resources, wire_of
from tests.support.two_sides import Loop, notice

Check = Callable[[bytes, dict[str, str]], bool]

_CODE = re.compile(r"MessageHeader\)\.response\.code = '([a-z-]+)'$")
_ACTIVITY = re.compile(r"activity\.coding\.code = '([a-z-]+)'")
_NOT_OURS = (
    "care-communication",
    "Communication)",
    "Encounter)",
    "Patient)",
    "identifier-",
    "gs1.org",
    "1.2.208",
    "sender.",
)
"""Words of assertions about care communications and Danish numbers: kinds and content of our messages are our own."""


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """Two sides that speak in this manner."""
    made = medcom_loop(tmp_path)
    yield made
    made.hospital.exchange.close()
    made.municipality.exchange.close()


def _provenances(content: bytes) -> list[dict[str, Any]]:
    """The Provenances of the chain."""
    return [one for one in resources(content, "Provenance") if "MessageHeader/" in one["target"][0]["reference"]]


def _full_url(content: bytes) -> str:
    return str(orjson.loads(content)["entry"][0]["fullUrl"])


def _whats(content: bytes) -> list[str]:
    return [one["what"]["reference"] for link in _provenances(content) for one in link.get("entity", ())]


def _roles(content: bytes) -> list[str]:
    return [one["role"] for link in _provenances(content) for one in link.get("entity", ())]


def _targets(content: bytes) -> list[str]:
    return [link["target"][0]["reference"] for link in _provenances(content)]


def _codes(content: bytes) -> list[str]:
    return [link["activity"]["coding"][0]["code"] for link in _provenances(content)]


def _outcome_where_not_ok(content: bytes) -> bool:
    return header(content)["response"]["code"] == "ok" or bool(resources(content, "OperationOutcome"))


def holds(assertion: dict[str, Any], content: bytes, known: dict[str, str]) -> bool:
    """True if an assertion of a script holds for what was sent. Raises `KeyError` for one that is not known here."""
    said = assertion["expression"]
    if (code := _CODE.search(said)) and " or " not in said:
        return bool(header(content)["response"]["code"] == code[1])
    if (activity := _ACTIVITY.search(said)) and "count() = 1" in said:
        return _codes(content).count(activity[1]) == 1
    if (activity := _ACTIVITY.search(said)) and "exists()" in said:
        return activity[1] in _codes(content)
    if "count() = 2" in said or (said.endswith("Provenance).count()") and assertion.get("value") == "2"):
        return len(_provenances(content)) == 2
    return _BY_EXPRESSION[_general(said)](content, known)


def _general(expression: str) -> str:
    """The expression with the names of its variables replaced: each script has its own."""
    return re.sub(r"\$\{[^}]*\}", "${}", expression)


_P = "Bundle.entry.resource.ofType(Provenance)"
_M = "Bundle.entry.resource.ofType(MessageHeader)"
_BY_EXPRESSION: dict[str, Check] = {
    _P + ".where(entity.what.reference = '${}').count() = 1": lambda c, k: _whats(c).count(k["fullUrl"]) == 1,
    _P + ".where(entity.what.reference.contains('${}')).exists()": lambda c, k: any(k["id"] in w for w in _whats(c)),
    _M + ".event.as(Coding).select(code = 'acknowledgement-message').allTrue()": (
        lambda c, _: header(c)["eventCoding"]["code"] == "acknowledgement-message"
    ),
    _M + ".response.code = 'ok' or ((Bundle.entry.resource.ofType(MessageHeader).response.code = 'transient-error' or "
    "Bundle.entry.resource.ofType(MessageHeader).response.code = 'fatal-error') and "
    "Bundle.entry.resource.ofType(OperationOutcome).exists())": lambda c, _: _outcome_where_not_ok(c),
    _P + ".entity.role": lambda c, _: _roles(c) == ["revision"],
    _P + ".entity.where(role = 'revision').exists()": lambda c, _: "revision" in _roles(c),
    _P + ".where(target.reference = %resource.entry[0].fullUrl).exists()": lambda c, _: _full_url(c) in _targets(c),
    _P + ".where(target.reference.contains(%resource.entry[0].resource.id)).exists()": (
        lambda c, _: any(header(c)["id"] in target for target in _targets(c))
    ),
    "'${}' != '${}'": lambda c, k: orjson.loads(c)["id"] != k["id2"] and orjson.loads(c)["timestamp"] != k["sent2"],
}


def _script(shared_data: Path, folder: str, name: str) -> dict[str, Any]:
    file = shared_data / "closed-loop" / "medcom" / f"{folder}-testscripts" / f"TestScript-{folder}-{name}.json"
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def _about_what_was_sent(script: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """The assertions about what the system under test sent, for each of its sendings in order."""
    found: list[list[dict[str, Any]]] = []
    for test in script["test"]:
        operations = [action["operation"]["type"]["code"] for action in test["action"] if "operation" in action]
        if "create" in operations:
            said = (action.get("assert", {}) for action in test["action"])
            found.append([one for one in said if one.get("direction") == "request" and "expression" in one])
    return found


def _check(asked: list[dict[str, Any]], content: bytes, known: dict[str, str]) -> int:
    """Check the assertions of one sending; returns how many applied."""
    applied = [one for one in asked if not any(words in one["expression"] for words in _NOT_OURS)]
    for one in applied:
        assert holds(one, content, known), one["description"]
    return len(applied)


def _asked_of(content: bytes) -> dict[str, str]:
    return {"fullUrl": _full_url(content), "id": header(content)["id"]}


@pytest.mark.parametrize("twice", [False, True])
@pytest.mark.parametrize("code", ["ok", "transient-error", "fatal-error"])
def test_sending_acknowledgements(shared_data: Path, loop: Loop, code: str, *, twice: bool) -> None:
    """The scripts "Send acknowledgement" and "Send duplicate acknowledgement", for each code."""
    files = sorted((shared_data / "closed-loop" / "medcom" / "acknowledgement-testscripts").glob("TestScript*.json"))
    (file,) = [one for one in files if _names(one.name, code, twice=twice)]
    asked = _about_what_was_sent(json.loads(file.read_text(encoding="utf-8")))
    message = _message(loop, code)
    answers = [loop.municipality.exchange.receive(message, "hospital", MEDCOM)]
    loop.clock.forward(minutes=15)
    if twice:
        if code == "transient-error":
            loop.clock.forward(minutes=30)
        answers.append(loop.municipality.exchange.receive(message, "hospital", MEDCOM))
    assert len(asked) == len(answers)
    known = _asked_of(message)
    for number, (one, content) in enumerate(zip(asked, answers, strict=True)):
        before = orjson.loads(answers[number - 1]) if number else {"id": "", "timestamp": ""}
        assert _check(one, content, {**known, "id2": before["id"], "sent2": before["timestamp"]}) >= 8


def _names(file: str, code: str, *, twice: bool) -> bool:
    return file.startswith(f"TestScript-acknowledgement-send-{code}") and ("duplicate" in file) is twice


def _message(loop: Loop, code: str) -> bytes:
    """A message of the hospital's that the municipality answers by this code when it comes at this moment."""
    wire = wire_of(loop.hospital.wire)
    wire.break_with = TimeoutError()
    loop.hospital.exchange.send_notice(notice("01"))
    loop.hospital.exchange.run_due()
    content = wire.sent[-1]
    if code == "fatal-error":
        return orjson.dumps({name: value for name, value in orjson.loads(content).items() if name != "timestamp"})
    if code == "transient-error":  # it is dated ahead of the clock there
        loop.clock.forward(minutes=-40)
    return content


@pytest.mark.parametrize("name", ["new-message", "reply-message"])
def test_sending_chains(shared_data: Path, loop: Loop, name: str) -> None:
    """The scripts "Send" and "Reply CareCommunication", as far as they are about the chain."""
    (asked,) = _about_what_was_sent(_script(shared_data, "carecommunication", f"send-{name}"))
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    first = loop.hospital.wire.sent[-1]
    content = first
    if name == "reply-message":
        loop.municipality.exchange.act(notice("01").correlation_id, EventKind.ASK_INFORMATION, "Hva?")
        loop.settle()
        content = loop.municipality.wire.sent[-1]
    assert _check(asked, content, _asked_of(first)) >= (2 if name == "new-message" else 4)


def _fixtures(shared_data: Path) -> list[bytes]:
    folder = shared_data / "closed-loop" / "medcom"
    files = [*folder.glob("acknowledgement/Bundle-*.json"), *folder.glob("acknowledgement-testscripts/Bundle-*.json")]
    return [file.read_bytes() for file in sorted(files)]


@pytest.mark.parametrize("times", [1, 2])
def test_receiving_acknowledgements(shared_data: Path, loop: Loop, times: int) -> None:
    """The scripts "Receive acknowledgement" and "Receive duplicate": each fixture settles the message that it names."""
    seen = set[str]()
    for content in _fixtures(shared_data):
        incoming = Formats().named(MEDCOM).open(content, DEFAULT_LIMITS)
        assert isinstance(incoming, Reliable)
        receipt = incoming.receipt()
        if receipt is None:
            continue  # the empty message
        seen.add(receipt.code)
        wire = wire_of(loop.hospital.wire)
        wire.later = True
        example = notice("01")
        number = len(wire.log)
        loop.hospital.exchange.send_notice(
            example.evolve(id=f"{example.id}-{number}", correlation_id=f"{example.correlation_id}-{number}")
        )
        loop.hospital.exchange.run_due()
        ident = wire.log[-1]
        named = content.replace(receipt.message_id.encode(), ident.encode())
        for _ in range(times):
            assert loop.hospital.exchange.receive(named, "municipality", MEDCOM) == b""
        with loop.hospital.exchange.store.begin() as tx:
            row = tx.row(ident)
        wanted = {"ok": "sent", "fatal-error": "parked", "transient-error": "waiting"}
        assert row is not None
        assert row.status == wanted[receipt.code]
    assert seen == {"ok", "fatal-error", "transient-error"}


def test_receiving_first_no_for_now_and_then_yes(shared_data: Path, loop: Loop) -> None:
    """The script "Transient Error, followed by OK": the message is sent again in between, unchanged, and settled."""
    by_code = {header(one).get("response", {}).get("code"): one for one in _fixtures(shared_data)}
    wire = wire_of(loop.hospital.wire)
    wire.later = True
    loop.hospital.exchange.send_notice(notice("01"))
    loop.hospital.exchange.run_due()
    for code, times in (("transient-error", 2), ("ok", 2)):
        old = header(by_code[code])["response"]["identifier"]
        content = by_code[code].replace(old.encode(), wire.log[0].encode())
        loop.hospital.exchange.receive(content, "municipality", MEDCOM)
        loop.clock.forward(minutes=20)
        loop.hospital.exchange.run_due()
        assert len(wire.sent) == times
    assert len(set(wire.sent)) == 1
    assert loop.state(loop.hospital, notice("01").correlation_id) == "delivered"


_FOLLOW = {
    "f8aa0bf0-690d-11ed-9022-0242ac120002": ["42cb9200-f421-4d08-8391-7d51a2503cb4"],  # a changed message
    "b0d424f8-33a9-4cc2-a528-a6cc1c58727b": ["42cb9200-f421-4d08-8391-7d51a2503cb4"],  # one taken back
}
"""The messages before those examples that follow one on this wire."""


def test_chains_in_the_examples(shared_data: Path) -> None:
    """Chains of MedCom's own messages are read, also of one that follows a message of another wire."""
    files = sorted((shared_data / "closed-loop" / "medcom" / "carecommunication").glob("Bundle-*.json"))
    for file in files:
        content = file.read_bytes()
        incoming = Formats().named(MEDCOM).open(content, DEFAULT_LIMITS)
        assert isinstance(incoming, Reliable)
        assert isinstance(incoming, Citing)
        ident = header(content)["id"]
        assert incoming.told_id() == ident
        assert [one.value for one in incoming.cited()] == _FOLLOW.get(ident, [])
    assert len(files) == 5
