"""Tokens of an authorisation server at the endpoint: the right one is let in as its party, every other is not.

They are signed by joserfc as RFC 9068 and RFC 9449 say, not by our own code.
"""

from __future__ import annotations

import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any
from uuid import uuid4

import pytest
import responses
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey
from joserfc.jws import JWSRegistry
from starlette.testclient import TestClient

from ip_fhir.errors import Unavailable
from ip_fhir.exchange import Exchange
from ip_fhir.exchange.peers import Peers
from ip_fhir.settings import HttpSettings
from ip_fhir.settings.auth import IssuerSettings
from ip_fhir.web.app import create_app
from ip_fhir.web.issuer import Grant, Issuer
from ip_fhir.web.issuer.keys import IssuerKeys
from ip_fhir.web.issuer.needs import needed
from ip_fhir.web.protection import Protection
from ip_fhir.web.requests import BadRequest
from tests.support.hook import wanted
from tests.support.two_sides import TOKENS, Loop

ISSUER, AUDIENCE = "https://auth.example", "https://municipality.example/fhir"
KEY = ECKey.generate_key("P-384", {"kid": "k1"})
OTHER = ECKey.generate_key("P-384", {"kid": "k1"})
OURS = ECKey.generate_key("P-256")
RSA = RSAKey.generate_key(2048, {"kid": "k2"})
URL = f"{AUDIENCE}/Task"


class Wide(JWSRegistry):
    """A registry for proofs, in whose header a key stands."""

    max_header_length = 4096


def token(key: Any = KEY, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """An access token that is right but for what is given; None takes a claim away."""
    now = int(time.time())
    said: dict[str, Any] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "nordsund-ehr",
        "client_id": "nordsund-ehr",
        "scope": "system/*.cruds openid",
        "iat": now,
        "exp": now + 300,
        "jti": str(uuid4()),
    } | claims
    alg = "RS384" if isinstance(key, RSAKey) else {"P-384": "ES384", "P-256": "ES256"}[key.curve_name]
    head = {"alg": alg, "kid": key.kid, "typ": "at+jwt"} | (header or {})
    left = {name: value for name, value in said.items() if value is not None}
    return jwt.encode({n: v for n, v in head.items() if v is not None}, left, key, algorithms=[alg])


def bound(**more: Any) -> str:
    """A token that is bound to our key."""
    return token(cnf={"jkt": OURS.thumbprint()}, **more)


def proof(of: str, key: ECKey = OURS, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A proof for `GET /Task` with a token, right but for what is given."""
    digest = urlsafe_b64encode(sha256(of.encode()).digest()).rstrip(b"=").decode()
    said = {"htm": "GET", "htu": URL, "iat": int(time.time()), "jti": str(uuid4()), "ath": digest} | claims
    head = {"alg": "ES256", "typ": "dpop+jwt", "jwk": key.as_dict(private=False)} | (header or {})
    left = {name: value for name, value in said.items() if value is not None}
    return jwt.encode(head, left, key, registry=Wide(algorithms=["ES256", "ES384"]))


def issuer(**settings: Any) -> Issuer:
    """Our endpoint's view of the authorisation server, whose keys have been read."""
    public = KeySet([KEY, RSA]).as_dict(private=False)
    made = IssuerSettings(issuer=ISSUER, audience=AUDIENCE, **settings)
    keys = IssuerKeys(made)
    keys._keys = {"k1": ECKey.import_key(public["keys"][0]), "k2": RSAKey.import_key(public["keys"][1])}
    keys._read_at = time.monotonic()
    return Issuer(made, keys, AUDIENCE)


def granted(one: Issuer, shown: str, scheme: str = "bearer", *proofs: str) -> Grant | None:
    """The grant for `GET /Task`."""
    return one.grant(shown, scheme, "GET", "/Task", list(proofs))


@pytest.mark.parametrize("key", [KEY, RSA], ids=["ES384", "RS384"])
def test_a_right_token(key: Any) -> None:
    """It says whose it is and what it allows."""
    found = granted(issuer(), token(key))
    assert found == Grant("nordsund-ehr", (("*", "cruds"),))


_NOW = int(time.time())


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"iss": "https://elsewhere.example"}, id="another issuer"),
        pytest.param({"aud": "https://elsewhere.example"}, id="for somebody else"),
        pytest.param({"aud": None}, id="for nobody"),
        pytest.param({"exp": _NOW - 120}, id="over"),
        pytest.param({"exp": None}, id="without end"),
        pytest.param({"exp": "soon"}, id="an end in words"),
        pytest.param({"nbf": _NOW + 3600}, id="not yet"),
        pytest.param({"client_id": None, "sub": None}, id="whose"),
        pytest.param({"client_id": 7, "sub": None}, id="a number's"),
        pytest.param({"cnf": {"x5t#S256": "abc"}}, id="bound to a certificate"),
        pytest.param({"cnf": {}}, id="bound to nothing"),
        pytest.param({"cnf": {"jkt": OURS.thumbprint()}}, id="bound, shown as bearer"),
        pytest.param({"key": OTHER}, id="another's signature"),
        pytest.param({"key": OURS, "header": {"kid": "k1"}}, id="a proof's key"),
        pytest.param({"header": {"kid": None}}, id="no name of a key"),
        pytest.param({"header": {"kid": "nowhere"}}, id="unknown key"),
        pytest.param({"header": {"typ": "dpop+jwt"}}, id="a proof"),
        pytest.param({"header": {"typ": "client-authentication+jwt"}}, id="an assertion"),
    ],
)
def test_a_token_that_is_not_right(wrong: dict[str, Any]) -> None:
    """It is taken for none."""
    assert granted(issuer(), token(**wrong)) is None


def test_tokens_without_a_signature_of_a_key() -> None:
    """`none`, and a signature by the public key as if it were a secret, are no signatures."""
    one = issuer()
    _, body, signature = token().split(".")
    for head in ('{"alg":"none","kid":"k1"}', '{"alg":"HS256","kid":"k1"}', '{"alg":["ES384"],"kid":"k1"}', "[]", "x"):
        forged = urlsafe_b64encode(head.encode()).rstrip(b"=").decode()
        assert granted(one, f"{forged}.{body}.") is None
        assert granted(one, f"{forged}.{body}.{signature}") is None


def test_of_two_audiences_one_is_ours() -> None:
    """A token may be for several."""
    assert granted(issuer(), token(aud=["https://elsewhere.example", AUDIENCE])) is not None


WHOLE = token()


@given(st.integers(0, len(WHOLE) - 2), st.integers(1, 127))
def test_a_damaged_token(place: int, change: int) -> None:
    """One character that is another: no token, and no error but that a key of another name is looked for."""
    damaged = WHOLE[:place] + chr((ord(WHOLE[place]) + change) % 128) + WHOLE[place + 1 :]
    one = issuer()
    one.keys._read_at = time.monotonic()
    assert granted(one, damaged) is None


def test_a_bound_token_with_its_proof() -> None:
    """The proof counts once."""
    one, shown = issuer(), bound()
    first = proof(shown)
    assert granted(one, shown, "dpop", first) is not None
    assert granted(one, shown, "dpop", first) is None, "replayed"
    assert granted(one, shown, "dpop", proof(shown)) is not None


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"htm": "POST"}, id="another method"),
        pytest.param({"htu": f"{AUDIENCE}/Goal"}, id="another address"),
        pytest.param({"htu": "https://elsewhere.example/fhir/Task"}, id="another server"),
        pytest.param({"htu": "https://[x"}, id="no address"),
        pytest.param({"htu": None}, id="without an address"),
        pytest.param({"iat": _NOW - 3600}, id="old"),
        pytest.param({"iat": _NOW + 3600}, id="of tomorrow"),
        pytest.param({"iat": None}, id="without a time"),
        pytest.param({"jti": None}, id="without an id"),
        pytest.param({"ath": None}, id="for no token"),
        pytest.param({"ath": "abc"}, id="for another token"),
        pytest.param({"key": KEY, "header": {"alg": "ES384"}}, id="another's key"),
        pytest.param({"header": {"typ": "JWT"}}, id="no proof"),
        pytest.param({"header": {"jwk": OURS.as_dict(private=True)}}, id="with the private key"),
        pytest.param({"header": {"jwk": {"kty": "oct", "k": "c2VjcmV0LXRoYXQtaXMtbG9uZw"}}}, id="a secret as key"),
        pytest.param({"header": {"jwk": {"kty": "EC"}}}, id="no key"),
    ],
)
def test_a_proof_that_is_not_right(wrong: dict[str, Any]) -> None:
    """The token alone is not enough."""
    shown = bound()
    assert granted(issuer(), shown, "dpop", proof(shown, **wrong)) is None


def test_no_proof_two_proofs_and_a_token_that_is_not_bound() -> None:
    """Exactly one proof, and only of a token that is bound to its key."""
    one, shown = issuer(), bound()
    assert granted(one, shown, "dpop") is None
    assert granted(one, shown, "dpop", proof(shown), proof(shown)) is None
    free = token()
    assert granted(one, free, "dpop", proof(free)) is None
    assert granted(issuer(dpop="required"), free) is None
    assert granted(issuer(dpop="required"), shown, "dpop", proof(shown)) is not None


def test_the_address_of_a_proof_without_its_port() -> None:
    """Scheme and host count in any case of letters; the query is no part of it."""
    shown = bound()
    assert granted(issuer(), shown, "dpop", proof(shown, htu="HTTPS://Municipality.Example/fhir/Task?x=1")) is not None


@pytest.mark.parametrize(
    ("scope", "allowed", "denied"),
    [
        ("system/Task.rs", ["Task r", "Task s"], ["Task u", "ServiceRequest r", "* c"]),
        ("system/*.cu", ["* c", "Task u"], ["Task r"]),
        ("system/Task.read system/Task.write", ["Task r", "Task s", "Task u", "Task c"], ["CarePlan r"]),
        ("system/*.*", ["* c", "CarePlan d"], []),
        ("patient/*.cruds user/*.cruds launch", [], ["Task r", "* c"]),
        ("system/Task.sr", [], ["Task r"]),
        ("", [], ["Task r"]),
        (7, [], ["Task r"]),
    ],
)
def test_scopes(scope: object, allowed: list[str], denied: list[str]) -> None:
    """SMART's system scopes of both versions; others allow nothing here."""
    found = granted(issuer(), token(scope=scope))
    assert found is not None
    assert [one for one in [*allowed, *denied] if found.allows(*one.split())] == allowed


@pytest.mark.parametrize(
    ("method", "path", "need"),
    [
        ("GET", "/Task", ("Task", "s")),
        ("GET", "/Task/1", ("Task", "r")),
        ("GET", "/Task/1/_history/2", ("Task", "r")),
        ("GET", "/CarePlan/1/$view", ("CarePlan", "r")),
        ("POST", "/Task/_search", ("Task", "s")),
        ("POST", "/Task", ("Task", "c")),
        ("PATCH", "/Task/1", ("Task", "u")),
        ("DELETE", "/Task/1", ("Task", "d")),
        ("POST", "/", ("*", "crus")),
        ("POST", "/$process-message", ("*", "c")),
        ("TRACE", "/Task/1", ("Task", "u")),
    ],
)
def test_needs(method: str, path: str, need: tuple[str, str]) -> None:
    """Each request needs one letter for one type."""
    assert needed(method, path) == need


# --- at the endpoint


@pytest.fixture
def client(loop: Loop) -> Callable[..., TestClient]:
    """The municipality's endpoint, whose hospital is the client `nordsund-ehr`."""

    def made(**settings: Any) -> TestClient:
        context = loop.municipality.exchange._context
        (peer,) = context.peers
        exchange = Exchange(replace(context, peers=Peers([replace(peer, clients=("nordsund-ehr",))])))
        one = issuer(**settings)
        protection = Protection.of(HttpSettings(base_url=AUDIENCE), exchange.limits)
        protection.logins._issuer = one
        return TestClient(create_app(exchange, protection=protection))

    return made


def status(client: TestClient, authorization: str, **more: str) -> int:
    """The status of a search for Tasks."""
    found: int = client.get("/Task", headers={"Authorization": authorization, **more}).status_code
    return found


def test_a_client_is_let_in_as_its_party(client: Callable[..., TestClient]) -> None:
    """By a token of the authorisation server, with a proof where it is bound, and by the party's own token."""
    one, shown = client(), bound()
    assert status(one, f"Bearer {token()}") == 200
    assert status(one, f"DPoP {shown}", DPoP=proof(shown)) == 200
    assert status(one, f"Bearer {TOKENS['hospital']}") == 200


def test_who_is_not_let_in(client: Callable[..., TestClient]) -> None:
    """Unknown client: 401. Too few scopes: 403, with the one that is needed. A party's own token by DPoP: 401."""
    one = client()
    assert status(one, f"Bearer {token(client_id='somebody')}") == 401
    answer = one.get("/Task", headers={"Authorization": f"Bearer {token(scope='system/Goal.rs')}"})
    assert answer.status_code == 403
    assert "system/Task.s" in answer.text
    assert status(one, f"DPoP {TOKENS['hospital']}") == 401
    assert status(one, f"Bearer {bound()}") == 401


def test_a_proof_that_another_process_has_seen(client: Callable[..., TestClient]) -> None:
    """Two processes on one store: a proof counts once for both; another one counts, and the replay is a wrong token."""
    one, two = client(), client()
    shown = bound()
    first, second = proof(shown), proof(shown)
    assert status(one, f"DPoP {shown}", DPoP=first) == 200
    assert status(two, f"DPoP {shown}", DPoP=first) == 401
    assert status(one, f"DPoP {shown}", DPoP=first) == 401
    assert status(two, f"DPoP {shown}", DPoP=second) == 200
    assert status(one, f"DPoP {shown}", DPoP=second) == 401


def test_a_proof_is_not_taken_where_it_cannot_be_remembered(client: Callable[..., TestClient], loop: Loop) -> None:
    """The caller comes again; a bearer token needs no memory."""
    one, shown = client(), bound()
    with loop.municipality.exchange.store._store._database.writing() as connection:  # type: ignore[attr-defined]
        connection.exec_driver_sql("DROP TABLE proof")
    assert status(one, f"DPoP {shown}", DPoP=proof(shown)) == 503
    assert status(one, f"Bearer {token()}") == 200


def test_a_token_that_is_bound_to_a_certificate() -> None:
    """It counts with this certificate only (RFC 8705), and never where a proof is required."""
    shown, thumbprint = token(cnf={"x5t#S256": "abc"}), "abc"

    def found(one: Issuer, certificate: str | None) -> Grant | None:
        return one.grant(shown, "bearer", "GET", "/Task", [], certificate)

    assert found(issuer(), thumbprint) is not None
    assert [found(issuer(), other) for other in (None, "abd", "")] == [None] * 3
    assert found(issuer(dpop="required"), thumbprint) is None
    assert issuer().grant(shown, "dpop", "GET", "/Task", [], thumbprint) is None
    nothing = token(cnf={"x5t#S256": None})
    assert issuer().grant(nothing, "bearer", "GET", "/Task", [], None) is None


def test_without_an_authorisation_server(loop: Loop) -> None:
    """Its tokens are unknown ones."""
    one = TestClient(create_app(loop.municipality.exchange))
    shown = bound()
    assert [status(one, f"Bearer {token()}"), status(one, f"DPoP {shown}", DPoP=proof(shown))] == [401, 401]


def test_keys_that_are_not_read_yet() -> None:
    """The client is asked to come again; who makes up names of keys is refused, once they have been read."""
    made = IssuerSettings(issuer=ISSUER, audience=AUDIENCE)
    keys = IssuerKeys(made)
    with pytest.raises(BadRequest) as caught:
        granted(Issuer(made, keys, AUDIENCE), token())
    assert (caught.value.status, caught.value.retry_after) == (503, 2)
    keys._read_at = time.monotonic()
    assert granted(Issuer(made, keys, AUDIENCE), token()) is None


JWKS = KeySet([KEY, RSA]).as_dict(private=False)


@responses.activate
@pytest.mark.parametrize(
    "place",
    [
        "https://auth.example/.well-known/oauth-authorization-server/realm",
        "https://auth.example/.well-known/openid-configuration/realm",
        "https://auth.example/realm/.well-known/openid-configuration",
    ],
)
def test_keys_are_found(place: str) -> None:
    """Where RFC 8414 or OpenID Connect puts what a server says about itself."""
    name = "https://auth.example/realm"
    responses.get(place, json={"issuer": name, "jwks_uri": "https://keys.example/jwks"})
    responses.get("https://keys.example/jwks", json=JWKS)
    keys = IssuerKeys(IssuerSettings(issuer=name, audience=AUDIENCE))
    keys.read()
    assert (keys.find("k1") is None, keys.find("k2") is None, keys.find("k3")) == (False, False, None)


@responses.activate
@pytest.mark.parametrize(
    "said",
    [
        {"issuer": "https://elsewhere.example", "jwks_uri": "https://keys.example/jwks"},
        {"issuer": ISSUER, "jwks_uri": "http://keys.example/jwks"},
        {"issuer": ISSUER, "jwks_uri": "https://a@keys.example/jwks"},
        {"issuer": ISSUER, "jwks_uri": "https://[x"},
        {"issuer": ISSUER},
        [],
    ],
)
def test_what_a_server_says_about_itself_is_checked(said: Any) -> None:
    """Another issuer, or keys that would be read in the clear: none are read."""
    for name in ("oauth-authorization-server", "openid-configuration"):
        responses.get(f"{ISSUER}/.well-known/{name}", json=said)
    with pytest.raises(Unavailable):
        IssuerKeys(IssuerSettings(issuer=ISSUER, audience=AUDIENCE)).read()


@responses.activate
def test_keys_that_are_of_no_use_leave_the_known_ones() -> None:
    """A server that is down, or shows nothing that we can use, does not shut everybody out."""
    url = "https://keys.example/jwks"
    keys = IssuerKeys(IssuerSettings(issuer=ISSUER, audience=AUDIENCE, jwks_url=url))
    responses.get(url, json=JWKS)
    keys.read()
    strange: list[Any] = [{"kty": "oct", "kid": "s", "k": "eA"}, {"kty": "EC", "kid": "e"}, {"kty": "RSA"}, 7]
    strange += [{**JWKS["keys"][0], "use": "enc"}, {**JWKS["keys"][0], "kid": 7}]
    answers: list[Any] = [{"keys": strange}, {"keys": 7}, [], {}]
    for answer in answers:
        responses.replace("GET", url, json=answer)
        with pytest.raises(Unavailable):
            keys.read()
        assert keys.find("k1") is not None
    responses.replace("GET", url, json={"keys": JWKS["keys"][1:]})
    keys.read()
    assert keys.find("k1") is None, "it was taken out of the set"


def test_the_authorisation_server_is_asked_by_https() -> None:
    """But on this machine."""
    with pytest.raises(ValueError, match="https"):
        IssuerSettings(audience=AUDIENCE, issuer="http://auth.example")
    with pytest.raises(ValueError, match="https"):
        IssuerSettings(audience=AUDIENCE, issuer=ISSUER, jwks_url="http://auth.example/jwks")
    assert IssuerSettings(issuer="http://127.0.0.1:9", audience=AUDIENCE).issuer


def test_a_subscription_needs_what_it_tells_of(client: Callable[..., TestClient]) -> None:
    """A token that lets a client subscribe, but not read Tasks, makes no Subscription to them; a batch needs `d`."""
    one, body = client(), wanted("https://nordsund.example/hook")

    def post(path: str, scope: str, content: Any) -> Any:
        shown = {"Authorization": f"Bearer {token(scope=scope)}", "Content-Type": "application/fhir+json"}
        return one.post(path, json=content, headers=shown)

    answer = post("/Subscription", "system/Subscription.cruds", body)
    assert (answer.status_code, "system/Task.rs" in answer.text) == (403, True)
    made = post("/Subscription", "system/Subscription.c system/Task.rs", body)
    assert made.status_code == 201
    out = {"request": {"method": "DELETE", "url": f"Subscription/{made.json()['id']}"}}
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": [out]}
    for scope, status_ in (("system/*.crus", "403"), ("system/*.cruds", "204")):
        response = post("/", scope, bundle).json()["entry"][0]["response"]
        assert response["status"].startswith(status_), response
