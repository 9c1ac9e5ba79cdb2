"""Four sides around plans killed over and over, at moments that chance chooses: in the end each copy is its view.

`IP_FHIR_PLAN_KILLS` says how often for each database (30; `make soak ARGS="sharing"`: 2,000), `IP_FHIR_SEED` begins the
same chance again.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.support.plan_town import running_plan_town, wrong_with_plans
from tests.support.processes import Zygote, kill_at_random

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]

KILLS = int(os.environ.get("IP_FHIR_PLAN_KILLS", "30"))
SEED = int(os.environ.get("IP_FHIR_SEED", "20260112"))


@pytest.mark.timeout(120 + 10 * KILLS)
def test_killed_at_random_around_plans(plan_databases: dict[str, str], zygote: Zygote, tmp_path: Path) -> None:
    """After so many kills each copy equals its view, every change had its effect once, the chains verify."""
    plans = max(5, KILLS // 3)
    with running_plan_town(tmp_path, plan_databases, zygote, plans) as town:
        with town.time_passing():
            kill_at_random(town, KILLS, random.Random(SEED))
        town.finish(120 + KILLS)
    assert wrong_with_plans(plan_databases) == []
