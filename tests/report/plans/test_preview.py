"""The preview: what each participant will see, what is new, gone and hidden, and what a coordinator is warned of."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ip_fhir.domain.merge.difference import ChangeKind
from ip_fhir.domain.merge.places import BOOKKEEPING
from ip_fhir.domain.plan import IndividualPlan, MeasureStatus
from ip_fhir.domain.sharing.ids import view_id
from ip_fhir.domain.sharing.see import see
from ip_fhir.report.plans.labels import LABELS
from ip_fhir.report.plans.layout import WIDTH, table_lines
from ip_fhir.report.plans.preview import preview_lines, previews
from ip_fhir.report.plans.titles import FIELDS
from ip_fhir.report.plans.warnings import OnPaper, Seen, UnseenDuty, seen_by, warnings
from ip_fhir.report.words.codes import LANGUAGES, Language
from tests.report.plans.texts import GP, ON, SCHOOL, example, example_previews, example_warnings, school_view


def test_each_participant_is_told_apart() -> None:
    """One begins, one ends, one gets and loses something, one stays; JSON says the same by ids."""
    told = {one.participant: one.to_data() for one in example_previews()}
    assert [name for name, one in told.items() if one["begins"]] == ["Nordvik legesenter"]
    assert [name for name, one in told.items() if one["ends"]] == ["Barneverntjenesten i Nordvik"]
    school = told["Nordvik barneskole"]
    assert school["new"] == [["measures", view_id(SCHOOL, "person-01-measure-1")]]
    assert school["gone"] == [["needs", view_id(SCHOOL, "more")]]
    assert school["changed"] == [["title", None], ["goals", view_id(SCHOOL, "person-01-goal-1")]]
    assert school["sees"]["goals"] == 6
    assert school["holds_until"] == "2028-06-30"
    unchanged = told["Pedagogisk-psykologisk tjeneste"]
    assert unchanged["new"] == unchanged["gone"] == unchanged["changed"] == []
    assert told["Barneverntjenesten i Nordvik"]["sees"] == {}


def test_nobody_takes_part() -> None:
    """A participant without a view now and then is left out; a plan that nobody takes part in says so."""
    assert previews(example(1), {"A": None}, {"A": None}) == ()
    assert list(preview_lines(example(1), (), (), "nb", ON))[-1] == "Planen deles ikke med noen."


def test_what_is_hidden_is_named_to_the_coordinator() -> None:
    """Where it is known which items a view leaves out, they are listed."""
    lines = list(preview_lines(example(1), example_previews(), (), "nb", ON))
    hidden = lines.index("Får ikke se:")
    assert lines[hidden + 1] == "- Mål: Vi vil være en vanlig familie som orker å finne på ting sammen."
    assert "- Behov: Foreldrene trenger søvn, avlastning og én å ringe til." in lines[hidden:]
    assert lines.count("Får ikke se:") == 1  # the GP may see all of it


def test_a_changed_order_is_nothing_new() -> None:
    """Neither is a new number, day or author of the view."""
    view = school_view()
    plan = view.plan
    other = view.evolve(
        number=9,
        plan=plan.evolve(version=9, goals=(*plan.goals[1:], plan.goals[0]), updated=plan.created + timedelta(days=300)),
    )
    (found,) = previews(example(1), {"A": other}, {"A": view})
    assert [
        item for kind in (ChangeKind.ADDED, ChangeKind.CHANGED, ChangeKind.REMOVED) for item in found.of_kind(kind)
    ] == []
    assert "Ingenting nytt for dem." in list(preview_lines(example(1), (found,), (), "nb", ON))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_field_of_a_plan_has_a_title(language: Language) -> None:
    """Whatever may differ between two views is named: each item, and each field of the plan itself."""
    view = school_view()
    bare = IndividualPlan(id=view.plan.id, owner=view.plan.owner.evolve(language="se"), created=view.plan.created)
    (found,) = previews(example(1), {"A": view}, {"A": view.evolve(plan=bare)})
    lines = "\n".join(preview_lines(example(1), (found,), example_warnings(), language, ON))
    assert "merknad" in lines if language == "nb" else "note" in lines
    unnamed = {"id", "created", *BOOKKEEPING, *FIELDS}
    assert {f"field-{name}" for name in IndividualPlan.model_fields if name not in unnamed} <= set(LABELS)
    assert {f"{start}-{field}" for start in ("kind", "one") for field in FIELDS} <= set(LABELS)


def test_duties_that_are_over_need_no_eyes() -> None:
    """A warning is of measures and reviews that are not over, and of those that their participant does not see."""
    plan = example(1).evolve(reviews=())
    seen = {"A": Seen(frozenset({"org-nordvik-home-care"}), frozenset())}
    assert warnings(plan, seen) == ()  # the one it has was stopped
    going_on = plan.measures[-1].evolve(status=MeasureStatus.IN_PROGRESS, status_reason=None)
    assert going_on.responsible == "org-nordvik-home-care"
    plan = plan.evolve(measures=(going_on,))
    (found,) = warnings(plan, seen)
    assert isinstance(found, UnseenDuty)
    assert found.to_data() == {
        "warning": "responsible-may-not-see",
        "participant": "A",
        "measures": going_on.id,
    }
    assert warnings(plan, {"A": Seen(seen["A"].actors, frozenset({going_on.id}))}) == ()
    assert warnings(plan, {"A": Seen(frozenset(), frozenset())}) == ()


def test_a_participant_in_terms_of_the_plan() -> None:
    """Its organisations and those who take part for it, and the items of the plan that stand in its view."""
    plan = example(1)
    school, gp = (seen_by(plan, share, see(plan, share, ON), ON) for share in (SCHOOL, GP))
    assert school.actors == {"org-nordvik-school", "pro-school-teacher"}
    assert gp.actors == {"org-nordvik-gp", "pro-gp"}
    assert "person-01-goal-3" in gp.items - school.items
    assert "person-01-goal-1" in gp.items & school.items


def test_places_on_paper() -> None:
    """Members and coordinators that no party stands for; a plan without a team has none."""
    found = [one for one in example_warnings() if isinstance(one, OnPaper)]
    assert [one.to_data()["place"] for one in found] == ["person-01-member-7", "person-01-coordinator-1"]
    assert warnings(example(1).evolve(team=None), {}, {"person-01-member-7"}) == ()


def test_a_table_fits_the_screen() -> None:
    """Names are broken where there is no room for them; numbers stand to the right."""
    rows = [("En virksomhet med et svært langt navn " * 3, "1/2", "3"), ("B", "10/20", "0")]
    lines = list(table_lines(("Navn", "Mål", "Nytt"), rows))
    assert all(len(line) <= WIDTH for line in lines)
    assert lines[1].endswith(f"{'1/2':>7}{'3':>6}")
    assert lines[2].startswith("  ")
    assert lines[-1].split() == ["B", "10/20", "0"]
    assert lines[-1].endswith(f"{'10/20':>7}{'0':>6}")
    cells = ["1234567890"] * 5
    long = list(table_lines([""] * 6, [("Pedagogisk-psykologisk tjeneste", *cells), ("Bad (org-nordvik-bad)", *cells)]))
    names = [line[:20].strip() for line in long if line]
    assert names == ["Pedagogisk-", "psykologisk", "tjeneste", "Bad", "(org-nordvik-bad)"]
