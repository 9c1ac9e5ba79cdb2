"""Plug-ins: found by entry point, loaded when asked for, and a broken one is named."""

import subprocess
import sys
from pathlib import Path

import pytest

from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.formats import FORMATS, Formats
from ip_fhir.exchange.formats.fhir_bundles import FhirMessage
from ip_fhir.plugins import adapter_names, adapters, installed_names, listener
from tests.support.plugin_site import LISTENER, install

_GOOD = """
class Wire:
    name = "good"
    format = "kith"
    def send(self, outgoing):
        raise NotImplementedError
def make():
    return Wire()
"""


def test_a_stranger_is_found(plugin_site: Path) -> None:
    """Any installed distribution may bring an adapter."""
    install(plugin_site, "good", "plugin_good", _GOOD)
    assert "good" in adapter_names()
    assert adapters(["good"])["good"].format == "kith"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("raise RuntimeError('no driver')", "cannot be loaded: RuntimeError: no driver"),
        ("import a_module_that_is_not_there", "ModuleNotFoundError"),
        ("def make():\n    return 7\n", "gives no adapter"),
        ("def make():\n    raise OSError('secret')\n", "plugin_bad:make failed: OSError$"),
        ("make = 7\n", "is no function"),
        (_GOOD.replace('"kith"', "7"), "gives no adapter: format is no text"),
        (_GOOD.replace('"kith"', '""'), "gives no adapter: format is no text"),
        (_GOOD.replace("send(self, outgoing)", "deliver(self)"), "gives no adapter: send is missing"),
        (_GOOD.replace("send(self, outgoing)", "send(self)"), r"send does not take \(outgoing\)"),
        (_GOOD.replace('name = "good"', "send = 3").replace("def send", "def other"), "name is missing, send is no"),
        (_GOOD, "gives no adapter: calls itself good"),
        (_GOOD.replace("make", "build"), "AttributeError"),
    ],
)
def test_a_broken_one_is_named(plugin_site: Path, code: str, words: str) -> None:
    """The error says which plug-in, from where, and what is wrong with it."""
    install(plugin_site, "bad", "plugin_bad", code)
    with pytest.raises(InvalidInput, match=words) as caught:
        adapters(["bad"])
    assert caught.value.problems[0].path == "adapters.bad"


def test_a_broken_one_that_nobody_uses_hurts_nobody(plugin_site: Path) -> None:
    """Only what settings name is loaded."""
    install(plugin_site, "bad", "plugin_bad", "raise RuntimeError")
    assert set(adapters(["fhir-rest"])) == {"fhir-rest"}


def test_all_that_is_wrong_at_once(plugin_site: Path) -> None:
    """Every missing or broken adapter is reported, with what there is."""
    with pytest.raises(InvalidInput, match=r"not installed \(installed: .*fhir-rest") as caught:
        adapters(["smoke", "mirrors", "fhir-rest"])
    assert [p.path for p in caught.value.problems] == ["adapters.mirrors", "adapters.smoke"]


def test_two_of_a_name_are_refused(plugin_site: Path) -> None:
    """Which of the two would be a guess."""
    install(plugin_site, "good", "plugin_one", _GOOD)
    install(plugin_site, "good", "plugin_two", _GOOD)
    with pytest.raises(InvalidInput, match="installed twice, by plugin_one and plugin_two"):
        adapters(["good"])


# --- formats and listeners

_FORMAT = """
class Wire:
    name = "lines"
    content_type = "text/plain"
    receipts = True
    def open(self, content, limits):
        raise NotImplementedError
make = Wire
"""


def test_a_format_of_a_stranger(plugin_site: Path) -> None:
    """Any installed distribution may bring a wire format; it is found by its name, and made once."""
    install(plugin_site, "lines", "plugin_lines", _FORMAT, "ip_fhir.formats")
    formats = Formats()
    assert formats.named("lines").content_type == "text/plain"
    assert formats.named("lines") is formats.named("lines")
    assert {"lines", "fhir-message", "fhir-transaction"} <= set(installed_names(FORMATS))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("raise RuntimeError", "cannot be loaded: RuntimeError"),
        (_FORMAT.replace("open(self, content, limits)", "read(self)"), "gives no format: open is missing"),
        (_FORMAT.replace("receipts = True", 'receipts = "yes"'), "receipts is no bool"),
        (_FORMAT.replace("make =", "    write = None\nmake ="), "is no format: write is missing"),
        (_FORMAT.replace("make =", "    def write(self): ...\nmake ="), r"write does not take \(message, mapper\)"),
    ],
)
def test_a_broken_format_is_named(plugin_site: Path, code: str, words: str) -> None:
    """It says which, and each thing that is missing; of what it writes, too."""
    install(plugin_site, "lines", "plugin_lines", code, "ip_fhir.formats")
    with pytest.raises(InvalidInput, match=words) as caught:
        Formats().named("lines")
    assert caught.value.problems[0].path == "formats.lines"
    assert Formats().named("fhir-message").receipts


def test_two_formats_of_a_name(plugin_site: Path) -> None:
    """Two that are installed or two that were given are refused; one that was given goes before an installed one."""
    install(plugin_site, "fhir-message", "plugin_lines", _FORMAT, "ip_fhir.formats")
    with pytest.raises(InvalidInput, match="installed twice, by ip-fhir and plugin_lines"):
        Formats().named("fhir-message")
    own = FhirMessage()
    assert Formats([own]).named("fhir-message") is own
    with pytest.raises(InvalidInput, match=r"formats\.fhir-message: given twice"):
        Formats([own, FhirMessage()])


def test_a_format_that_is_only_taken_in() -> None:
    """A transaction has no writer, and what is not installed has none either."""
    for name in ("fhir-transaction", "smoke"):
        with pytest.raises(InvalidInput, match=f"nothing writes the format {name}"):
            Formats().writer(name)
    assert Formats().writer("fhir-message").content_type == "application/fhir+json"


def test_a_listener_of_a_stranger(plugin_site: Path) -> None:
    """It is made with its options; what it has against one is told at that option."""
    install(plugin_site, "ear", "plugin_ear", LISTENER, "ip_fhir.listeners")
    assert listener("ear", {"port": 1}).name == "ear"
    with pytest.raises(InvalidInput, match="colour: is not known here"):
        listener("ear", {"colour": "blue"})


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (LISTENER.replace("def stop", "def end"), "plugin_ear:make gives no listener: stop is missing"),
        (LISTENER.replace("start(self, exchange)", "start(self)"), r"start does not take \(exchange\)"),
        (LISTENER.replace("__init__(self, options)", "__init__(self)"), "plugin_ear:make failed: TypeError"),
        (LISTENER.replace('"ear"', '"nose"'), "gives no listener: calls itself nose"),
    ],
)
def test_a_broken_listener_is_named(plugin_site: Path, code: str, words: str) -> None:
    """At `use`, which is where the settings name it."""
    install(plugin_site, "ear", "plugin_ear", code, "ip_fhir.listeners")
    with pytest.raises(InvalidInput, match=words) as caught:
        listener("ear", {})
    assert caught.value.problems[0].path == "use"


def test_nothing_is_loaded_that_is_not_named() -> None:
    """The spine imports no wire format, and a look at what is installed loads none."""
    code = (
        "import sys, ip_fhir.exchange, ip_fhir.bootstrap; from ip_fhir.exchange.formats import FORMATS;"
        "from ip_fhir.plugins import installed_names; assert 'fhir-message' in installed_names(FORMATS);"
        "print([name for name in sys.modules if 'fhir_bundles' in name or name.startswith('ip_fhir_')])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
