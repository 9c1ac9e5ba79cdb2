"""Two municipalities hand plans to each other over HTTP, there and back, while all are killed at random.

`IP_FHIR_PLAN_MOVE_KILLS` says how often for each database (16; `make soak ARGS="sharing"`: 300), `IP_FHIR_SEED`
begins the same chance again.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.support.moving_town import MovingTown, wrong_after_moving
from tests.support.plan_town import running
from tests.support.processes import Zygote, kill_at_random

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]

KILLS = int(os.environ.get("IP_FHIR_PLAN_MOVE_KILLS", "16"))
SEED = int(os.environ.get("IP_FHIR_SEED", "20260112"))
MOVES = 2


@pytest.mark.sharing_promise(1, 3, 9)
@pytest.mark.timeout(600 + 10 * KILLS)
def test_killed_at_random_while_plans_move(moving_databases: dict[str, str], zygote: Zygote, tmp_path: Path) -> None:
    """Each plan has one holder in the end, none is lost, and each copy is the view of the last holder."""
    plans = max(3, KILLS // 6)
    with running(MovingTown(tmp_path, moving_databases, zygote, plans, MOVES)) as town:
        with town.time_passing():
            kill_at_random(town, KILLS, random.Random(SEED))
        town.finish(300 + KILLS)
        assert wrong_after_moving(town) == []
