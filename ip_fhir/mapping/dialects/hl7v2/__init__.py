"""HL7 v2: a message by its structure, as `ip_fhir.hl7v2` reads it."""
