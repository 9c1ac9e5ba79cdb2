"""The floor of `bench_load.py`: an endpoint of the same parts that keeps each body by one durable insert, no more."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import uvicorn
from loops import bare
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request


def application(file: str) -> Starlette:
    """POST keeps the body in the file and answers with as many bytes as a receipt has."""
    here, turn = threading.local(), threading.Lock()
    connection = bare(file)
    connection.execute("CREATE TABLE kept (number INTEGER PRIMARY KEY, content BLOB)")
    connection.close()

    def keep(content: bytes) -> None:
        if not hasattr(here, "connection"):
            here.connection = bare(file)
        with turn:
            here.connection.execute("INSERT INTO kept (content) VALUES (?)", (content,))

    async def post(request: Request) -> Response:
        await run_in_threadpool(keep, await request.body())
        return Response(b" " * 900, media_type="application/fhir+json")

    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    return Starlette(routes=[Route("/$process-message", post, methods=["POST"]), Route("/health", health)])


if __name__ == "__main__":
    uvicorn.run(application(sys.argv[2]), port=int(sys.argv[1]), access_log=False, log_config=None)
