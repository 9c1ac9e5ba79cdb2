"""The FHIR endpoint (ASGI). `create_app` for a server of your own, `serve` for ours."""
