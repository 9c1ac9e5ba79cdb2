"""FHIR messages in the manner of MedCom, the Danish agency: a chain of Provenances, and acknowledgements.

Source: the profiles medcom-messaging and medcom-acknowledgement, and MedCom's governance for reliable messaging.
"""
