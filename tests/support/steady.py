"""Generated data that depend on the strategy and the test alone, not on what else has been imported."""

from __future__ import annotations

from hypothesis.internal.conjecture.providers import HypothesisProvider
from hypothesis.internal.constants_ast import Constants

LOOKED_UP = HypothesisProvider.__dict__["_local_constants"]
"""Hypothesis's own: numbers and texts from the source of every module of ours that is loaded at the time.

With them a test has other examples beside other tests than alone, and others after any change to the library.
"""


def keep_steady() -> None:
    """From here on choose without them; Hypothesis has no setting for it; under another name it would be red."""
    HypothesisProvider._local_constants = Constants()  # type: ignore[assignment]
