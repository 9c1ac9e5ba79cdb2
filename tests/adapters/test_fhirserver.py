"""The adapter for FHIR servers without messaging: one transaction, one effect, and nothing of others written over."""

import base64
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import orjson
import pytest

from ip_fhir.domain.message import MessageKind
from ip_fhir.domain.people import PersonName
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.messages import PlanMessage
from ip_fhir.errors import InvalidInput, PeerError, Rejected, Unavailable
from ip_fhir.exchange.formats.fhir_resources import FhirResources
from ip_fhir.fhir.reading import DEFAULT_LIMITS, write_json
from ip_fhir.mapping import default
from ip_fhir.ports import CheckingAdapter, Endpoint, Outgoing, Receipt
from ip_fhir.testing import AdapterContract, PeerDouble
from ip_fhir.testing.adapter_contract import Behaviour
from ip_fhir.testing.message_samples import NUMBER, message, plan_message
from ip_fhir.testing.store_samples import PERSON
from ip_fhir_fhirserver import FhirServerAdapter, adapter
from tests.support.certificates import Authority
from tests.support.fhir_server import JSON, Fault, FhirServerDouble, fhir_server
from tests.support.served import served
from tests.support.two_sides import make_loop

PATIENT = {"system": "urn:oid:2.16.578.1.12.4.1.4.1", "value": str(NUMBER)}
STORED = {"receipt": "stored"}


def written(ident: str, kind: MessageKind = MessageKind.NOTICE) -> bytes:
    """A message as the format writes it."""
    return FhirResources().write(message(kind, ident), default())


def view(number: int, title: str) -> bytes:
    """The view of this number of one share."""
    sample = plan_message(PlanMessageKind.PLAN)
    assert sample.view is not None
    changed = sample.view.evolve(number=number, plan=sample.view.plan.evolve(title=title, version=number))
    return FhirResources().write(sample.evolve(id=f"view-{number}", view=changed), default())


def outgoing(url: str, ident: str = "message-1", content: bytes | None = None, **options: str) -> Outgoing:
    """A message to the server at this address."""
    return Outgoing(
        ident, "loop-1", content or written(ident), "application/fhir+json", Endpoint(url, None, 5.0, options)
    )


@pytest.fixture
def server() -> Iterator[FhirServerDouble]:
    """A server that refuses references to nothing."""
    with fhir_server() as double:
        double.faults.add("checks references")
        yield double


@pytest.fixture
def sender() -> Iterator[FhirServerAdapter]:
    """As its entry point makes it."""
    made = adapter()
    yield made
    made.close()


class ServerPeer:
    """A peer whose system is a FHIR server: what it has received are the messages in the Tasks there."""

    def __init__(self, double: FhirServerDouble) -> None:
        self.double = double
        self.down = False

    @property
    def url(self) -> str:
        """Where it listens; where nobody does while it is down."""
        return "http://127.0.0.1:9/fhir" if self.down else self.double.base

    @property
    def received(self) -> list[bytes]:
        """The messages, as the Tasks there have them."""
        attached = [task["input"][0]["valueAttachment"]["data"] for task in self.double.of_type("Task")]
        return [base64.b64decode(data) for data in attached]

    def behave(self, behaviour: Behaviour) -> None:
        """From now on."""
        faults: dict[Behaviour, set[Fault]] = {
            "later": {"busy"},
            "no": {"refuses"},
            "nonsense": {"html"},
            "other": {"another answer"},
            "silent": {"hangs"},
        }
        self.double.faults, self.down = faults.get(behaviour, set()), behaviour == "down"
        self.double.asked.clear()


class TestFhirServer(AdapterContract):
    """With a receipt as soon as the server has the message."""

    options = STORED

    @pytest.fixture
    def adapter(self, sender: FhirServerAdapter) -> FhirServerAdapter:
        """The adapter."""
        return sender

    @pytest.fixture
    def peer(self, server: FhirServerDouble) -> ServerPeer:
        """The server."""
        return ServerPeer(server)

    def outgoing(self, peer: PeerDouble, ident: str = "message-1") -> Outgoing:
        """A message with this id."""
        return replace(super().outgoing(peer, ident), content=written(ident))

    def test_it_sends_what_it_is_given(self, adapter: Any, peer: PeerDouble) -> None:
        """The message arrives whole, and once however often it is sent: the server knows it by its id."""
        for _ in range(2):
            assert adapter.send(self.outgoing(peer)) == Receipt("message-1", "ok")
        entries = orjson.loads(written("message-1"))["entry"]
        data = entries[0]["resource"]["input"][0]["valueAttachment"]["data"]
        assert list(peer.received) == [base64.b64decode(data)]


def test_one_transaction(server: FhirServerDouble, sender: FhirServerAdapter) -> None:
    """All is written by one request; the Task waits, and until it is taken in there is no receipt."""
    assert sender.send(outgoing(server.base)) is None
    assert len([one for one in server.asked if one == "POST /fhir"]) == 1
    (task,) = server.of_type("Task")
    (request,) = server.of_type("ServiceRequest")
    (patient,) = server.of_type("Patient")
    assert task["status"] == "requested"
    assert task["focus"]["reference"] == f"ServiceRequest/{request['id']}"
    assert task["for"]["reference"] == request["subject"]["reference"] == f"Patient/{patient['id']}"
    names = {one["id"]: one["name"] for one in server.of_type("Organization")}
    assert names[task["owner"]["reference"].partition("/")[2]] == "Koordinerende enhet"
    before = server.count()
    assert sender.send(outgoing(server.base)) is None
    assert server.count() == before


@pytest.mark.parametrize(
    ("status", "code"), [("completed", "ok"), ("rejected", "fatal-error"), ("cancelled", "fatal-error")]
)
def test_the_status_is_the_receipt(server: FhirServerDouble, sender: FhirServerAdapter, status: str, code: str) -> None:
    """A message that was taken in, or refused, has its receipt when it is sent again; nobody's words are in it."""
    sender.send(outgoing(server.base))
    (task,) = server.of_type("Task")
    reason = {"coding": [{"code": "security"}, {"code": PERSON}], "text": PERSON}
    server.put({**task, "status": status, "statusReason": reason})
    receipt = sender.send(outgoing(server.base))
    assert receipt is not None
    assert (receipt.message_id, receipt.code) == ("message-1", code)
    assert PERSON not in str(receipt.problems)


def test_actors_that_are_there(server: FhirServerDouble, sender: FhirServerAdapter) -> None:
    """A patient and an organisation are found by number, also by an alias of its system, and never written."""
    own = {"resourceType": "Patient", "id": "p7", "active": True, "identifier": [PATIENT]}
    unit = {
        "resourceType": "Organization",
        "id": "o7",
        "identifier": [{"system": "http://hl7.no/fhir/NamingSystem/HERid", "value": "8094866"}],
    }
    server.put(own)
    server.put(unit)
    sender.send(outgoing(server.base))
    assert [one["id"] for one in server.of_type("Patient")] == ["p7"]
    assert server.of_type("ServiceRequest")[0]["subject"]["reference"] == "Patient/p7"
    assert server.of_type("Task")[0]["owner"]["reference"] == "Organization/o7"
    assert {len(server.versions[name]) for name in ("Patient/p7", "Organization/o7")} == {1}


def test_two_patients_with_one_number(server: FhirServerDouble, sender: FhirServerAdapter) -> None:
    """Nobody guesses which of them is meant: refused for good, the words say what to do, and nothing is written."""
    for ident in ("p7", "p8"):
        server.put({"resourceType": "Patient", "id": ident, "identifier": [PATIENT]})
    before = server.count()
    with pytest.raises(Rejected, match=r"2 of type Patient with one number: somebody must merge them") as caught:
        sender.send(outgoing(server.base))
    assert str(NUMBER) not in str(caught.value)
    assert server.count() == before


def test_the_next_view(server: FhirServerDouble, sender: FhirServerAdapter) -> None:
    """A view is written over the one before it, onto the version that was read; the message has both."""
    sender.send(outgoing(server.base, "view-1", view(1, "Den første")))
    sender.send(outgoing(server.base, "view-2", view(2, "Den andre")))
    (plan,) = server.of_type("CarePlan")
    assert plan["title"] == "Den andre"
    entries = orjson.loads(server.bodies[-1])["entry"]
    requests = [entry["request"] for entry in entries]
    assert all(entry["fullUrl"].startswith("urn:uuid:") for entry in entries)
    assert [one.get("ifMatch") for one in requests if one["method"] == "PUT"] == ['W/"1"']
    assert len(server.of_type("Task")) == 2


def test_somebody_elses_change_stays(server: FhirServerDouble, sender: FhirServerAdapter) -> None:
    """What somebody else has changed there is not written over; the message arrives, and the receipt tells it."""
    sender.send(outgoing(server.base, "view-1", view(1, "Den første"), **STORED))
    (plan,) = server.of_type("CarePlan")
    server.put({**plan, "title": "Vår egen"})
    receipt = sender.send(outgoing(server.base, "view-2", view(2, "Den andre"), **STORED))
    assert server.of_type("CarePlan")[0]["title"] == "Vår egen"
    assert receipt is not None
    assert [(one.path, one.severity) for one in receipt.problems] == [("CarePlan", "warning")]
    assert len(server.of_type("Task")) == 2


def test_changed_between_look_and_write(server: FhirServerDouble, sender: FhirServerAdapter) -> None:
    """Somebody is quicker than our transaction: it takes no effect, and is tried again."""
    sender.send(outgoing(server.base, "view-1", view(1, "Den første")))
    (plan,) = server.of_type("CarePlan")
    server.before_transaction = lambda: server.put({**plan, "title": "Vår egen"})
    with pytest.raises(PeerError) as caught:
        sender.send(outgoing(server.base, "view-2", view(2, "Den andre")))
    assert caught.value.retry
    assert len(server.of_type("Task")) == 1
    sender.send(outgoing(server.base, "view-2", view(2, "Den andre")))
    assert server.of_type("CarePlan")[0]["title"] == "Vår egen"


@pytest.mark.parametrize("fault", ["late", "lost"])
@pytest.mark.parametrize("more", [None, "no conditional create", "no identifier search"])
def test_an_answer_that_did_not_come(
    server: FhirServerDouble, sender: FhirServerAdapter, fault: Fault, more: Fault | None
) -> None:
    """504, after the transaction took effect and without: in the end it took effect once."""
    server.faults |= {fault, *([more] if more else [])}
    with pytest.raises(Unavailable):
        sender.send(outgoing(server.base))
    sender.send(outgoing(server.base))
    for type_ in ("Task", "ServiceRequest", "Patient"):
        assert len(server.of_type(type_)) == 1, type_
    assert len(server.of_type("Organization")) == 2


def test_way_round(server: FhirServerDouble, sender: FhirServerAdapter, caplog: pytest.LogCaptureFixture) -> None:
    """A type that the server does not have is left out, one without search by identifier has an id of ours; told."""
    server.faults |= {"no goals", "no identifier search"}
    caplog.set_level("INFO")
    sender.send(outgoing(server.base, "view-1", view(1, "Den første")))
    (plan,) = server.of_type("CarePlan")
    assert server.of_type("Goal") == []
    assert plan["goal"] == [{"display": "not on this server"}]
    sender.send(outgoing(server.base, "view-2", view(2, "Den andre")))
    (plan,) = server.of_type("CarePlan")
    assert (plan["title"], plan["meta"]["versionId"]) == ("Den andre", "2")
    assert "Goal: cannot be created there" in caplog.text
    assert "CarePlan: cannot be searched by identifier" in caplog.text


@pytest.mark.parametrize(
    ("fault", "words"), [("no transaction", "takes no transactions"), ("R5", "is no R4 server: 5.0.0")]
)
def test_nothing_can_be_sent(server: FhirServerDouble, sender: FhirServerAdapter, fault: str, words: str) -> None:
    """A server without transactions, or of another FHIR version, is refused with words before anything is sent."""
    server.fhir_version = "5.0.0" if fault == "R5" else "4.0.1"
    server.faults |= {cast("Fault", fault)} - {"R5"}
    with pytest.raises(Rejected, match=words):
        sender.send(outgoing(server.base))
    assert server.asked == ["GET /fhir/metadata"]
    server.faults.discard("no transaction")
    server.fhir_version = "4.0.1"
    sender.send(outgoing(server.base))
    assert len(server.of_type("Task")) == 1


@pytest.mark.parametrize(
    ("fault", "retry"),
    [
        ("html", True),
        ("truncates", True),
        ("redirects", False),
        ("error inside", False),
        ("summary", False),
        ("no location", True),
        ("pages for ever", False),
        ("pages elsewhere", False),
        ("busy", True),
    ],
)
def test_bad_servers(server: FhirServerDouble, sender: FhirServerAdapter, fault: Fault, *, retry: bool) -> None:
    """Each bad answer is an error of the peer that says if it is tried again; later the message arrives once."""
    sender.send(outgoing(server.base, "before"))  # so that searches find something
    server.asked.clear()
    server.faults.add(fault)
    with pytest.raises(PeerError) as caught:
        sender.send(outgoing(server.base))
    assert caught.value.retry is retry
    assert PERSON not in str(caught.value)
    assert str(NUMBER) not in str(caught.value)
    assert all("169.254" not in one for one in server.asked)
    server.faults.discard(fault)
    sender.send(outgoing(server.base))
    assert len(server.of_type("Task")) == 2
    assert len(server.of_type("Patient")) == 1


@pytest.mark.parametrize("more", [None, "no conditional create"])
def test_a_server_that_heeds_no_criteria(
    server: FhirServerDouble, sender: FhirServerAdapter, more: Fault | None
) -> None:
    """Another's Task or Patient is not taken for ours because a search, or a condition, would find it."""
    server.put({"resourceType": "Patient", "id": "p9", "identifier": [{"system": PATIENT["system"], "value": "0"}]})
    sender.send(outgoing(server.base, "before", written("before", MessageKind.ACCEPTED)))
    server.faults |= {"ignores criteria", *([more] if more else [])}
    for _ in range(2):
        sender.send(outgoing(server.base))
    assert len(server.of_type("Task")) == 2
    assert len(server.of_type("Patient")) == 2
    assert server.of_type("ServiceRequest")[0]["subject"]["reference"] != "Patient/p9"


def test_another_message_under_the_id(server: FhirServerDouble, sender: FhirServerAdapter) -> None:
    """A Task of this id that carries something else is no receipt."""
    sender.send(outgoing(server.base))
    with pytest.raises(Rejected, match="another message has this id"):
        sender.send(outgoing(server.base, content=written("message-1", MessageKind.ACCEPTED)))


def test_options(server: FhirServerDouble, sender: FhirServerAdapter) -> None:
    """Without `meta_profile` no resource names one; without `resources` only the Task and its parties are there."""
    sender.send(outgoing(server.base, meta_profile="false"))
    assert all("profile" not in one["meta"] for found in server.versions.values() for one in found)
    assert server.of_type("ServiceRequest")
    with fhir_server() as other:
        other.faults.add("checks references")
        sender.send(outgoing(other.base, resources="false"))
        assert {name.partition("/")[0] for name in other.versions} == {"Task", "Organization"}


@pytest.mark.parametrize(
    ("url", "options", "place"),
    [
        ("https://a.example/fhir", {"receipts": "read"}, ""),
        ("https://a.example/fhir", {"receipt": "never"}, "receipt"),
        ("https://a.example/fhir", {"meta_profile": "perhaps"}, "meta_profile"),
        ("mllp://a.example:1", {}, "url"),
    ],
)
def test_settings_that_cannot_be_used(sender: FhirServerAdapter, url: str, options: dict[str, str], place: str) -> None:
    """They are refused at their place before anything is connected to."""
    assert isinstance(sender, CheckingAdapter)
    with pytest.raises(InvalidInput) as caught:
        sender.check(Endpoint(url, None, 5.0, options))
    assert [one.path for one in caught.value.problems] == [place]


@pytest.mark.parametrize("content", [b"{}", b"<a/>", b'{"resourceType": "Bundle", "entry": [1]}', written("other")])
def test_what_is_no_message(server: FhirServerDouble, sender: FhirServerAdapter, content: bytes) -> None:
    """Anything but a transaction of the format, with this message in it, is refused for good, and nothing is asked."""
    with pytest.raises(Rejected):
        sender.send(outgoing(server.base, content=content))
    assert server.asked == []


def test_ids_of_digits(server: FhirServerDouble, sender: FhirServerAdapter) -> None:
    """Ids are the server's: ours, which some servers refuse if they have only digits, are in the message alone."""
    sample = message(MessageKind.NOTICE)
    assert sample.notice is not None
    name = PersonName(family="Talltest", given="Ada")
    owner = sample.notice.owner.evolve(id="101", name=name)
    content = FhirResources().write(sample.evolve(notice=sample.notice.evolve(id="202", owner=owner)), default())
    sender.send(outgoing(server.base, content=content))
    sent: list[JSON] = orjson.loads(server.bodies[-1])["entry"]
    assert all("id" not in entry["resource"] for entry in sent)
    assert "Patient/101" not in orjson.dumps([entry["resource"] for entry in sent[1:]]).decode()


def test_a_change_is_no_plan(server: FhirServerDouble, sender: FhirServerAdapter) -> None:
    """A plan that is only proposed stands in the message alone: nobody there may take it for the plan."""
    sample: PlanMessage = plan_message(PlanMessageKind.PLAN_CHANGE)
    sender.send(outgoing(server.base, sample.id, FhirResources().write(sample, default())))
    assert {name.partition("/")[0] for name in server.versions} == {"Task", "Organization", "Patient"}


def withdrawal() -> tuple[str, bytes]:
    """The end of the share that `view` has views of."""
    shown, sample = plan_message(PlanMessageKind.PLAN).view, plan_message(PlanMessageKind.PLAN_WITHDRAWN, "end-1")
    assert shown is not None
    assert sample.withdrawal is not None
    ended = sample.evolve(withdrawal=sample.withdrawal.evolve(share=shown.share))
    return ended.id, FhirResources().write(ended, default())


def test_the_end_of_a_share(server: FhirServerDouble, sender: FhirServerAdapter) -> None:
    """The plan is revoked there, and keeps what somebody else has changed; where there is none, none is made."""
    sender.send(outgoing(server.base, "view-1", view(1, "Den første")))
    (plan,) = server.of_type("CarePlan")
    server.put({**plan, "title": "Vår egen"})
    sender.send(outgoing(server.base, *withdrawal()))
    (plan,) = server.of_type("CarePlan")
    assert (plan["status"], plan["title"], plan["meta"]["versionId"]) == ("revoked", "Vår egen", "3")
    assert len(server.of_type("Task")) == 2
    with fhir_server() as other:
        sender.send(outgoing(other.base, *withdrawal()))
        assert {name.partition("/")[0] for name in other.versions} == {"Task", "Organization"}


@pytest.mark.parametrize("kind", [*MessageKind, *PlanMessageKind])
def test_every_kind(server: FhirServerDouble, sender: FhirServerAdapter, kind: MessageKind | PlanMessageKind) -> None:
    """Each kind of message is a Task with its code, which is read back as the message; no reference leads nowhere."""
    sample = plan_message(kind) if isinstance(kind, PlanMessageKind) else message(kind)
    sender.send(outgoing(server.base, sample.id, FhirResources().write(sample, default())))
    (task,) = server.of_type("Task")
    assert task["code"]["coding"][0]["code"] == kind
    assert FhirResources().open(write_json(task), DEFAULT_LIMITS).message(default()) == sample


def test_requests(server: FhirServerDouble, sender: FhirServerAdapter) -> None:
    """A notice takes one search for each type of resource in it, and one transaction; a resend one search."""
    sender.send(outgoing(server.base, "before"))
    server.asked.clear()
    sender.send(outgoing(server.base))
    types = {one.split()[1] for one in server.asked if one.endswith("_search")}
    assert len(server.asked) == len(types) + 1
    server.asked.clear()
    sender.send(outgoing(server.base))
    assert server.asked == ["POST /fhir/Task/_search"]
    assert all(str(NUMBER) not in one for one in server.asked)


def test_certificates_of_both_sides(sender: FhirServerAdapter, tmp_path: Path) -> None:
    """A server that wants a certificate is reached with ours; without it, nothing is said there."""
    authority = Authority(tmp_path)
    ours, theirs = authority.certificate("us"), authority.certificate("server")
    exchange = make_loop(tmp_path).municipality.exchange
    with served(exchange, tls={**theirs, "clients": "required"}) as running:
        url = f"https://127.0.0.1:{running.port}"
        with pytest.raises(Rejected) as caught:  # it does not know us, but it did answer
            sender.send(replace(outgoing(url), endpoint=Endpoint(url, None, 5.0, ours)))
        assert caught.value.status == 401
        without: list[dict[str, str]] = [{}, {"trusted": authority.trusted}]
        for files in without:
            with pytest.raises(Unavailable):
                sender.send(replace(outgoing(url), endpoint=Endpoint(url, None, 5.0, files)))


def test_files_that_cannot_be_used(sender: FhirServerAdapter) -> None:
    """They are told before anything is sent."""
    with pytest.raises(InvalidInput) as caught:
        sender.check(Endpoint("https://fhir.example", None, 5.0, {"trusted": "no-such-file"}))
    assert caught.value.problems[0].path == "trusted"
