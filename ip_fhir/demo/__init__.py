"""The demonstration: loops between a hospital trust and two municipalities, then a plan between five parties.

Each party is a process with its own store; the weeks are simulated. `run.run` is the whole of it. `stories` says what
happens and how each loop should end, `sides` runs the processes, `people` acts for the staff of the loops and reads the
stores, `checks` judges the result, `screen` and `timeline` show it, `files` and `summary` write it down.
`hl7v2` is the loop with a municipality that knows no FHIR, `plans` the part about the plan.
"""
