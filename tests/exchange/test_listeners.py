"""Listeners: named in the settings, started in order, stopped in reverse, whatever one of them does."""

from pathlib import Path
from typing import Any

import pytest

from ip_fhir.bootstrap import open_listeners
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.listeners import BoundListener, listening
from ip_fhir.plugins import LISTENERS, installed_names
from ip_fhir.ports import Listener, Receiver
from ip_fhir.ports.lines import LineKnowing
from ip_fhir.settings import ListenerSettings, settings_of
from ip_fhir.testing import FakeListener, ListenerContract
from ip_fhir.testing.listener_contract import ReceiverDouble
from tests.support.plugin_site import LISTENER, install


class Hurried(FakeListener):
    """One that waits no second for what is under way."""

    longest_stop = 0.5


class TestFakeListener(ListenerContract):
    """What vendors are given to test with keeps the contract."""

    @pytest.fixture
    def listener(self) -> Listener:
        """Handed to by the test itself."""
        return Hurried({"peer": "hospital"})

    def hand_in(self, listener: Listener, content: bytes) -> None:
        """As a test does."""
        assert isinstance(listener, FakeListener)
        listener.hand(content)


# --- each promise can be broken


class Deaf(FakeListener):
    """Takes nothing in."""

    def hand(self, content: bytes) -> bytes:
        """All is well."""
        return b"ok"


class GoesOn(FakeListener):
    """Stops for nobody."""

    def stop(self) -> None:
        """Later."""


class DiesOfARefusal(FakeListener):
    """LeafCode with the first message that is refused."""

    def hand(self, content: bytes) -> bytes:
        """And says so to nobody."""
        try:
            return super().hand(content)
        except Exception:
            self.stop()
            raise


class DoesNotWait(FakeListener):
    """Returns from `stop` while something is under way."""

    def stop(self) -> None:
        """At once."""
        self._exchange = None


class NeedsAStart(FakeListener):
    """Cannot be stopped unless it runs."""

    def stop(self) -> None:
        """Only if it runs."""
        assert self._exchange is not None
        super().stop()


class Changes(FakeListener):
    """Hands over something else than came."""

    def hand(self, content: bytes) -> bytes:
        """With a line end."""
        return super().hand(content + b"\n")


class WaitsForEver(FakeListener):
    """Cannot be stopped while something is under way."""

    longest_stop = 60.0


class Talks(FakeListener):
    """Keeps what came for its `repr`."""

    last = b""

    def hand(self, content: bytes) -> bytes:
        """And keep it."""
        self.last = content
        return super().hand(content)

    def __repr__(self) -> str:
        return self.last.decode()


FAULTS: list[tuple[type[FakeListener], str]] = [
    (NeedsAStart, "test_stop_without_start"),
    (Changes, "test_what_comes_in_is_handed_over"),
    (DiesOfARefusal, "test_a_refusal_does_not_end_it"),
    (GoesOn, "test_nothing_comes_after_stop"),
    (DoesNotWait, "test_stop_waits_for_what_is_under_way"),
    (Talks, "test_it_is_silent"),
]


@pytest.mark.parametrize(("faulty", "test"), FAULTS)
def test_a_fault_is_found(faulty: type[FakeListener], test: str, caplog: pytest.LogCaptureFixture) -> None:
    """The contract's test passes with the right listener, and fails with the faulty one."""
    more: tuple[Any, ...] = (KeyError("x"), caplog) if "refusal" in test else ()
    contract = TestFakeListener()
    getattr(contract, test)(Hurried({"peer": "hospital"}), *more)
    with pytest.raises((AssertionError, ConnectionRefusedError)):
        getattr(contract, test)(faulty({"peer": "hospital"}), *more)


def test_one_that_hands_nothing_over_is_found() -> None:
    """The contract waits for what was handed in, and no longer than it says."""

    class Impatient(TestFakeListener):
        patience = 0.05

    with pytest.raises(AssertionError, match="1 were handed in, 0 came"):
        Impatient().test_what_comes_in_is_handed_over(Deaf({"peer": "hospital"}))
    with pytest.raises(AssertionError, match="stop had not returned"):
        Impatient().test_stop_is_bounded(WaitsForEver({"peer": "hospital"}))


# --- run by one side


class Noted:
    """A listener that writes down when it is started and stopped, and may fail at either."""

    def __init__(self, name: str, notes: list[str], fails_with: Exception | None = None) -> None:
        self.name = name
        self._notes, self._fails_with = notes, fails_with

    def start(self, exchange: Receiver) -> None:
        """Note it, then fail if it is to."""
        self._notes.append(f"start {self.name}")
        if self._fails_with is not None:
            raise self._fails_with

    def stop(self) -> None:
        """Note it, then fail if it is to."""
        self._notes.append(f"stop {self.name}")
        if self._fails_with is not None:
            raise self._fails_with


def test_stopped_in_reverse() -> None:
    """Also when the block ends in an error."""
    notes: list[str] = []
    with (
        pytest.raises(KeyboardInterrupt),
        listening(ReceiverDouble(), [Noted("a", notes), Noted("b", notes)]),
    ):
        raise KeyboardInterrupt
    assert notes == ["start a", "start b", "stop b", "stop a"]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(98, "Address already in use"), "listeners.1: b cannot start: Address already in use"),
        (InvalidInput.at("folder", "is not there"), "listeners.1.folder: is not there"),
        (KeyError("a password"), "listeners.1: b cannot start: KeyError"),
    ],
)
def test_one_that_cannot_start(error: Exception, words: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is named, with the place in the settings; those that run are stopped, and it is asked to clean up."""
    notes: list[str] = []
    listeners = [Noted("a", notes), Noted("b", notes, error), Noted("c", notes)]
    with pytest.raises(InvalidInput) as caught, listening(ReceiverDouble(), listeners):
        pytest.fail("it began")
    assert str(caught.value) == words
    assert notes == ["start a", "start b", "stop b", "stop a"]
    assert "listener b: could not be stopped" in caplog.text
    assert "password" not in caplog.text


# --- named in the settings


def settings(*listeners: dict[str, Any], environ: dict[str, str] | None = None, base: Path = Path()) -> Any:
    """The settings of a side with these listeners."""
    organization = {"id": "h", "name": "H", "kind": "hospital"}
    unit = {"id": "ke", "name": "KE", "kind": "coordinating-unit", "her_id": "8094866"}
    peers = [{"name": "ke", "url": "https://ke.example", "organization": unit}]
    data = {"role": "hospital", "organization": organization, "peers": peers, "listeners": list(listeners)}
    return settings_of(data, base, environ={} if environ is None else environ)


def test_options_are_the_plug_ins_own(tmp_path: Path) -> None:
    """They are handed on as they stand; secrets are read from where they are kept and shown nowhere."""
    (tmp_path / "key").write_text("a-secret-in-a-file\n", encoding="utf-8")
    (read,) = settings(
        {
            "use": "ear",
            "port": 2575,
            "password": {"env": "EAR_PASSWORD"},
            "key": {"file": "key"},
            "inbox": {"path": "inbox"},
            "deep": {"path": "a", "and": "b"},
        },
        environ={"EAR_PASSWORD": "hush", "IP_FHIR_LISTENERS__0__PORT": "2576"},
        base=tmp_path,
    ).listeners
    assert isinstance(read, ListenerSettings)
    assert read.options == {
        "port": "2576",
        "password": "hush",
        "key": "a-secret-in-a-file",
        "inbox": str(tmp_path / "inbox"),
        "deep": {"path": "a", "and": "b"},
    }
    assert not [shown for shown in (repr(read), str(read.model_dump())) if "hush" in shown or "in-a-file" in shown]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"port": 1}, "listeners.0.use: field required"),
        ({"use": "ear", "password": {"env": "NOT_SET"}}, "listeners.0.password: the environment variable named"),
        ({"use": "ear", "password": {"file": "nowhere"}}, "listeners.0.password: the file named here cannot be read"),
    ],
)
def test_settings_that_cannot_be_read(given: dict[str, Any], words: str) -> None:
    """The place says which listener and which option."""
    with pytest.raises(InvalidInput) as caught:
        settings(given)
    assert str(caught.value).startswith(words)


def test_every_problem_at_once(plugin_site: Path) -> None:
    """What is not installed, what is broken, and what a listener has against its options, each at its place."""
    install(plugin_site, "ear", "plugin_ear", LISTENER, "ip_fhir.listeners")
    install(plugin_site, "bad", "plugin_bad", "raise RuntimeError", "ip_fhir.listeners")
    assert {"bad", "ear"} <= set(installed_names(LISTENERS))
    (made,) = open_listeners(settings({"use": "ear", "port": 1}))
    assert made.name == "ear"
    with pytest.raises(InvalidInput) as caught:
        open_listeners(settings({"use": "ear", "colour": 1}, {"use": "nose"}, {"use": "bad"}, {"use": "ear"}))
    assert [problem.path for problem in caught.value.problems] == [
        "listeners.0.colour",
        "listeners.1.use",
        "listeners.2.use",
    ]
    assert "not installed (installed: bad, ear, fhirserver, mllp)" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "words"), [({}, "peer: is required"), ({"peer": "h", "colour": 1}, "colour: is no option")]
)
def test_the_fakes_options(options: dict[str, Any], words: str) -> None:
    """It says what it needs and what it does not know, as every listener does."""
    with pytest.raises(InvalidInput, match=words):
        FakeListener(options)


# --- bound to a peer or carrier


def test_a_listener_hands_in_for_its_own_party_only() -> None:
    """The party that it names is compared with the one that settings bind it to."""
    receiver, inner = ReceiverDouble(), FakeListener({"peer": "hospital"})
    with listening(receiver, [BoundListener(inner, "hospital")]):
        inner.hand(b"one")
    other = FakeListener({"peer": "another"})
    with listening(receiver, [BoundListener(other, "hospital")]), pytest.raises(InvalidInput, match="bind") as caught:
        other.hand(b"two")
    assert caught.value.status == 403
    assert [content for content, *_ in receiver.came] == [b"one"]


def test_a_bound_listener_asks_for_its_own_line_only() -> None:
    """Of a receiver that knows lines it gets its party's; of one that does not, none."""
    kept: list[Receiver] = []

    class Asking(FakeListener):
        def start(self, exchange: Receiver) -> None:
            kept.append(exchange)

    class Knowing(ReceiverDouble):
        def line_of(self, peer: str, format_name: str, number: str = "") -> object | None:
            return f"{peer} {format_name} {number}"

    for receiver, line in ((Knowing(), "hospital hl7v2 7"), (ReceiverDouble(), None)):
        BoundListener(Asking({"peer": "hospital"}), "hospital").start(receiver)
        found = kept.pop()
        assert isinstance(found, LineKnowing)
        assert found.line_of("hospital", "hl7v2", "7") == line
        with pytest.raises(InvalidInput, match="bind"):
            found.line_of("another", "hl7v2")


def test_a_listener_that_nothing_is_said_of(plugin_site: Path) -> None:
    """With several peers, settings must say whose messages it brings: it is not opened before they do."""
    install(plugin_site, "ear", "plugin_ear", LISTENER, "ip_fhir.listeners")
    known = settings({"use": "ear", "port": 1}, {"use": "ear", "speaks_for": "ke"})
    several = known.evolve(peers=(*known.peers, known.peers[0].evolve(name="other")))
    with pytest.raises(InvalidInput) as caught:
        open_listeners(several)
    assert [problem.path for problem in caught.value.problems] == ["listeners.0.speaks_for"]
