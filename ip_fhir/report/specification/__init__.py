"""The interface specification for one peer over HL7 v2: from the tables, the settings, and what the wire does."""
