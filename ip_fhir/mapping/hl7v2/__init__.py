"""Messages of HL7 v2, from their value (`ip_fhir.hl7v2`) to the domain and back, by the tables of that dialect."""
