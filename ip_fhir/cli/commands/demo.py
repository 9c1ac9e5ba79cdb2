"""`demo`: five notices and their green forms, then a plan that is shared, in simulated weeks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ip_fhir.cli.options import Lang, spoken


def demo(
    lang: Lang = None,
    out: Annotated[Path, typer.Option("--out", help="Where bundles, event log and summary go.")] = Path("demo-out"),
    pace: Annotated[
        float,
        typer.Option("--pace", min=0.0, max=10.0, help="Seconds to rest after each simulated day, to read along."),
    ] = 0.0,
    examples: Annotated[
        Path | None,
        typer.Option("--examples", help="The folder with plans/, notices/ and green_forms/.", show_default=False),
    ] = None,
) -> None:
    """Run six loops between three processes, and share a plan between five.

    A hospital trust and a municipality, each a process with its own store; five notices, reminders and green forms in
    simulated weeks, and one over HL7 v2 with a municipality whose system knows no FHIR. Then the first municipality
    shares a plan with the hospital, a school and a general practice, two change it at once, a consent is withdrawn,
    another opens something at midnight, and another municipality takes the plan over. In the end a check that every
    loop ended as it should, and that each has of the plan what it may see. Exit code 0 only if so.
    """
    from ip_fhir.cli.opening import require_extra

    require_extra("demo", "web", "report")
    from ip_fhir.demo.run import DemoOptions, run

    raise typer.Exit(run(DemoOptions(out, spoken(lang), pace, examples)))
