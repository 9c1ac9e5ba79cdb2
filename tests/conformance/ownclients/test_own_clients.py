"""The clients of examples/clients/, generated from our OpenAPI document: each a record system at both of two sides."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from ip_fhir.domain.referral import State
from ip_fhir.web.own.openapi import document
from tests.conformance import tools
from tests.conformance.ownclients.lossy import Lossy, lossy
from tests.conformance.ownclients.town import OF_A_PEER, ROLES, TOKEN, Town, running_town
from tests.support.gate import require
from tests.support.two_sides import EXAMPLES

pytestmark = [pytest.mark.timeout(1800), pytest.mark.slow]

GOAL, WORDS = "Ny vurdering av førarkortet", "Ny vurdering av førarkortet i september"
RECORD = {
    "notice.json": "notices/03-stroke-patient.json",
    "green-form.json": "green_forms/03-stroke-patient-2-complete.json",
    "plan.json": "plans/03-stroke-patient.json",
}
SENT_ONCE = ["accept", "change", "green-form", "note", "note-again", "notice", "plan", "share", "title", "yes"]


@dataclass(frozen=True)
class Client:
    """A client that is built, at the two sides of a town: each answer to a request with a key is lost once."""

    command: list[str]
    town: Town
    ways: dict[str, Lossy]

    def run(self, *arguments: str, code: int = 0, token: str = TOKEN) -> list[str]:
        """Run it to its end, and give the lines that it wrote."""
        settings = {"RECORDS": str(self.town.place / "records")}
        for role in ROLES:
            url = f"http://127.0.0.1:{self.ways[role].port}"
            settings |= {f"{role.upper()}_URL": url, f"{role.upper()}_TOKEN": token}
        ran = subprocess.run(
            [*self.command, *arguments],
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        assert ran.returncode == code, ran.stdout + ran.stderr
        return ran.stdout.splitlines()

    @property
    def lost(self) -> list[str]:
        """The keys whose first answer was lost."""
        return [key for way in self.ways.values() for key in way.lost]


@pytest.fixture(params=["typescript", "java"])
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Client]:
    """The client in one language, and two sides with empty stores."""
    if request.param == "java":
        missing = tools.missing("java", "mvn")
        require(not missing, f"{missing}: install a JDK (17 or newer) and Maven")
        command = tools.own_client_in_java(document())
    else:
        missing = tools.missing("node", "npm")
        require(not missing, f"{missing}: install Node (20 or newer) and npm")
        command = tools.own_client_in_typescript(document())
    (tmp_path / "records").mkdir()
    for name, example in RECORD.items():
        shutil.copy(EXAMPLES / example, tmp_path / "records" / name)
    with running_town(tmp_path) as town, ExitStack() as ways:
        yield Client(command, town, {role: ways.enter_context(lossy(port)) for role, port in town.ports.items()})


def test_the_loop_and_a_shared_plan(client: Client) -> None:
    """Both are run to their end, each thing once though every answer is lost once; a second run changes nothing.

    Two authors at once: the second is told 412, reads again and saves. Refusals are printed as problem details.
    """
    said = client.run("loop")
    assert "hospital: referral-03 is confirmed" in said
    said += client.run("plan", GOAL, WORDS)
    assert [line for line in said if "Per is told 412" in line]
    assert [line for line in said if line.startswith("no answer")]
    assert len(client.lost) == len(SENT_ONCE)
    assert sorted(file.stem for file in (client.town.place / "records" / "sent").iterdir()) == SENT_ONCE
    assert [line for line in said if line.startswith("hospital: step ") and line.endswith(" by Lars Sykehuslege Ås")]
    assert [line for line in said if " was sent view 1 " in line]
    check(client.town)

    before, times = client.town.standing(), len(client.lost)
    again = client.run("loop") + client.run("plan", GOAL, WORDS)
    assert client.town.standing() == before
    assert len(client.lost) == times, "a key is new"
    assert "hospital: referral-03 is confirmed" in again

    refused(client.run("act", "municipality", "referral-03", "accept", code=1), 409, "business-rule")
    refused(client.run("act", "hospital", "referral-03", "accept", code=1), 422, "code-invalid", "event")
    refused(client.run("act", "hospital", "nothing", "close", code=1), 404, "not-found", "referral")
    for token in ("token-of-nobody-at-all", *OF_A_PEER.values()):
        refused(client.run("act", "hospital", "referral-03", "close", code=1, token=token), 401, "security")
    assert client.town.standing() == before


def check(town: Town) -> None:
    """Each side has what it must have: the loop, the versions and who saved them, the view, sound evidence."""
    with town.stores() as stores:
        for store in stores.values():
            assert store.referral("referral-03").referral.state == State.CONFIRMED
            assert store.verify() == ()
            assert store.outbox("parked", 1) == []
        holder = stores["municipality"]
        saved = [(one.version, one.by.id) for one in holder.plan_versions("plan-03")]
        assert saved == [(5, "nina01"), (4, "per02"), (3, "nina01"), (2, "nina01")]
        plan = holder.shared_plan("plan-03").plan.plan
        assert (plan.title, plan.note) == ("Plan for vegen heim, i lag", "Møte kvar månad.")
        assert [goal.text for goal in plan.goals if goal.text.startswith(GOAL)] == [WORDS]
        (copy,) = stores["hospital"].shared_plan("plan-03").plan.copies
        assert [goal.text for goal in copy.view.plan.goals if goal.text.startswith(GOAL)] == [WORDS]


def refused(said: list[str], status: int, code: str, path: str | None = None) -> None:
    """The client printed a problem with this status and code, perhaps at this place."""
    assert [line for line in said if line.startswith(f"refused: {status} urn:ip-fhir:problem:{code}: ")], said
    assert path is None or [line for line in said if line.startswith(f"refused: at {path}: {code}: ")], said
