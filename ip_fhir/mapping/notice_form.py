"""A notice as an answered questionnaire with what it names, and back: for who fills in a form and orders nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from ip_fhir.domain.notice import Notice
from ip_fhir.mapping.compiled import default
from ip_fhir.mapping.fhir_version import version_of

if TYPE_CHECKING:
    from ip_fhir.mapping.compiled import Mapping


def notice_to_form(notice: Notice, mapping: Mapping | None = None) -> dict[str, Any]:
    """A transaction Bundle: the QuestionnaireResponse (Questionnaire `notice`) and what it refers to."""
    mapping = mapping or default()
    bundle: dict[str, Any] = orjson.loads(mapping.assembly("notice-form").json(notice, mapping.systems.base))
    return bundle


def notice_from_form(bundle: dict[str, Any], mapping: Mapping | None = None) -> Notice:
    """The notice in such a Bundle. Raises `InvalidInput` with every problem, by FHIRPath."""
    mapping = mapping or default()
    version_of(bundle, mapping.version)
    return mapping.assembly("notice-form").value(Notice, bundle)
