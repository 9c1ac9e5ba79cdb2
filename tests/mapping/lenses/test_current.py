"""Names, addresses and telecoms by use and period: the one that counts is read and written, the others stay."""

from __future__ import annotations

import copy
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput
from ip_fhir.mapping import default, from_fhir, from_fhir_json, lens, put_plan, to_fhir
from ip_fhir.mapping.tables.variants import VERSIONS, FhirVersion
from tests.mapping.cases import LINKS
from tests.support import strategies as make
from tests.support.two_sides import EXAMPLES

ENDED = {"period": {"end": "2020-01-01"}}
PATIENT: dict[str, Any] = {"resourceType": "Patient", "id": "p", "name": [{"family": "Sæbø"}]}


def name(family: str, use: str | None = None, **more: Any) -> dict[str, Any]:
    """A name with a use."""
    return {"family": family, **({} if use is None else {"use": use}), **more}


def patient(**members: Any) -> dict[str, Any]:
    """A Patient with other members."""
    return {**PATIENT, **members}


@pytest.mark.parametrize(
    ("names", "family"),
    [
        ([name("A", "usual"), name("B", "official")], "B"),
        ([name("A"), name("B", "usual")], "B"),
        ([name("A", "temp"), name("B")], "B"),
        ([name("A", "maiden"), name("B", "temp")], "B"),
        ([name("A", "anonymous"), name("B", "old"), name("C", "nickname"), name("D", "usual")], "D"),
        ([name("A", "official"), name("B", "official")], "A"),
        ([name("A", "official", **ENDED), name("B", "usual")], "B"),
        ([name("A", "official", period={"start": "2020"}), name("B", "usual")], "A"),
        ([name("A", period={"end": "2010"}), name("B", period={"end": "2019-05"}), name("C", "old")], "B"),
    ],
)
def test_the_name_that_counts(names: list[dict[str, Any]], family: str) -> None:
    """Official before usual before one without use before a temporary one; an ended one last; others are no names."""
    resource = patient(name=names)
    data = lens("Patient").get(resource, LINKS)
    assert data["name"]["family"] == family
    written = lens("Patient").put({**data, "name": {"family": "Ny"}}, resource, LINKS)
    assert written["name"] == [{**n, "family": "Ny"} if n["family"] == family else n for n in names]


@pytest.mark.parametrize("use", ["old", "maiden", "nickname", "anonymous", "unheard-of"])
def test_who_has_no_other_name_has_none(use: str) -> None:
    """A name that is none is not read for want of another; a name that is written stands beside it."""
    resource = patient(name=[name("A", use)])
    with pytest.raises(InvalidInput, match=r"Patient.name: is required|Patient.name\[1\]: is required"):
        lens("Patient").get(resource, LINKS)
    written = lens("Patient").put({"id": "p", "name": {"family": "Ny"}}, resource, LINKS)
    assert written["name"] == [name("A", use), name("Ny")]


@pytest.mark.parametrize(
    ("addresses", "city"),
    [
        ([{"city": "A", "use": "temp"}, {"city": "B", "use": "home"}], "B"),
        ([{"city": "A", "use": "work"}, {"city": "B"}], "B"),
        ([{"city": "A", "use": "old"}, {"city": "B", "use": "temp"}], "B"),
        ([{"city": "A", "use": "home", **ENDED}, {"city": "B", "use": "work"}], "B"),
        ([{"city": "A", "use": "old"}, {"city": "B", "use": "billing"}, {"city": "C", **ENDED}], None),
    ],
)
def test_the_address_that_counts(addresses: list[dict[str, Any]], city: str | None) -> None:
    """Home before one without use, temporary, work; old ones, those of bills and those with an end are left."""
    resource = patient(address=addresses)
    data = lens("Patient").get(resource, LINKS)
    assert data.get("address", {}).get("city") == city
    written = lens("Patient").put({**data, "address": {"city": "Ny"}}, resource, LINKS)
    assert lens("Patient").get(written, LINKS)["address"] == {"city": "Ny"}
    assert [a for a in written["address"] if a["city"] != "Ny"] == [a for a in addresses if a["city"] != city]


def test_numbers_that_are_old_stay() -> None:
    """Phones that are old or have an end are no contacts; they stay where they are when the others change."""
    phones = [{"system": "phone", "value": str(n)} for n in range(4)]
    telecom = [{**phones[0], "use": "old"}, phones[1], {**phones[2], **ENDED}, {**phones[3], "use": "mobile"}]
    resource = patient(telecom=telecom)
    data = lens("Patient").get(resource, LINKS)
    assert [contact["value"] for contact in data["contacts"]] == ["1", "3"]
    written = lens("Patient").put({**data, "contacts": [{"system": "phone", "value": "9"}]}, resource, LINKS)
    assert written["telecom"] == [telecom[0], {"system": "phone", "value": "9"}, telecom[2]]


@given(data=st.data())
def test_numbers_are_read_by_rank(data: st.DataObject) -> None:
    """The preferred number first, those without a rank last; the ranks stay with the places, so the laws hold."""
    ranks = data.draw(st.lists(st.sampled_from((None, 1, 2, 3)), min_size=1, max_size=4))
    telecom = [
        {"system": "phone", "value": f"n{n}", "extension": [{"url": f"urn:{n}"}], **({"rank": rank} if rank else {})}
        for n, rank in enumerate(ranks)
    ]
    resource = patient(telecom=telecom)
    read_ = lens("Patient").get(resource, LINKS)
    order = sorted(range(len(ranks)), key=lambda n: ranks[n] or 9)
    assert [contact["value"] for contact in read_["contacts"]] == [f"n{n}" for n in order]
    assert lens("Patient").put(read_, resource, LINKS) == resource
    values = data.draw(st.lists(st.sampled_from(("n0", "n1", "n2", "x", "y")), unique=True))
    contacts = [{"system": "phone", "value": value} for value in values]
    written = lens("Patient").put({**read_, "contacts": contacts}, resource, LINKS)
    assert lens("Patient").get(written, LINKS).get("contacts", []) == contacts


def test_what_is_no_object_among_names_is_refused() -> None:
    """A text where a name should be is told with its place, whatever stands beside it."""
    with pytest.raises(InvalidInput, match=r"Patient.name\[1\]: is not an object"):
        lens("Patient").get(patient(name=[name("A"), "B"]), LINKS)


@pytest.mark.parametrize("version", VERSIONS)
@settings(max_examples=30)
@given(data=st.data())
def test_others_names_and_numbers_survive(version: FhirVersion, data: st.DataObject) -> None:
    """With names, addresses and numbers that do not count among ours, the same plan is read and all is kept."""
    plan = data.draw(make.plans())
    bundle = to_fhir(plan, version=version)
    woven = copy.deepcopy(bundle)
    for resource in (entry["resource"] for entry in woven["entry"]):
        places = {"name": name("Gammel", "old"), "telecom": {"system": "phone", "value": "1", "use": "old"}}
        for member, left in {**places, "address": {"city": "Før", "use": "old"}}.items():
            if isinstance(resource.get(member), list) and resource["resourceType"] != "HealthcareService":
                at = data.draw(st.integers(0, len(resource[member])))
                resource[member].insert(at, left)
    said = from_fhir(woven, version=version)  # which a bundle with little in it does not show
    assert said == from_fhir_json(orjson.dumps(woven), version=version) == plan
    assert put_plan(plan, woven, version=version) == woven
    renamed = plan.evolve(owner=plan.owner.evolve(name=plan.owner.name.evolve(family="Ny")))
    written = put_plan(renamed, woven, version=version)
    assert from_fhir(written, version=version) == renamed
    (owner,) = (e["resource"] for e in written["entry"] if e["resource"]["resourceType"] == "Patient")
    assert [n for n in owner["name"] if n.get("use") == "old"] == [
        n
        for e in woven["entry"]
        if e["resource"]["resourceType"] == "Patient"
        for n in e["resource"]["name"]
        if n.get("use") == "old"
    ]


def test_one_ordinary_name_is_read_fast() -> None:
    """A use that counts does not send a plan to the lenses; two names do."""
    mapper = default()
    bundle = to_fhir(make_plan())
    (owner,) = (e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Patient")
    owner["name"][0]["use"] = "official"
    assert mapper.read_fast(orjson.dumps(bundle)) is not None
    owner["name"].append(name("Gammel", "old"))
    assert mapper.read_fast(orjson.dumps(bundle)) is None


def make_plan() -> IndividualPlan:
    """An example plan."""
    return read(IndividualPlan, next(iter(sorted((EXAMPLES / "plans").glob("*.json")))).read_bytes())
