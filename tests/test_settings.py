"""Settings: one TOML file, overridden by the environment; every error at once, no secret in any of them."""

from pathlib import Path
from typing import Any

import pytest

from ip_fhir.domain.referral import Role
from ip_fhir.errors import InvalidInput
from ip_fhir.settings import Settings, read_settings, settings_of

TEXT = """
role = "municipality"
database = "sqlite:///municipality.sqlite"
[organization]
id = "ke"
name = "Koordinerende enhet"
kind = "coordinating-unit"
her_id = "8094866"
[http]
port = 8082
base_url = "https://ke.example/fhir/"
[[peers]]
name = "hospital"
url = "https://hospital.example/fhir"
token = { env = "HOSPITAL_TOKEN" }
accepts = [{ file = "from-hospital" }, "an-inline-token-of-24-ch"]
organization = { id = "trust", name = "Sykehuset", kind = "hospital", organization_number = "983971636" }
[[agreements]]
answer_days = 12
[clock]
file = "clock"
"""
ENV = {"HOSPITAL_TOKEN": "a-token-from-the-environment"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A settings file with its secret beside it."""
    (tmp_path / "from-hospital").write_text("a-token-from-a-file\n", encoding="utf-8")
    path = tmp_path / "ip-fhir.toml"
    path.write_text(TEXT, encoding="utf-8")
    return path


def minimal(**more: Any) -> dict[str, Any]:
    """As little as settings can say."""
    return {"role": "hospital", "organization": {"id": "h", "name": "H", "kind": "hospital"}, **more}


def peer(**more: Any) -> dict[str, Any]:
    """One peer."""
    organization = {"id": "ke", "name": "KE", "kind": "coordinating-unit"}
    return {"name": "ke", "url": "https://ke.example", "organization": organization, **more}


def test_a_whole_file(file: Path) -> None:
    """Everything is read; secrets from where they are kept, paths from beside the file."""
    settings = read_settings(file, ENV)
    (hospital,) = settings.peers
    assert settings.role is Role.MUNICIPALITY
    assert settings.http.url == "https://ke.example/fhir"
    assert hospital.token is not None
    assert hospital.token.get_secret_value() == ENV["HOSPITAL_TOKEN"]
    assert [s.get_secret_value() for s in hospital.accepts] == ["a-token-from-a-file", "an-inline-token-of-24-ch"]
    assert settings.agreements[0].answer_days == 12
    assert settings.clock.file == file.parent / "clock"


def test_defaults() -> None:
    """What is not said has a default; the own address is made of host and port."""
    settings = settings_of(minimal(), environ={})
    assert settings.http.url == "http://127.0.0.1:8080"
    assert settings.limits.max_bytes == 30_200_000
    assert settings.worker.retry.attempts == 100


def test_a_side_without_a_role(file: Path) -> None:
    """Whoever has no part in the loop says no role; it can still be given by the environment."""
    file.write_text(TEXT.replace('role = "municipality"', ""), encoding="utf-8")
    assert read_settings(file, ENV).role is None
    assert read_settings(file, {**ENV, "IP_FHIR_ROLE": "hospital"}).role is Role.HOSPITAL


def test_how_a_peer_takes_part_in_plans() -> None:
    """By default a peer is a party as a whole, what its changes do not have is unchanged, and who reads is not said."""
    (plain,) = settings_of(minimal(peers=[peer()]), environ={}).peers
    assert (plain.by_person, plain.absent, plain.readers) == (False, "unchanged", None)
    (other,) = settings_of(minimal(peers=[peer(by_person=True, absent="removed")]), environ={}).peers
    assert (other.by_person, other.absent) == (True, "removed")


def test_the_environment_overrides(file: Path) -> None:
    """Plain, nested and listed settings; what is no setting of ours is left alone."""
    environ = {
        **ENV,
        "IP_FHIR_DATABASE": "sqlite:///other.sqlite",
        "IP_FHIR_HTTP__PORT": "9000",
        "IP_FHIR_PEERS__0__URL": "https://elsewhere.example",
        "IP_FHIR_WORKER__RETRY__CAP": "7.5",
        "IP_FHIR_REQUIRE_ALL": "1",
        "OTHER_HTTP__PORT": "1",
    }
    settings = read_settings(file, environ)
    assert settings.database == f"sqlite:///{file.parent}/other.sqlite"
    assert settings.http.port == 9000
    assert settings.peers[0].url == "https://elsewhere.example"
    assert settings.worker.retry.cap == 7.5


def test_agreements_in_a_file_of_their_own(tmp_path: Path) -> None:
    """A path stands for the file's agreements; its errors have its paths."""
    file = tmp_path / "agreements.toml"
    file.write_text("[[agreement]]\nreminders = 1\n", encoding="utf-8")
    assert settings_of(minimal(agreements=str(file)), environ={}).agreements[0].reminders == 1
    file.write_text("[[agreement]]\nanswer_days = -1\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"agreements\.agreement\.0\.answer_days"):
        settings_of(minimal(agreements=str(file)), environ={})
    with pytest.raises(InvalidInput, match="cannot be read"):
        settings_of(minimal(agreements="not-there.toml"), environ={})


def test_every_error_at_once() -> None:
    """Each with its place, none with its value."""
    bad = minimal(
        role="clinic",
        colour="blue",
        http={"port": 70_000, "base_url": "ftp://x"},
        peers=[peer(url="no url", token="hemmelig"), peer(name="other", timeout=0, adaptor="x")],
        limits={"max_depth": 1000},
    )
    with pytest.raises(InvalidInput) as caught:
        settings_of(bad, environ={})
    assert {p.path for p in caught.value.problems} == {
        "role", "", "http.port", "http.base_url", "peers.0.url", "peers.0.token", "peers.1.timeout",
        "peers.1", "limits.max_depth",
    }  # fmt: skip
    assert "hemmelig" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (minimal(role="transport"), "role"),
        (minimal(peers=[peer(absent="gone")]), "peers.0.absent"),
        (minimal(peers=[peer(by_person="perhaps")]), "peers.0.by_person"),
        (minimal(peers=[peer(), peer()]), "same name"),
        (minimal(peers=[peer(accepts=["t" * 20]), peer(name="b", accepts=["t" * 20])]), "same token"),
        (minimal(peers=[peer(token={"env": "NOT_SET"})]), "environment variable named here is not set"),
        (minimal(peers=[peer(token={"file": "not-there"})]), "file named here cannot be read"),
        (minimal(peers=[peer(token="short")]), "at least 16 characters"),
        (minimal(peers=[peer(token={"vault": "x"})]), r"peers\.0\.token"),
        (minimal(peers=[peer(url="http://ke.example")]), "in the clear"),
        (minimal(peers=[peer(url="https://user:password@ke.example")]), r"peers\.0\.url"),
    ],
)
def test_what_does_not_hang_together(data: dict[str, Any], words: str) -> None:
    """Contradictions and secrets that are not there are found when settings are read, not at night."""
    with pytest.raises(InvalidInput, match=words):
        settings_of(data, environ={})


@pytest.mark.parametrize(
    "more",
    [
        {"url": "http://127.0.0.1:8081"},
        {"url": "http://[::1]:8081"},
        {"url": "http://localhost"},
        {"url": "http://ke.example", "plain_http": True},
    ],
)
def test_plain_http_where_nobody_listens_in(more: dict[str, Any]) -> None:
    """On one's own machine, or where the site says that something else encrypts."""
    assert settings_of(minimal(peers=[peer(**more)]), environ={}).peers[0].url == more["url"]


def test_secrets_are_not_shown() -> None:
    """Neither repr nor str of settings shows a token."""
    settings = settings_of(minimal(peers=[peer(token="t" * 30, accepts=["u" * 30])]), environ={})
    for shown in (repr(settings), str(settings), repr(settings.peers[0]), str(settings.model_dump())):
        assert "tttt" not in shown
        assert "uuuu" not in shown


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """No file, no TOML, no UTF-8: each an error with the file's name and the line."""
    file = tmp_path / "ip-fhir.toml"
    with pytest.raises(InvalidInput, match=r"ip-fhir\.toml: cannot be read: No such file"):
        read_settings(file)
    file.write_text("role = \n", encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"no TOML: .*line 1"):
        read_settings(file)
    file.write_bytes(b'role = "\xe5"')
    with pytest.raises(InvalidInput, match="not UTF-8"):
        read_settings(file)


def test_settings_do_not_change() -> None:
    """They are values like any other."""
    settings = settings_of(minimal(), environ={})
    with pytest.raises(Exception, match="frozen"):
        settings.role = Role.MUNICIPALITY  # type: ignore[misc]
    assert isinstance(settings, Settings)


def test_a_word_where_a_key_belongs_is_not_repeated(tmp_path: Path) -> None:
    """Neither as an unknown key, at any level, nor where the text is no TOML; what may be meant is told."""
    place = tmp_path / "side.toml"
    for text in (
        "KANARIFUGL = 1",
        "[http]\nKANARIFUGL = 1",
        "[a.KANARIFUGL]\n[a.KANARIFUGL]\n",
        "KANARIFUGL KANARIFUGL",
    ):
        place.write_text(text, encoding="utf-8")
        with pytest.raises(InvalidInput) as caught:
            read_settings(place, {})
        assert "KANARIFUGL" not in str(caught.value)
    place.write_text("[http]\nprot = 1\n[worker]\ncolour = 1\nsize = 2", encoding="utf-8")
    with pytest.raises(InvalidInput) as caught:
        read_settings(place, {})
    assert "http: has a field that is not known here; perhaps port is meant" in str(caught.value)
    assert "worker: has 2 fields that are not known here; known are batch, grace, lease" in str(caught.value)


def test_proxies_are_addresses_or_networks() -> None:
    """As a list, or with commas, as the environment has it; a name is none."""
    wanted = ["127.0.0.1/32", "10.0.0.0/8"]
    listed = settings_of(minimal(http={"proxies": ["127.0.0.1", "10.0.0.0/8"]}), environ={})
    named = settings_of(minimal(), environ={"IP_FHIR_HTTP__PROXIES": "127.0.0.1, 10.0.0.0/8"})
    assert [str(network) for network in listed.http.proxies] == wanted
    assert [str(network) for network in named.http.proxies] == wanted
    with pytest.raises(InvalidInput, match=r"http\.proxies"):
        settings_of(minimal(http={"proxies": ["proxy.example"]}), environ={})


def test_there_is_room_for_another_partys_largest_message() -> None:
    """Half of the bytes in flight are one party's at most, and a message must fit into half."""
    with pytest.raises(InvalidInput, match=r"http\.bytes_in_flight: at least twice limits\.max_bytes"):
        settings_of(minimal(http={"bytes_in_flight": 60_399_999}), environ={})
    assert settings_of(minimal(http={"bytes_in_flight": 60_400_000}), environ={}).limits.max_bytes == 30_200_000


# --- parties, carriers, passing on


def numbered(name: str, her_id: str | None = None, kind: str = "hospital", **more: Any) -> dict[str, Any]:
    """A peer that is known by a HER-id, or by none."""
    organization = {"id": name, "name": name, "kind": kind, **({"her_id": her_id} if her_id else {})}
    return {"name": name, "url": f"https://{name}.example", "organization": organization, **more}


A, B, NAMELESS = numbered("a", "90001"), numbered("b", "90002"), numbered("n")


def test_carriers_and_passing_on() -> None:
    """Both name peers, of which each has a number of its own; the lists of units are open unless they say closed."""
    unit = numbered("unit", "90003", "coordinating-unit", passes_on=["a"])
    carrier = {"name": "engine", "accepts": ["t" * 20], "parties": ["a", "b"]}
    settings = settings_of(minimal(peers=[A, B, unit], carriers=[carrier], unit_list="closed"), environ={})
    assert (settings.peers[2].passes_on, settings.carriers[0].parties) == (("a",), ("a", "b"))
    assert list(settings.parties) == ["us", "a", "b", "unit"]
    assert list(settings.parties.without_own_number()) == ["us"]
    assert settings.unit_list == "closed"
    assert settings_of(minimal(), environ={}).unit_list == "open"
    assert "tttt" not in repr(settings)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"carriers": [{"name": "a", "parties": ["a"]}]}, "two have the same name"),
        ({"carriers": [{"name": "e", "parties": ["z"]}]}, "carriers: e: no peer has the name z"),
        ({"carriers": [{"name": "e", "parties": ["n"]}]}, "carriers: e: n has no number of its own"),
        ({"carriers": [{"name": "e", "parties": []}]}, "carriers.0.parties"),
        (
            {"carriers": [{"name": e, "parties": ["a"], "accepts": ["t" * 20]} for e in ("e", "f")]},
            "two show the same token",
        ),
        ({"peers": [numbered("us", "90004")]}, "us is our own party's name"),
        ({"peers": [A, numbered("s", "90004", "school", passes_on=["a"])]}, "only a coordinating unit or a municipal"),
        ({"peers": [numbered("u", "90004", "municipality", passes_on=["z"])]}, "peers: u: no peer has the name z"),
        (
            {"listeners": [{"use": "ear", "speaks_for": "z"}]},
            "listeners.0.speaks_for: no peer or carrier has this name",
        ),
        ({"peers": [A, numbered("r", "90004", readers=["z"])]}, "peers: r: readers: no peer has the name z"),
        ({"peers": [NAMELESS, numbered("r", "90004", readers=["n"])]}, "r: readers: n has no number of its own"),
        ({"peers": [numbered("r", "90004", readers=["r"])]}, "readers: names the peers that read it beside r itself"),
        ({"peers": [numbered("r", "90004", readers="a")]}, "peers.0.readers"),
        ({"unit_list": "ajar"}, "unit_list"),
    ],
)
def test_who_speaks_for_whom_hangs_together(more: dict[str, Any], words: str) -> None:
    """Names that nobody has, parties that no number tells, and schools that pass on: found when settings are read."""
    with pytest.raises(InvalidInput, match=words):
        settings_of(minimal(**{"peers": [A, B, NAMELESS], **more}), environ={})


@pytest.mark.parametrize(
    ("listener", "peers", "names"),
    [
        ({"speaks_for": "a"}, [A, B], ("a",)),
        ({"speaks_for": "engine"}, [A, B], ("engine",)),
        ({"speaks_for": ["a", "engine"]}, [A, B], ("a", "engine")),
        ({"peer": "b"}, [A, B], ("b",)),
        ({"peers": {"a": ["dns:a.example"], "b": ["dns:b.example"]}}, [A, B], ("a", "b")),
        ({"speaks_for": "a", "peer": "b"}, [A, B], ("a",)),
        ({}, [A, B], ()),
        ({"peer": "z"}, [A, B], ()),
        ({"peers": {"a": [], "z": []}}, [A, B], ()),
        ({"peer": 7}, [A, B], ()),
    ],
)
def test_whose_messages_a_listener_brings(listener: dict[str, Any], peers: list[Any], names: tuple[str, ...]) -> None:
    """What `speaks_for` says, else the options `peer` or `peers`; nobody's where none says it and there are several."""
    carrier = {"name": "engine", "parties": ["a", "b"]}
    data = minimal(peers=peers, carriers=[carrier], listeners=[{"use": "ear", **listener}])
    settings = settings_of(data, environ={})
    assert settings.brought_by(settings.listeners[0]) == names
    alone = settings_of(minimal(peers=[A], listeners=[{"use": "ear"}]), environ={})
    assert alone.brought_by(alone.listeners[0]) == ("a",)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("sqlite:///store.sqlite", "sqlite:///{}/store.sqlite"),
        ("sqlite+pysqlite:///data/store.sqlite?timeout=5", "sqlite+pysqlite:///{}/data/store.sqlite?timeout=5"),
        ("sqlite:////var/lib/ip/store.sqlite", "sqlite:////var/lib/ip/store.sqlite"),
        ("postgresql://user@host/name", "postgresql://user@host/name"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        (None, "sqlite:///{}/ip-fhir.sqlite"),
    ],
)
def test_the_database_is_beside_the_settings(tmp_path: Path, written: str | None, read: str) -> None:
    """A SQLite file is relative to the settings file, not to the folder one stands in (findings/users.md 0.7)."""
    said = {} if written is None else {"database": written}
    assert settings_of(minimal(**said), tmp_path, {}).database == read.format(tmp_path)


def test_options_of_a_peer_are_texts() -> None:
    """True and false stand in the settings as TOML writes them; the adapter is given texts, as for any other option."""
    peer = {**A, "options": {"meta_profile": False, "resources": True, "receipt": "stored"}}
    settings = settings_of(minimal(peers=[peer]), environ={})
    assert settings.peers[0].options == {"meta_profile": "false", "resources": "true", "receipt": "stored"}
    with pytest.raises(InvalidInput):
        settings_of(minimal(peers=[{**A, "options": {"retries": 7}}]), environ={})
