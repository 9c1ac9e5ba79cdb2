"""Run tests for longer than anybody waits each day: `make soak`, or some by name: `make soak ARGS="killed -x"`.

Another chance: `IP_FHIR_SEED=7 make soak`. What begins with a dash is for pytest.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

SOAKS = {
    "killed": (("tests/acceptance/test_killed.py",), {"IP_FHIR_KILLS": "2000"}),
    "sharing": (
        (
            "tests/acceptance/test_plans_killed.py",
            "tests/acceptance/test_plans_restored.py",
            "tests/acceptance/test_plans_at_once.py",
            "tests/acceptance/test_plans_moved_killed.py",
            "tests/domain/sharing/life/test_two_holders.py",
            "tests/exchange/plans/test_wild_network_of_plans.py",
            "tests/exchange/plans/test_hl7v2_plans.py",
        ),
        {
            "IP_FHIR_PLAN_KILLS": "2000",
            "IP_FHIR_PLAN_RESTORES": "40",
            "IP_FHIR_PLAN_DEEDS": "150",
            "IP_FHIR_PLAN_MOVE_KILLS": "300",
            "IP_FHIR_PLAN_EXAMPLES": "5000",
            "IP_FHIR_RING_EXAMPLES": "200",
            "IP_FHIR_V2_RING_EXAMPLES": "100",
            "HYPOTHESIS_PROFILE": "search",
        },
    ),
    "frames": (("tests/wire/test_damaged_frames.py",), {"IP_FHIR_DAMAGED_FRAMES": "1000000"}),
    "hostile": (
        ("tests/acceptance/test_damaged_requests.py", "tests/acceptance/test_hostile_town.py"),
        {"IP_FHIR_DAMAGED": "100000", "IP_FHIR_HOSTILE_LOOPS": "300"},
    ),
    "own": (("tests/web/own/test_schemathesis.py",), {"IP_FHIR_OWN_EXAMPLES": "200"}),
}
"""Name, where its tests are, and what is set for them where nobody has set it."""


def command(arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """What is run, and what is set for it. Raises `SystemExit` for a name that there is not."""
    names = [argument for argument in arguments if not argument.startswith("-")] or list(SOAKS)
    unknown = [name for name in names if name not in SOAKS]
    if unknown:
        message = f"no soak is called {', '.join(unknown)}; there are: {', '.join(SOAKS)}"
        raise SystemExit(message)
    options = [argument for argument in arguments if argument.startswith("-")]
    chosen = [SOAKS[name] for name in names]
    environment = {key: value for _, settings in chosen for key, value in settings.items()}
    return ["-Im", "pytest", *options, *(file for files, _ in chosen for file in files)], {**environment, **os.environ}


def main() -> None:
    """Become pytest."""
    run, environment = command(sys.argv[1:])
    os.chdir(Path(__file__).parents[1])
    os.execve(sys.executable, [sys.executable, *run], environment)  # noqa: S606 - our own interpreter, no shell


if __name__ == "__main__":
    main()
