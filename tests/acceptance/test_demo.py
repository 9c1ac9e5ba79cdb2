"""`ip-fhir demo` as a person starts it: it closes every loop, leaves what it promises behind, and nothing running."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import orjson
import psutil
import pytest

from ip_fhir.domain.values.ids import PersonId
from ip_fhir.errors import InvalidInput
from ip_fhir.mapping import from_fhir
from ip_fhir.store.chain import START, link_hash

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]

SIDES = ("hospital", "municipality")
PARTIES = (*SIDES, "school", "practice", "newtown", "lyngvik")
LOOPS = tuple(f"referral-0{n}" for n in range(1, 6))
OVER_V2 = "referral-06"


def start(out: Path, *more: str) -> subprocess.Popen[str]:
    """Start the demo."""
    command = [sys.executable, "-m", "ip_fhir.cli", "demo", "--lang", "en", "--out", str(out), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@contextmanager
def started(out: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    """The demo while a test looks at it; ended by force when the test is over."""
    with start(out, *more) as demo:
        try:
            yield demo
        finally:
            demo.kill()


def finish(demo: subprocess.Popen[str], seconds: float = 120) -> tuple[int, str]:
    """Its exit code and everything it said."""
    said, _ = demo.communicate(timeout=seconds)
    return demo.returncode, said


def wait_for(condition: Callable[[], object], demo: subprocess.Popen[str], seconds: float = 60) -> None:
    """Wait until it holds, as long as the demo runs."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert demo.poll() is None, demo.communicate()[0]
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.01)


def side_of(demo: subprocess.Popen[str], side: str) -> psutil.Process | None:
    """The process of one side, found as a person would: by its command line."""
    try:
        children = psutil.Process(demo.pid).children()
        return next((child for child in children if f"{side}.toml" in " ".join(child.cmdline())), None)
    except psutil.NoSuchProcess:
        return None


def ports(out: Path) -> list[int]:
    """The ports that the parties had."""
    settings = [tomllib.loads((out / "run" / f"{name}.toml").read_text(encoding="utf-8")) for name in PARTIES]
    return [found["http"]["port"] for found in settings]


def open_ports(out: Path) -> list[int]:
    """Those that somebody still listens at."""
    found = []
    for port in ports(out):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                found.append(port)
    return found


def simulated_day(out: Path) -> str:
    """The day it is for the two sides."""
    try:
        return (out / "run" / "clock").read_text(encoding="ascii")[:10]
    except OSError:
        return ""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, str]:
    """One whole run: its folder, its exit code, what it said."""
    out = tmp_path_factory.mktemp("demo") / "out"
    code, said = finish(start(out))
    return out, code, said


def test_every_loop_closes(ran: tuple[Path, int, str]) -> None:
    """It ends with 0, says that every loop closed, and every check held."""
    _, code, said = ran
    assert code == 0, said
    assert "Every loop closed as it should." in said
    assert "✗" not in said
    assert said.count("✓") == 15


def test_a_person_can_follow(ran: tuple[Path, int, str]) -> None:
    """The timeline has what the stories are about, in order, each with its date."""
    said = " ".join(ran[2].split())
    places = [
        said.index(words)
        for words in (
            "Mon 12 Jan 08:40 Hospital Ylva notice: needs a child coordinator (consent)",
            "needs a coordinator (by law, without consent)",
            "Wed 14 Jan 10:05 Municipality Håvard has ordered an assessment",
            "sends the green form: the coordinator is Marit Bjørgum",
            "the rejection has its reason, the loop is closed. Complaints to: Statsforvalteren",
            "the form goes back, the loop stays open. It lacks how to reach the coordinator, from which day and an",
            "the coordinators are Trond Håvik and Eli Brønstad",
            "Mon 2 Feb 09:20 Hospital Roy Arne reminder 1: the green form has not come",
            "Mon 9 Feb 09:20 Hospital Roy Arne reminder 2: the green form has not come",
            "Thu 12 Feb 10:10 Municipality Roy Arne sends the green form: the coordinator is Gro Kjærstad",
            "A municipality that speaks HL7 v2 only",
            "Mon 16 Feb 09:15 Hospital Jørgen notice: needs a coordinator (by law, without consent)",
            "Hospital Jørgen it went as REF^I12 over MLLP, and was acknowledged",
            "Municipality Jørgen sends the green form: the coordinator is Sølvi Øyehaug",
            "Municipality Jørgen it went as RRI^I12 over MLLP, and was acknowledged",
            "Tue 8 Sep 08:30 Municipality Ylva makes the plan, after the green form",
            "School Ylva has got view number 1 of the plan",
            "Both stand",
            "chooses the hospital's",
            "School Ylva has nothing of the plan any more",
            "Mon 14 Sep 00:00",
            "Practice Ylva has got view number 6 of the plan",
            "Nobody became a member by being asked",
            "Solvik Ylva takes the plan over",
            "How it ended",
        )
    ]
    assert places == sorted(places)
    assert "reminder 3" not in said


def test_bundles(ran: tuple[Path, int, str], checkout: Path) -> None:
    """Each plan can be read back from its bundle; each loop's resources are there as each side has them, and agree."""
    folder = ran[0] / "bundles"
    for file in sorted((checkout / "examples" / "plans").glob("*.json")):
        plan = json.loads(file.read_bytes())
        assert from_fhir(orjson.loads((folder / f"{plan['id']}.json").read_bytes())).id == plan["id"]
    for loop in (*LOOPS, OVER_V2):
        statuses = []
        for side in SIDES:
            bundle = json.loads((folder / f"{loop}.{side}.json").read_bytes())
            resources = {entry["resource"]["resourceType"]: entry["resource"] for entry in bundle["entry"]}
            statuses.append((resources["Task"]["status"], resources["ServiceRequest"]["status"]))
        assert statuses[0] == statuses[1]
        assert statuses[0][0] == ("rejected" if loop == "referral-05" else "completed")


def test_event_log_is_a_chain_that_names_nobody(ran: tuple[Path, int, str], checkout: Path) -> None:
    """Each side's records stand in the order of its chain, linked where none is between; they name nobody."""
    text = (ran[0] / "events.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    for side in (*SIDES, "lyngvik"):
        last, number = START.hash, 0
        for line in (line for line in lines if line["side"] == side):
            assert line["number"] > number
            assert line["previous"] == last or line["number"] > number + 1
            record = orjson.dumps(line["record"], option=orjson.OPT_SORT_KEYS)
            carries = line["record"]["event"].keys() & {"notice", "form"}
            assert carries or line["digest"] == sha256(record).hexdigest()
            last, number = line["hash"], line["number"]
        assert number > (20 if side in SIDES else 2)
    assert link_hash(START.hash, 1, "a", "{}") != START.hash
    for owner in (json.loads(f.read_bytes())["owner"] for f in (checkout / "examples" / "notices").glob("*.json")):
        assert owner["identifier"] not in text
        assert owner["name"]["family"] not in text


def test_no_person_in_logs_and_settings(ran: tuple[Path, int, str]) -> None:
    """Neither a log nor a settings file holds anything that is a person's number."""
    for file in [*(ran[0] / "run").glob("*.log"), *(ran[0] / "run").glob("*.toml")]:
        text = file.read_text(encoding="utf-8")
        for digits in re.findall(r"(?<!\d)\d{11}(?!\d)", text):
            with pytest.raises(InvalidInput):
                PersonId(digits)


def test_nothing_is_left_running(ran: tuple[Path, int, str]) -> None:
    """Nobody listens at the ports any more."""
    assert open_ports(ran[0]) == []


def test_stores_can_be_asked_afterwards(ran: tuple[Path, int, str]) -> None:
    """The run's settings go on working for the other commands."""
    for side in PARTIES:
        config = str(ran[0] / "run" / f"{side}.toml")
        for command in (["referrals", "list"], ["plan", "list"], ["verify"], ["doctor"]):
            done = subprocess.run(
                [sys.executable, "-m", "ip_fhir.cli", *command, "--config", config, "--json"],
                check=True,
                capture_output=True,
            )
            found = json.loads(done.stdout)
            if command == ["verify"]:
                assert found["whole"]
            if command == ["referrals", "list"]:
                ended = {"confirmed", "rejected"} if side in SIDES else {"confirmed"} if side == "lyngvik" else set()
                assert {one["state"] for one in found} == ended
            if command == ["plan", "list"]:
                held = {"newtown": ["holder"], "lyngvik": []}
                assert [one["side"] for one in found] == held.get(side, ["participant"])


def test_tokens_are_nobody_elses(ran: tuple[Path, int, str]) -> None:
    """The tokens differ, are long, and only their owner may read the files; over HL7 v2 there are none."""
    files = sorted((ran[0] / "run").glob("*.token"))
    assert {file.stem for file in files} == {*PARTIES} - {"lyngvik"}
    tokens = {file.read_text(encoding="ascii") for file in files}
    assert len(tokens) == len(files)
    assert min(map(len, tokens)) >= 40
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


# --- killed in the middle ------------------------------------------------------------------------


KILLINGS = (
    ("2026-01-12", ("hospital",)),
    ("2026-01-20", ("municipality",)),
    ("2026-02-02", SIDES),
    ("2026-09-08", ("school",)),
    ("2026-09-10", ("municipality", "hospital")),
)


def test_killed_processes_lose_nothing(tmp_path: Path) -> None:
    """`kill -9` in the middle, of one and of several at once: they are started again, and all ends as it should."""
    out = tmp_path / "out"
    killed: list[int] = []
    with started(out, "--pace", "0.05") as demo:
        for day, victims in KILLINGS:
            wait_for(lambda day=day: simulated_day(out) >= day, demo)  # type: ignore[misc]
            for victim in victims:
                killed.append(kill(demo, victim, killed))
        code, said = finish(demo)
    assert code == 0, said
    assert said.count("'s process died (-9) and is started again") == len(killed) == 7
    assert "Every loop closed as it should." in said
    assert open_ports(out) == []


def kill(demo: subprocess.Popen[str], victim: str, killed: list[int]) -> int:
    """Kill that side's process, which is not one of those killed before."""
    found: list[psutil.Process] = []

    def is_there() -> bool:
        process = side_of(demo, victim)
        if process is not None and process.pid not in killed:
            found.append(process)
        return bool(found)

    wait_for(is_there, demo)
    found[0].kill()
    return found[0].pid


@pytest.mark.parametrize(("by", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -9)])
def test_an_interrupted_demo_leaves_nothing_running(by: signal.Signals, code: int, tmp_path: Path) -> None:
    """However the demo ends, its two processes end too, and nobody listens at the ports."""
    out = tmp_path / "out"
    with started(out, "--pace", "0.2") as demo:
        wait_for(lambda: simulated_day(out) >= "2026-01-13", demo)
        children = psutil.Process(demo.pid).children()
        assert len(children) == 2
        os.kill(demo.pid, by)
        found, said = finish(demo)
        assert found == code
        assert "Traceback" not in said
        _, alive = psutil.wait_procs(children, timeout=20)
        assert alive == []
        assert open_ports(out) == []


# --- when it is not as it should be --------------------------------------------------------------


@pytest.fixture
def examples(checkout: Path, tmp_path: Path) -> Path:
    """A copy of the examples, to be changed."""
    copy = tmp_path / "examples"
    for folder in ("plans", "notices", "green_forms"):
        shutil.copytree(checkout / "examples" / folder, copy / folder)
    return copy


def change(file: Path, **fields: object) -> None:
    """Change fields of a JSON file; None takes one away."""
    data = {**json.loads(file.read_bytes()), **fields}
    file.write_text(json.dumps({k: v for k, v in data.items() if v is not None}), encoding="utf-8")


def test_a_loop_that_does_not_close_is_seen(examples: Path, tmp_path: Path) -> None:
    """With a story that goes otherwise (no coordinator named) it ends with 1 and says in words what is wrong."""
    change(examples / "green_forms" / "01-child-with-cerebral-palsy.json", coordinators=None)
    code, said = finish(start(tmp_path / "out", "--examples", str(examples)))
    assert code == 1
    assert "✗ The loop ended as its story says (5/6)" in said
    assert "Ylva: ended as incomplete, not confirmed" in said
    assert (tmp_path / "out" / "summary.html").is_file()
    assert open_ports(tmp_path / "out") == []


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (
            lambda e: (e / "plans" / "01-child-with-cerebral-palsy.json").write_text("{"),
            "01-child-with-cerebral-palsy.json: ",
        ),
        (lambda e: (e / "notices" / "03-stroke-patient.json").unlink(), "holds 0 files 03-*.json"),
        (lambda e: shutil.rmtree(e / "green_forms"), "name the examples of a checkout: --examples DIR"),
    ],
)
def test_examples_that_cannot_be_used(
    spoil: Callable[[Path], object], words: str, examples: Path, tmp_path: Path
) -> None:
    """Examples that are not there or broken: one clear line and exit code 2, and nothing is started or written."""
    spoil(examples)
    code, said = finish(start(tmp_path / "out", "--examples", str(examples)))
    assert code == 2
    assert words in said
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_folder_of_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    """An output folder with other files in it is refused, and nothing in it is touched."""
    (tmp_path / "mine").write_text("mine", encoding="utf-8")
    code, said = finish(start(tmp_path))
    assert code == 2
    assert "is not empty, and no earlier demo made it" in said
    assert [file.name for file in tmp_path.iterdir()] == ["mine"]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """Where a file stands in the way: one clear line."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    code, said = finish(start(tmp_path / "file" / "out"))
    assert (code, len(said.splitlines())) == (2, 1)
    assert "cannot be written: Not a directory" in said


def test_two_demos_in_one_folder(tmp_path: Path) -> None:
    """A second demo in the folder of a running one is refused; the first goes on."""
    out = tmp_path / "out"
    with started(out, "--pace", "0.2") as first:
        wait_for(lambda: simulated_day(out), first)
        code, said = finish(start(out))
        assert code == 2
        assert "another demo is running there" in said
        assert first.poll() is None
        first.terminate()
        assert finish(first)[0] == 130
