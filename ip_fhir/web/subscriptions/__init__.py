"""The FHIR resource Subscription at the endpoint."""
