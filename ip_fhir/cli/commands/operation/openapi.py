"""`openapi`: the description of what programs of our own may ask for by HTTP."""

from __future__ import annotations


def openapi() -> None:
    """Print the OpenAPI document (3.1) of /own.

    It is what `serve` answers with at /own/openapi.json to programs of our own (settings: own).
    """
    from ip_fhir.cli.opening import require_extra
    from ip_fhir.cli.output import emit_bytes

    require_extra("openapi", "web")
    from ip_fhir.web.own.openapi import document

    emit_bytes(document() + b"\n")
