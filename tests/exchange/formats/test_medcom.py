"""The format medcom-message: valid FHIR, whole chains, and what is refused."""

from copy import deepcopy
from typing import Any

import orjson
import pytest

from ip_fhir.domain.message import MessageKind
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.formats import Answer, Earlier
from ip_fhir.exchange.formats.medcom import IncomingMedCom, MedComMessage
from ip_fhir.fhir.medcom.chain import MOST
from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.fhir.strict import check_models
from ip_fhir.mapping import default
from ip_fhir.ports import Receipt
from ip_fhir.testing.message_samples import NUMBER, message, plan_message
from ip_fhir.testing.store_samples import NOON
from tests.support.medcom import chain, header, with_link


def _written(*kinds: MessageKind) -> list[bytes]:
    """Messages of these kinds, each of which follows those before it; the first is ours, the next theirs, and so on."""
    found: list[bytes] = []
    for number, kind in enumerate(kinds):
        earlier = [
            Earlier(f"message-{n}", NOON, own=(number - n) % 2 == 0, content=content) for n, content in enumerate(found)
        ]
        found.append(MedComMessage().write_after(message(kind, f"message-{number}"), earlier, default()))
    return found


def _opened(bundle: Any) -> IncomingMedCom:
    content = bundle if isinstance(bundle, bytes) else orjson.dumps(bundle)
    return MedComMessage().open(content, DEFAULT_LIMITS)


def _answered(content: bytes) -> bytes:
    ident = header(content)["id"]
    return _opened(content).reply(Answer(Receipt(ident, "ok"), (), NOON, "https://m.example/fhir"))


@pytest.mark.parametrize("kind", [*MessageKind, *PlanMessageKind])
def test_it_is_valid_fhir(kind: MessageKind | PlanMessageKind) -> None:
    """FHIR's own models find nothing wrong in a message of any kind, nor in its acknowledgement."""
    sample = message(kind) if isinstance(kind, MessageKind) else plan_message(kind)
    content = MedComMessage().write(sample, default())
    for bundle in map(orjson.loads, (content, _answered(content))):
        check_models(bundle)
        urls = [entry["fullUrl"] for entry in bundle["entry"]]
        assert len(urls) == len(set(urls))


def test_activities() -> None:
    """The first message is new, one after the other party's a reply, and one after one's own a continuation."""
    content = _written(MessageKind.NOTICE, MessageKind.INFORMATION_REQUEST)[-1]
    own = [Earlier("message-1", NOON, own=True, content=content)]
    after = MedComMessage().write_after(message(MessageKind.REMINDER, "message-2"), own, default())
    codes = [
        entry["resource"]["activity"]["coding"][0]["code"]
        for entry in orjson.loads(after)["entry"]
        if "activity" in entry["resource"]
    ]
    assert codes == ["new-message", "reply-message", "modified-message"]
    assert chain(after)[-1] == ("message-2", ["message-1"])


@pytest.mark.parametrize("answered", [False, True])
def test_a_chain_is_made_of_what_was_sent_or_answered(*, answered: bool) -> None:
    """A message's Provenances are taken from its own bytes or from its acknowledgement, with the same result."""
    first, second = _written(MessageKind.NOTICE, MessageKind.INFORMATION_REQUEST)
    kept = [_answered(one) if answered else one for one in (first, second)]
    earlier = [Earlier(f"message-{n}", NOON, own=n == 0, content=one) for n, one in enumerate(kept)]
    after = MedComMessage().write_after(message(MessageKind.INFORMATION, "message-2"), earlier, default())
    assert chain(after) == [("message-0", []), ("message-1", ["message-0"]), ("message-2", ["message-1"])]


@pytest.mark.parametrize(
    ("ident", "told"),
    [("m-1", "m-1"), (None, None), (7, None), ("", None), ("a b", None), ("x" * 65, None), (str(NUMBER), None)],
)
def test_the_id_by_which_a_refusal_is_told(ident: Any, told: str | None) -> None:
    """Only one that is an id, and no person's number; without it there is no acknowledgement."""
    bundle = orjson.loads(_written(MessageKind.NOTICE)[0])
    bundle["entry"][0]["resource"]["id"] = ident
    assert _opened(bundle).told_id() == told
    assert _opened({**bundle, "type": "collection"}).told_id() is None
    assert _opened({**bundle, "entry": bundle["entry"][1:]}).told_id() is None


@pytest.mark.parametrize("ident", [None, 7, "", "a b", "x" * 65])
def test_an_envelope_without_an_id(ident: Any) -> None:
    """It is refused: a message that comes again could not be told from another."""
    bundle = {**orjson.loads(_written(MessageKind.NOTICE)[0]), "id": ident}
    with pytest.raises(InvalidInput, match=r"^Bundle\.id"):
        _opened(bundle).envelope_id()


def test_two_provenances_of_the_message() -> None:
    """They could name different messages before it: refused at the second."""
    bundle = orjson.loads(_written(MessageKind.NOTICE)[0])
    link = deepcopy(bundle["entry"][-1])
    link["fullUrl"], link["resource"]["id"] = "https://x.example/fhir/Provenance/p", "p"
    bundle["entry"].append(link)
    with pytest.raises(InvalidInput, match=rf"^Bundle\.entry\[{len(bundle['entry']) - 1}\]\.resource\.target"):
        _opened(bundle).message(default())


def test_too_long_a_chain() -> None:
    """It is refused as too costly."""
    bundle = orjson.loads(_written(MessageKind.NOTICE)[0])
    link = bundle["entry"][-1]
    for number in range(MOST):
        made = {**link["resource"], "id": f"p-{number}"}
        bundle["entry"].append({"fullUrl": f"https://x.example/fhir/Provenance/p-{number}", "resource": made})
    with pytest.raises(InvalidInput) as caught:
        _opened(bundle).message(default())
    assert [problem.code for problem in caught.value.problems] == ["too-costly"]


def test_an_acknowledgement_is_no_message() -> None:
    """Read as one, it is refused."""
    with pytest.raises(InvalidInput, match="is an acknowledgement"):
        _opened(_answered(_written(MessageKind.NOTICE)[0])).message(default())


@pytest.mark.parametrize("target", [[], {}, "x", [7], [{"display": "it"}], None])
def test_a_target_that_is_none(target: Any) -> None:
    """Whatever stands in the place of a reference is refused; a Provenance of the content is no link."""
    content = with_link(_written(MessageKind.NOTICE)[0], lambda link: link.update(target=target))
    with pytest.raises(InvalidInput, match=r"\.target"):
        _opened(content).message(default())
    plain = with_link(_written(MessageKind.NOTICE)[0], lambda _link: None)
    assert _opened(plain).message(default()).kind is MessageKind.NOTICE


def test_a_reply_that_is_kept_no_longer() -> None:
    """There is nothing to send again."""
    assert _opened(_written(MessageKind.NOTICE)[0]).again(b"", NOON) == b""
