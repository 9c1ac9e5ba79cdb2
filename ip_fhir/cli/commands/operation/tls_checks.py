"""The check of the endpoint's certificate, for `doctor`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from ip_fhir.cli.commands.operation.doctor_checks import Finding
from ip_fhir.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.settings import HttpSettings

_DAYS_TO_RENEW: Final = 30


def check_tls(http: HttpSettings) -> Iterator[Finding]:
    """Our certificate: that it can be used, is for our address, and for how long; and the authorities of clients."""
    if http.tls is None:
        return
    from ip_fhir.web.entry.certificates import context_of, files_of
    from ip_fhir.wire.tls import valid_until

    try:
        context_of(http.tls)
        end = valid_until(files_of(http.tls), urlsplit(http.url).hostname)
    except InvalidInput as error:
        for problem in error.problems:
            yield Finding("tls", "fail", f"http.tls.{problem}")
        return
    days = (end - datetime.now(UTC)).days
    detail = f"the certificate is for {urlsplit(http.url).hostname} and ends {end:%Y-%m-%d}, in {days} days"
    yield Finding("tls", "warn" if days < _DAYS_TO_RENEW else "ok", detail)
