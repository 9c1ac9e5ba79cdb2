"""`plan preview`: what each participant will see, before a share begins and before a save; and the question."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from ip_fhir.domain.plan import Measure
from tests.cli.commands.conftest import BY, PLAN, Around
from tests.cli.conftest import Run
from tests.support.data import EXAMPLES
from tests.support.ring import make_plan

NEW = Measure(id="measure-4", what="Ny leksehjelp", goals=("goal-1",))


@pytest.mark.parametrize("language", ["nb", "en"])
@pytest.mark.parametrize("file", sorted((EXAMPLES / "plans").glob("*.json")), ids=lambda file: file.stem)
def test_each_example_shows_a_table(run: Run, file: Path, language: str) -> None:
    """A coordinator sees for every enterprise of an example what it would see, without settings or store."""
    shown = run("plan", "preview", "--with", file, "--lang", language)
    assert (shown.code, shown.err) == (0, "")
    assert {"nb": "Deltaker", "en": "Participant"}[language] in shown.text
    assert all(len(line) <= 80 for line in shown.text.splitlines())


def test_a_plan_before_anything_is_shared(run: Run, saved: Around) -> None:
    """Each participant as if its share had begun; what it may not see; who is responsible for what they may not see."""
    plan = make_plan()
    measures = (plan.measures[0], plan.measures[1].evolve(responsible="siri"), plan.measures[2])
    file = saved.write(plan.evolve(measures=measures))
    shown = run("plan", "preview", PLAN, "--with", file, "--config", saved["municipality"], "--lang", "nb")
    assert shown.code == 0
    assert "Siri Fagtest" in shown.text
    data = run("plan", "preview", PLAN, "--with", file, "--config", saved["municipality"], "--json").data
    school = next(one for one in data["participants"] if one["participant"].startswith("school"))
    assert (school["sees"]["goals"], school["sees"]["measures"], school["begins"]) == (1, 2, True)
    assert {
        "warning": "responsible-may-not-see",
        "participant": school["participant"],
        "measures": "measure-2",
    } in data["warnings"]
    assert saved.current() == plan


def test_what_a_save_would_open(run: Run, shared: Around) -> None:
    """New items by participant; the plan in the store stays as it is."""
    plan = shared.current()
    file = shared.write(plan.evolve(measures=(*plan.measures, NEW)))
    shown = run("plan", "preview", "--with", file, "--config", shared["municipality"], "--lang", "nb")
    assert "Ny leksehjelp" in shown.text
    data = run("plan", "preview", "--with", file, "--config", shared["municipality"], "--json").data
    new = {one["participant"]: len(one["new"]) for one in data["participants"] if not one["begins"]}
    assert new == {"hospital (test) (hospital)": 1, "school (test) (school)": 1}
    assert shared.current() == plan


def test_who_reads_the_server_on_the_way(run: Run, saved: Around) -> None:
    """It says who sees a participant's view, too, and that it has only what they may see."""
    file = saved["municipality"]
    said = file.read_text(encoding="utf-8")
    file.write_text(said.replace('name = "hospital"', 'name = "hospital"\nreaders = ["school"]'), encoding="utf-8")
    shown = run("plan", "preview", PLAN, "--config", file, "--lang", "en")
    assert "Others who read the server, and see as much: school (test) (school)" in " ".join(shown.text.split())
    data = run("plan", "preview", PLAN, "--config", file, "--json").data
    seen = {one["participant"].split()[0]: one for one in data["participants"]}
    assert (seen["hospital"]["also_read_by"], seen["school"]["also_read_by"]) == (["school (test) (school)"], [])
    assert seen["hospital"]["sees"]["measures"] == seen["school"]["sees"]["measures"] == 2
    shared = run("plan", "share", PLAN, "hospital", "--yes", "--json", "--config", file, *BY)
    assert saved.share("hospital").readers[0].party == "school"
    assert shared.code == 0


def test_nobody_has_said_who_reads_the_server(run: Run, saved: Around) -> None:
    """Preview and share name the setting, and nothing is shared; `readers = []` is enough."""
    file = saved["municipality"]
    said = file.read_text(encoding="utf-8")
    by_server = said.replace('name = "hospital"', 'name = "hospital"\nadapter = "fhirserver"')
    file.write_text(by_server, encoding="utf-8")
    data = run("plan", "preview", PLAN, "--config", file, "--json").data
    (why,) = [reason for party, reason in data["not_shared"].items() if party.startswith("hospital")]
    assert "nobody has said who reads the server on its way" in why
    refused = run("plan", "share", PLAN, "hospital", "--yes", "--config", file, *BY)
    assert refused.code == 2
    assert "`readers` of this peer in the settings" in refused.err
    file.write_text(by_server.replace('"fhirserver"', '"fhirserver"\nreaders = []'), encoding="utf-8")
    assert run("plan", "share", PLAN, "hospital", "--yes", "--json", "--config", file, *BY).code == 0
    file.write_text(by_server, encoding="utf-8")
    words = run("plan", "preview", PLAN, "--config", file, "--lang", "nb").text
    assert "Ingen har sagt hvem som leser serveren på veien" in " ".join(words.split())


def test_what_a_preview_needs(run: Run, saved: Around, tmp_path: Path) -> None:
    """Settings or a file; a file of the same plan."""
    assert "--config" in run("plan", "preview").err
    other = saved.write(make_plan().evolve(id="another-plan"), "other.json")
    ran = run("plan", "preview", PLAN, "--with", other, "--config", saved["municipality"])
    assert (ran.code, ran.out) == (2, b"")


@pytest.mark.parametrize(("answer", "version", "code"), [(b"y\n", 2, 0), (b"n\n", 1, 1)])
def test_on_a_terminal_it_is_asked(shared: Around, answer: bytes, version: int, code: int) -> None:
    """The preview is shown, and a yes saves; a no saves nothing, and the exit code says so."""
    plan = shared.current()
    file = shared.write(plan.evolve(measures=(*plan.measures, NEW)))
    settings = shared["municipality"]
    command = [sys.executable, "-m", "ip_fhir.cli", "plan", "save", str(file), "--config", str(settings), *BY]
    ours, theirs = pty.openpty()
    os.write(ours, answer)
    ran = subprocess.run(
        command, stdin=theirs, capture_output=True, check=False, env={**os.environ, "LC_ALL": "C.UTF-8"}, timeout=60
    )
    os.close(theirs)
    os.close(ours)
    assert ran.returncode == code, ran.stderr
    assert "Ny leksehjelp" in ran.stdout.decode()
    assert "Shall they see this?" in ran.stderr.decode()
    assert shared.current().version == version
