"""Settings of our credentials: the key is in a file or the environment, and a message goes out with its token."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from ip_fhir.bootstrap import open_peer
from ip_fhir.errors import InvalidInput
from ip_fhir.ports import Outgoing
from ip_fhir.settings import read_settings
from tests.support.token_server import CLIENT, token_server

KEY = ECKey.generate_key("P-384", {"kid": "first"})

SETTINGS = """
role = "hospital"
database = "sqlite:///store.sqlite"
organization = {{ id = "us", name = "Nordsund sykehus", kind = "hospital", her_id = "80001" }}
agreements = []

[[peers]]
name = "nordvik"
url = "{base}/fhir"
organization = {{ id = "them", name = "Nordvik kommune", kind = "municipality", her_id = "80002" }}
{more}
"""


def written(place: Path, more: str, base: str = "https://nordvik.example") -> Path:
    """A settings file, and the key beside it."""
    (place / "key.json").write_text(json.dumps(KEY.as_dict(private=True)), encoding="utf-8")
    file = place / "ip-fhir.toml"
    file.write_text(SETTINGS.format(base=base, more=more), encoding="utf-8")
    return file


@pytest.mark.parametrize("dpop", ["false", "true"])
def test_a_message_goes_out_with_a_token(tmp_path: Path, dpop: str) -> None:
    """The adapter shows a token of the authorisation server, which it gets for the key in the file."""
    with token_server(KEY.as_dict(private=False)) as server:
        server.dpop = dpop == "true"
        more = f'[peers.auth]\nclient_id = "{CLIENT}"\nkey = {{ file = "key.json" }}\ndpop = {dpop}'
        peer = open_peer(read_settings(written(tmp_path, more, server.base)), "nordvik")
        outgoing = Outgoing("message-1", "loop-1", b"{}", "application/fhir+json", peer.endpoint)
        with pytest.raises(Exception, match=r"no receipt|HTTP|no FHIR"):  # what is behind is no system of health care
            peer.adapter.send(outgoing)
        assert (server.asked, server.refusals) == (1, 0)


def test_a_key_from_the_environment(tmp_path: Path) -> None:
    """Its text is in no `repr` of the settings."""
    more = f'[peers.auth]\nclient_id = "{CLIENT}"\nkey = {{ env = "OUR_KEY" }}'
    pem = KEY.as_pem(private=True).decode()
    settings = read_settings(written(tmp_path, more), environ={"OUR_KEY": pem})
    assert open_peer(settings, "nordvik").endpoint.credentials is not None
    assert pem[40:60] not in repr(settings)
    assert pem[40:60] not in repr(open_peer(settings, "nordvik").endpoint.credentials)


@pytest.mark.parametrize(
    ("more", "place", "words"),
    [
        ('token = "a-token-of-ours-1"\n[peers.auth]\nclient_id = "x"\nkey = { file = "key.json" }', "peers.0", "both"),
        ('[peers.auth]\nclient_id = "x"\nkey = "-----BEGIN PRIVATE KEY-----"', "peers.0.auth.key", "no key stands"),
        ('[peers.auth]\nclient_id = "x"\nkey = { env = "NOWHERE" }', "peers.0.auth.key", "not set"),
        ('[peers.auth]\nkey = { file = "key.json" }', "peers.0.auth.client_id", r"required|missing"),
        (
            '[peers.auth]\nclient_id = "x"\nkey = { file = "key.json" }\ntoken_url = "ftp://x"',
            "peers.0.auth.token_url",
            "pattern|match",
        ),
    ],
)
def test_settings_that_are_wrong(tmp_path: Path, more: str, place: str, words: str) -> None:
    """Each is refused at its place when the settings are read."""
    with pytest.raises(InvalidInput, match=words) as caught:
        read_settings(written(tmp_path, more))
    assert any(problem.path.startswith(place) for problem in caught.value.problems)
    assert "BEGIN" not in str(caught.value)


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ('key = { file = "nowhere.pem" }', "peers.0.auth.key"),
        ('key = { file = "ip-fhir.toml" }', "peers.0.auth.key"),
        ('key = { file = "key.json" }\ntoken_url = "http://auth.example/token"', "peers.0.auth.token_url"),
    ],
)
def test_a_key_that_cannot_be_used(tmp_path: Path, more: str, place: str) -> None:
    """It is told when the side is opened, before anything is sent."""
    settings = read_settings(written(tmp_path, f'[peers.auth]\nclient_id = "x"\n{more}'))
    with pytest.raises(InvalidInput) as caught:
        open_peer(settings, "nordvik")
    assert [problem.path for problem in caught.value.problems] == [place]
