"""Individual plans to FHIR R4 and back, and the green form loop."""
