"""Start the processes of `child.py`, let them go at the same moment, hear what they say."""

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

SCRIPT = Path(__file__).with_name("child.py")


@dataclass
class Children:
    """Processes on one store; those that are left at the end are killed."""

    url: str
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, what: str, name: str, number: int = 0) -> subprocess.Popen[str]:
        """Start one and wait until it is ready to go."""
        child = subprocess.Popen(
            [sys.executable, "-W", "error", str(SCRIPT), what, self.url, name, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.started.append(child)
        assert self.hear(child) == "started"
        return child

    def go(self) -> None:
        """Let all of them go."""
        for child in self.started:
            assert child.stdin is not None
            child.stdin.write("go\n")
            child.stdin.flush()

    def hear(self, child: subprocess.Popen[str]) -> str:
        """The next word of a child; empty when it has no more to say."""
        assert child.stdout is not None
        return child.stdout.readline().strip()

    def rest(self, child: subprocess.Popen[str]) -> tuple[list[str], int]:
        """All that a child says until it ends, and how it ended."""
        said, _ = child.communicate(timeout=120)
        return said.split(), child.returncode

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        for child in self.started:
            child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    pipe.close()
