"""The commands of `ip-fhir`, a room for each group. A command imports its heavy packages only when it is called."""
