"""`check`: reports a file's errors and missing items, each with its place."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated

import typer

from ip_fhir.cli.commands.mapping.map_hl7v2 import ABOUT_PLANS, PARTS, WITHOUT_V2, is_hl7v2, message_in, read_hl7v2
from ip_fhir.cli.given import Given, tell
from ip_fhir.cli.opening import peer_line
from ip_fhir.cli.options import Created, File, Json, Lang, Owner, PeerConfig, PlanId, ToldIsError, V2Peer, spoken
from ip_fhir.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ip_fhir.cli.files import Content
    from ip_fhir.cli.opening import PeerLine
    from ip_fhir.domain.completeness import ItemStatus
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.errors import Problem
    from ip_fhir.hl7v2.line import Hl7v2Line
    from ip_fhir.hl7v2.message import Er7
    from ip_fhir.mapping import Mapper
    from ip_fhir.ports import JsonObject
    from ip_fhir.report.words.codes import Language

_INCOMPLETE = 1


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a check. `missing` holds codes or sentences; `items` the law's items a) to i), for a plan."""

    kind: str
    ident: str | None = None
    items: Sequence[ItemStatus] = ()
    missing: Sequence[str] = ()
    resources: dict[str, int] = field(default_factory=dict)
    problems: Sequence[Problem] = ()
    warnings: Sequence[Problem] = ()

    @property
    def complete(self) -> bool:
        """True if nothing is missing."""
        return not self.missing and all(item.met for item in self.items)


def check(  # noqa: PLR0913, PLR0917 - one argument for each option
    file: File,
    notice: Annotated[
        str | None, typer.Option("--notice", help="The notice that a green form answers.", show_default=False)
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Also check each resource against FHIR's own model.")
    ] = False,
    as_json: Json = False,
    lang: Lang = None,
    created: Created = None,
    owner: Owner = None,
    plan: PlanId = None,
    told_is_error: ToldIsError = False,
    peer: V2Peer = None,
    config: PeerConfig = None,
) -> None:
    """Check a plan, view, notice, form, Bundle or message of HL7 v2.

    Which one it is, is seen from what stands in it. A plan is checked against the law's items a) to i), a green form
    for what closes the loop. A view of a plan is named as such: it is no plan. Exit code 0: right and complete; 1: it
    lacks something; 2: it cannot be used, with a line for each problem and its place. What of a Bundle is not read, and
    what no rule forbids and a person should look at, is told on stderr, a line for each place.
    """
    from ip_fhir.cli.files import read_file

    content = read_file(file)
    if peer is not None and not is_hl7v2(content):
        raise typer.BadParameter(WITHOUT_V2)
    try:
        if is_hl7v2(content):
            checked = _hl7v2(content, peer_line(peer, config), strict=strict)
        else:
            checked = _check(content, notice, Given(created, owner, plan, told_is_error), strict=strict)
    except InvalidInput as error:
        if as_json:
            _emit(Report("unknown", problems=error.problems), valid=False)
        raise
    tell(content.name, checked.warnings)
    if as_json:
        _emit(checked, valid=True)
    else:
        _show(checked, content.name, spoken(lang))
    if not checked.complete:
        raise typer.Exit(_INCOMPLETE)


def _check(content: Content, notice: str | None, given: Given, *, strict: bool) -> Report:
    from ip_fhir.cli.files import expect, kind_of, read_bundle, read_file, read_value
    from ip_fhir.domain.green_form import GreenForm, missing_items
    from ip_fhir.domain.notice import Notice
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.remarks.remarks import remarks
    from ip_fhir.domain.sharing.view import PlanView

    kind = kind_of(content)
    if kind == "bundle":
        return _bundle(content.name, read_bundle(content), given, strict=strict)
    if kind == "plan":
        return _plan(read_value(IndividualPlan, content))
    if kind == "view":
        return Report(kind, read_value(PlanView, content).plan.id)
    if kind == "notice":
        asks = read_value(Notice, content)
        return Report(kind, asks.id, warnings=remarks(asks))
    answered = None
    if notice is not None:
        asked = read_file(notice)
        expect(asked, "notice")
        answered = read_value(Notice, asked)
    form = read_value(GreenForm, content)
    return Report(kind, form.id, missing=missing_items(form, answered), warnings=remarks(form))


def _hl7v2(content: Content, peer: PeerLine, *, strict: bool) -> Report:
    """Checks a message of HL7 v2; with `strict` also against hl7apy's data of its version."""
    from ip_fhir.cli.files import naming
    from ip_fhir.domain.green_form import missing_items
    from ip_fhir.domain.remarks.remarks import remarks
    from ip_fhir.exchange.formats import about_referral
    from ip_fhir.hl7v2.check import check as check_structure
    from ip_fhir.mapping import Mapper
    from ip_fhir.mapping.hl7v2.told import told_in_hl7v2

    read, site = read_hl7v2(content, peer.line), Mapper.load(peer.overlay)
    with naming(content.name):
        found = check_structure(read, strict=strict)
        if errors := [problem for problem in found if problem.severity == "error"]:
            raise InvalidInput(errors)
        segments = dict(Counter(segment.name for segment in read.segments))
        if read.event[0] in ABOUT_PLANS:
            return _about_plan(read, found, segments, site, peer.line)
        message = about_referral(message_in(read, site, peer.line))
        told = told_in_hl7v2(read.value, message.kind, site.compiled)
    about = [part for part in (message.notice, message.form) if part is not None]
    warnings = [*found, *told, *(warning for part in about for warning in remarks(part))]
    missing = () if message.form is None else missing_items(message.form)
    return Report(f"hl7v2: message {message.kind}", message.id, (), missing, segments, warnings=warnings)


def _about_plan(read: Er7, found: Sequence[Problem], segments: dict[str, int], site: Mapper, line: Hl7v2Line) -> Report:
    """Checks a message of HL7 v2 about a plan: one of a share, a plan as a pathway, or parts of a plan."""
    from ip_fhir.errors import NotTaken

    code, value, zone = read.event[0], read.value, line.time_zone
    if code in PARTS:
        warnings = [*found, *site.parts_from_hl7v2(value, zone).warnings]
        return Report(f"hl7v2: parts of a plan ({code})", read.field("MSH-10"), (), (), segments, warnings=warnings)
    if code == "PPG":
        with suppress(NotTaken):  # of no share: a plan
            message = message_in(read, site, line)
            return Report(f"hl7v2: message {message.kind}", message.id, (), (), segments, warnings=found)
    reading = site.plan_from_hl7v2(value, zone)
    warnings = [*found, *reading.warnings, *site.parts_from_hl7v2(value, zone).warnings]
    return Report("hl7v2: plan", reading.plan.id, (), (), segments, warnings=warnings)


def _plan(plan: IndividualPlan) -> Report:
    from ip_fhir.domain.completeness import completeness
    from ip_fhir.domain.remarks.remarks import remarks

    return Report("plan", plan.id, items=completeness(plan), warnings=remarks(plan))


def _bundle(name: str, bundle: JsonObject, given: Given, *, strict: bool) -> Report:
    """Checks a Bundle that holds a plan, a view of one, a message, or a notice as a transaction."""
    from ip_fhir.cli.files import naming
    from ip_fhir.domain.remarks.remarks import remarks
    from ip_fhir.fhir.bundle import entries_of
    from ip_fhir.fhir.strict import check_models
    from ip_fhir.mapping import (
        default,
        is_plan_message,
        is_view,
        message_from_fhir,
        message_from_transaction,
        plan_message_from_fhir,
        view_from_fhir,
    )

    with naming(name):
        types = Counter(entry.type for entry in entries_of(bundle))
        if strict:
            check_models(bundle)
        if is_plan_message(bundle):
            said = plan_message_from_fhir(bundle)
            return Report(f"bundle: message {said.kind}", said.id, resources=dict(types))
        if types["MessageHeader"]:
            message = message_from_fhir(bundle)
            about = [part for part in (message.notice, message.form) if part is not None]
            told = [warning for part in about for warning in remarks(part)]
            return Report(f"bundle: message {message.kind}", message.id, resources=dict(types), warnings=told)
        if types["ServiceRequest"] and not types["CarePlan"]:
            sent = message_from_transaction(bundle)
            told = list(remarks(sent.notice)) if sent.notice else []
            ident = sent.notice.id if sent.notice else None
            return Report("bundle: notice", ident, resources=dict(types), warnings=told)
        if is_view(bundle):
            return Report("bundle: view", view_from_fhir(bundle).plan.id, resources=dict(types))
        reading = given.read(bundle, default())
    checked = _plan(reading.plan)
    warnings = [*reading.warnings, *checked.warnings]
    return replace(checked, kind="bundle: plan", resources=dict(types), warnings=warnings)


def _emit(checked: Report, *, valid: bool) -> None:
    from ip_fhir.cli.output import emit

    emit(
        {
            "kind": checked.kind,
            "id": checked.ident,
            "valid": valid,
            "complete": valid and checked.complete,
            "items": [{**item.to_data(), "met": item.met} for item in checked.items],
            "missing": list(checked.missing),
            "resources": checked.resources,
            "problems": [_in_json(problem) for problem in checked.problems],
            "warnings": [_in_json(warning) for warning in checked.warnings],
        }
    )


def _in_json(problem: Problem) -> dict[str, str]:
    return {"path": problem.path, "reason": problem.reason, "code": problem.code}


def _show(checked: Report, name: str, language: Language) -> None:
    from ip_fhir.cli.output import say, show
    from ip_fhir.report.words.codes import law_item

    words = _WORDS[language]
    say(f"{name}: {checked.kind} {checked.ident or ''}".rstrip())
    if checked.resources:
        say("  " + ", ".join(f"{count} {type_}" for type_, count in sorted(checked.resources.items())))
    if checked.items:
        rows = [
            (
                f"{item.item})",
                "✓" if item.met else "✗",
                law_item(item.asks_for, language),
                "; ".join(law_item(missing, language) for missing in item.missing),
            )
            for item in checked.items
        ]
        show(("", "", words["asks"], words["lacks"]), rows)
    for code in checked.missing:
        say(f"  {words['lacks']}: {_missing_word(code, language)}")
    say(words["complete"] if checked.complete else words["incomplete"])


def _missing_word(code: str, language: Language) -> str:
    from ip_fhir.domain.green_form import Missing
    from ip_fhir.report.words.codes import word

    return word(Missing(code), language)


_WORDS: dict[Language, dict[str, str]] = {
    "nb": {
        "asks": "Loven krever",
        "lacks": "Mangler",
        "complete": "Ingenting mangler.",
        "incomplete": "Noe mangler.",
    },
    "en": {
        "asks": "The law asks for",
        "lacks": "Lacks",
        "complete": "Nothing is missing.",
        "incomplete": "Something is missing.",
    },
}
