"""Values of settings that stand elsewhere: secrets in the environment or a file, paths beside the settings file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, SecretStr, ValidationInfo

from ip_fhir.domain.agreement import load_agreements

_SHORTEST_TOKEN = 16


def _kept_elsewhere(value: Any, info: ValidationInfo) -> Any:
    """The text that `{ env = "NAME" }` or `{ file = "path" }` stands for; anything else as it is."""
    context = info.context or {}
    if isinstance(value, dict) and set(value) == {"env"}:
        text = context.get("environ", {}).get(str(value["env"]))
        if text is None:
            message = "the environment variable named here is not set"
            raise ValueError(message)
        return text
    if isinstance(value, dict) and set(value) == {"file"}:
        try:
            return _beside(value["file"], info).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError, TypeError):
            message = "the file named here cannot be read"
            raise ValueError(message) from None
    return value


def read_option(value: Any, info: ValidationInfo) -> Any:
    """An option of a listener: a secret from where it is kept, or a path beside the settings file."""
    if isinstance(value, dict) and set(value) == {"path"} and isinstance(value["path"], str):
        return str(_beside(value["path"], info))
    text = _kept_elsewhere(value, info)
    return value if text is value else SecretStr(text)


def read_peer_option(value: Any, info: ValidationInfo) -> Any:
    """An option of a peer, as `read_option`; true and false become texts, as adapters are given texts."""
    return str(value).lower() if isinstance(value, bool) else read_option(value, info)


def _read_secret(value: Any, info: ValidationInfo) -> Any:
    """The text of a token from where it is kept."""
    value = _kept_elsewhere(value, info)
    if isinstance(value, str) and len(value) < _SHORTEST_TOKEN:
        message = f"a token has at least {_SHORTEST_TOKEN} characters"
        raise ValueError(message)
    return value


def read_key(value: Any, info: ValidationInfo) -> Any:
    """A private key: the path of its file, beside the settings file, or its text from the environment."""
    if isinstance(value, dict) and set(value) == {"file"} and isinstance(value["file"], str):
        return _beside(value["file"], info)
    text = _kept_elsewhere(value, info)
    if not isinstance(text, str) or text is value:
        message = 'is { file = "path" } or { env = "NAME" }: no key stands in the settings'
        raise ValueError(message)
    return SecretStr(text)


def _beside(value: Any, info: ValidationInfo) -> Path:
    """A path, relative to the settings file."""
    return Path((info.context or {}).get("base", "."), value)


def read_agreements(value: Any, info: ValidationInfo) -> Any:
    """The agreements; if the value is a path, from the file there."""
    if not isinstance(value, str):
        return value
    try:
        return load_agreements(_beside(value, info).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        message = "the file named here cannot be read"
        raise ValueError(message) from None


def read_list(value: Any) -> Any:
    """The entries of a list; of a text, as the environment has it, those between commas."""
    return [entry.strip() for entry in value.split(",")] if isinstance(value, str) else value


def _database_beside(value: Any, info: ValidationInfo) -> Any:
    """A database URL; the file of a SQLite store is relative to the settings file, as every path here."""
    scheme, separator, rest = value.partition(":///") if isinstance(value, str) else ("", "", "")
    file, mark, query = rest.partition("?")
    if not separator or scheme.partition("+")[0] != "sqlite" or not file or file.startswith((":memory:", "file:")):
        return value
    return f"{scheme}{separator}{_beside(file, info)}{mark}{query}"


def read_command(value: Any, info: ValidationInfo) -> Any:
    """The words of a command; its program, if it is named with a slash, beside the settings file."""
    words = value.split() if isinstance(value, str) else value
    if not isinstance(words, (list, tuple)) or not words or not isinstance(words[0], str) or "/" not in words[0]:
        return words
    return [str(_beside(words[0], info).absolute()), *words[1:]]


Secret = Annotated[SecretStr, BeforeValidator(_read_secret)]
Password = Annotated[SecretStr, BeforeValidator(_kept_elsewhere)]  # chosen by others, however short
Beside = Annotated[Path, BeforeValidator(_beside)]
DatabaseUrl = Annotated[str, BeforeValidator(_database_beside)]
