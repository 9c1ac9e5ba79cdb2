"""MLLP of other Python packages: servers, `hl7 PORT` and `hl7apy PORT`, and python-hl7's client, `send PORT FOLDER`.

A server prints the MSH-10 of what it takes. The client sends each file of the folder until it is acknowledged.
"""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import suppress
from pathlib import Path
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


def send_hl7(port: int, folder: Path) -> None:
    """python-hl7's client: prints MSA-1 and MSA-2 of each acknowledgement; a file that is taken goes to `done`."""
    from hl7.client import MLLPClient  # type: ignore[import-untyped]

    done = folder / "done"
    done.mkdir(exist_ok=True)
    while True:
        for file in sorted(one for one in folder.iterdir() if one.suffix == ".er7"):
            with suppress(OSError, IndexError), MLLPClient("127.0.0.1", port, encoding="utf-8") as client:
                answer = client.send_message(file.read_bytes())
                fields = answer.decode().partition("\rMSA|")[2].partition("\r")[0].split("|")
                _say(f"ANSWER {fields[0]} {fields[1]}")
                if fields[0] in ("AA", "CA"):
                    file.rename(done / file.name)
        time.sleep(0.05)


if __name__ == "__main__":
    programs = {"hl7": serve_hl7, "hl7apy": serve_hl7apy}
    if sys.argv[1] == "send":
        send_hl7(int(sys.argv[2]), Path(sys.argv[3]))
    else:
        programs[sys.argv[1]](int(sys.argv[2]))
