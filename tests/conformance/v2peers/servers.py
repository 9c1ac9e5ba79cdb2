"""Servers for MLLP of other Python packages: `hl7 PORT` or `hl7apy PORT`; each prints the MSH-10 of what it takes."""

from __future__ import annotations

import asyncio
import sys
from typing import Any


def _say(line: str) -> None:
    """Write a line in one piece: several threads do."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def serve_hl7(port: int) -> None:
    """python-hl7: answers with the acknowledgement that it makes of the message."""
    from hl7.mllp import start_hl7_server  # type: ignore[import-untyped]

    async def talk(reader: Any, writer: Any) -> None:
        try:
            while not writer.is_closing():
                message = await reader.readmessage()
                _say(f"GOT {message.segment('MSH')(10)}")
                writer.writemessage(message.create_ack())
                await writer.drain()
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    async def run() -> None:
        async with await start_hl7_server(talk, host="127.0.0.1", port=port, encoding="utf-8") as server:
            _say("READY")
            await server.serve_forever()

    asyncio.run(run())


def serve_hl7apy(port: int) -> None:
    """hl7apy: answers with an acknowledgement of its handler."""
    from hl7apy.mllp import AbstractHandler, MLLPServer

    class Handler(AbstractHandler):  # type: ignore[misc]
        def reply(self) -> str:
            ident = self.incoming_message.split("\r")[0].split("|")[9]
            _say(f"GOT {ident}")
            return f"\x0bMSH|^~\\&|||||||ACK|1|P|2.5\rMSA|AA|{ident}\r\x1c\r"

    server = MLLPServer("127.0.0.1", port, {"REF^I12^REF_I12": (Handler,)}, timeout=2)
    _say("READY")
    server.serve_forever()


if __name__ == "__main__":
    {"hl7": serve_hl7, "hl7apy": serve_hl7apy}[sys.argv[1]](int(sys.argv[2]))
