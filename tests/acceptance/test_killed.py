"""Both sides killed over and over, at moments that chance chooses: nothing lost, nothing doubled, every loop closed.

`IP_FHIR_KILLS` says how often for each database (20; `.ci/run`: 100, `make soak`: 2,000), `IP_FHIR_SEED` begins
the same chance again.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.outcome import read_both, wrong
from tests.support.processes import ROLES, Zygote, kill_at_random, running_town

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]

KILLS = int(os.environ.get("IP_FHIR_KILLS", "20"))
SEED = int(os.environ.get("IP_FHIR_SEED", "20260112"))


@pytest.mark.promise(1, 2, 3, 4)
@pytest.mark.timeout(60 + 10 * KILLS)
def test_killed_at_random(databases: dict[str, str], zygote: Zygote, tmp_path: Path) -> None:
    """After so many kills every message had one effect, every loop is closed, the chains verify, nothing waits."""
    _killed(tmp_path, databases, zygote)


@pytest.mark.promise(1, 2, 3, 4)
@pytest.mark.timeout(60 + 10 * KILLS)
def test_killed_at_random_over_mllp(zygote: Zygote, tmp_path: Path) -> None:
    """The same where messages are HL7 v2 over MLLP: killed between frame and acknowledgement, nothing is lost."""
    _killed(tmp_path, on_files(tmp_path), zygote, mllp=ROLES)


@pytest.mark.promise(1, 2, 3, 4)
@pytest.mark.parametrize("speaker", ROLES)
def test_a_loop_that_ends_on_another_wire(zygote: Zygote, tmp_path: Path, speaker: str) -> None:
    """Notices go as FHIR messages and forms come back as RRI, or as REF and FHIR messages: both sides agree."""
    databases = on_files(tmp_path)
    with running_town(tmp_path, databases, zygote, loops=8, mllp=(speaker,)) as town:
        town.until_there_are(8)
        town.finish()
        accepted = town.notices
    both = read_both(databases)
    assert wrong(*both, accepted) == []
    for role, side in zip(ROLES, both, strict=True):
        kinds = {row.content_type for row in side.outbox if row.content_type is not None}
        assert kinds == {"application/hl7-v2+er7" if role == speaker else "application/fhir+json"}


def on_files(place: Path) -> dict[str, str]:
    """Where the two sides' stores are: files in a folder."""
    return {role: f"sqlite:///{place / role}.sqlite" for role in ROLES}


def _killed(place: Path, databases: dict[str, str], zygote: Zygote, *, mllp: Sequence[str] = ()) -> None:
    with running_town(place, databases, zygote, loops=KILLS, mllp=mllp) as town:
        with town.time_passing():
            kill_at_random(town, KILLS, random.Random(SEED))
        town.finish(120 + KILLS / 2)
        accepted = town.notices
    hospital, municipality = read_both(databases)
    assert wrong(hospital, municipality, accepted) == []
    assert len(accepted) > KILLS // 2, "there was too little to do: the kills hit nobody at work"
    again = sum(row.claim > 1 for side in (hospital, municipality) for row in side.outbox)
    assert again > KILLS // 20, "no kill hit a message on its way"
