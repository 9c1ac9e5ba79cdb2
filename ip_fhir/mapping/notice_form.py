"""A notice as an answered questionnaire with what it names, and back: for who fills in a form and orders nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from ip_fhir.domain.notice import Notice
from ip_fhir.mapping.fhir_version import version_of

if TYPE_CHECKING:
    from ip_fhir.mapping.compiled import Compiled


def notice_to_form(notice: Notice, compiled: Compiled) -> dict[str, Any]:
    """A transaction Bundle: the QuestionnaireResponse (Questionnaire `notice`) and what it refers to."""
    bundle: dict[str, Any] = orjson.loads(compiled.assembly("notice-form").json(notice, compiled.systems.base))
    return bundle


def notice_from_form(bundle: dict[str, Any], compiled: Compiled) -> Notice:
    """The notice in such a Bundle. Raises `InvalidInput` with every problem, by FHIRPath."""
    version_of(bundle, compiled.version)
    return compiled.assembly("notice-form").value(Notice, bundle)
