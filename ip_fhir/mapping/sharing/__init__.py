"""Views of a plan and the messages about it as FHIR, and back."""
