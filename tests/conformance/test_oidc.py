"""oidc-provider as the authorisation server of both sides: our client gets its tokens, and our endpoint takes them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from joserfc.jwk import ECKey
from starlette.testclient import TestClient

from ip_fhir.demo.place import free_ports
from ip_fhir.errors import Unavailable
from ip_fhir.exchange import Exchange
from ip_fhir.exchange.peers import Peers
from ip_fhir.ports.http import HttpRequest
from ip_fhir.settings import HttpSettings
from ip_fhir.settings.auth import IssuerSettings
from ip_fhir.web.app import create_app
from ip_fhir.web.protection import Protection
from ip_fhir.wire.auth import BackendService
from ip_fhir.wire.auth.keys import TextKey
from ip_fhir.wire.auth.proofs import assertion, proof
from tests.conformance import tools
from tests.support.gate import require
from tests.support.two_sides import Loop, make_loop

pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]

CLIENT, AUDIENCE = "nordvik-ip", "https://municipality.example/fhir"
KEY = ECKey.generate_key("P-384", {"kid": "ours"})
SIGNER = TextKey(json.dumps(KEY.as_dict(private=True)))
STRANGER = TextKey(json.dumps(ECKey.generate_key("P-384", {"kid": "ours"}).as_dict(private=True)))
PLACE = Path(__file__).with_name("oidc")


@contextmanager
def provider(*more: str) -> Iterator[str]:
    """Its address, as long as it runs."""
    missing = tools.missing("node", "npm")
    require(not missing, f"{missing}: install Node 20.8 or newer, with npm")
    tools.oidc_provider()
    (port,) = free_ports(1)
    command = ["node", "server.mjs", str(port), json.dumps(KEY.as_dict(private=False)), AUDIENCE, *more]
    with subprocess.Popen(command, cwd=PLACE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
        try:
            assert running.stdout is not None
            assert any(line.strip() == "ready" for line in running.stdout)
            yield f"http://127.0.0.1:{port}"
        finally:
            running.kill()


def service(base: str, **more: Any) -> BackendService:
    """Our credentials there; what the server says about itself is OpenID's, so its token address is named."""
    return BackendService(AUDIENCE, CLIENT, lambda: SIGNER, "system/*.rs", f"{base}/token", **more)


def ask(base: str, **form: str) -> dict[str, Any]:
    """Ask for a token by hand."""
    headers = {"DPoP": form.pop("dpop")} if "dpop" in form else {}
    given = {
        "grant_type": "client_credentials",
        "scope": "system/*.rs",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        **form,
    }
    found: dict[str, Any] = requests.post(f"{base}/token", given, headers=headers, timeout=10).json()
    return found


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """Two sides, of which the municipality is asked."""
    made = make_loop(tmp_path)
    yield made
    made.hospital.exchange.close()
    made.municipality.exchange.close()


def endpoint(loop: Loop, base: str) -> TestClient:
    """The municipality's endpoint, which takes this server's tokens; the hospital is the client."""
    context = loop.municipality.exchange._context
    (peer,) = context.peers
    exchange = Exchange(replace(context, peers=Peers([replace(peer, clients=(CLIENT,))])))
    issuer = IssuerSettings(issuer=base, audience=AUDIENCE)
    protection = Protection.of(HttpSettings(base_url=AUDIENCE, issuer=issuer), exchange.limits)
    assert protection.issuer is not None
    protection.issuer.keys.read()
    return TestClient(create_app(exchange, protection=protection))


@pytest.mark.parametrize("wants", [(), ("nonce",)], ids=["", "nonce"])
@pytest.mark.parametrize("dpop", [False, True], ids=["bearer", "DPoP"])
def test_from_the_client_to_the_endpoint(loop: Loop, wants: tuple[str, ...], dpop: bool) -> None:
    """A token of it, bound or not, with its nonce where it wants one, is let in as the hospital's."""
    with provider(*wants) as base:
        ours, client = service(base, dpop=dpop), endpoint(loop, base)
        request = HttpRequest("GET", f"{AUDIENCE}/Task")
        first = ours.headers(request, 10.0)
        assert client.get("/Task", headers=dict(first)).status_code == 200
        assert client.get("/Task", headers=dict(ours.headers(request, 10.0))).status_code == 200
        again = client.get("/Task", headers=dict(first)).status_code
        assert again == (401 if dpop else 200), "a proof counts once"
        assert client.get("/ServiceRequest", headers=dict(ours.headers(request, 10.0))).status_code == (
            401 if dpop else 200
        ), "a proof is for one address"
        assert client.put("/Task/1", headers=dict(first)).status_code == (401 if dpop else 403), "it may only read"


def test_what_the_server_refuses() -> None:
    """Another's key, an assertion that is over, one that was used, a proof for another address: no token."""
    with provider() as base:
        url = f"{base}/token"
        with pytest.raises(Unavailable, match="invalid_client"):
            service(base, clock=lambda: 1_700_000_000.0).headers(HttpRequest("GET", AUDIENCE), 10.0)
        ours = service(base)
        ours.key = lambda: STRANGER
        with pytest.raises(Unavailable, match="invalid_client"):
            ours.headers(HttpRequest("GET", AUDIENCE), 10.0)
        ident = assertion(SIGNER, CLIENT, base)
        assert "access_token" in ask(base, client_assertion=ident)
        assert ask(base, client_assertion=ident)["error"] == "invalid_client", "replayed"
        wrong = proof(SIGNER, "POST", f"{base}/elsewhere")
        assert ask(base, client_assertion=assertion(SIGNER, CLIENT, base), dpop=wrong)["error"] == "invalid_dpop_proof"
        right = proof(SIGNER, "POST", url)
        assert ask(base, client_assertion=assertion(SIGNER, CLIENT, base), dpop=right)["token_type"] == "DPoP"


def test_a_nonce_that_is_missing() -> None:
    """The server says that it wants one; our client has shown above that it gives it."""
    with provider("nonce") as base:
        shown = proof(SIGNER, "POST", f"{base}/token")
        assert ask(base, client_assertion=assertion(SIGNER, CLIENT, base), dpop=shown)["error"] == "use_dpop_nonce"
