"""The interactions of FHIR's REST interface as values, without a connection (http://hl7.org/fhir/R4/http.html).

Each knows its request, what may be done if it fails, and how its answer is read: into a result, or one of the three
errors of a peer. Whoever performs it hands it an answer; nothing here opens a connection, waits, or asks the time.
"""
