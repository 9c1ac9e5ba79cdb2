"""The record of a plan: its versions and what they changed, and who was sent or read what, in words and as FHIR."""
