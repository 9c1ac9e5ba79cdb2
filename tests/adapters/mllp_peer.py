"""A peer on loopback that takes MLLP, and answers in any way a test wants, down to each byte."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TypeAlias

from ip_fhir.testing.adapter_contract import Behaviour
from ip_fhir.testing.store_samples import PERSON

Pieces: TypeAlias = Sequence[bytes | float]
"""Bytes to send, and seconds to wait between them."""


def message(ident: str, accept: str = "AL", application: str = "NE", more: bytes = b"") -> bytes:
    """A message with this MSH-10, which asks for these acknowledgements."""
    sent = "EPJ|90000101|KE|90000202|20260112100500+0100"
    return f"MSH|^~\\&|{sent}||REF^I12^REF_I12|{ident}|P|2.5.1|||{accept}|{application}\r".encode() + more


def ack(ident: str, code: str = "CA", error: str = "", kind: str = "ACK^I12^ACK") -> bytes:
    """An acknowledgement of the message with that MSH-10."""
    err = f"ERR|||{error}^words^HL70357|E\r" if error else ""
    return (
        f"MSH|^~\\&|KE|90000202|EPJ|90000101|20260112100501+0100||{kind}|K1|P|2.5.1\rMSA|{code}|{ident}\r{err}".encode()
    )


def frame(content: bytes) -> bytes:
    """The content as a frame."""
    return b"\x0b" + content + b"\x1c\r"


class MllpPeer:
    """Takes connections until it is closed. `answer` gives, for each content, what is sent back; None: nothing."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=16)
        self._context = context
        self._turn = threading.Lock()
        self._open: list[socket.socket] = []
        self._behaviour: Behaviour = "ok"
        self.answer: Callable[[bytes], Pieces | None] = self._as_behaved
        self.closes_after_answer = False
        self.received: list[bytes] = []
        self.connections = 0
        self.ended = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listening.getsockname()[1])

    @property
    def url(self) -> str:
        """Where it listens; where nobody does while it is down."""
        scheme = "mllp" if self._context is None else "mllps"
        return f"{scheme}://127.0.0.1:{9 if self._behaviour == 'down' else self.port}"

    def behave(self, behaviour: Behaviour) -> None:
        """From now on."""
        self._behaviour = behaviour

    def push(self, content: bytes) -> None:
        """Send bytes on every open connection, though nobody asked."""
        with self._turn:
            for connection in self._open:
                connection.sendall(content)

    def hang_up(self) -> None:
        """End every open connection."""
        with self._turn:
            for connection in self._open:
                connection.shutdown(socket.SHUT_RDWR)
            self._open.clear()

    def close(self) -> None:
        """No more connections."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _as_behaved(self, content: bytes) -> Pieces | None:
        ident = content.split(b"|")[9].decode()
        answers: dict[Behaviour, bytes | None] = {
            "later": frame(ack(ident, "CE", "207")),
            "no": frame(ack(ident, "CR", f"207^{PERSON}")),
            "nonsense": f"<html>{PERSON}</html>".encode(),
            "other": frame(ack("another")),
            "silent": None,
        }
        answer = answers.get(self._behaviour, frame(ack(ident)))
        return None if answer is None else [answer]

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                made, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(made,), daemon=True).start()

    def _serve(self, made: socket.socket) -> None:
        with suppress(OSError):
            made.settimeout(20)
            if self._context is not None:
                made = self._context.wrap_socket(made, server_side=True)
            with self._turn:
                self.connections += 1
                self._open.append(made)
            self._talk(made)
        with self._turn:
            self.ended += 1
            if made in self._open:
                self._open.remove(made)
        made.close()

    def _talk(self, made: socket.socket) -> None:
        buffer = b""
        while data := made.recv(65_536):
            buffer += data
            while buffer.endswith(b"\x1c\r"):
                content, buffer = buffer[1:-2], b""
                with self._turn:
                    self.received.append(content)
                for piece in self.answer(content) or ():
                    if isinstance(piece, bytes):
                        made.sendall(piece)
                    else:
                        time.sleep(piece)
                if self.closes_after_answer:
                    return


@contextmanager
def mllp_peer(context: ssl.SSLContext | None = None) -> Iterator[MllpPeer]:
    """A peer that listens until the block ends."""
    peer = MllpPeer(context)
    try:
        yield peer
    finally:
        peer.close()
