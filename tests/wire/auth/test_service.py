"""Backend services: a token for the key that we hold, kept while it lasts, asked for once, and never shown."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import ECKey, RSAKey

from ip_fhir.errors import InvalidInput, Unavailable
from ip_fhir.ports.http import HttpAnswer, HttpRequest
from ip_fhir.wire.auth import BackendService
from ip_fhir.wire.auth.keys import FileKey, Signer, TextKey
from ip_fhir.wire.http import Http
from tests.support.token_server import CLIENT, TokenServer, token_server

KEYS: dict[str, ECKey | RSAKey] = {
    "ES384": ECKey.generate_key("P-384", {"kid": "first"}),
    "ES256": ECKey.generate_key("P-256", {"kid": "second"}),
    "RS384": RSAKey.generate_key(2048, {"kid": "third"}),
}


def text_of(key: ECKey | RSAKey) -> str:
    """The private key as JWK."""
    return json.dumps(key.as_dict(private=True))


def _short_rsa() -> str:
    made = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - to be refused
    form, how = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return made.private_bytes(form, how, serialization.NoEncryption()).decode()


def key_of(name: str) -> Callable[[], Signer]:
    """One of the keys that the server knows."""
    key = TextKey(text_of(KEYS[name]))
    return lambda: key


@pytest.fixture
def server() -> Iterator[TokenServer]:
    """An authorisation server that knows the public halves."""
    with token_server(*(key.as_dict(private=False) for key in KEYS.values())) as served:
        yield served


def service(server: TokenServer, name: str = "ES384", **more: Any) -> BackendService:
    """Our credentials there."""
    given: dict[str, Any] = {"scope": "system/*.rs", "dpop": server.dpop} | more
    return BackendService(f"{server.base}/fhir", CLIENT, given.pop("key", key_of(name)), **given)


def ask(server: TokenServer, credentials: BackendService, method: str = "GET", timeout: float = 5.0) -> HttpAnswer:
    """Ask for the resource behind."""
    request = HttpRequest(method, f"{server.base}/fhir/Task?_count=2", {}, None if method == "GET" else b"{}")
    return Http().perform(request, credentials=credentials, timeout=timeout)


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("dpop", [False, True])
def test_a_token_is_got_and_kept(server: TokenServer, name: str, dpop: bool) -> None:
    """By each algorithm, as bearer and with proofs: the server is found, takes our word, and is asked once."""
    server.dpop = dpop
    ours = service(server, name)
    assert [ask(server, ours).status, ask(server, ours, "POST").status, server.asked] == [200, 200, 1]


def test_nonces_of_both_servers(server: TokenServer) -> None:
    """Each wants its own nonce in the proof: it gets it, with a new assertion, and a changed one as well."""
    server.dpop, server.nonces = True, {"token": "n-1", "resource": "n-2"}
    ours = service(server)
    assert ask(server, ours).status == 200
    server.nonces["resource"] = "n-3"
    assert [ask(server, ours).status, server.asked, server.refusals] == [200, 1, 0]


def test_a_nonce_that_does_not_help_ends(server: TokenServer) -> None:
    """A server that wants the same nonce for ever is not asked for ever."""
    server.dpop = True
    ours = service(server)
    request = HttpRequest("GET", f"{server.base}/fhir/Task")
    answer = HttpAnswer(401, {"www-authenticate": 'DPoP error="use_dpop_nonce"', "dpop-nonce": "n"})
    assert [ours.refused(request, {}, answer) for _ in range(3)] == [True, False, False]


def test_however_many_wait_it_is_asked_once(server: TokenServer) -> None:
    """Twenty threads want a token at the same time."""
    server.pause = 0.1
    ours = service(server)
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: ask(server, ours, timeout=20.0).status, range(20)))
    assert (set(answers), server.asked) == ({200}, 1)


def test_a_token_is_used_until_shortly_before_its_end(server: TokenServer) -> None:
    """Of one that lasts 300 seconds, the last 30 are not used; of a short one, the last tenth."""
    now = [1000.0]
    ours = service(server, steady=lambda: now[0])
    ask(server, ours)
    now[0] += 269
    ask(server, ours)
    assert server.asked == 1
    now[0] += 2
    ask(server, ours)
    assert server.asked == 2
    server.lasts = 10
    now[0] += 300
    ask(server, ours)
    now[0] += 8.9
    ask(server, ours)
    assert server.asked == 3
    now[0] += 0.2
    ask(server, ours)
    assert server.asked == 4


@pytest.mark.parametrize("lasts", [None, "soon", True, -5])
def test_a_server_that_does_not_say_how_long(server: TokenServer, lasts: object) -> None:
    """A life in no number is a short one; one below zero is used for the request that it was asked for."""
    server.lasts = lasts
    assert ask(server, service(server)).status == 200


def test_a_token_that_was_taken_back(server: TokenServer) -> None:
    """A request that is refused for it goes once more, with another token."""
    ours = service(server)
    ask(server, ours)
    server.tokens.clear()
    assert [ask(server, ours, "POST").status, server.asked] == [200, 2]


def test_a_resource_that_refuses_every_token(server: TokenServer) -> None:
    """It is told 401 in the end, and the authorisation server is asked three times at most."""
    ours = service(server)
    server.resource = lambda *_: (401, {})  # type: ignore[method-assign]
    assert ask(server, ours).status == 401
    assert server.asked == 3


def test_a_key_file_that_is_replaced(server: TokenServer, tmp_path: Path) -> None:
    """The next token is asked for with the new key, without a start; half a file changes nothing."""
    file = tmp_path / "key.json"
    file.write_text(text_of(KEYS["ES384"]))
    ours, now = service(server, key=FileKey(file)), [0.0]
    ours.steady = lambda: now[0]
    ask(server, ours)
    server.keys = [KEYS["RS384"].as_dict(private=False)]
    now[0] += 1000
    file.write_text("-----BEGIN")
    with pytest.raises(Unavailable, match="invalid_client"):
        ask(server, ours)
    (tmp_path / "new").write_text(text_of(KEYS["RS384"]))
    (tmp_path / "new").replace(file)
    assert ask(server, ours).status == 200


def test_a_key_that_is_kept_elsewhere(server: TokenServer) -> None:
    """A signer of somebody else's, such as a hardware module's, is all that is needed."""
    inner = TextKey(text_of(KEYS["ES384"]))

    class Module:
        algorithm, key_id, public = inner.algorithm, inner.key_id, inner.public

        def sign(self, data: bytes) -> bytes:
            return inner.sign(data)

    assert ask(server, service(server, key=Module)).status == 200


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((500, b""), "HTTP 500"),
        ((302, b""), "HTTP 302"),
        ((200, b"<html>"), "no access token"),
        ((200, b'{"access_token": "a b\\r\\nX: y", "token_type": "bearer"}'), "no access token"),
        ((200, b'{"access_token": ["x"], "token_type": "bearer"}'), "no access token"),
        ((200, b"[" * 100_000), "no access token"),
        ((200, b'{"access_token": "abc", "token_type": "DPoP"}'), "another kind"),
        ((400, b'{"error": "13097248022 is dead"}'), "HTTP 400$"),
        ((400, b'{"error": "invalid_scope"}'), "HTTP 400, invalid_scope$"),
    ],
)
def test_an_answer_that_is_no_token(server: TokenServer, answer: tuple[int, bytes], words: str) -> None:
    """A typed error that says what is wrong, and repeats no words of the server's own."""
    ours = service(server, token_url=f"{server.base}/token")
    server.answer = answer
    with pytest.raises(Unavailable, match=words) as caught:
        ask(server, ours)
    assert "13097248022" not in str(caught.value)
    assert not caught.value.in_doubt, "the message itself was not sent"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, "no token_endpoint"),
        ({"token_endpoint": "http://elsewhere.example/token"}, "no token_endpoint"),
        ({"token_endpoint": "https://kari@elsewhere.example/token"}, "no token_endpoint"),
        ({"token_endpoint": "file:///etc/passwd"}, "no token_endpoint"),
        ({"token_endpoint": "https://[x"}, "no token_endpoint"),
        ({"token_endpoint_auth_methods_supported": ["client_secret_basic"]}, "private_key_jwt"),
        ({"token_endpoint_auth_signing_alg_values_supported": ["RS384"]}, "takes no ES384"),
    ],
)
def test_a_configuration_that_is_of_no_use(server: TokenServer, said: dict[str, Any], words: str) -> None:
    """What the server says about itself is checked before our word is sent anywhere."""
    server.configuration = {**said} if "token_endpoint" in said or not said else {**server.configuration, **said}
    with pytest.raises(Unavailable, match=words):
        ask(server, service(server))
    assert server.asked == 0


def test_no_token_in_time(server: TokenServer) -> None:
    """Who waits for a token that somebody else asks for waits no longer than its own time."""
    server.pause = 1.0
    ours = service(server)
    with ThreadPoolExecutor(2) as threads:
        slow = threads.submit(ask, server, ours, timeout=5.0)
        while not ours._turn.locked():
            pass
        with pytest.raises(Unavailable, match="in time"):
            ask(server, ours, timeout=0.1)
        assert slow.result().status == 200


def test_nothing_of_it_is_shown(server: TokenServer, caplog: pytest.LogCaptureFixture) -> None:
    """Neither key nor token nor assertion stands in a repr, a log or an error."""
    ours = service(server)
    with caplog.at_level(logging.DEBUG):
        ask(server, ours)
        server.keys = [KEYS["ES256"].as_dict(private=False)]
        server.tokens.clear()
        with pytest.raises(Unavailable) as caught:
            ask(server, ours)
    shown = f"{ours!r} {ours.key()!r} {caplog.text} {caught.value!r}"
    secret = KEYS["ES384"].as_dict(private=True)["d"]
    assert str(secret) not in shown
    assert "token-" not in shown
    assert "eyJ" not in shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no key",
        "{",
        "[]",
        text_of(KEYS["ES384"])[:-30],
        KEYS["ES384"].as_pem(private=False).decode(),
        ECKey.generate_key("P-521").as_pem(private=True).decode(),
        _short_rsa(),
        '{"kty": "oct", "k": "c2VjcmV0"}',
    ],
    ids=["nothing", "words", "half JSON", "a list", "half a JWK", "public", "P-521", "short", "symmetric"],
)
@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_no_key_to_sign_with(text: str) -> None:
    """Public, short, of another kind or damaged: refused with the place, and nothing of it repeated."""
    with pytest.raises(InvalidInput, match="private key") as caught:
        TextKey(text)
    assert caught.value.problems[0].path == "key"


@pytest.mark.parametrize("name", KEYS)
def test_a_key_in_pem(name: str) -> None:
    """Its `kid` is the thumbprint, or what settings say."""
    text = KEYS[name].as_pem(private=True).decode()
    assert (TextKey(text).key_id, TextKey(text, "ours").key_id) == (KEYS[name].thumbprint(), "ours")
    assert TextKey(text).algorithm == name


def test_a_token_address_in_the_clear() -> None:
    """The address that settings name is https, but on this machine."""
    with pytest.raises(InvalidInput, match="https"):
        BackendService("https://fhir.example", CLIENT, key_of("ES384"), token_url="http://auth.example/token")
