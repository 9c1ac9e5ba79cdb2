"""FHIR R4 JSON: reading, receipts, error answers, capabilities. No meaning, no I/O."""
