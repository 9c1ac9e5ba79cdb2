"""Load over MLLP: REF^I12 from 16 connections into `ip-fhir serve`, beside the same notices as FHIR messages over HTTP.

One process serves both, and they take turns: a round of notices each. Both are mapped, and kept before the answer.
Servers of others that keep nothing take their turns too, where they are installed (`bare_servers.py`).
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from bare_servers import BRIDGE, bare_servers, write_reports
from bench_load import CONNECTIONS, serving, write_messages
from measuring import Figure

from ip_fhir.demo.place import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bare_servers import BareServer


def measure(quick: bool) -> Iterator[Figure]:
    """Processor and notices a second, the first round not counted; `quick`: fewer rounds."""
    rounds, number = (4, 200) if quick else (8, 400)
    with tempfile.TemporaryDirectory(prefix="ip-fhir-mllp-") as made, ExitStack() as stack:
        place, count = Path(made), (rounds + 1) * number
        files = {"http": place / "fhir", "mllp": place / "er7"}
        write_messages(files["http"], count)
        write_messages(files["mllp"], count, count, "hl7v2")
        (port,) = free_ports(1)
        server = stack.enter_context(serving(place / "server", f"sqlite:///{place}/store.sqlite", port))
        bare = stack.enter_context(bare_servers(place))
        reports = place / "reports"
        write_reports(reports, count, files["mllp"].stat().st_size // count)
        ports = {"http": None, "mllp": port}
        spent: dict[str, list[float]] = {wire: [] for wire in files}
        speed: dict[str, list[float]] = {wire: [] for wire in files}
        for turn in range(rounds + 1):
            for wire, file in files.items():
                server.take(file, turn * number, number, ports[wire])
                if turn:
                    spent[wire].append(server.milliseconds[-1])
                    speed[wire].append(server.per_second[-1])
            for name, other in bare.items():
                other.take(reports if name == BRIDGE else files["mllp"], turn * number, number, other.port)
    yield from figures(spent, speed)
    for name, other in sorted(bare.items()):
        yield beside(name, other, median(speed["mllp"]), median(spent["mllp"]))


def beside(name: str, other: BareServer, speed: float, spent: float) -> Figure:
    """Our messages a second by those of a server that keeps nothing; the first round is not counted."""
    note = f"it keeps nothing; processor {median(other.milliseconds[1:]):.2g} ms a message, ours {spent:.2g}"
    what = f"{CONNECTIONS} connections, over MLLP: by {name}"
    return Figure(what, speed, "/s", median(other.per_second[1:]), note=note)


def figures(spent: dict[str, list[float]], speed: dict[str, list[float]]) -> Iterator[Figure]:
    """The rows of the table: the ratio is the middle one of those of each turn."""
    ratios = [mllp / http for mllp, http in zip(spent["mllp"], spent["http"], strict=True)]
    what = f"{CONNECTIONS} connections"
    note = f"from {min(ratios):.2f} to {max(ratios):.2f}; MLLP {median(spent['mllp']):.2g} ms"
    yield Figure(f"{what}, processor: MLLP by HTTP", median(ratios), "", at_most=1.3, note=note)
    yield Figure(f"{what}, REF over MLLP", median(speed["mllp"]), "/s", median(speed["http"]), note="by HTTP's")


if __name__ == "__main__":
    for figure in measure("--quick" in sys.argv):
        print("  ".join(figure.cells()))
