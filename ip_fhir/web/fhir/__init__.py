"""The interactions of FHIR REST as they are asked for, one by one or in a batch, and answered."""
