"""The official validator as a running program: resources in, issues out. See validator/ for what it is made of."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from types import TracebackType
from typing import IO, Any, Self

from tests.conformance import tools

MAIN = "org.ipfhir.conformance.Validator"
BAD = ("fatal", "error")


@dataclass(frozen=True)
class Issue:
    """What the validator says: how bad, where (FHIRPath), which of its messages, in words."""

    severity: str
    location: str
    id: str
    message: str

    @property
    def bad(self) -> bool:
        """Whether the resource is invalid."""
        return self.severity in BAD

    @property
    def place(self) -> str:
        """The location without entry numbers, indexes and ids: the same for each resource of a kind."""
        entry = re.sub(r"^Bundle\.entry\[\d+\]\.resource/\*(\w+)/.*?\*/", r"\1", self.location)
        return re.sub(r"/\*.*?\*/|\[[^\]]*\]", "", entry).replace("Bundle.entry.resource.", "")

    def __str__(self) -> str:
        return f"{self.severity} {self.place} [{self.id}] {self.message}"


class Validator:
    """One long-lived process; a context manager. It knows FHIR (R4, or `r5`) and the definitions under `places`.

    Without definitions it does not judge extensions.
    """

    def __init__(self, places: Iterable[Path] = (), *, r5: bool = False) -> None:
        self.arguments = [*(["--r5"] if r5 else []), *map(str, places)]
        self.definitions = 0
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        command = tools.java(tools.validator_jar(), MAIN, *self.arguments)
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, encoding="utf-8", bufsize=1)
        self.definitions = self._answer()["definitions"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process = self._running()
        process.kill()  # it holds nothing that must be finished
        process.communicate()

    def judge_all(self, resources: Iterable[Any], *profiles: str) -> Iterator[list[Issue]]:
        """The issues of each resource, in order. A `str` is judged as the text that it is.

        What is to be judged is written while answers are read, so both sides work at once.
        """
        written: Queue[BaseException | None] = Queue()  # one None for each resource, then what ended it
        writer = threading.Thread(target=self._write, args=(resources, profiles, written), daemon=True)
        writer.start()
        while (end := written.get()) is None:
            yield [
                Issue(i["severity"], i.get("location") or "", i.get("id") or "", i.get("message") or "")
                for i in self._answer()["issues"]
            ]
        writer.join()
        if not isinstance(end, StopIteration):
            raise end

    def judge(self, resource: Any, *profiles: str) -> list[Issue]:
        """The issues of one resource."""
        (issues,) = self.judge_all([resource], *profiles)
        return issues

    def _write(self, resources: Iterable[Any], profiles: tuple[str, ...], written: Queue[BaseException | None]) -> None:
        try:
            for resource in resources:
                key = "text" if isinstance(resource, str) else "resource"
                self._input.write(json.dumps({key: resource, "profiles": profiles}) + "\n")
                written.put(None)
        except BaseException as error:  # noqa: BLE001 - raised again by the reader, in the test's own thread
            written.put(error)
        else:
            written.put(StopIteration())

    def _answer(self) -> dict[str, Any]:
        output = self._running().stdout
        line = output.readline() if output else ""
        if not line:
            message = f"the validator ended with {self._running().poll()}"
            raise tools.ToolFailed(message)
        answer: dict[str, Any] = json.loads(line)
        return answer

    @property
    def _input(self) -> IO[str]:
        stream = self._running().stdin
        assert stream is not None
        return stream

    def _running(self) -> subprocess.Popen[str]:
        assert self._process is not None, "use the validator as a context manager"
        return self._process


# --- warnings that are let through -----------------------------------------------------------------


@dataclass(frozen=True)
class Allowed:
    """A warning that is right to give and right to live with: message id, place and words (regular expressions)."""

    id: str
    place: str
    message: str
    reason: str

    def covers(self, issue: Issue) -> bool:
        """Whether the issue is this one."""
        return (
            issue.severity == "warning"
            and issue.id == self.id
            and re.fullmatch(self.place, issue.place) is not None
            and re.search(self.message, issue.message) is not None
        )


def allowed_warnings() -> list[Allowed]:
    """The allow-list, warnings.toml."""
    data = tomllib.loads((tools.HERE / "warnings.toml").read_text(encoding="utf-8"))
    return [Allowed(**entry) for entry in data["allowed"]]


class Verdict:
    """What was found over many resources, and which entries of the allow-list were needed."""

    def __init__(self) -> None:
        self.allowed = allowed_warnings()
        self.used: set[Allowed] = set()
        self.judged = 0

    def objections(self, issues: list[Issue]) -> list[str]:
        """The issues that stand: errors, and warnings that are not let through."""
        self.judged += 1
        return [str(issue) for issue in issues if self._stands(issue)]

    def _stands(self, issue: Issue) -> bool:
        if issue.severity == "information":
            return False
        covering = next((entry for entry in self.allowed if entry.covers(issue)), None)
        if covering is not None:
            self.used.add(covering)
        return covering is None
