"""Our access to a FHIR server: a token of its authorisation server, and certificates."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ip_fhir.errors import InvalidInput
from ip_fhir.wire.tls import client_context, tls_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.wire.auth import BackendService
    from ip_fhir.wire.auth.keys import Signer
    from ip_fhir.wire.fhirserver.options import ListenerOptions, PeerOptions
    from ip_fhir.wire.tls import TlsFiles


def tls_files(options: ListenerOptions | PeerOptions) -> TlsFiles | None:
    """Returns the files of TLS that options name, None for none. Raises `InvalidInput` where one cannot be used."""
    found = tls_of({name: value for name, value in options.model_dump().items() if isinstance(value, str)})
    if found is not None:
        client_context(found)
    return found


def credentials(options: ListenerOptions) -> BackendService | None:
    """Returns our credentials with the server's authorisation server, None for none.

    Raises `InvalidInput` at the option that cannot be used, or lacks another.
    """
    if options.auth_client_id is None or options.auth_key is None:
        if (options.auth_client_id, options.auth_key) != (None, None):
            raise InvalidInput.at("auth_client_id", "and auth_key: each needs the other", "required")
        return None
    if options.token is not None:
        raise InvalidInput.at("token", "and auth_client_id: we show one of them", "invariant")
    from ip_fhir.wire.auth import BackendService  # brings joserfc, which most sides do without

    try:
        return BackendService(
            options.url,
            options.auth_client_id,
            _key(options.auth_key, options.auth_key_id),
            options.auth_scope,
            options.auth_token_url,
            options.auth_dpop,
        )
    except InvalidInput as error:
        raise InvalidInput(replace(one, path=f"auth_{one.path}") for one in error.problems) from None


def _key(given: str, key_id: str | None) -> Callable[[], Signer]:
    """The key in a file, or the text of one."""
    from ip_fhir.wire.auth.keys import FileKey, TextKey

    if not given.lstrip().startswith(("-----BEGIN", "{")):
        return FileKey(Path(given), key_id)
    kept = TextKey(given, key_id)
    return lambda: kept
