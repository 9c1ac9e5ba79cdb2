"""What a test may skip for, and when a skip is a failure.

Where `IP_FHIR_REQUIRE_ALL=1`, as in `.ci/run`, a test that did not run has not passed: a skip fails, but for

- a test marked `@pytest.mark.may_skip("why")`;
- one that needs the shared data, which are not part of the repository: a checkout is whole without them.
"""

import os
from pathlib import Path
from typing import NoReturn

import pytest

NO_SHARED_DATA = "the shared data do not lie beside this checkout (IP_FHIR_SHARED_DATA names another place)"


def require(condition: object, reason: str) -> None:
    """Skip the test unless `condition` holds; under `IP_FHIR_REQUIRE_ALL=1` the skip fails.

    `reason` says what is missing, so that somebody can mend it: "no PostgreSQL: set IP_FHIR_POSTGRES".
    """
    if not condition:
        pytest.skip(reason)


def everything_required() -> bool:
    """Whether a skip is a failure in this run."""
    return os.environ.get("IP_FHIR_REQUIRE_ALL") == "1"


def shared_data_dir(start: Path) -> Path | None:
    """`shared/data` in a directory above `start`, or where `IP_FHIR_SHARED_DATA` says; None if none.

    A directory that is named but is not there raises: somebody wanted it.
    """
    named = os.environ.get("IP_FHIR_SHARED_DATA")
    if named:
        if not Path(named).is_dir():
            message = f"IP_FHIR_SHARED_DATA names {named}, which is no directory"
            raise FileNotFoundError(message)
        return Path(named)
    places = (parent / "shared" / "data" for parent in start.resolve().parents)
    return next((place for place in places if place.is_dir()), None)


def skip_without_shared_data() -> NoReturn:
    """Skip, allowed even where everything is required."""
    pytest.skip(NO_SHARED_DATA)


def is_allowed(reason: str, *, marked: bool) -> bool:
    """Whether a skip for `reason` stands, though everything is required."""
    return marked or NO_SHARED_DATA in reason
