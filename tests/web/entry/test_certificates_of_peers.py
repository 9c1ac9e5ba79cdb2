"""Certificates of peers in the settings: read in the forms that people write, and refused where they name nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from ip_fhir.bootstrap import open_exchange
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange import Exchange
from ip_fhir.settings import read_settings

SETTINGS = """
role = "hospital"
database = "sqlite:///store.sqlite"
organization = {{ id = "us", name = "Nordsund sykehus", kind = "hospital", her_id = "80001" }}

[http.tls]
certificate = "tls/ours.pem"
{trusted}

[[peers]]
name = "nordvik"
url = "https://nordvik.example"
certificates = {certificates}
organization = {{ id = "them", name = "Nordvik kommune", kind = "municipality", her_id = "80002" }}

[[carriers]]
name = "engine"
parties = ["nordvik"]
certificates = {others}
"""
TRUSTED = 'trusted = "tls/authorities.pem"'
DIGEST = "ab" * 32


def opened(place: Path, certificates: str, others: str = "[]", trusted: str = TRUSTED) -> Exchange:
    """A side with these settings, whose certificate need not be there before it serves."""
    file = place / "ip-fhir.toml"
    text = SETTINGS.format(certificates=certificates, others=others, trusted=trusted)
    file.write_text(text, encoding="utf-8")
    return open_exchange(read_settings(file))


def test_names_as_people_write_them(tmp_path: Path) -> None:
    """A fingerprint with colons and in capitals is the same; the name that was met is the client of the request."""
    written = ":".join(["AB"] * 32)
    exchange = opened(tmp_path, f'["SHA256:{written}", "subject:serialNumber=983971636"]', '["dns:Engine.example"]')
    try:
        for names, party in (
            ({f"sha256:{DIGEST}", "dns:x.example"}, "nordvik"),
            ({"subject:serialNumber=983971636"}, "nordvik"),
            ({"dns:engine.example"}, "engine"),
        ):
            found = exchange.peer_by_certificate(frozenset(names))
            assert found is not None
            assert (found.name, found.client in names) == (party, True)
        assert exchange.peer_by_certificate(frozenset({"dns:engine.example", f"sha256:{DIGEST}"})) is None
        assert exchange.peer_by_certificate(frozenset({"dns:nobody.example"})) is None
    finally:
        exchange.close()


@pytest.mark.parametrize(
    ("certificates", "others", "place"),
    [
        ('["sha256:abc"]', "[]", "peers.0.certificates.0"),
        ('["dns:a.example", "nordvik.example"]', "[]", "peers.0.certificates.1"),
        ('["subject:Nordvik"]', "[]", "peers.0.certificates.0"),
        ("[]", '[""]', "carriers.0.certificates.0"),
        ("[]", '["dns:"]', "carriers.0.certificates.0"),
        ('["dns:a.example"]', '["DNS:A.example"]', "peers"),
        ('"dns:a.example"', "[]", "peers.0.certificates"),
    ],
)
def test_what_names_nobody_or_two(tmp_path: Path, certificates: str, others: str, place: str) -> None:
    """It is refused with its place, before a store is made."""
    with pytest.raises(InvalidInput) as caught:
        opened(tmp_path, certificates, others)
    assert caught.value.problems[0].path == place
    assert not (tmp_path / "store.sqlite").exists()


def test_certificates_need_authorities(tmp_path: Path) -> None:
    """Where nobody is trusted, no certificate is ever shown."""
    with pytest.raises(InvalidInput, match=r"http\.tls\.trusted"):
        opened(tmp_path, '["dns:a.example"]', trusted="")
