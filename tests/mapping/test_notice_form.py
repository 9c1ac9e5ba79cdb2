"""A notice as an answered questionnaire: there and back, valid, in its questions' order, told from other forms."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from fhir.resources import get_fhir_model_class as r5_model
from fhir.resources.R4B import get_fhir_model_class as r4_model
from hypothesis import given, settings

from ip_fhir.domain.notice import Notice
from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.data import root
from ip_fhir.mapping import default, notice_from_form, notice_to_form
from ip_fhir.mapping.tables.variants import VERSIONS, FhirVersion
from tests.mapping.test_bad_input import form_message, notice, notice_message
from tests.support import strategies as make


def response(bundle: dict[str, Any]) -> dict[str, Any]:
    """The answered questionnaire in a bundle."""
    (found,) = [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "QuestionnaireResponse"]
    made: dict[str, Any] = found
    return made


@pytest.mark.parametrize("version", VERSIONS)
@settings(max_examples=25)
@given(sent=make.notices())
def test_any_notice_comes_back(version: FhirVersion, sent: Notice) -> None:
    """notice_from_form(notice_to_form(n)) == n, in both versions, by the models of each."""
    mapping = default(version)
    bundle = notice_to_form(sent, mapping)
    model = r5_model if version == "R5" else r4_model
    for entry in bundle["entry"]:
        model(entry["resource"]["resourceType"]).model_validate(entry["resource"])
    assert notice_from_form(bundle, mapping) == sent


def test_the_questions_are_those_of_the_questionnaire() -> None:
    """Each row answers a question, each question has a row, and they come in the questionnaire's order."""
    questionnaire = json.loads((root() / "questionnaires" / "notice.json").read_text(encoding="utf-8"))
    asked = [item["linkId"] for item in questionnaire["item"]]
    rows = default().tables.fields["NoticeForm"].rows
    links = [c.value for row in rows for c in row.path[0].conditions if c.member == "linkId"]
    assert links == asked
    full = notice().evolve(reason="x", wished_coordinator="y", discharge=date(2026, 3, 1))
    answered = [item["linkId"] for item in response(notice_to_form(full))["item"]]
    assert answered == sorted(answered, key=asked.index)


def test_it_is_told_from_a_green_form() -> None:
    """A green form is no notice, and a notice is no green form; a message of orders has no form in it."""
    for bundle in (form_message(), notice_message()):
        with pytest.raises(InvalidInput, match="holds 0 resources that could be the NoticeForm"):
            notice_from_form(bundle)
    assert not default().lens("GreenForm").owns(response(notice_to_form(notice())))


def test_a_wrong_answer_is_told_with_its_place() -> None:
    """By FHIRPath in the bundle, with the reason."""
    bundle = notice_to_form(notice())
    number = next(n for n, e in enumerate(bundle["entry"]) if e["resource"]["resourceType"] == "QuestionnaireResponse")
    response(bundle)["item"][0]["answer"][0]["valueCoding"]["code"] = "everything"
    with pytest.raises(InvalidInput) as refused:
        notice_from_form(bundle)
    (problem,) = refused.value.problems
    assert problem.path == f"Bundle.entry[{number}].resource.item[0].answer[0].valueCoding"
    assert problem.reason == "is a code that the table notice-kind does not know"


def test_answers_in_words_may_have_several_lines(checkout: Path) -> None:
    """An item that the tables write words into is of type `text`: a `string` has one line (fhir-systems.md 3.8)."""
    rows = (checkout / "mappings" / "fields" / "exchange.toml").read_text(encoding="utf-8")
    in_words = set(re.findall(r"item\[linkId=([\w-]+)\]\.answer\[0\]\.valueString", rows))
    assert {"complaint-to", "wished-coordinator", "note"} <= in_words
    types: dict[str, str] = {}
    for file in (checkout / "mappings" / "questionnaires").glob("*.json"):
        waiting = [*json.loads(file.read_text(encoding="utf-8"))["item"]]
        while waiting:
            item = waiting.pop()
            types[item["linkId"]] = item["type"]
            waiting += item.get("item", [])
    assert {name: types[name] for name in in_words} == dict.fromkeys(in_words, "text")
