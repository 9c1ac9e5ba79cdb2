"""Dialects: path words, guards, leaf kinds and places in errors, as each format has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ip_fhir.mapping.dialects.fhir.dialect import FHIR
from ip_fhir.mapping.dialects.hl7v2.dialect import V2

if TYPE_CHECKING:
    from ip_fhir.mapping.lenses.dialect import Dialect

DIALECTS: Final[dict[str, Dialect]] = {dialect.name: dialect for dialect in (FHIR, V2)}
"""The dialects by the name that a table gives."""
