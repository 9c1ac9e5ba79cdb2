"""Options in settings of a peer that takes FHIR messages in the manner of MedCom."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ip_fhir.domain.values.value import Text, Value
from ip_fhir.wire.tls import TlsFiles


class PeerOptions(Value):
    """The options of a peer whose adapter is `fhirmessage`."""

    LISTS_FIELDS = True

    door: Literal["$process-message", "Bundle"] = Field(
        default="$process-message", description="where messages are posted, below `url`"
    )
    receipt: Literal["answer", "later"] = Field(
        default="answer",
        description="acknowledgements are the answer to a message, or come later, as messages of their own: the peer "
        "posts its to our `$process-message`, and we post ours to it beside the answer",
    )
    certificate: Text | None = Field(default=None, description="our own certificate, with those above it")
    key: Text | None = Field(default=None, description="its private key; without it, it is in the file `certificate`")
    key_password: Text | None = Field(default=None, repr=False, description="password of the key: `{ env = ... }`")
    trusted: Text | None = Field(default=None, description="the authorities, or certificates, that are trusted")

    @property
    def tls(self) -> TlsFiles | None:
        """The files for a TLS context; None where none is named."""
        files = TlsFiles(self.certificate, self.key, self.key_password, self.trusted)
        return None if files == TlsFiles() else files
