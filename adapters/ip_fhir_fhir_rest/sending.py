"""Sends one message and returns its receipt, or raises one of the three errors of a peer.

Error texts name the host and the status, never the body or the whole URL: both may hold a person's data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.errors import InvalidInput, Unavailable
from ip_fhir.fhir.receipt import receipt_from_fhir
from ip_fhir.fhir.rest.operations import process_message
from ip_fhir.wire.http import Http
from ip_fhir.wire.http.performer import host_of
from ip_fhir.wire.tls import client_context, tls_of

if TYPE_CHECKING:
    from ip_fhir.ports import Endpoint, Outgoing, Receipt, WireFormat


class FhirRest:
    """The adapter. Keeps one HTTP session, with its open connections, per peer and thread."""

    name: str = "fhir-rest"
    format: WireFormat = "fhir-message"

    def __init__(self) -> None:
        self._http = Http()

    def send(self, outgoing: Outgoing) -> Receipt:
        """Posts a message to the peer and returns its receipt. Raises `Rejected`, `Unavailable` or `Conflict`.

        Ends within `endpoint.timeout` seconds whatever the peer does; only the look-up of its name may take longer.
        """
        endpoint, tls = outgoing.endpoint, tls_of(outgoing.endpoint.options)
        host = host_of(endpoint.url)
        handover = process_message(outgoing.content, outgoing.content_type)
        answer = self._http.perform(
            handover.request(endpoint.url),
            token=endpoint.token,
            credentials=endpoint.credentials,
            tls=tls,
            timeout=endpoint.timeout,
            max_bytes=handover.limits.max_bytes,
        )
        try:
            receipt = receipt_from_fhir(handover.result(answer, host))
        except InvalidInput as error:  # an answer nobody can read is no receipt: ask again, the peer knows the key
            raise Unavailable(f"{host}: the answer is no receipt: {error}") from None
        if receipt.message_id != outgoing.message_id:
            raise Unavailable(f"{host}: the receipt is for another message")
        return receipt

    def check(self, endpoint: Endpoint) -> None:
        """Raises `InvalidInput` at the option whose file cannot be used: `certificate`, `key`, `trusted`."""
        if (tls := tls_of(endpoint.options)) is not None:
            client_context(tls)

    def close(self) -> None:
        """Closes this thread's connections."""
        self._http.close()
