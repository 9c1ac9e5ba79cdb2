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
    from ip_fhir.domain.merge import difference, merge
    from ip_fhir.domain.notice import Notice
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.sharing.put_back import put_back
    from ip_fhir.domain.sharing.see import see
    from ip_fhir.domain.sharing.share import Share
    from ip_fhir.domain.sharing.view import PlanView
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
    from ip_fhir.exchange import Exchange
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
        rebase,
        removed_entries,
        to_fhir,
        to_fhir_json,
        to_models,
        update_bundle,
    )
    from ip_fhir.model import new_id
    from ip_fhir.report.document import plan_document, plan_document_reference
    from ip_fhir.settings import Settings, read_settings

__version__ = "0.1.0"

__all__ = [
    "Conflict",
    "ConsentRefused",
    "Exchange",
    "GreenForm",
    "IndividualPlan",
    "InvalidInput",
    "IpFhirError",
    "LoopError",
    "Mapper",
    "MappingError",
    "Notice",
    "PeerError",
    "PlanView",
    "Problem",
    "Rejected",
    "Settings",
    "Share",
    "StoreError",
    "Unavailable",
    "completeness",
    "difference",
    "from_fhir",
    "from_fhir_json",
    "lens",
    "merge",
    "message_from_fhir",
    "message_to_fhir",
    "missing_items",
    "new_id",
    "open_exchange",
    "open_plan",
    "permits",
    "plan_document",
    "plan_document_reference",
    "put_back",
    "put_plan",
    "read",
    "read_fhir",
    "read_settings",
    "rebase",
    "removed_entries",
    "see",
    "to_fhir",
    "to_fhir_json",
    "to_models",
    "update_bundle",
]

# Where each is defined: a name has a line here, one in `__all__`, and one among the imports for type checkers.
_HOME = {
    "Conflict": "errors",
    "ConsentRefused": "errors",
    "Exchange": "exchange",
    "GreenForm": "domain.green_form",
    "IndividualPlan": "domain.plan",
    "InvalidInput": "errors",
    "IpFhirError": "errors",
    "LoopError": "errors",
    "Mapper": "mapping",
    "MappingError": "errors",
    "Notice": "domain.notice",
    "PeerError": "errors",
    "PlanView": "domain.sharing.view",
    "Problem": "errors",
    "Rejected": "errors",
    "Settings": "settings",
    "Share": "domain.sharing.share",
    "StoreError": "errors",
    "Unavailable": "errors",
    "completeness": "domain.completeness",
    "difference": "domain.merge",
    "from_fhir": "mapping",
    "from_fhir_json": "mapping",
    "lens": "mapping",
    "merge": "domain.merge",
    "message_from_fhir": "mapping",
    "message_to_fhir": "mapping",
    "missing_items": "domain.green_form",
    "new_id": "model",
    "open_exchange": "bootstrap",
    "open_plan": "mapping",
    "permits": "domain.consent.permission",
    "plan_document": "report.document",
    "plan_document_reference": "report.document",
    "put_back": "domain.sharing.put_back",
    "put_plan": "mapping",
    "read": "domain.values.value",
    "read_fhir": "mapping",
    "read_settings": "settings",
    "rebase": "mapping",
    "removed_entries": "mapping",
    "see": "domain.sharing.see",
    "to_fhir": "mapping",
    "to_fhir_json": "mapping",
    "to_models": "mapping",
    "update_bundle": "mapping",
}


if not TYPE_CHECKING:  # a type checker is to see the names above, and to tell of any other

    def __getattr__(name: str) -> Any:
        if name not in _HOME:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        found = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
