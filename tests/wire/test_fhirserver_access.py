"""The listener's access to a FHIR server: by a token of its authorisation server, with proofs, and by certificates."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey

from ip_fhir.errors import InvalidInput, PeerError, Rejected, Unavailable
from ip_fhir.testing.listener_contract import ReceiverDouble
from ip_fhir.wire.fhirserver import FhirServerListener
from tests.support.certificates import Authority
from tests.support.served import served
from tests.support.token_server import CLIENT, TokenServer, token_server
from tests.support.two_sides import make_loop

KEY = ECKey.generate_key("P-384", {"kid": "first"})
TEXT = json.dumps(KEY.as_dict(private=True))


@pytest.fixture
def server() -> Iterator[TokenServer]:
    """An authorisation server that knows our key, and a resource behind it."""
    with token_server(KEY.as_dict(private=False)) as running:
        yield running


def made(url: str, **options: Any) -> FhirServerListener:
    """A listener there."""
    return FhirServerListener({"url": url, "peer": "them", "organizations": ["urn:x|1"], "timeout": 5.0, **options})


@pytest.mark.parametrize("dpop", [False, True])
@pytest.mark.parametrize("kept", ["text", "file"])
def test_a_token_of_the_authorisation_server(server: TokenServer, tmp_path: Path, dpop: bool, kept: str) -> None:
    """It is asked for once, by our key from a file or the environment, and shown with proofs where options say so."""
    server.dpop = dpop
    file = tmp_path / "key.json"
    file.write_text(TEXT)
    key = TEXT if kept == "text" else str(file)
    one = made(f"{server.base}/fhir", auth_client_id=CLIENT, auth_key=key, auth_dpop=dpop)
    for _ in range(2):
        with pytest.raises(PeerError, match="the answer is no FHIR"):  # but it did answer
            one.look(ReceiverDouble())
    assert (server.asked, server.refusals) == (1, 0)


def test_without_it_nobody_gets_in(server: TokenServer) -> None:
    """The server says no to a listener that shows nothing."""
    with pytest.raises(Rejected) as caught:
        made(f"{server.base}/fhir").look(ReceiverDouble())
    assert caught.value.status == 401


def test_certificates_of_both_sides(tmp_path: Path) -> None:
    """A server that wants a certificate lets us in with ours only; whom we do not trust is told nothing."""
    authority, stranger = Authority(tmp_path), Authority(tmp_path, "stranger")
    theirs, ours = authority.certificate("server"), authority.certificate("us")
    other = stranger.certificate("other")
    exchange = make_loop(tmp_path).municipality.exchange
    with served(exchange, tls={**theirs, "clients": "required"}) as running:
        url = f"https://127.0.0.1:{running.port}"
        with pytest.raises(Rejected) as caught:
            made(url, **ours).look(ReceiverDouble())
        assert caught.value.status in (401, 404)
        for wrong in ({"trusted": authority.trusted}, {**other, "trusted": authority.trusted}, other):
            with pytest.raises(Unavailable):
                made(url, **wrong).look(ReceiverDouble())


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"auth_client_id": CLIENT}, "auth_client_id"),
        ({"auth_key": TEXT}, "auth_client_id"),
        ({"auth_client_id": CLIENT, "auth_key": TEXT, "token": "a-token-of-ours-there"}, "token"),
        ({"auth_client_id": CLIENT, "auth_key": "no-such-file"}, "auth_key"),
        ({"auth_client_id": CLIENT, "auth_key": "-----BEGIN nothing"}, "auth_key"),
        ({"auth_client_id": CLIENT, "auth_key": TEXT, "auth_token_url": "http://auth.example/token"}, "auth_token_url"),
        ({"certificate": "no-such-file"}, "certificate"),
        ({"trusted": "no-such-file"}, "trusted"),
        ({"auth_dpop": "perhaps"}, "auth_dpop"),
    ],
)
def test_options_that_cannot_be_used(options: dict[str, str], place: str) -> None:
    """The option is named when the listener is made, and no key is repeated."""
    with pytest.raises(InvalidInput) as caught:
        made("https://fhir.example", **options)
    assert caught.value.problems[0].path == place
    assert TEXT not in repr(caught.value)


def test_no_key_is_shown() -> None:
    """Neither key nor password is in a `repr`."""
    one = made("https://fhir.example", auth_client_id=CLIENT, auth_key=TEXT)
    secret = str(KEY.as_dict(private=True)["d"])
    assert secret not in f"{one._options!r} {one._server!r}"
