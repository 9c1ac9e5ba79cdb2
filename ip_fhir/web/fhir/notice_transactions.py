"""A transaction with a notice that is to be created only if it is not there: `ifNoneExist` of its ServiceRequest.

http://hl7.org/fhir/R4/http.html#ccreate. Where it is there, nothing of the transaction is taken in: the people beside a
notice are kept inside it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers

from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.bundle import content_of_transaction, refuse_aside
from ip_fhir.fhir.reading import read_json
from ip_fhir.web.answers import fhir
from ip_fhir.web.fhir.asked import Asked
from ip_fhir.web.searching import condition_of

if TYPE_CHECKING:
    from starlette.responses import Response

    from ip_fhir.exchange import Exchange
    from ip_fhir.exchange.peers import Credential
    from ip_fhir.fhir.bundle import BundleContent
    from ip_fhir.ports import JsonObject, ResourceVersion
    from ip_fhir.web.fhir.loops import Loops

_NOTICE: Final = "ServiceRequest"


class NoticeTransactions:
    """Answers transactions whose notice is there already."""

    def __init__(self, exchange: Exchange, loops: Loops) -> None:
        self._exchange, self._loops = exchange, loops

    def answer(self, peer: Credential, content: bytes) -> Response | None:
        """Returns a transaction-response with what is there; None for a transaction that is to be taken in, or none.

        Raises `BadRequest` 400 for a condition that is none, `InvalidInput` (multiple-matches) if it finds several.
        """
        transaction = self._conditional(content)
        if transaction is None:
            return None
        (number,) = (one.number for one in transaction.entries if one.type == _NOTICE)
        request = transaction.bundle["entry"][number]["request"]
        asked = Asked("POST", headers=Headers({"If-None-Exist": str(request["ifNoneExist"])}))
        criteria = condition_of(asked, _NOTICE, self._exchange.url)
        notice = self._loops.matching(_NOTICE, peer, criteria or (), f"Bundle.entry[{number}].request.ifNoneExist")
        return None if notice is None else fhir(self._there(peer, transaction, notice))

    def _conditional(self, content: bytes) -> BundleContent | None:
        """The content of a transaction with one notice, which has a condition; what is wrong else is not told here."""
        if b'"ifNoneExist"' not in content:
            return None
        with suppress(InvalidInput):
            found = content_of_transaction(read_json(content, self._exchange.limits))
            refuse_aside(found)
            notices = [one for one in found.entries if one.type == _NOTICE]
            if len(notices) == 1 and notices[0].method == "POST":
                request = found.bundle["entry"][notices[0].number]["request"]
                if found.bundle.get("type") == "transaction" and "ifNoneExist" in request:
                    return found
        return None

    def _there(self, peer: Credential, transaction: BundleContent, notice: ResourceVersion) -> JsonObject:
        """The answer: at the entries of the notice and of its Task, where they are."""
        criteria = {"based-on": f"{_NOTICE}/{notice.id}"}
        tasks = self._exchange.search_resources(peer, "Task", criteria, 1).found
        there = {one.type: one for one in (notice, *tasks)}
        entries = [{"response": _response(there.get(entry.type), notice)} for entry in transaction.entries]
        return {"resourceType": "Bundle", "type": "transaction-response", "entry": entries}


def _response(found: ResourceVersion | None, notice: ResourceVersion) -> JsonObject:
    """The response for an entry; of what is kept inside the notice it has no address."""
    response = {"status": "200 OK", "lastModified": (found or notice).updated.isoformat(timespec="milliseconds")}
    if found is not None:
        version = f"{found.type}/{found.id}/_history/{found.version}"
        response |= {"location": version, "etag": f'W/"{found.version}"'}
    return response
