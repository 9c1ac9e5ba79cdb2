"""An authorisation server and a resource behind it, on this machine: they take nothing that the standards do not.

Tokens are checked by joserfc's own reading of JWTs, written from RFC 7523, RFC 9449 and SMART App Launch 2.2.
"""

from __future__ import annotations

import json
import threading
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import JWKRegistry, KeySet
from joserfc.jws import JWSRegistry

CLIENT = "nordvik-ip"
ALGORITHMS = ["ES384", "ES256", "RS384"]


class TokenServer:
    """The two of them. `asked` are the requests for tokens that were answered with one, `faults` what goes wrong."""

    def __init__(self, *keys: dict[str, Any]) -> None:
        self.keys = list(keys)
        self.dpop = False
        self.nonces: dict[str, str] = {}  # by `token` and `resource`: the one that is wanted in proofs
        self.lasts: object = 300
        self.tokens: dict[str, str | None] = {}  # each with the thumbprint that it is bound to
        self.asked = self.refusals = 0
        self.seen: set[str] = set()
        self.base = ""
        self.configuration: dict[str, Any] = {}
        self.answer: tuple[int, bytes] | None = None
        self.pause = 0.0
        self.turn = threading.Lock()

    def token(self, form: dict[str, str], proof: str | None, url: str) -> tuple[int, dict[str, Any], dict[str, str]]:
        """Answer a request for a token."""
        time.sleep(self.pause)
        with self.turn:
            try:
                self._check_assertion(form, url)
                bound = self._check_proof(proof, "POST", url, "token", None) if self.dpop else None
            except NonceWantedError as error:
                return 400, {"error": "use_dpop_nonce"}, {"DPoP-Nonce": str(error)}
            except Exception:  # noqa: BLE001 - whatever is wrong with it
                self.refusals += 1
                return 401, {"error": "invalid_client", "error_description": "Kari Nordmann 13097248022"}, {}
            self.asked += 1
            token = f"token-{uuid4()}"
            self.tokens[token] = bound
        kind = "DPoP" if self.dpop else "bearer"
        return 200, {"access_token": token, "token_type": kind, "expires_in": self.lasts}, {}

    def resource(self, method: str, url: str, authorization: str, proof: str | None) -> tuple[int, dict[str, str]]:
        """Answer a request for the resource behind."""
        kind, _, token = authorization.partition(" ")
        if token not in self.tokens or kind.lower() != ("dpop" if self.dpop else "bearer"):
            return 401, {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        if self.dpop:
            try:
                if self._check_proof(proof, method, url, "resource", token) != self.tokens[token]:
                    return 401, {"WWW-Authenticate": 'DPoP error="invalid_token"'}
            except NonceWantedError as error:
                return 401, {"WWW-Authenticate": 'DPoP error="use_dpop_nonce"', "DPoP-Nonce": str(error)}
        return 200, {}

    def _check_assertion(self, form: dict[str, str], url: str) -> None:
        assert form["grant_type"] == "client_credentials"
        assert form["scope"].startswith("system/")
        assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        said = jwt.decode(form["client_assertion"], KeySet.import_key_set({"keys": self.keys}), algorithms=ALGORITHMS)
        claims = said.claims
        assert claims["iss"] == claims["sub"] == CLIENT
        assert claims["aud"] == url
        assert time.time() < claims["exp"] <= time.time() + 300
        self._once(claims["jti"])

    def _check_proof(self, proof: str | None, method: str, url: str, where: str, token: str | None) -> str:
        assert proof is not None
        head = json.loads(_decoded(proof.split(".", 1)[0]))
        assert head["typ"] == "dpop+jwt"
        assert not {"d", "p", "q"} & set(head["jwk"])
        key = JWKRegistry.import_key(head["jwk"])
        claims = jwt.decode(proof, key, registry=_Proofs(algorithms=ALGORITHMS)).claims
        wanted = self.nonces.get(where)
        if wanted is not None and claims.get("nonce") != wanted:
            raise NonceWantedError(wanted)
        assert (claims["htm"], claims["htu"]) == (method, url.partition("?")[0])
        assert abs(claims["iat"] - time.time()) < 60
        if token is not None:
            assert claims["ath"] == urlsafe_b64encode(sha256(token.encode()).digest()).rstrip(b"=").decode()
        self._once(claims["jti"])
        return key.thumbprint()

    def _once(self, ident: str) -> None:
        assert ident not in self.seen, "replayed"
        self.seen.add(ident)


class _Proofs(JWSRegistry):
    max_header_length = 4096  # an RSA key stands in it


class NonceWantedError(Exception):
    """The proof has not the nonce that is wanted."""


def _decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: TokenServer

    def do_GET(self) -> None:
        if self.path != "/fhir/.well-known/smart-configuration":
            self._resource("GET")
        elif self.served.answer is not None:
            self._send(*self.served.answer)
        else:
            self._send(200, json.dumps(self.served.configuration).encode())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != "/token":
            self._resource("POST")
        elif self.served.answer is not None:
            self._send(*self.served.answer)
        else:
            form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            status, said, more = self.served.token(form, self.headers.get("DPoP"), f"{self.served.base}/token")
            self._send(status, json.dumps(said).encode(), more)

    def _resource(self, method: str) -> None:
        who, proof = self.headers.get("Authorization", ""), self.headers.get("DPoP")
        status, more = self.served.resource(method, f"{self.served.base}{self.path}", who, proof)
        self._send(status, b"{}", more)

    def _send(self, status: int, body: bytes, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(more or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's own name
        pass


@contextmanager
def token_server(*keys: dict[str, Any]) -> Iterator[TokenServer]:
    """Run the two under `base`: `/token`, `/fhir/Task`, and the configuration of `/fhir`."""
    served = TokenServer(*keys)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"served": served}))
    served.base = f"http://127.0.0.1:{server.server_port}"
    served.configuration = {"token_endpoint": f"{served.base}/token"}
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
