"""Our definitions and our tables say the same: every name has a definition, every code its place, nothing is stale."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ip_fhir.domain.loop.table import TASK_STATUS
from ip_fhir.domain.referral import EventKind
from tests.conformance import tools
from tests.conformance.build_profiles import FINGERPRINT, build, built, fingerprints
from tests.conformance.made import JsonObject
from tests.conformance.sources import Sources
from tests.support.gate import require

pytestmark = pytest.mark.timeout(900)

KINDS = {"ip": "StructureDefinition", "cs": "CodeSystem", "id": "NamingSystem"}
EXPECTED_PROFILES = {
    "ip-CarePlan": "CarePlan",
    "ip-PlanView": "CarePlan",
    "ip-Goal": "Goal",
    "ip-CareTeam": "CareTeam",
    "ip-Consent": "Consent",
    "ip-Notice": "ServiceRequest",
    "ip-FeedbackTask": "Task",
    "ip-GreenForm": "QuestionnaireResponse",
}


@pytest.fixture(scope="module")
def shipped(checkout: Path) -> dict[str, JsonObject]:
    """Every definition that ships, by its canonical (a naming system: by the URI that it names)."""
    found = [json.loads(text) for text in built(checkout).values()]
    return {one["uniqueId"][0]["value"] if one["resourceType"] == "NamingSystem" else one["url"]: one for one in found}


def rows(checkout: Path) -> Iterator[tuple[JsonObject, JsonObject]]:
    """Every row and constant of FHIR's field tables and their variants, with its table."""
    for directory in ("fields", "variants"):
        for file in sorted((checkout / "mappings" / directory).glob("*.toml")):
            for table in tomllib.loads(file.read_text(encoding="utf-8")).get("table", ()):
                if table.get("dialect", "fhir") != "fhir":
                    continue
                for row in (*table.get("row", ()), *table.get("const", ())):
                    yield table, row


def named(checkout: Path) -> set[str]:
    """Every name of ours in the tables, the code maps and the code: ip-…, cs-…, id-…."""
    texts = [row["fhir"] for _, row in rows(checkout)]
    texts += [row["also"]["fhir"] for _, row in rows(checkout) if "also" in row]
    maps = (checkout / "mappings" / "codes").glob("*.csv")
    # A local system of HL7 v2 has a short name and no URI.
    texts += [file.read_text(encoding="utf-8") for file in maps if not file.stem.endswith("-v2")]
    pattern = r"(?<![\w-])(?:ip|cs|id)-[a-z0-9][a-z0-9-]*[a-z0-9]"
    found = {name for text in texts for name in re.findall(pattern, text)}
    for file in (checkout / "ip_fhir" / "mapping").glob("*.py"):
        found |= {quoted[1:-1] for quoted in re.findall(rf'"{pattern}"', file.read_text(encoding="utf-8"))}
    return found


def test_every_name_has_a_definition(checkout: Path, sources: Sources, shipped: dict[str, JsonObject]) -> None:
    """Each extension, code system and identifier system that a table names is defined, under its URI."""
    names = named(checkout)
    assert {name.partition("-")[0] for name in names} == set(KINDS)
    missing = {name: sources.uri(name) for name in names if sources.uri(name) not in shipped}
    assert missing == {}
    wrong = {name for name in names if shipped[sources.uri(name)]["resourceType"] != KINDS[name.partition("-")[0]]}
    assert wrong == set()


def test_every_extension_is_named(checkout: Path, shipped: dict[str, JsonObject]) -> None:
    """No extension is defined that no table writes."""
    extensions = {one["id"] for one in shipped.values() if one.get("type") == "Extension"}
    assert extensions - named(checkout) == set()
    assert len(extensions) > 30


def test_an_extension_has_the_type_that_is_written(checkout: Path, shipped: dict[str, JsonObject]) -> None:
    """A row's value[x] and its definition agree: `valueCode` is written where the definition says `code`."""
    types = {one["id"]: _types(one) for one in shipped.values() if one.get("type") == "Extension"}
    written = {
        (match[1], match[2][0].lower() + match[2][1:])
        for _, row in rows(checkout)
        if (match := re.search(r"xtension\((ip-[a-z-]+)\)(?:\[\*\])?\.value([A-Za-z0-9]+)", row["fhir"]))
    }
    assert len(written) > 20
    wrong = {(name, kind) for name, kind in written if kind not in {t[0].lower() + t[1:] for t in types[name]}}
    assert wrong == set()


def _types(extension: JsonObject) -> list[str]:
    elements = extension["differential"]["element"]
    return [t["code"] for e in elements if e["id"] == "Extension.value[x]" for t in e.get("type", ())]


def test_sources_and_library_name_alike(sources: Sources) -> None:
    """The build and the library read the same base and the same URIs out of systems.toml."""
    from ip_fhir.mapping.tables.loading import load_tables

    systems = load_tables().systems
    names = [*sources.systems["system"], "ip-title", "cs-life-area", "id-referral"]
    assert (sources.base, [sources.uri(n) for n in names]) == (systems.base, [systems.uri(n) for n in names])


def test_the_base_stands_once(checkout: Path, sources: Sources) -> None:
    """The canonical base is written in systems.toml and nowhere else; built files have it from there."""
    fsh = (checkout / "mappings" / "profiles" / "fsh").glob("*.fsh")
    tables = (path for path in (checkout / "mappings").rglob("*.toml") if path.name != "systems.toml")
    code = (path for room in ("ip_fhir", "adapters") for path in (checkout / room).rglob("*.py"))
    host = sources.base.partition("://")[2]
    assert [str(path) for path in (*fsh, *tables, *code) if host in path.read_text(encoding="utf-8")] == []


def test_code_systems_hold_the_tables_codes(checkout: Path, sources: Sources, shipped: dict[str, JsonObject]) -> None:
    """Every code system that a code map names has exactly the codes and displays of the maps."""
    wanted: dict[str, dict[str, str]] = {}
    for file in sorted((checkout / "mappings" / "codes").glob("*.csv")):
        for line in file.read_text(encoding="utf-8").splitlines():
            match = re.match(r'[^,#]+,(cs-[a-z-]+),([^,]+),("[^"]*"|[^,]*),(?:both|read),', line)
            if match and not file.stem.endswith("-v2"):  # whose displays are those of HL7 v2
                wanted.setdefault(match[1], {})[match[2]] = match[3].strip('"')
    assert len(wanted) > 12
    for name, codes in wanted.items():
        concepts = shipped[sources.uri(name)]["concept"]
        assert {concept["code"]: concept["display"] for concept in concepts} == codes, name


def test_fixed_codes_are_defined(checkout: Path, sources: Sources, shipped: dict[str, JsonObject]) -> None:
    """Every code of ours that stands in a path of a table is in its code system."""
    found = {pair for _, row in rows(checkout) for pair in re.findall(r"~(cs-[a-z-]+)#([\w-]+)", row["fhir"])}
    assert found
    for system, code in found:
        assert code in {concept["code"] for concept in shipped[sources.uri(system)]["concept"]}, (system, code)


def test_business_states_are_those_of_the_loop(sources: Sources, shipped: dict[str, JsonObject]) -> None:
    """The code system of Task.businessStatus has the words of the loop's table."""
    codes = {concept["code"] for concept in shipped[sources.uri("cs-business-status")]["concept"]}
    assert codes == {standing.business_status for standing in TASK_STATUS.values()} - {None}


def test_events_are_those_of_the_loop(sources: Sources, shipped: dict[str, JsonObject]) -> None:
    """The code system of exported evidence has every kind of event, and no other."""
    codes = {concept["code"] for concept in shipped[sources.uri("cs-loop-event")]["concept"]}
    assert codes == set(EventKind)


def test_value_sets_hold_the_tables_codes(sources: Sources, shipped: dict[str, JsonObject]) -> None:
    """Each code table has a value set with every code that is written or read."""
    for table in sources.code_tables():
        value_set = shipped[f"{sources.base}/ValueSet/{table.name}"]
        codes = [c["code"] for include in value_set["compose"]["include"] for c in include["concept"]]
        assert sorted(codes) == sorted({(code.system, code.code): code.code for code in table.codes}.values())


def test_profiles_are_all_there(sources: Sources, shipped: dict[str, JsonObject]) -> None:
    """The eight profiles are of the resources that they are for."""
    found = {
        one["id"]: one["type"]
        for one in shipped.values()
        if one["resourceType"] == "StructureDefinition" and one["type"] != "Extension"
    }
    assert found == EXPECTED_PROFILES
    assert all(one.get("version") == sources.version for one in shipped.values() if "url" in one)


def test_the_document_names_them(checkout: Path) -> None:
    """docs/profiles.md names every profile with its type, and the script that builds them."""
    text = (checkout / "docs" / "profiles.md").read_text(encoding="utf-8")
    assert [name for name, type_ in EXPECTED_PROFILES.items() if f"| `{name}` | {type_} |" not in text] == []
    assert "tests/conformance/build_profiles.py" in text


def test_tables_write_the_profiles(checkout: Path, sources: Sources) -> None:
    """What is written says which profile it follows, each of ours once."""
    values = [row["value"] for _, row in rows(checkout) if row["fhir"].startswith("meta.profile")]
    profiles = [value.removeprefix("@base/StructureDefinition/") for value in values]
    assert sorted(profiles) == sorted(EXPECTED_PROFILES)
    assert sources.base


@pytest.mark.parametrize("form", ["green-form", "notice"])
def test_forms_ask_what_the_tables_read(
    checkout: Path, shipped: dict[str, JsonObject], sources: Sources, form: str
) -> None:
    """Every linkId of a form's tables is a question of its Questionnaire, and the other way round."""
    asked = set(_link_ids(shipped[f"{sources.base}/Questionnaire/{form}"]["item"]))
    own = [row for table, row in rows(checkout) if table["name"].startswith("NoticeForm") == (form == "notice")]
    read = {link for row in own for link in re.findall(r"linkId=([a-z-]+)", row["fhir"])}
    assert asked == read


def _link_ids(items: list[Any]) -> Iterator[str]:
    for item in items:
        yield item["linkId"]
        yield from _link_ids(item.get("item", []))


# --- nothing is stale ------------------------------------------------------------------------------

REBUILD = "run: .venv/bin/python tests/conformance/build_profiles.py"


@pytest.fixture(scope="module")
def here(checkout: Path) -> str:
    """The fingerprints of this checkout."""
    return fingerprints(checkout)


def test_built_files_are_fresh(checkout: Path, here: str) -> None:
    """What ships was built from these sources and was not changed by hand; told without the compiler."""
    assert (checkout / FINGERPRINT).read_text(encoding="utf-8") == here, REBUILD


@pytest.mark.may_skip("needs Node; the test above tells the same by fingerprints")
def test_building_again_gives_the_same(checkout: Path) -> None:
    """The compiler makes the same files again, without an error or a warning."""
    missing = tools.missing("java", "mvn", "node", "npm")
    require(not missing, f"{missing}: install Node, a JDK and Maven")
    assert build(checkout) == built(checkout), REBUILD


# --- the gate can fail -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("mappings/profiles/fsh/profiles.fsh", "* created 1..1", ""),
        ("mappings/codes/life-area.csv", "Bolig", "Hus"),
        ("mappings/systems.toml", 'base = "https://', 'base = "https://other.'),
        ("mappings/questionnaires/green-form.json", "Koordinator", "Annet"),
        ("tests/conformance/sushi/package-lock.json", '"integrity": "sha512-', '"integrity": "sha512-A'),
    ],
)
def test_a_change_is_seen(checkout: Path, here: str, tmp_path: Path, file: str, old: str, new: str) -> None:
    """A changed source, table, base, compiler or built file makes the fingerprints stale."""
    copy = _copy(checkout, tmp_path)
    assert fingerprints(copy) == here
    text = (copy / file).read_text(encoding="utf-8")
    assert old in text
    (copy / file).write_text(text.replace(old, new), encoding="utf-8")
    assert fingerprints(copy) != here


def _copy(checkout: Path, into: Path) -> Path:
    """What the fingerprints are made of."""
    wanted = [checkout / "pyproject.toml", checkout / "tests" / "conformance" / "sushi" / "package-lock.json"]
    wanted += [path for path in (checkout / "mappings").rglob("*") if path.is_file()]
    for path in wanted:
        target = into / path.relative_to(checkout)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    return into
