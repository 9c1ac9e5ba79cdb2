"""HL7 v2 in ER7, the text form with `|` and `^`: read, written, acknowledged. No meaning, no I/O.

`message` reads bytes into an `Er7`, whose `value` is a JSON object that the mapping takes; `writer` makes bytes of such
an object. The grammar, order and number of segments, is the data of the package hl7apy (extra `hl7v2`).
"""
