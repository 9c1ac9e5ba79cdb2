"""The commands of `ip-fhir`, a room for each group. What a command works with, it imports when it is called."""
