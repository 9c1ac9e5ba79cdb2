"""FHIR allows no empty object and no empty list: none is written, whatever little there is to say (ele-1)."""

from copy import deepcopy
from datetime import date
from typing import Any

import pytest
from fhir.resources import get_fhir_model_class
from hypothesis import given, settings
from hypothesis import strategies as st

from ip_fhir.domain.consent.consent import Access, Consent, ConsentKind, Provision
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.mapping import default, from_fhir, message_to_fhir, put_plan, to_fhir
from ip_fhir.mapping.lenses.table import data_of
from ip_fhir.mapping.overlays.laws import broken_laws
from ip_fhir.mapping.tables.loading import build_tables
from ip_fhir.mapping.tables.variants import SETS, VERSIONS, FhirVersion, varied
from tests.mapping.cases import EVERYBODY, LINKS, RELATED
from tests.mapping.examples import example
from tests.mapping.fhir_rules import empty_places
from tests.support.strategies import consents, messages, plans

KIND = "https://ip-fhir.github.io/fhir/StructureDefinition/ip-provision-kind"
FEW = settings(max_examples=20)
both_ways = pytest.mark.parametrize("access", list(Access))
every_version = pytest.mark.parametrize("version", VERSIONS)


def against(access: Access) -> Access:
    """What goes against it."""
    return Access.DENY if access is Access.PERMIT else Access.PERMIT


def consent(access: Access, *provisions: Provision) -> Consent:
    """A consent with these provisions."""
    return Consent(id="c", kind=ConsentKind.SHARING, given_on=date(2026, 1, 5), access=access, provisions=provisions)


def theirs(access: Access, *provisions: dict[str, Any]) -> dict[str, Any]:
    """An R5 Consent with provisions as another system writes them."""
    made = default("R5").lens("Consent").new(consent(access), LINKS)
    return {**made, "provision": list(provisions)}


@both_ways
@every_version
def test_a_provision_that_says_nothing_but_yes_or_no(version: FhirVersion, access: Access) -> None:
    """It goes against the decision, for everybody and everything: no empty object, and the same plan comes back."""
    bare, as_decision = Provision(access=against(access)), Provision(access=access)
    plan = example(1).evolve(consents=(consent(access, bare), consent(access, as_decision, bare).evolve(id="c2")))
    bundle = to_fhir(plan, version=version)
    assert list(empty_places(bundle, "Bundle")) == []
    assert from_fhir(bundle, version=version) == plan
    assert put_plan(plan, bundle, version=version) == bundle
    if version == "R5":
        get_fhir_model_class("Bundle").model_validate(bundle)


@both_ways
def test_what_a_provision_is_holds_when_the_decision_turns(access: Access) -> None:
    """It is said as an exception to the decision or as the same, so that neither we nor others can make it untrue."""
    lens = default("R5").lens("Consent")
    before = consent(access, Provision(access=against(access)), Provision(access=access))
    said = [{"url": KIND, "valueCode": code} for code in ("exception", "as-decision")]
    resource = lens.new(before, LINKS)
    assert [p["extension"] for p in resource["provision"]] == [[said[0]], [said[1]]]
    turned = lens.put(before.evolve(access=against(access)), resource, LINKS)
    assert [p["extension"] for p in turned["provision"]] == [[said[1]], [said[0]]]
    assert turned == lens.new(before.evolve(access=against(access)), LINKS)
    both = before.evolve(access=against(access), provisions=before.provisions[::-1])
    assert lens.put(both, resource, LINKS) == lens.new(both, LINKS)


@both_ways
def test_a_foreign_provision_stays_as_it_is(access: Access) -> None:
    """One without our extension: written back it is the same, and a change beside it changes that alone."""
    lens = default("R5").lens("Consent")
    resource = theirs(access, {"period": {"start": "2026-02-01"}}, {"id": "theirs", "code": [], "actor": []})
    del resource["provision"][1]["code"], resource["provision"][1]["actor"]
    before = deepcopy(resource)
    found = lens.get(resource, LINKS)
    assert lens.put(found, resource, LINKS) == resource
    changed = lens.put({**found, "status": "refused"}, resource, LINKS)
    assert changed == {**resource, "status": changed["status"]}
    assert changed["status"] != resource["status"]
    assert resource == before


@FEW
@given(data=st.data())
def test_the_laws_hold_where_our_extension_is_not(data: st.DataObject) -> None:
    """Consents as others write them: what was written is read, what was read is written back unchanged, none empty."""
    lens = default("R5").lens("Consent")
    drawn = consents("consent-1", RELATED, EVERYBODY).map(data_of)
    resource = lens.new(data.draw(drawn), LINKS)
    for provision in resource.get("provision", ()):
        provision["extension"] = [{"url": "https://other.example/x", "valueString": "theirs"}]
    assert lens.put(lens.get(resource, LINKS), resource, LINKS) == resource
    other = data.draw(drawn)
    changed = lens.put(other, resource, LINKS)
    assert lens.get(changed, LINKS) == lens.get(lens.new(other, LINKS), LINKS)
    assert list(empty_places(changed, "Consent")) == []


@both_ways
def test_a_foreign_provision_that_loses_all_it_said_is_not_left_empty(access: Access) -> None:
    """What is then left of it is said by us; it reads as what was written."""
    lens = default("R5").lens("Consent")
    resource = theirs(access, {"period": {"start": "2026-02-01"}})
    bare = data_of(consent(access, Provision(access=against(access))))
    changed = lens.put(bare, resource, LINKS)
    assert changed["provision"] == [{"extension": [{"url": KIND, "valueCode": "exception"}]}]
    assert lens.get(changed, LINKS)["provisions"] == [{"access": against(access).value}]
    again = lens.put(lens.get(resource, LINKS), changed, LINKS)
    assert lens.get(again, LINKS) == lens.get(resource, LINKS)


@pytest.mark.parametrize("name", SETS)
def test_no_table_writes_anything_empty(name: str) -> None:
    """Every table of every set, with every field filled and with the least that can be said of each."""
    tables = build_tables(varied(*SETS[name]))
    assert list(broken_laws(tables, dict.fromkeys(tables.fields, ()), ())) == []


def test_a_table_that_writes_something_empty_breaks_a_law() -> None:
    """It is told with its name when the tables are checked: a default that is all there is to say, left unsaid."""
    source = deepcopy(varied("r5"))
    table = source.tables["ExceptionToPermit"]
    table["row"] = [row for row in table["row"] if not row.get("check_only")]
    told = list(broken_laws(build_tables(source), {"ExceptionToPermit": ("access",)}, ()))
    assert "table ExceptionToPermit, row access: something empty is written, which FHIR does not allow" in told
    assert any(line.startswith("table Consent, ") and "empty is written at provision[0]," in line for line in told)


@every_version
@FEW
@given(plan=plans())
def test_no_plan_is_written_with_anything_empty(version: FhirVersion, plan: IndividualPlan) -> None:
    """Every plan that can be made, in both versions."""
    assert list(empty_places(to_fhir(plan, version=version), "Bundle")) == []


@every_version
@FEW
@given(data=st.data())
def test_no_message_is_written_with_anything_empty(version: FhirVersion, data: st.DataObject) -> None:
    """Every message that can be sent, in both versions."""
    assert list(empty_places(message_to_fhir(data.draw(messages()), default(version)), "Bundle")) == []


@every_version
@FEW
@given(before=plans(), after=plans())
def test_nothing_empty_is_left_behind(version: FhirVersion, before: IndividualPlan, after: IndividualPlan) -> None:
    """One plan put onto another's bundle."""
    after = after.evolve(owner=after.owner.evolve(id=before.owner.id))
    bundle = put_plan(after, to_fhir(before, version=version), version=version)
    assert list(empty_places(bundle, "Bundle")) == []


def test_what_is_empty_is_found() -> None:
    """The check can fail: an object without members, and a list without entries, are found with their places."""
    assert list(empty_places({"a": [{}], "b": [], "c": {"d": None}}, "X")) == ["X.a[0]", "X.b", "X.c.d"]
