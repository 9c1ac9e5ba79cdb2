"""Mapping between the domain and FHIR, driven by the tables under mappings/. No other layer knows both."""

from ip_fhir.mapping.foreign.reading import Reading
from ip_fhir.mapping.lenses.table import Lens
from ip_fhir.mapping.mapper import (
    Mapper,
    default,
    event_from_task,
    evidence_to_fhir,
    from_fhir,
    from_fhir_json,
    lens,
    message_from_fhir,
    message_from_transaction,
    message_to_fhir,
    notice_from_form,
    notice_to_form,
    open_plan,
    put_plan,
    read_fhir,
    rebase,
    referral_to_fhir,
    removed_entries,
    to_fhir,
    to_fhir_json,
    to_models,
    update_bundle,
)
from ip_fhir.mapping.rebase import Rebased
from ip_fhir.mapping.referral import referral_resources

__all__ = [
    "Lens",
    "Mapper",
    "Reading",
    "Rebased",
    "default",
    "event_from_task",
    "evidence_to_fhir",
    "from_fhir",
    "from_fhir_json",
    "lens",
    "message_from_fhir",
    "message_from_transaction",
    "message_to_fhir",
    "notice_from_form",
    "notice_to_form",
    "open_plan",
    "put_plan",
    "read_fhir",
    "rebase",
    "referral_resources",
    "referral_to_fhir",
    "removed_entries",
    "to_fhir",
    "to_fhir_json",
    "to_models",
    "update_bundle",
]
