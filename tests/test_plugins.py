"""Plug-ins: found by entry point, loaded when asked for, and a broken one is named."""

import sys
from pathlib import Path

import pytest

from ip_fhir.errors import InvalidInput
from ip_fhir.plugins import adapter_names, adapters

_GOOD = """
class Wire:
    name = "good"
    format = "kith"
    def send(self, outgoing):
        raise NotImplementedError
def make():
    return Wire()
"""


def install(path: Path, name: str, module: str, code: str) -> None:
    """A distribution with one entry point, as pip leaves it."""
    (path / f"{module}.py").write_text(code, encoding="utf-8")
    info = path / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[ip_fhir.adapters]\n{name} = {module}:make\n", encoding="utf-8")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory on the import path."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))  # what is imported here is forgotten afterwards
    return tmp_path


def test_a_stranger_is_found(site: Path) -> None:
    """Any installed distribution may bring an adapter."""
    install(site, "good", "plugin_good", _GOOD)
    assert "good" in adapter_names()
    assert adapters(["good"])["good"].format == "kith"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("raise RuntimeError('no driver')", "cannot be loaded: RuntimeError: no driver"),
        ("import a_module_that_is_not_there", "ModuleNotFoundError"),
        ("def make():\n    return 7\n", "gives no adapter"),
        (_GOOD.replace("kith", "smoke"), "gives no adapter"),
        (_GOOD.replace("make", "build"), "AttributeError"),
    ],
)
def test_a_broken_one_is_named(site: Path, code: str, words: str) -> None:
    """The error says which plug-in, from where, and what is wrong with it."""
    install(site, "bad", "plugin_bad", code)
    with pytest.raises(InvalidInput, match=words) as caught:
        adapters(["bad"])
    assert caught.value.problems[0].path == "adapters.bad"


def test_a_broken_one_that_nobody_uses_hurts_nobody(site: Path) -> None:
    """Only what settings name is loaded."""
    install(site, "bad", "plugin_bad", "raise RuntimeError")
    assert set(adapters(["fhir-rest"])) == {"fhir-rest"}


def test_all_that_is_wrong_at_once(site: Path) -> None:
    """Every missing or broken adapter is reported, with what there is."""
    with pytest.raises(InvalidInput, match=r"not installed \(installed: .*fhir-rest") as caught:
        adapters(["smoke", "mirrors", "fhir-rest"])
    assert [p.path for p in caught.value.problems] == ["adapters.mirrors", "adapters.smoke"]


def test_two_of_a_name_are_refused(site: Path) -> None:
    """Which of the two would be a guess."""
    install(site, "good", "plugin_one", _GOOD)
    install(site, "good", "plugin_two", _GOOD)
    with pytest.raises(InvalidInput, match="installed twice"):
        adapters(["good"])
