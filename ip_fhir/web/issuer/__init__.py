"""Tokens that an authorisation server gives to clients: whose they are, and what they allow (extra `auth`)."""

from ip_fhir.web.issuer.tokens import Grant, Issuer

__all__ = ["Grant", "Issuer"]
