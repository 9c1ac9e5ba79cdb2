"""An attachment of the largest size that the domain has, over HTTP (issue 11, section 9; users.md 0, 10)."""

from __future__ import annotations

import base64
import random
import resource
from pathlib import Path

import psutil
import pytest

from ip_fhir.domain.agreement import Agreement, ContentLevel
from ip_fhir.domain.notice import Notice
from ip_fhir.domain.people import Attachment
from ip_fhir.domain.values.value import MOST_BASE64
from ip_fhir.errors import InvalidInput, Unavailable
from ip_fhir.fhir.reading import DEFAULT_LIMITS, read_json
from ip_fhir.fhir.receipt import receipt_from_fhir
from ip_fhir.mapping import message_from_fhir
from ip_fhir.ports import Outgoing, Receipt
from ip_fhir.settings import HttpSettings, LimitSettings
from tests.support.served import Served, served
from tests.support.two_sides import TOKENS, make_loop, notice


def with_attachment(characters: int) -> Notice:
    """An example notice with one attachment of so many characters of base64."""
    data = base64.b64encode(random.Random(11).randbytes(characters // 4 * 3)).decode()
    assert len(data) == characters
    return notice("03").evolve(attachments=(Attachment(title="Epikrise", content_type="application/pdf", data=data),))


class OverHttp:
    """An adapter that posts the bytes to a served endpoint, as one request."""

    name = "http"
    format = "fhir-message"

    def __init__(self, endpoint: Served) -> None:
        self.endpoint, self.sizes = endpoint, list[int]()

    def send(self, outgoing: Outgoing) -> Receipt:
        """Post it; the receipt is in the answer's body."""
        head = (
            "POST /$process-message HTTP/1.1\r\nHost: x\r\nContent-Type: application/fhir+json\r\n"
            f"Authorization: Bearer {TOKENS['hospital']}\r\nConnection: close\r\n"
            f"Content-Length: {len(outgoing.content)}\r\n\r\n"
        )
        self.sizes.append(len(outgoing.content))
        answer = self.endpoint.answer(head.encode() + outgoing.content)
        status, _, body = answer.partition(b"\r\n\r\n")
        if b" 200 " not in status.splitlines()[0]:
            raise Unavailable(status.splitlines()[0].decode())
        return receipt_from_fhir(read_json(body))


@pytest.mark.slow
def test_the_largest_attachment_arrives(tmp_path: Path) -> None:
    """18 MB go through both sides with default limits, byte for byte, in less than 1.5 GB for both sides together."""
    loop = make_loop(tmp_path, (Agreement(content_level=ContentLevel.PLAN),))
    large = with_attachment(MOST_BASE64)
    with served(loop.municipality.exchange) as endpoint:
        adapter = OverHttp(endpoint)
        loop.hospital.wire.send = adapter.send  # type: ignore[method-assign]
        before = psutil.Process().memory_info().rss
        loop.hospital.exchange.send_notice(large)
        loop.hospital.exchange.run_due()
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert loop.states("referral-03") == ("delivered", "delivered")
    stored = loop.municipality.exchange.store.referral("referral-03")
    assert stored is not None
    assert stored.referral.notice.attachments == large.attachments
    assert MOST_BASE64 < adapter.sizes[0] < DEFAULT_LIMITS.max_bytes
    assert most - before < 1_500_000_000


def test_the_limits_agree() -> None:
    """What a receiver takes by default has room for the largest documents and 5 MB besides; two fit at a time."""
    assert LimitSettings().max_bytes == DEFAULT_LIMITS.max_bytes == MOST_BASE64 + 5_000_000
    assert HttpSettings().bytes_in_flight >= 2 * LimitSettings().max_bytes


def test_all_documents_of_a_notice_count() -> None:
    """Several documents may have together what one may have: else the notice is refused at once, where it is made."""
    one = with_attachment(MOST_BASE64 // 2 + 4).attachments[0]
    with pytest.raises(InvalidInput, match="attachments: all documents together are larger than 18 MB"):
        notice("03").evolve(attachments=(one, one))


def test_what_is_cut_away_is_told(tmp_path: Path) -> None:
    """At the default content level an attachment is not sent: the sender is told, and the evidence says so."""
    loop = make_loop(tmp_path)
    referral = loop.hospital.exchange.send_notice(with_attachment(400))
    loop.settle()
    assert loop.hospital.exchange.releases.left_out(referral) == ("attachments: not sent at the content level needs",)
    record = loop.hospital.exchange.store.evidence("referral-03")[0].record
    assert (record.note or "").endswith("; attachments: not sent at the content level needs)")
    sent = message_from_fhir(read_json(loop.hospital.wire.sent[0])).notice
    assert sent is not None
    assert sent.attachments == ()
    whole = loop.hospital.exchange.send_notice(notice("01").evolve(attachments=()))
    assert loop.hospital.exchange.releases.left_out(whole) == ()
