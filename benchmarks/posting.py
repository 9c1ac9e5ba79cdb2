"""Posts messages over several connections that stay open, and prints how long all took, and each waited, in seconds.

posting.py PORT FILE FIRST NUMBER CONNECTIONS TOKEN REQUEST; the file holds one message a line. REQUEST is a method and
a path, such as "POST /fhir"; after a GET each line ends the path. Without a token (an empty one) it posts over MLLP.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


async def post_all(port: int, messages: list[bytes], connections: int, token: str, request: str) -> list[float]:
    """Each connection posts the next message as soon as its last one is answered; a no is an error."""
    waiting, waits = iter(messages), list[float]()
    post = partial(_post, token=token, request=request) if token else _frame
    await asyncio.gather(*(post(port, waiting, waits) for _ in range(connections)))
    return waits


async def _post(port: int, waiting: Iterator[bytes], waits: list[float], token: str, request: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for line in waiting:
        ending, content = (line, b"") if request.startswith("GET ") else (b"", line)
        head = (
            f"{request}{ending.decode()} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/fhir+json\r\n"
            f"Authorization: Bearer {token}\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        begun = time.perf_counter()
        writer.write(head.encode() + content)
        answer = await reader.readuntil(b"\r\n\r\n")
        body = await _body(reader, answer.lower().split(b"\r\n"))
        waits.append(time.perf_counter() - begun)
        if not answer.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 201 ")):
            raise RuntimeError(answer.decode() + body.decode())
    writer.close()


async def _body(reader: asyncio.StreamReader, headers: list[bytes]) -> bytes:
    for header in headers:
        if header.startswith(b"content-length:"):
            return await reader.readexactly(int(header.partition(b":")[2]))
    found = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):  # in chunks
        found += (await reader.readexactly(size + 2))[:-2]
    await reader.readexactly(2)
    return found


async def _frame(port: int, waiting: Iterator[bytes], waits: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for content in waiting:
        begun = time.perf_counter()
        writer.write(b"\x0b" + content + b"\x1c\r")
        answer = await reader.readuntil(b"\x1c\r")
        waits.append(time.perf_counter() - begun)
        if b"\rMSA|AA|" not in answer and b"\rMSA|CA|" not in answer:
            raise RuntimeError(answer.decode())
    writer.close()


if __name__ == "__main__":
    port, file, first, number, connections, token, request = sys.argv[1:]
    lines = Path(file).read_bytes().split(b"\n")[int(first) : int(first) + int(number)]
    begun = time.perf_counter()
    waits = asyncio.run(post_all(int(port), lines, int(connections), token, request))
    print(json.dumps({"seconds": time.perf_counter() - begun, "waits": waits}))
