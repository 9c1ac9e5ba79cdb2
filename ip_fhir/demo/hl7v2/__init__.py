"""The part of the demonstration over HL7 v2: a loop with a municipality whose system knows no FHIR."""
