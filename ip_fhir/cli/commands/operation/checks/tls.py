"""The check of the endpoint's certificate, for `doctor`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import urlsplit

from ip_fhir.errors import InvalidInput

if TYPE_CHECKING:
    from ip_fhir.settings import HttpSettings

_DAYS_TO_RENEW: Final = 30


def check_tls(http: HttpSettings) -> tuple[Literal["ok", "warn", "fail"], str] | None:
    """Returns how our certificate stands, in words: if it can be used, is for our address, and for how long.

    None where the endpoint speaks no TLS itself. The files of the authorities of clients are looked at, too.
    """
    if http.tls is None:
        return None
    from ip_fhir.web.entry.certificates import context_of, files_of
    from ip_fhir.wire.tls import valid_until

    host = urlsplit(http.url).hostname
    try:
        context_of(http.tls)
        end = valid_until(files_of(http.tls), host)
    except InvalidInput as error:
        return "fail", f"http.tls.{error.problems[0]}"
    days = (end - datetime.now(UTC)).days
    detail = f"the certificate is for {host} and ends {end:%Y-%m-%d}, in {days} days"
    return ("warn" if days < _DAYS_TO_RENEW else "ok"), detail
