"""The plan as a document: every item of the law has its section, the plan comes back, and nothing acts in the words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from ip_fhir.domain.people import Attachment
from ip_fhir.domain.plan import IndividualPlan, Need, PlanStatus
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput
from ip_fhir.mapping import Mapper, from_fhir
from ip_fhir.mapping.lenses.references import references_in
from ip_fhir.report.document import plan_document, plan_document_reference
from tests.support import growing
from tests.support import strategies as make
from tests.support.data import EXAMPLES

PLAN_CASES = {case.name: case for case in growing.PLAN_CASES}
PLANS = sorted((EXAMPLES / "plans").glob("*.json"))
DIV = '<div xmlns="http://www.w3.org/1999/xhtml">{}</div>'


def example(number: int) -> IndividualPlan:
    """An example plan."""
    return read(IndividualPlan, PLANS[number - 1].read_bytes())


def composition(document: dict[str, Any]) -> dict[str, Any]:
    """The first entry, which has to be the Composition."""
    found: dict[str, Any] = document["entry"][0]["resource"]
    assert found["resourceType"] == "Composition"
    return found


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_the_plan_comes_back(path: Path) -> None:
    """A document holds the whole plan: it is read back from it."""
    plan = read(IndividualPlan, path.read_bytes())
    assert from_fhir(plan_document(plan)) == plan


@pytest.mark.parametrize(
    "changes",
    [
        {"needs": tuple(Need(id=f"need-{n}", text="å<" * 300) for n in range(90))},
        {"needs": (Need(id="need", text="<" * 49_990),)},
        PLAN_CASES["reviews"].make(2000),
        PLAN_CASES["CareTeam.memberships"].make(5000),
    ],
    ids=["many words", "one long word", "reviews", "memberships"],
)
def test_a_long_plan_is_a_document(changes: dict[str, Any]) -> None:
    """What people write has its bounds; what is put together from it has none of these."""
    plan = growing.plan(**changes)
    document = plan_document(plan)
    assert from_fhir(document) == plan
    assert max(len(section["text"]["div"]) for section in composition(document)["section"]) > 50_000


@given(plan=make.plans())
@settings(max_examples=25)
def test_any_plan(plan: IndividualPlan) -> None:
    """Any plan is a document with nine sections, whose references lead to entries, and comes back."""
    document = plan_document(plan, language="en")
    there = {f"{e['resource']['resourceType']}/{e['resource']['id']}" for e in document["entry"]}
    sections = composition(document)["section"]
    assert [section["id"] for section in sections if section["id"] != "named"] == list("abcdefghi")
    assert {r["reference"] for section in sections for r in section.get("entry", ())} <= there
    assert from_fhir(document) == plan


def test_what_it_is() -> None:
    """Type 9602 A02-2; a draft is preliminary; the same plan gives the same document, another version another."""
    plan = example(1)
    document = plan_document(plan)
    assert composition(document)["type"]["coding"][0]["code"] == "A02-2"
    assert composition(document)["status"] == "final"
    assert composition(plan_document(plan.evolve(status=PlanStatus.DRAFT)))["status"] == "preliminary"
    assert plan_document(plan) == document
    assert plan_document(plan.evolve(version=9))["identifier"] != document["identifier"]
    assert (document["type"], "request" in document["entry"][1]) == ("document", False)


def test_who_wrote_it() -> None:
    """The author; without one the coordinating unit; without that the person, whose plan it is."""
    plan = example(5)
    wrote = [
        composition(plan_document(p))["author"][0]["reference"]
        for p in (plan, plan.evolve(author=None), plan.evolve(author=None, coordinating_unit=None))
    ]
    assert [reference.partition("/")[0] for reference in wrote] == ["PractitionerRole", "Organization", "Patient"]


def test_everybody_is_reached() -> None:
    """What is in the document is reached from its Composition, so that nobody is lost where only that is kept."""
    document = plan_document(example(5))
    links = {f"{e['resource']['resourceType']}/{e['resource']['id']}": e["resource"] for e in document["entry"]}
    waiting, reached = [composition(document)], set[str]()
    while waiting:
        found = {r for r in references_in(waiting.pop()) if r in links} - reached
        reached |= found
        waiting += [links[reference] for reference in found]
    left = {reference.partition("/")[0] for reference in set(links) - reached}
    assert left == {"Composition", "Provenance"}


def test_what_is_missing_is_said() -> None:
    """A section says what the law asks for and the plan lacks."""
    sections = {s["id"]: s["text"]["div"] for s in composition(plan_document(example(4)))["section"]}
    assert [item for item, words in sections.items() if "Mangler" in words] == ["e", "f", "g"]


def test_words_of_the_sections() -> None:
    """The sections say what the plan says, in the language asked for, with what is special in XML escaped."""
    plan = example(1)
    goal = plan.main_goals[0].evolve(text="Leke & le < gråte")
    plan = plan.evolve(goals=(goal, *(g for g in plan.goals if g.id != goal.id)))
    said = composition(plan_document(plan, language="en"))["section"][0]
    assert "<li>Goal: Leke &amp; le &lt; gråte</li>" in said["text"]["div"]
    assert said["title"] == "a) Goals, resources and need for services"


def test_a_narrative_of_ones_own() -> None:
    """Text becomes paragraphs, XHTML is taken as it is; without one there is none."""
    text = composition(plan_document(example(1), "Hei & hå\nfra oss\n\nSlutt"))["text"]
    assert text == {"status": "additional", "div": DIV.format("<p>Hei &amp; hå<br/>fra oss</p><p>Slutt</p>")}
    html = DIV.format('<p class="x">Planen <b>vår</b>, <a href="https://example.org">her</a></p>')
    assert composition(plan_document(example(1), html))["text"]["div"] == html
    assert "text" not in composition(plan_document(example(1)))


@pytest.mark.parametrize(
    ("html", "reason"),
    [
        ("<div>uten navnerom</div>", "is not one div"),
        ("<p xmlns='http://www.w3.org/1999/xhtml'>x</p>", "is not one div"),
        (DIV.format("<p>åpen"), "is no XHTML"),
        (DIV.format(" <br/> "), "says nothing"),
        (DIV.format("x<script>alert(1)</script>"), "may not have: script"),
        (DIV.format("x<img src='https://example.org/x.png'/>"), "may not have: img"),
        (DIV.format("<p onclick='x()'>x</p>"), "may not have: p"),
        (DIV.format("<p style='display:none'>x</p>"), "may not have: p"),
        (DIV.format("<a href='javascript:x()'>x</a>"), "a link that is neither"),
        (DIV.format("x<!-- hidden -->"), "may not have: ?"),
        (f"<!DOCTYPE div [<!ENTITY a 'x'>]>{DIV.format('&a;')}", "is not one div"),
        (DIV.format("x" * 2_000_001), "is longer"),
    ],
)
def test_what_a_narrative_may_not_be(html: str, reason: str) -> None:
    """What acts, fetches, hides or is no XHTML is refused, and what stood there is not repeated."""
    with pytest.raises(InvalidInput, match="narrative: ") as refused:
        plan_document(example(1), html)
    assert reason in str(refused.value)
    assert "alert" not in str(refused.value)


def test_an_id_of_two_things() -> None:
    """A plan with the id of one of its goals cannot be told from it in a document, and is refused."""
    plan = example(1)
    with pytest.raises(InvalidInput, match="cannot tell them apart"):
        plan_document(plan.evolve(id=plan.goals[0].id))


def test_the_index_entry() -> None:
    """A DocumentReference: the same type, person, author and date, and where the rendered document lies."""
    attachment = Attachment(title="Planen", content_type="application/pdf", url="https://example.org/plan.pdf")
    plan = example(5)
    found = plan_document_reference(plan, attachment)
    made = composition(plan_document(plan))
    assert {name: found[name] for name in ("type", "subject", "author", "date", "custodian")} == {
        name: made[name] for name in ("type", "subject", "author", "date", "custodian")
    }
    assert (found["status"], found["docStatus"]) == ("current", "final")
    assert found["content"][0]["attachment"]["url"] == "https://example.org/plan.pdf"


def test_by_a_sites_tables() -> None:
    """The document follows a site's overlay as everything does."""
    site = Mapper.load(EXAMPLES / "overlays" / "nordvik.toml")
    document = plan_document(example(1), mapper=site)
    assert "https://nordvik.example/fhir/CodeSystem/goal-category" in str(document)
    assert site.from_fhir(document) == example(1)
