"""Mapping: the only layer that knows both the domain and FHIR. Driven by the tables under mappings/."""

from ip_fhir.mapping.compiled import Mapping, default, lens
from ip_fhir.mapping.evidence import evidence_to_fhir
from ip_fhir.mapping.foreign.reading import Reading, read_fhir
from ip_fhir.mapping.lenses.table import Lens
from ip_fhir.mapping.message import message_from_fhir, message_from_transaction, message_to_fhir
from ip_fhir.mapping.notice_form import notice_from_form, notice_to_form
from ip_fhir.mapping.plan import from_fhir, from_fhir_json, open_plan, put_plan, to_fhir, to_fhir_json, to_models
from ip_fhir.mapping.referral import event_from_task, referral_resources, referral_to_fhir

__all__ = [
    "Lens",
    "Mapping",
    "Reading",
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
    "referral_resources",
    "referral_to_fhir",
    "to_fhir",
    "to_fhir_json",
    "to_models",
]
