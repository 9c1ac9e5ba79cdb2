"""A view of a plan as FHIR, and back: the plan's resources, and in its CarePlan the tag, the label and the terms.

A view is known by the tag `plan-view` of its CarePlan; every reader of plans refuses a CarePlan that has it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import orjson

from ip_fhir.domain.consent.protection import withheld
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.plan_rules import LISTS
from ip_fhir.domain.sharing.view import PlanView
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.bundle import BundleContent, Entry, entries_of, refuse_aside
from ip_fhir.fhir.json_text import dumps
from ip_fhir.mapping.bundle.reads import LensesNeeded
from ip_fhir.mapping.dialects.fhir.fhirpath import at
from ip_fhir.mapping.fhir_version import version_of
from ip_fhir.mapping.generated.structs import WrittenReference
from ip_fhir.mapping.header import url_of
from ip_fhir.mapping.lenses.references import NO_LINKS
from ip_fhir.mapping.sharing.kept import given_back
from ip_fhir.mapping.sharing.resources import WrittenResource, written_resources

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from ip_fhir.domain.consent.protection import LocatingPart
    from ip_fhir.domain.sharing.share import Kept
    from ip_fhir.domain.sharing.view import Opening
    from ip_fhir.mapping.compiled import Compiled
    from ip_fhir.mapping.lenses.table import Lens

_ROOT: Final = "CarePlan"
_TERMS: Final = "PlanView"
_NOBODY: Final = WrittenReference("")  # the terms of a view refer to nobody
_NO_VIEW: Final = "does not say that this is a view: it is a plan itself, not what a participant may see of it"
_NO_CONSENTS: Final = "is in no view: what the person consents to is between them and the holder"


def view_to_fhir(
    view: PlanView,
    compiled: Compiled,
    released: Collection[LocatingPart] = (),
    numbers: Mapping[str, int] | None = None,
    kept: Sequence[Kept] = (),
) -> dict[str, Any]:
    """The view as a collection Bundle, the CarePlan last. See `view_resources`."""
    base = compiled.systems.base
    resources = view_resources(view, compiled, released, numbers, kept)
    entries = [{"fullUrl": f"{base}/{url_of(resource)}", "resource": resource} for resource in resources]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def view_from_fhir(bundle: dict[str, Any], compiled: Compiled) -> PlanView:
    """Read the view in a Bundle. Raises `InvalidInput` with every problem, by FHIRPath, also for what is no view."""
    content = BundleContent(bundle)
    version_of(bundle, compiled.version)
    refuse_aside(content)
    return read_view(find_cut(content, compiled), compiled)


def view_resources(
    view: PlanView,
    compiled: Compiled,
    released: Collection[LocatingPart] = (),
    numbers: Mapping[str, int] | None = None,
    kept: Sequence[Kept] = (),
) -> list[dict[str, Any]]:
    """The resources of a view as JSON data, the CarePlan last.

    `numbers` gives, by id, the number of the view in which an item last changed: it becomes `meta.versionId`. `kept` is
    given back in them. Raises `InvalidInput` for a plan with consents, and for words without a code.
    """
    written = written_view(view, compiled, released, kept)
    if numbers:
        _number(written, view.plan, numbers)
    return [one.data() for one in written]


def written_view(
    view: PlanView, compiled: Compiled, released: Collection[LocatingPart] = (), kept: Sequence[Kept] = ()
) -> list[WrittenResource]:
    """The resources of a view, the CarePlan last, without versions. Raises as `view_resources`."""
    if view.plan.consents:
        raise InvalidInput.at("plan.consents", _NO_CONSENTS, "business-rule")
    written = _unmarked_resources(view.plan, compiled, released, kept)
    terms = SimpleNamespace(**{**view.__dict__, "openings": [_marked(opening) for opening in view.openings]})
    written[-1].mark(compiled.writer(_TERMS)(terms, {}, _NOBODY))
    return written


def cut_resources(
    plan: IndividualPlan, compiled: Compiled, released: Collection[LocatingPart] = (), kept: Sequence[Kept] = ()
) -> list[dict[str, Any]]:
    """The resources of a cut plan, the CarePlan last and tagged as a view; nothing that is derived from others.

    What leads to a person with a protected address is left out, but for the parts in `released`.
    """
    *parts, root = [one.data() for one in _unmarked_resources(plan, compiled, released, kept)]
    return [*parts, {**root, "meta": compiled.lens(_TERMS).new({})["meta"]}]


def _unmarked_resources(
    plan: IndividualPlan, compiled: Compiled, released: Collection[LocatingPart], kept: Sequence[Kept]
) -> list[WrittenResource]:
    plan = withheld(plan, released)
    own = written_resources(plan, compiled)
    if not kept:
        return own
    return [WrittenResource.of(one) for one in given_back(plan, [one.data() for one in own], kept, compiled)]


@dataclass(frozen=True, slots=True)
class CutPlan:
    """A cut plan as found in a bundle: `root` is the CarePlan as it stands, `content` the bundle without its marks.

    Without the marks of a view the bundle reads as one of a plan.
    """

    root: Entry
    content: BundleContent


def find_cut(content: BundleContent, compiled: Compiled) -> CutPlan:
    """Find the cut plan in a bundle. Raises `InvalidInput` if it has no CarePlan or several, or one without the tag."""
    roots = [entry for entry in content.entries if entry.type == _ROOT]
    if len(roots) != 1:
        reason = f"holds {len(roots)} CarePlans; a view has one"
        raise InvalidInput.at("Bundle", reason, "multiple-matches" if roots else "required")
    root = roots[0]
    if not compiled.lens(_TERMS).owns(root.resource):
        raise InvalidInput.at(f"{root.at}.meta.tag", _NO_VIEW, "required")
    entries = [*content.bundle["entry"]]
    entries[root.number] = {**entries[root.number], "resource": _unmarked(root.resource, compiled)}
    return CutPlan(root, BundleContent({**content.bundle, "entry": entries}))


def read_view(cut: CutPlan, compiled: Compiled) -> PlanView:
    """Read the view that was found. Raises `InvalidInput` with every problem, by FHIRPath."""
    lens = compiled.lens(_TERMS)
    data = lens.get(cut.root.resource, NO_LINKS, cut.root.at)
    data["openings"] = [
        _opening(opening, f"openings.{number}", cut.root, lens)
        for number, opening in enumerate(data.get("openings", ()))
    ]
    plan = read_cut(cut, compiled)
    if plan.consents:
        raise InvalidInput.at("Bundle", f"holds a Consent, which {_NO_CONSENTS}", "business-rule")
    try:
        return read(PlanView, {**data, "plan": plan})
    except InvalidInput as error:
        raise InvalidInput(
            replace(problem, path=at(cut.root.at, lens.where(problem.path, cut.root.resource)))
            for problem in error.problems
        ) from None


def read_cut(cut: CutPlan, compiled: Compiled) -> IndividualPlan:
    """Read the cut plan, by the fast reader where it is certain. Raises `InvalidInput` with every problem."""
    if compiled.fast is not None:
        with suppress(LensesNeeded, orjson.JSONEncodeError):  # what no JSON text has
            entries = [entry for entry in cut.content.bundle["entry"] if not _is_of_message(entry)]
            plan: IndividualPlan = compiled.fast.read(dumps({**cut.content.bundle, "entry": entries}))
            return plan
    return compiled.assembly("plan").value(IndividualPlan, cut.content)


def _is_of_message(entry: dict[str, Any]) -> bool:
    """True for an entry with what a message says besides the plan, which the fast reader does not know."""
    resource = entry.get("resource")
    return isinstance(resource, dict) and resource.get("resourceType") in ("MessageHeader", "Parameters")


def is_view(bundle: Any, compiled: Compiled) -> bool:
    """True if a CarePlan in the bundle is tagged as a view. Raises `InvalidInput` if `bundle` is no Bundle."""
    lens = compiled.lens(_TERMS)
    return any(lens.owns(entry.resource) for entry in entries_of(bundle) if entry.type == _ROOT)


def _marked(opening: Opening) -> SimpleNamespace:
    """An opening as its table writes it: one without area says so, since an empty extension is none."""
    return SimpleNamespace(**opening.__dict__, general=True if opening.area is None else None)


def _opening(data: dict[str, Any] | None, place: str, root: Entry, lens: Lens) -> dict[str, Any]:
    """An opening as the domain has it. Raises `InvalidInput` unless it says one of the two: an area, or none."""
    said = data or {}
    if ("area" in said) == (said.get("general") is True):
        reason = "must say the life area that is open, or that it is what belongs to none"
        raise InvalidInput.at(at(root.at, lens.where(place, root.resource)), reason, "invariant")
    return {name: value for name, value in said.items() if name != "general"}


def _unmarked(root: dict[str, Any], compiled: Compiled) -> dict[str, Any]:
    """The CarePlan without the view's tag and terms."""
    url = compiled.systems.uri("ip-view")
    lens = compiled.lens(_TERMS)
    meta = dict(root["meta"])
    meta["tag"] = [tag for tag in meta["tag"] if not lens.owns({"resourceType": _ROOT, "meta": {"tag": [tag]}})]
    extensions = root.get("extension", [])
    if isinstance(extensions, list):
        extensions = [e for e in extensions if not (isinstance(e, dict) and e.get("url") == url)]
    said = {"meta": {k: v for k, v in meta.items() if v != []}, "extension": extensions}
    return {name: value for name, value in ({**root, **said}).items() if value not in ({}, [])}


def _number(resources: list[WrittenResource], plan: IndividualPlan, numbers: Mapping[str, int]) -> None:
    """Give each resource the number of the view in which it last changed, where that is known."""
    found: dict[str, int] = {}
    for ident, resource_id in _places([resource.id for resource in resources], plan).items():
        if ident in numbers:
            found[resource_id] = max(found.get(resource_id, 0), numbers[ident])
    for resource in resources:
        if resource.id in found:
            resource.number(found[resource.id])


def _places(resource_ids: list[str], plan: IndividualPlan) -> dict[str, str]:
    """The id of the resource in which an item stands, by the item's id: its own, the team's or the CarePlan's."""
    places = {item.id: plan.id for name in LISTS for item in getattr(plan, name)}
    team = plan.team
    if team is not None:
        places |= dict.fromkeys((one.id for one in team.memberships), team.id)
        places |= dict.fromkeys((one.id for one in team.coordinators), team.id)
    return {**places, plan.id: plan.id, **{ident: ident for ident in resource_ids}}
