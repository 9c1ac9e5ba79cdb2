"""A receiver of webhooks, real HTTP on a loopback port: it keeps what comes, and answers as a test says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, NamedTuple

import orjson

from tests.support.loopback import listening


class Post(NamedTuple):
    """One request: its path, its headers by their names in small letters, its body."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class WebhookReceiver:
    """Answers each request with the next of `answers`, and after those with `answer`; while `held` is set with none."""

    answer: int = 204
    answers: list[int] = field(default_factory=list)
    also: dict[str, str] = field(default_factory=dict)
    content: bytes = b""
    came: list[Post] = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    before_answer: Callable[[], None] | None = None
    port: int = 0

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/told"

    def events(self) -> list[Any]:
        """The bodies, read."""
        return [orjson.loads(one.body) for one in self.came]

    def items(self) -> list[str]:
        """The items in the order in which they came."""
        return [one["data"]["item"] for one in self.events()]

    def numbers(self) -> list[int]:
        """The numbers in the order in which they came."""
        return [one["number"] for one in self.events()]


@contextmanager
def webhook_receiver() -> Iterator[WebhookReceiver]:
    """A receiver until the block ends."""
    receiver = WebhookReceiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.came.append(Post(self.path, headers, body))
            if receiver.before_answer is not None:
                receiver.before_answer()
            if receiver.held.is_set():
                receiver.released.wait(30)
            self.send_response(receiver.answers.pop(0) if receiver.answers else receiver.answer)
            for name, value in receiver.also.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(receiver.content)))
            self.end_headers()
            self.wfile.write(receiver.content)

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    with listening(Handler, receiver.released) as receiver.port:
        yield receiver
