"""The summary page: one file that needs nothing else, for eyes, ears and paper."""

import re
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser

import pytest

from ip_fhir.domain.sharing.view import Opening
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.report.pages.sharing import HeldCopy, SharingSection, sharing_section
from ip_fhir.report.pages.steps import StepRow
from ip_fhir.report.pages.summary import CheckResult, LoopCaption, render
from ip_fhir.report.words.codes import LANGUAGES, Language
from tests.report.conftest import World
from tests.report.plans.texts import ON, UNTIL, example, school_view

VOID = {"meta", "link", "br", "img", "hr", "input"}


class Page(HTMLParser):
    """A page as read: its elements, its headings, what is linked, whether it is well nested."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[int] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it, and that it is open."""
        self.elements.append((tag, dict(attrs)))
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element without content."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """It must be the one that was opened last."""
        assert self.open.pop() == tag

    def all(self, attribute: str) -> list[str]:
        """Every value of an attribute."""
        return [value for _, attrs in self.elements if (value := attrs.get(attribute)) is not None]


@pytest.fixture
def told(world: World) -> list[LoopCaption]:
    """Three loops: late, incomplete at first, rejected."""
    loops = [(number, world.story(number)) for number in ("02", "03", "05")]
    return [LoopCaption(loop, f"Navn {number}", "hvem det er", "hva den viser") for number, loop in loops]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_that_stands_alone(told: list[LoopCaption], language: Language) -> None:
    """Well nested; says its language; headings in order; nothing from elsewhere; every reference is there."""
    html = render(told, [CheckResult("held", 5, 5), CheckResult("not held", 4, 5, ("Ylva: it went wrong",))], language)
    page = Page(html)
    assert page.open == []
    assert ("html", {"lang": language}) in page.elements
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in zip(page.headings, page.headings[1:], strict=False))
    assert not {"script", "link", "iframe", "img", "object"} & {tag for tag, _ in page.elements}
    assert page.all("src") == []
    assert "url(" not in html
    assert "@import" not in html
    ids = page.all("id")
    assert len(set(ids)) == len(ids)
    assert {link.removeprefix("#") for link in page.all("href")} <= set(ids)
    assert {name for names in page.all("aria-labelledby") for name in names.split()} <= set(ids)
    assert "it went wrong" in html
    assert "4/5" in html


def shared_plan(language: Language, on: date = ON) -> SharingSection:
    """The section about example 1: one copy as it should be, one that is not, one withdrawn, one never given."""
    received = datetime(2026, 8, 21, 7, 15, tzinfo=UTC)
    view, later = school_view(4), Opening(area=LifeArea.FAMILY, since=ON + timedelta(days=9))
    header = view.evolve(share="gp", openings=(Opening(), later), holds_until=None)
    copies = [
        HeldCopy("Nordvik barneskole", view, 4, received),
        HeldCopy("Nordvik legesenter", header, 1, received, equal=False),
        HeldCopy("Barneverntjenesten <i>", None, 3, received, withdrawn=received + timedelta(days=3)),
        HeldCopy("Solvik kommune", None),
    ]
    steps = [StepRow("", "fr. 21. aug.", "09:15", "Nordvik", "Planen <b>deles</b>", "plain")]
    return sharing_section(("Ylva", "sju år", "hva hver ser"), example(1), copies, steps, language, on)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_shared_plan_has_a_section(told: list[LoopCaption], language: Language) -> None:
    """What each participant sees now, when it got it, and which life areas are open to it; well nested and escaped."""
    html = render(told, [], language, shared_plan(language))
    page = Page(html)
    assert page.open == []
    ids = page.all("id")
    assert len(set(ids)) == len(ids)
    assert {name for names in page.all("aria-labelledby") for name in names.split()} <= set(ids)
    assert all(later <= earlier + 1 for earlier, later in zip(page.headings, page.headings[1:], strict=False))
    assert "Barneverntjenesten &lt;i&gt;" in html
    assert "Planen &lt;b&gt;deles&lt;/b&gt;" in html
    assert "shared-plan" not in render(told, [], language)


def test_the_rows_of_a_shared_plan() -> None:
    """Counts, the state of each copy, number and times; areas that are open, open until, closed, or open later."""
    section = shared_plan("nb")
    school, gp, welfare, other = section.copies
    assert (school.state, school.tone) == ("lik det de skal se", "good")
    assert (school.counts, school.number, school.until) == (("6/9", "5/8", "3/4", "1/10"), "4", "30. juni 2028")
    assert school.received == "fr. 21. aug. 09:15"
    assert (gp.state, gp.tone, gp.until) == ("ikke likt det de skal se", "bad", "")
    assert (welfare.state, welfare.received, welfare.counts[0]) == ("trukket tilbake", "ma. 24. aug. 09:15", "-")
    assert (other.state, other.number, other.received) == ("har ikke fått noe", "", "")
    assert section.participants == ("Nordvik barneskole", "Nordvik legesenter")
    marks = {row.area: row.marks for row in section.areas}
    assert marks["Bolig"] == (("✓", "til 30. juni 2028", True), ("-", "lukket", False))
    assert marks["Behov hos foreldre, ektefelle, barn"] == (("-", "lukket", False), ("-", "fra 10. sep.", False))
    assert marks["Det som ikke hører til noe livsområde"][1] == ("✓", "åpent", True)
    after = shared_plan("nb", UNTIL + timedelta(days=1))
    assert {row.area: row.marks for row in after.areas}["Bolig"][0] == ("-", "lukket", False)


def test_pictures_and_tables_tell_the_same(told: list[LoopCaption]) -> None:
    """Each number in a picture is in the table of its loop."""
    html = render(told, [], "en")
    sections = html.split('<section aria-labelledby="referral-')[1:]
    assert len(sections) == 3
    for section in sections:
        drawn = re.findall(r"<title>(\d+)\. ", section)
        rows = re.findall(r"<tr>\s*<td>(\d+)</td>", section)
        assert drawn
        assert drawn == rows


def test_what_the_form_says_is_there(told: list[LoopCaption]) -> None:
    """The coordinator with a way to reach them; the reason, the legal basis and where to complain."""
    html = render(told, [], "en")
    assert "Gro Kjærstad, Psykiatrisk sykepleier" in html
    assert "+47 00 00 04 11" in html
    assert "Already has an individual plan" in html
    assert "Patients&#39; and Users&#39; Rights Act § 2-5" in html
    assert "Statsforvalteren, sendt gjennom Nordvik kommune" in html
    assert "Logopeden er tilsett" in html


def test_what_comes_from_outside_is_escaped(told: list[LoopCaption]) -> None:
    """A name with markup in it stays a name, in the page and in the picture."""
    one = LoopCaption(told[0].loop, "<script>alert(1)</script>", "a & b", "<b>")
    html = render([one], [CheckResult("<i>", 0, 1, ("<u>",))], "en")
    assert "<script" not in html
    assert "<b>" not in html
    assert "<i>" not in html
    assert "<u>" not in html
    assert "&lt;script&gt;" in html
    assert Page(html).open == []
