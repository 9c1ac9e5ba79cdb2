"""A narrative from outside is XHTML that acts, fetches and hides nothing, or it is refused."""

from __future__ import annotations

import pytest

from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.narrative import checked, items, paragraphs

DIV = '<div xmlns="http://www.w3.org/1999/xhtml">{}</div>'


@pytest.mark.parametrize(
    "content",
    [
        "Planen <b>vår</b> &amp; &#160;mer<br/>",
        '<p class="x" lang="nb" title="y"><a href="#here">her</a> <a href="tel:+4712345678">ring</a></p>',
        '<x:b xmlns:x="http://www.w3.org/1999/xhtml">another prefix</x:b>',
        "<![CDATA[1 < 2]]>",
        "<b>" * 255 + "dypt" + "</b>" * 255,
    ],
)
def test_what_a_narrative_may_be(content: str) -> None:
    """XHTML with basic formatting and links is given back to the letter."""
    assert checked(DIV.format(content)) == DIV.format(content)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"<?xml version='1.0' encoding='latin-1'?>{DIV.format('x')}", "is not one div"),
        (f"<!DOCTYPE div SYSTEM 'http://localhost/x.dtd'>{DIV.format('x')}", "is not one div"),
        (f"{DIV.format('x')}{DIV.format('y')}", "is no XHTML (line 1)"),
        (DIV.format("\nx &undeclared;"), "is no XHTML (line 2)"),
        (DIV.format("\ud83d"), "half a character"),
        (DIV.format("<b>" * 300 + "x" + "</b>" * 300), "nests deeper"),
        (DIV.format("x<i xmlns=''>y</i>"), "may not have: ?"),
        (DIV.format("x<svg xmlns='http://www.w3.org/2000/svg'/>"), "may not have: ?"),
        (DIV.format("x<?php y?>"), "may not have: ?"),
        (DIV.format("<p xml:base='http://localhost/'>x</p>"), "may not have: p"),
        (DIV.format("<a href=' javascript:x()'>x</a>"), "a link that is neither"),
        (DIV.format("<![CDATA[ ]]>&#32;"), "says nothing"),
    ],
)
def test_what_a_narrative_may_not_be(text: str, reason: str) -> None:
    """A prolog, an entity, another namespace, an instruction, and nesting without end are refused, each with why."""
    with pytest.raises(InvalidInput) as refused:
        checked(text, "section")
    assert reason in str(refused.value)
    assert str(refused.value).startswith("section: ")


def test_plain_text_is_escaped() -> None:
    """What is special in XML stands for itself, so that our own narratives pass the same rules."""
    assert checked(paragraphs("a < b & c\nd\n\ne")) == DIV.format("<p>a &lt; b &amp; c<br/>d</p><p>e</p>")
    assert items(["<x>"]) == "<ul><li>&lt;x&gt;</li></ul>"
    assert items([]) == ""
