"""FHIR JSON."""
