"""Individual plans to FHIR R4 and back, and the green form loop.

The public names; each is loaded when it is first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ip_fhir.bootstrap import open_exchange
    from ip_fhir.domain.completeness import completeness
    from ip_fhir.domain.consent.permission import permits
    from ip_fhir.domain.green_form import GreenForm, missing_items
    from ip_fhir.domain.notice import Notice
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.values.value import read
    from ip_fhir.errors import (
        Conflict,
        ConsentRefused,
        InvalidInput,
        IpFhirError,
        LoopError,
        MappingError,
        PeerError,
        Problem,
        Rejected,
        StoreError,
        Unavailable,
    )
    from ip_fhir.mapping import (
        Mapper,
        from_fhir,
        from_fhir_json,
        lens,
        message_from_fhir,
        message_to_fhir,
        open_plan,
        put_plan,
        read_fhir,
        removed_entries,
        to_fhir,
        to_fhir_json,
        to_models,
        update_bundle,
    )
    from ip_fhir.report.document import plan_document, plan_document_reference
    from ip_fhir.settings import Settings

__version__ = "0.1.0"

__all__ = [
    "Conflict",
    "ConsentRefused",
    "GreenForm",
    "IndividualPlan",
    "InvalidInput",
    "IpFhirError",
    "LoopError",
    "Mapper",
    "MappingError",
    "Notice",
    "PeerError",
    "Problem",
    "Rejected",
    "Settings",
    "StoreError",
    "Unavailable",
    "completeness",
    "from_fhir",
    "from_fhir_json",
    "lens",
    "message_from_fhir",
    "message_to_fhir",
    "missing_items",
    "open_exchange",
    "open_plan",
    "permits",
    "plan_document",
    "plan_document_reference",
    "put_plan",
    "read",
    "read_fhir",
    "removed_entries",
    "to_fhir",
    "to_fhir_json",
    "to_models",
    "update_bundle",
]

_HOME = {
    "GreenForm": "domain.green_form",
    "IndividualPlan": "domain.plan",
    "Notice": "domain.notice",
    "Mapper": "mapping",
    "Settings": "settings",
    "completeness": "domain.completeness",
    "missing_items": "domain.green_form",
    "open_exchange": "bootstrap",
    "permits": "domain.consent.permission",
    "read": "domain.values.value",
    **dict.fromkeys(("from_fhir", "from_fhir_json", "lens", "open_plan", "put_plan", "read_fhir"), "mapping"),
    **dict.fromkeys(("removed_entries", "to_fhir", "to_fhir_json", "to_models", "update_bundle"), "mapping"),
    **dict.fromkeys(("message_from_fhir", "message_to_fhir"), "mapping"),
    **dict.fromkeys(("plan_document", "plan_document_reference"), "report.document"),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    found = getattr(import_module(f"{__name__}.{_HOME.get(name, 'errors')}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
