"""The content of the summary page; `ip_fhir.report.pages.summary` gives it its form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.report.pages.summary import CheckResult, LoopCaption, render

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ip_fhir.demo.checks import Check
    from ip_fhir.demo.stories import Story
    from ip_fhir.report.history import Loop
    from ip_fhir.report.pages.sharing import SharingSection
    from ip_fhir.report.words.codes import Language


def write_summary(
    out: Path,
    told: Sequence[tuple[Story, Loop | None]],
    checks: Sequence[Check],
    language: Language,
    shared: SharingSection | None,
) -> None:
    """Writes `summary.html`. A loop that one side does not know is left out; the checks report it."""
    known = [
        LoopCaption(loop, story.name, story.script.who[language], story.script.shows[language])
        for story, loop in told
        if loop is not None
    ]
    if known:
        (out / "summary.html").write_text(render(known, results_of(checks), language, shared), encoding="utf-8")


def results_of(checks: Sequence[Check]) -> list[CheckResult]:
    """Returns the checks with the same name as one."""
    found: list[CheckResult] = []
    for name in dict.fromkeys(check.name for check in checks):
        same = [check for check in checks if check.name == name]
        wrong = tuple(f"{check.subject}: {check.detail}" for check in same if not check.ok)
        found.append(CheckResult(name, len(same) - len(wrong), len(same), wrong))
    return found
