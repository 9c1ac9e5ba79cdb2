"""FHIR resources: their versions, their search, and the parties that they concern."""
