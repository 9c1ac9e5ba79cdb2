"""A notice as an answered questionnaire, and back: for systems that fill in a form instead of a ServiceRequest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from ip_fhir.domain.notice import Notice
from ip_fhir.fhir.bundle import BundleContent, refuse_aside
from ip_fhir.mapping.fhir_version import version_of

if TYPE_CHECKING:
    from ip_fhir.mapping.compiled import Compiled


def notice_to_form(notice: Notice, compiled: Compiled) -> dict[str, Any]:
    """A transaction Bundle with the QuestionnaireResponse (Questionnaire `notice`) and the resources it refers to."""
    bundle: dict[str, Any] = orjson.loads(compiled.assembly("notice-form").json(notice, compiled.systems.base))
    return bundle


def notice_from_form(bundle: dict[str, Any], compiled: Compiled) -> Notice:
    """Read the notice in a Bundle as `notice_to_form` makes. Raises `InvalidInput` with every problem, by FHIRPath."""
    version_of(bundle, compiled.version)
    content = BundleContent(bundle)
    refuse_aside(content)
    return compiled.assembly("notice-form").value(Notice, content)
