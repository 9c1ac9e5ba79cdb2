"""The demonstration: five loops between a hospital trust and a municipality, two processes, in simulated weeks.

`run.run` is the whole of it. `stories` says what happens and how each loop should end, `sides` runs the two processes,
`people` acts for their staff and reads the stores, `checks` judges the result, `screen` shows it, `files` and `summary`
write it down.
"""
