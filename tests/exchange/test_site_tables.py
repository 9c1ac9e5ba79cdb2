"""A side with an overlay in its settings sends and reads by its own tables; a wrong overlay opens nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ip_fhir.bootstrap import open_exchange
from ip_fhir.errors import MappingError
from ip_fhir.settings import settings_of
from tests.support.two_sides import notice

OVERLAY = """
[system]
site-kind = { uri = "urn:site:notice-kind" }
[[codes]]
name = "notice-kind"
row = [{ domain = "child-coordinator", system = "site-kind", code = "BARN", display = "Barn", use = "beside" }]
"""


def settings(tmp_path: Path, overlay: str) -> Any:
    """A hospital with an overlay beside its settings file."""
    (tmp_path / "site.toml").write_text(overlay, encoding="utf-8")
    sent = notice("01")
    hospital, recipient = (sent.organization(ident).to_data() for ident in (sent.sender, sent.recipient))
    data = {
        "role": "hospital",
        "organization": hospital,
        "database": f"sqlite:///{tmp_path}/side.sqlite",
        "mappings": {"overlay": "site.toml"},
        "peers": [
            {"name": "ke", "url": "https://ke.example", "organization": recipient, "token": "a-token-of-16-letters"}
        ],
    }
    return settings_of(data, tmp_path, environ={})


def test_what_is_stored_follows_the_overlay(tmp_path: Path) -> None:
    """The ServiceRequest that others read has the site's code beside ours."""
    exchange = open_exchange(settings(tmp_path, OVERLAY))
    try:
        exchange.send_notice(notice("01"))
        (request,) = exchange.store.search_resources("ServiceRequest", {"_id": notice("01").correlation_id}, 2)
        codes = [coding["code"] for coding in request.body["code"]["coding"]]
    finally:
        exchange.close()
    assert codes == ["child-coordinator", "BARN"], json.dumps(request.body["code"])


def test_a_wrong_overlay_opens_nothing(tmp_path: Path) -> None:
    """It is refused before a store is made, with file, table and row."""
    with pytest.raises(MappingError, match=r"site\.toml: codes notice-kind, row child-coordinator: "):
        open_exchange(settings(tmp_path, OVERLAY.replace('"beside"', '"besides"')))
    assert not (tmp_path / "side.sqlite").exists()
