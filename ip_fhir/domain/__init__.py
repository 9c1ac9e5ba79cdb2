"""The domain: plan, people, team, consent, notice, green form, referral, agreement, loop.

Knows no FHIR, no HL7 v2, no XML, no I/O, no clock, no database. Values are frozen, and checked when they are made: a
wrong one raises `InvalidInput`.
"""
