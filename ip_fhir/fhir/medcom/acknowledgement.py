"""Acknowledgements in the manner of MedCom: a message of its own for every message, for whatever became of it.

Profile medcom-messaging-acknowledgement: the header names the message by its id and says `ok`, `transient-error` or
`fatal-error`; the message's chain of Provenances has one more at its end; an OperationOutcome tells what is wrong.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from uuid import NAMESPACE_URL, uuid5

from ip_fhir.fhir.medcom.chain import carried, entries_in, links_in, named, provenance
from ip_fhir.fhir.medcom.codes import (
    ACKNOWLEDGEMENT,
    ACKNOWLEDGEMENT_EVENT,
    EVENTS,
    SAFE_CODES,
    detail_of,
    primary_use,
)
from ip_fhir.fhir.outcome import outcome
from ip_fhir.fhir.receipt import message_header, receipt_from_fhir
from ip_fhir.fhir.references import References

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ip_fhir.errors import Problem
    from ip_fhir.fhir.bundle import Entry
    from ip_fhir.ports import JsonObject, Receipt

_HEADER: Final = "MessageHeader"


def acknowledgement(
    receipt: Receipt, request: JsonObject, at: datetime, endpoint: str, warnings: Sequence[Problem] = ()
) -> JsonObject:
    """Returns the acknowledgement of the message Bundle `request`, at a time (UTC), by the system at `endpoint`.

    Whatever can be read of the request goes into it: the chain, and both parties. `warnings` are told beside a yes. Ids
    derive from what is said and when, so that the same answer is the same to the byte.
    """
    ident = str(uuid5(NAMESPACE_URL, f"{endpoint}#{receipt.code}-of-{receipt.message_id}-{at.isoformat()}"))
    made = _Acknowledgement(receipt, request, endpoint, ident)
    return made.bundle(at.isoformat(timespec="milliseconds"), [*receipt.problems, *warnings])


def is_acknowledgement(bundle: JsonObject) -> bool:
    """True for a Bundle whose header is that of a receipt: never a message that is answered."""
    first = next(iter(entries_in(bundle)), None)
    if first is None or first.type != _HEADER:
        return False
    event = first.resource.get("eventCoding")
    return "response" in first.resource or (isinstance(event, dict) and event.get("code") == ACKNOWLEDGEMENT_EVENT)


def receipt_in(bundle: JsonObject) -> Receipt:
    """Reads an acknowledgement. Raises `InvalidInput` if it is none, or one of its Provenances says too little.

    The codes of MedCom that say what is wrong are in the words of the problems; free text is left out.
    """
    receipt = receipt_from_fhir(bundle)
    links_in(entries_in(bundle))
    if not receipt.problems:
        return receipt
    details = [detail for entry in entries_in(bundle) for detail in _details(entry.resource)]
    if len(details) != len(receipt.problems):  # a yes, or not all of them errors
        return receipt
    told = zip(receipt.problems, details, strict=True)
    return replace(receipt, problems=tuple(replace(p, reason=f"{p.reason}{detail}") for p, detail in told))


def renewed(reply: JsonObject, at: datetime) -> JsonObject:
    """Returns an acknowledgement that is sent once more at a time (UTC): in a new Bundle, with the content it had."""
    sent = at.isoformat(timespec="milliseconds")
    return {**reply, "id": str(uuid5(NAMESPACE_URL, f"{reply['id']}#{sent}")), "timestamp": sent}


class _Acknowledgement:
    """An acknowledgement in the making; `ident` is its id."""

    def __init__(self, receipt: Receipt, request: JsonObject, endpoint: str, ident: str) -> None:
        self._receipt, self._endpoint, self._ident = receipt, endpoint, ident
        self._base = f"{endpoint.rstrip('/')}/"
        self._asked = message_header(request)
        entries = entries_in(request)
        self._first = entries[0]
        self._links = References(entries)
        self._carried = carried(entries)

    def bundle(self, sent: str, problems: Sequence[Problem]) -> JsonObject:
        """Return it, sent at this instant, with these problems told."""
        destination = _first_object(self._asked.get("destination"))
        sender = self._party(self._asked.get("sender"))
        receiver = self._party(destination.get("receiver"))
        details = self._details(problems)
        name = f"{self._base}{_HEADER}/{self._ident}"
        header = self._header(details)
        header |= {"sender": {"reference": receiver[0]}} if receiver else {}
        header["destination"] = [self._back(sender[0] if sender else None)]
        address = destination.get("endpoint")
        header["source"] = {"endpoint": address if isinstance(address, str) else self._endpoint}
        who = receiver[0] if receiver else None
        url = self._first.full_url
        asked = url if named(url) == self._asked["id"] else f"{_HEADER}/{self._asked['id']}"
        own = provenance(name, who, sent, ACKNOWLEDGEMENT, asked)
        others = [(self._url(entry), entry.resource) for entry in self._carried]
        others += [(f"{self._base}{own['resourceType']}/{own['id']}", own)]
        others += [one for one in (sender, receiver) if one]
        others += [details] if details else []
        entries = {url: {"fullUrl": url, "resource": resource} for url, resource in [(name, header), *others]}
        return {
            "resourceType": "Bundle",
            "id": self._ident,
            "type": "message",
            "timestamp": sent,
            "entry": [*entries.values()],
        }

    def _header(self, details: tuple[str, JsonObject] | None) -> JsonObject:
        response: JsonObject = {"identifier": self._receipt.message_id, "code": self._receipt.code}
        response |= {"details": {"reference": details[0]}} if details else {}
        return {
            "resourceType": _HEADER,
            "id": self._ident,
            "eventCoding": {"system": EVENTS, "code": ACKNOWLEDGEMENT_EVENT},
            "response": response,
        }

    def _back(self, sender: str | None) -> JsonObject:
        """The destination: the address and the organisation that the message came from."""
        source = self._asked.get("source")
        address = source.get("endpoint") if isinstance(source, dict) else None
        made: JsonObject = {"extension": [primary_use()]}
        made["endpoint"] = address if isinstance(address, str) else "urn:unknown"
        return made if sender is None else {**made, "receiver": {"reference": sender}}

    def _party(self, node: Any) -> tuple[str, JsonObject] | None:
        """The address and the resource of an organisation that the header refers to; None if it is not there."""
        reference = node.get("reference") if isinstance(node, dict) else None
        found = self._links.one(reference, self._first) if isinstance(reference, str) else None
        if found is None or found.type != "Organization":
            return None
        if found.container is None:
            return self._url(found), found.resource
        ident = str(uuid5(NAMESPACE_URL, f"{self._ident}#{found.id}"))
        return f"{self._base}Organization/{ident}", {**found.resource, "id": ident}

    def _url(self, entry: Entry) -> str:
        return entry.full_url or self._links.names(entry)[0]

    def _details(self, problems: Sequence[Problem]) -> tuple[str, JsonObject] | None:
        """The address and the OperationOutcome; None for a yes about which there is nothing to say."""
        if self._receipt.code == "ok" and not problems:
            return None
        made = outcome(problems)
        for issue, problem in zip(made["issue"], problems, strict=False):
            if (coding := detail_of(problem)) is not None:
                issue["details"] = {"coding": [coding]}
        ident = str(uuid5(NAMESPACE_URL, f"{self._ident}#outcome"))
        return f"{self._base}OperationOutcome/{ident}", {**made, "id": ident}


def _details(resource: JsonObject) -> list[str]:
    """The known codes of each issue of an OperationOutcome, as words to add."""
    issues = resource.get("issue") if resource["resourceType"] == "OperationOutcome" else None
    return [
        _known(issue.get("details"))
        for issue in (issues if isinstance(issues, list) else ())
        if isinstance(issue, dict)
    ]


def _known(details: Any) -> str:
    codings = details.get("coding") if isinstance(details, dict) else None
    found = [one.get("code") for one in (codings if isinstance(codings, list) else ()) if isinstance(one, dict)]
    codes = [code for code in found if isinstance(code, str) and code in SAFE_CODES]
    return f" ({', '.join(codes)})" if codes else ""


def _first_object(node: Any) -> JsonObject:
    found = node[0] if isinstance(node, list) and node else None
    return found if isinstance(found, dict) else {}
