"""The checks of `ip-fhir doctor`, each by what it looks at."""
