"""Files of plans: a plan as JSON, or a FHIR Bundle with one; and views as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.cli.given import Given, tell

if TYPE_CHECKING:
    from pathlib import Path

    from ip_fhir.cli.files import Content
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.sharing.view import PlanView


def read_plan(file: str, config: Path | None, given: Given) -> IndividualPlan:
    """Reads the plan in a file: JSON of a plan, or a Bundle, which is read by the site's own tables.

    What of a Bundle is left unread is told on stderr. Raises `InvalidInput` with the file's name.
    """
    from ip_fhir.cli.files import expect, read_file, read_value
    from ip_fhir.domain.plan import IndividualPlan

    content = read_file(file)
    kind = expect(content, "plan", "bundle")
    if kind == "bundle":
        return _in_bundle(content, config, given)
    return read_value(IndividualPlan, content)


def read_view(file: str) -> PlanView:
    """Reads a view as `plan show --json` gives it, with what is wished otherwise. Raises `InvalidInput`."""
    from ip_fhir.cli.files import read_file, read_value
    from ip_fhir.domain.sharing.view import PlanView

    return read_value(PlanView, read_file(file))


def _in_bundle(content: Content, config: Path | None, given: Given) -> IndividualPlan:
    from ip_fhir.cli.files import naming, read_bundle
    from ip_fhir.cli.opening import read_config
    from ip_fhir.mapping import Mapper
    from ip_fhir.mapping.fhir_version import version_of

    bundle = read_bundle(content)
    with naming(content.name):
        overlay = read_config(config).mappings.overlay if config is not None else None
        reading = given.read(bundle, Mapper.load(overlay, version_of(bundle, None)))
    tell(content.name, reading.warnings)
    return reading.plan
