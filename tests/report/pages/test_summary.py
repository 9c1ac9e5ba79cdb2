"""The summary page: one file that needs nothing else, for eyes, ears and paper."""

import re
from html.parser import HTMLParser

import pytest

from ip_fhir.report.pages.summary import CheckResult, LoopCaption, render
from ip_fhir.report.words.codes import LANGUAGES, Language
from tests.report.conftest import World

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
