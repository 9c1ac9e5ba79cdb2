"""A summary that a server made (`_summary`, `_elements`) is neither read as a whole nor put back as one.

After shared/findings/fhir-systems.md, fault 1: a CarePlan read with `_summary=true` emptied the plan on the server.
"""

from copy import deepcopy
from typing import Any

import orjson
import pytest

from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.reading import read_json
from ip_fhir.fhir.subjects import persons_in
from ip_fhir.mapping import default, event_from_task, from_fhir, from_fhir_json, open_plan, put_plan, read_fhir, to_fhir
from ip_fhir.mapping.tables.variants import VERSIONS, FhirVersion
from tests.mapping.examples import JSON, bundle, example
from tests.mapping.test_bad_input import NOW, READERS, referral, task

SYSTEMS = ("http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "http://hl7.org/fhir/v3/ObservationValue")
TAG = {"system": SYSTEMS[0], "code": "SUBSETTED"}


def tagged(resource: JSON, tag: Any = TAG) -> JSON:
    """The resource with one more tag."""
    meta = resource.get("meta", {})
    return {**resource, "meta": {**meta, "tag": [*meta.get("tag", ()), tag]}}


def refused_at(use: Any) -> list[str]:
    """The places of the problems for which `use` is refused."""
    with pytest.raises(InvalidInput) as refused:
        use()
    assert {problem.code for problem in refused.value.problems} == {"not-supported"}
    return [problem.path for problem in refused.value.problems]


def test_a_summary_empties_no_plan() -> None:
    """The CarePlan of `_summary=true` in the place of the whole one: refused to read, to open and to put onto."""
    there = bundle(1)
    number = next(n for n, e in enumerate(there["entry"]) if e["resource"]["resourceType"] == "CarePlan")
    whole = there["entry"][number]["resource"]
    short = {k: v for k, v in whole.items() if k not in ("goal", "activity", "careTeam", "note", "extension")}
    there["entry"][number]["resource"] = tagged(short)
    text = orjson.dumps(there)
    uses = [from_fhir, read_fhir, open_plan, lambda b: put_plan(example(1), b), lambda _: from_fhir_json(text)]
    for use in uses:
        assert refused_at(lambda use=use: use(there)) == [f"Bundle.entry[{number}].resource.meta.tag[0]"]


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("version", VERSIONS)
def test_any_resource_of_a_bundle(version: FhirVersion, system: str) -> None:
    """Whichever resource it is, and whatever other tags it has; also one that no table reads, and the Bundle."""
    whole = to_fhir(example(3), version=version)
    whole["entry"].append({"resource": {"resourceType": "Observation", "id": "o"}})
    tag = {"system": system, "code": "SUBSETTED"}
    for number in range(len(whole["entry"])):
        there = deepcopy(whole)
        there["entry"][number]["resource"] = tagged(tagged(there["entry"][number]["resource"], {"code": "x"}), tag)
        place = f"Bundle.entry[{number}].resource.meta.tag[1]"
        assert refused_at(lambda there=there: from_fhir(there)) == [place]
        assert refused_at(lambda there=there: from_fhir_json(orjson.dumps(there))) == [place]
    assert refused_at(lambda: from_fhir(tagged(whole, tag))) == ["Bundle.meta.tag[0]"]


def test_a_tag_in_escapes_is_read_too() -> None:
    """The fast reader cannot be passed by writing the code with JSON escapes."""
    there = bundle(1)
    there["entry"][0]["resource"] = tagged(there["entry"][0]["resource"])
    escaped = orjson.dumps(there).replace(b"SUBSETTED", b"\\u0053UBSETTED")
    assert default().read_fast(escaped) is None
    assert refused_at(lambda: from_fhir(read_json(escaped))) == ["Bundle.entry[0].resource.meta.tag[0]"]


@pytest.mark.parametrize("tag", [{"code": "SUBSETTED"}, {"system": SYSTEMS[0], "code": "REDACTED"}, "SUBSETTED", None])
def test_other_tags_are_no_summary(tag: Any) -> None:
    """A tag of another system or code says nothing about what was left out, nor do somebody's words."""
    there = bundle(1)
    there["entry"][0]["resource"] = tagged(there["entry"][0]["resource"], tag)
    assert from_fhir(there) == from_fhir_json(orjson.dumps(there)) == example(1)
    said = example(1).evolve(title="SUBSETTED")
    assert from_fhir_json(orjson.dumps(to_fhir(said))) == said


@pytest.mark.parametrize("name", READERS)
def test_every_reader(name: str) -> None:
    """Messages, forms, transactions and Tasks: each refuses a summary."""
    make, use = READERS[name]
    whole = make()
    if whole["resourceType"] == "Bundle":
        for number in range(len(whole["entry"])):
            there = deepcopy(whole)
            there["entry"][number]["resource"] = tagged(there["entry"][number]["resource"])
            path = f"Bundle.entry[{number}].resource.meta.tag[0]"
            assert refused_at(lambda there=there: use(there)) == [path]
            assert refused_at(lambda there=there: persons_in(there)) == [path]
    else:
        assert refused_at(lambda: use(tagged(whole))) == [f"{whole['resourceType']}.meta.tag[0]"]


def test_a_form_in_a_task() -> None:
    """A contained green form is no summary either."""
    there = task()
    there["contained"] = [tagged(one) for one in there["contained"]]
    assert all(path.endswith("meta.tag[0]") for path in refused_at(lambda: event_from_task(referral(), there, NOW)))


def test_every_table_of_a_resource() -> None:
    """A lone lens refuses it, reading and writing."""
    for name, lens in default().compiled.lenses.items():
        if (kind := lens.inner.table.resource) is None or lens.inner.table.dialect != "fhir":
            continue
        there = tagged({"resourceType": kind, "id": "x"})
        for use in (lens.get, lambda r, lens=lens: lens.put({"id": "x"}, r)):
            assert refused_at(lambda use=use, there=there: use(there)) == [f"{name}.meta.tag[0]"]
