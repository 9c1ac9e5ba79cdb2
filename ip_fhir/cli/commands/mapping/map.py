"""`map`, `put`, `schema`: files in, JSON out; no store, no network."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from ip_fhir.cli.commands.mapping import map_hl7v2
from ip_fhir.cli.commands.mapping.map_hl7v2 import WITHOUT_V2, is_hl7v2
from ip_fhir.cli.given import Given, tell
from ip_fhir.cli.opening import peer_line
from ip_fhir.cli.options import (
    Created,
    File,
    Kind,
    Overlay,
    Owner,
    PeerConfig,
    PlanId,
    Pretty,
    Released,
    ToldIsError,
    V2Peer,
    parts,
)
from ip_fhir.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path

    from ip_fhir.cli.files import Content
    from ip_fhir.cli.opening import PeerLine
    from ip_fhir.cli.options import Part
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.sharing.view import PlanView
    from ip_fhir.domain.values.value import Value
    from ip_fhir.mapping import Mapper
    from ip_fhir.mapping.tables.variants import FhirVersion


class Fhir(StrEnum):
    """The versions of FHIR that a plan may be written in and read from."""

    R4 = "R4"
    R5 = "R5"


_VERSION: dict[Fhir, FhirVersion] = {Fhir.R4: "R4", Fhir.R5: "R5"}


class Form(StrEnum):
    """The forms that `map` writes."""

    FHIR = "fhir"
    PLAN = "plan"
    VIEW = "view"
    V2 = "v2"


Version: TypeAlias = Annotated[
    Fhir | None,
    typer.Option("--fhir-version", help="R4 if not said; a Bundle that shows its version by its content needs none."),
]


def map_(  # noqa: PLR0913, PLR0917 - one argument for each option
    file: File,
    to: Annotated[Form, typer.Option("--to", help="The form to write.", show_default=False)],
    fhir_version: Version = None,
    overlay: Overlay = None,
    pretty: Pretty = False,
    ndjson: Annotated[
        bool, typer.Option("--ndjson", help="A plan or Bundle a line, as many as there are, on all cores.")
    ] = False,
    release: Released = None,
    created: Created = None,
    owner: Owner = None,
    plan: PlanId = None,
    told_is_error: ToldIsError = False,
    peer: V2Peer = None,
    config: PeerConfig = None,
) -> None:
    """Map a plan to FHIR, or FHIR to a plan; a message to HL7 v2, or HL7 v2 to a message.

    A plan becomes one transaction Bundle; a Bundle becomes the plan in it. A view of a plan becomes a collection, and
    with --to view its Bundle becomes the view: it is no plan, and --to plan refuses it. JSON on stdout, nothing else.
    What of the Bundle is left unread, such as a second profession, is told on stderr, a line for each place. With
    --ndjson that is told of other systems' plans only; a line that cannot be mapped is told by its number, the others
    go on, and the exit code is 2. Address, municipality and contacts of a person with a protected address and of their
    relatives, and places of measures, are left out, which is told on stderr, unless --release names them. With --to v2
    a notice, or a message Bundle, becomes REF, RRI or PPG, and a plan PPG; PPR, PGL and CCR become parts of a plan.
    With --peer HL7 v2 is read as that peer of the settings writes it, and written as it wants it.
    """
    given = Given(created, owner, plan, told_is_error)
    if ndjson:
        if pretty or peer is not None:
            raise typer.BadParameter("--ndjson does not go with --pretty or --peer")
        raise typer.Exit(_map_lines(file, to, fhir_version, overlay, release, given))
    from ip_fhir.cli.files import read_file

    content = read_file(file)
    if to is Form.V2 or is_hl7v2(content):
        _map_hl7v2(content, to, peer_line(peer, config, overlay), release, pretty=pretty)
        return
    if peer is not None:
        raise typer.BadParameter(WITHOUT_V2)
    from ip_fhir.cli.output import emit

    emit(_mapped(content, to, overlay, _given_version(fhir_version), release, given), pretty=pretty)


def _mapped(
    content: Content,
    to: Form,
    overlay: Path | None,
    version: FhirVersion | None,
    release: list[Part] | None,
    given: Given,
) -> dict[str, Any]:
    """Returns a plan or view as a Bundle, or the plan or view in a Bundle."""
    from ip_fhir.cli.files import expect, naming

    kind = expect(content, *(("plan", "view") if to is Form.FHIR else ("bundle",)))
    with naming(content.name):
        if to is Form.FHIR:
            site = _site_mapper(overlay, version or "R4").releasing(parts(release))
            if kind == "plan":
                return site.to_fhir(_let_out(_own_plan(content), release))
            return site.view_to_fhir(_own_view(content, release))
        if to is Form.VIEW:
            return _view_in_bundle(content, overlay, version, release).to_data()
        return _let_out(_plan_in_bundle(content, overlay, version, given), release).to_data()


def _map_hl7v2(content: Content, to: Form, peer: PeerLine, release: list[Part] | None, *, pretty: bool) -> None:
    """Writes ER7, or what a message in ER7 says as a Bundle or a plan."""
    from ip_fhir.cli.output import emit, emit_bytes

    site, line = _site_mapper(peer.overlay, "R4").releasing(parts(release)), peer.line
    if to is Form.V2:
        made, warnings = map_hl7v2.to_hl7v2(content, site, line)
        tell(content.name, warnings)
        emit_bytes(made)
    elif to is Form.FHIR:
        emit(map_hl7v2.to_fhir(content, site, line), pretty=pretty)
    elif to is Form.PLAN and map_hl7v2.has_parts(content, line):
        found, warnings = map_hl7v2.to_parts(content, site, line)
        tell(content.name, warnings)
        emit(found, pretty=pretty)
    elif to is Form.PLAN:
        reading = map_hl7v2.to_plan(content, site, line)
        tell(content.name, reading.warnings)
        emit(_let_out(reading.plan, release).to_data(), pretty=pretty)
    else:
        raise InvalidInput.at(content.name, f"is a message of HL7 v2, and no {to} is in it", "structure")


def _map_lines(
    file: str, to: Form, fhir_version: Fhir | None, overlay: Path | None, release: list[Part] | None, given: Given
) -> int:
    """Maps each line of a file, and returns the exit code. Raises `BadParameter` for what does not go with lines."""
    from ip_fhir.cli.commands.mapping.map_ndjson import map_ndjson

    if to in (Form.VIEW, Form.V2):
        raise typer.BadParameter(f"--ndjson does not go with --to {to}")
    if given != Given(told_is_error=given.told_is_error):
        raise typer.BadParameter("--ndjson does not go with --created, --owner, --plan: no two lines say the same")
    version, released = _given_version(fhir_version), parts(release)
    form: Literal["fhir", "plan"] = "fhir" if to is Form.FHIR else "plan"
    return map_ndjson(
        file, form, overlay=overlay, version=version, released=released, told_is_error=given.told_is_error
    )


def put(  # noqa: PLR0913, PLR0917 - one argument for each option
    plan: Annotated[
        str, typer.Argument(metavar="PLAN", help="A plan (JSON), or HL7 v2; - for stdin.", show_default=False)
    ],
    onto: Annotated[
        str, typer.Option("--onto", metavar="BUNDLE", help="The Bundle; for HL7 v2, the plan.", show_default=False)
    ],
    fhir_version: Version = None,
    overlay: Overlay = None,
    pretty: Pretty = False,
    release: Released = None,
    created: Created = None,
    owner: Owner = None,
    care_plan: PlanId = None,
    told_is_error: ToldIsError = False,
    peer: V2Peer = None,
    config: PeerConfig = None,
) -> None:
    """Write a plan onto a Bundle, or what a message of HL7 v2 changes onto a plan.

    Nothing else in the Bundle is changed: what other systems put there stays. What the plan no longer has leaves the
    Bundle, which is told on stderr: no server is asked to delete it. Where the Bundle has several CarePlans, the one
    with the plan's id is written, or the one of --plan. --created and --owner need not be given again; if they are, the
    plan must say the same. What leads to a person with a protected address stays as it is in the Bundle, unless
    --release names it. A message about a pathway, goals or problems (PPG, PGL, PPR, CCR and others) goes onto a plan in
    JSON, which comes out changed: what the message does not say stays, and what is not read of it is told on stderr.
    """
    from ip_fhir.cli.files import read_file
    from ip_fhir.cli.output import emit

    if plan == onto == "-":
        raise InvalidInput.at("stdin", "can be the plan or the Bundle, not both")
    written, under = read_file(plan), read_file(onto)
    given = Given(created, owner, care_plan, told_is_error)
    if is_hl7v2(written):
        if (fhir_version, release, care_plan) != (None, None, None):
            raise typer.BadParameter("--fhir-version, --release and --plan do not go with a message of HL7 v2")
        emit(_put_hl7v2(written, under, peer_line(peer, config, overlay), given).to_data(), pretty=pretty)
    elif peer is not None:
        raise typer.BadParameter(WITHOUT_V2)
    elif is_hl7v2(under):
        raise InvalidInput.at(
            under.name, "is a message of HL7 v2: it goes onto a plan, not a plan onto it", "structure"
        )
    else:
        emit(_put_fhir(written, under, overlay, _given_version(fhir_version), release, given), pretty=pretty)


def _put_fhir(
    written: Content,
    under: Content,
    overlay: Path | None,
    version: FhirVersion | None,
    release: list[Part] | None,
    given: Given,
) -> dict[str, Any]:
    """Returns a Bundle with a plan written onto it, and tells what left the Bundle."""
    from ip_fhir.cli.files import expect, naming, read_bundle
    from ip_fhir.errors import as_errors
    from ip_fhir.mapping import removed_entries
    from ip_fhir.mapping.fhir_version import version_of

    expect(written, "plan")
    expect(under, "bundle")
    value, bundle = _own_plan(written), read_bundle(under)
    with naming(under.name):
        site = _site_mapper(overlay, version_of(bundle, version)).releasing(parts(release))
        changed = site.update_bundle(bundle, value, onto=given.plan)
        gone = removed_entries(bundle, changed)
        if gone and given.told_is_error:
            raise InvalidInput(as_errors(gone))
    given.expect_of(value, site)
    tell(under.name, gone)
    return changed


def _put_hl7v2(message: Content, under: Content, peer: PeerLine, given: Given) -> IndividualPlan:
    """Returns the plan in a file with what a message changes in it, and tells what is not read of the message."""
    from ip_fhir.cli.files import expect
    from ip_fhir.errors import as_errors

    expect(under, "plan")
    site, plan = _site_mapper(peer.overlay, "R4"), _own_plan(under)
    given.expect_of(plan, site)
    changed, warnings = map_hl7v2.onto_plan(message, plan, site, peer.line)
    if warnings and given.told_is_error:
        raise InvalidInput(as_errors(warnings))
    tell(message.name, warnings)
    return changed


def schema(
    kind: Annotated[Kind, typer.Argument(help="What the schema is of.", show_default=False)],
) -> None:
    """Print a JSON Schema.

    Draft 2020-12, of a plan, a notice, a green form, a view of a plan or a change to one, as this library reads them.
    """
    from ip_fhir.cli.output import emit
    from ip_fhir.domain.green_form import GreenForm
    from ip_fhir.domain.notice import Notice
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.sharing.change import Change
    from ip_fhir.domain.sharing.view import PlanView

    models: dict[Kind, type[Value]] = {
        Kind.PLAN: IndividualPlan,
        Kind.NOTICE: Notice,
        Kind.GREEN_FORM: GreenForm,
        Kind.VIEW: PlanView,
        Kind.CHANGE: Change,
    }
    emit({"$schema": "https://json-schema.org/draft/2020-12/schema", **models[kind].model_json_schema()}, pretty=True)


def _own_plan(content: Content) -> IndividualPlan:
    from ip_fhir.cli.files import read_value
    from ip_fhir.domain.plan import IndividualPlan

    return read_value(IndividualPlan, content)


def _own_view(content: Content, release: list[Part] | None) -> PlanView:
    from ip_fhir.cli.files import read_value
    from ip_fhir.domain.sharing.view import PlanView

    view = read_value(PlanView, content)
    return view.evolve(plan=_let_out(view.plan, release))


def _view_in_bundle(
    content: Content, overlay: Path | None, said: FhirVersion | None, release: list[Part] | None
) -> PlanView:
    """Returns the view in a Bundle, or in a message of one."""
    from ip_fhir.cli.files import read_bundle
    from ip_fhir.mapping.fhir_version import version_of

    bundle = read_bundle(content)
    view = _site_mapper(overlay, version_of(bundle, said)).view_from_fhir(bundle)
    return view.evolve(plan=_let_out(view.plan, release))


def _let_out(plan: IndividualPlan, release: list[Part] | None) -> IndividualPlan:
    """Returns the plan without what leads to protected persons, but for what is released; tells if it cuts."""
    from ip_fhir.domain.consent.protection import withheld

    shown = withheld(plan, parts(release))
    if shown != plan:
        sys.stderr.write(
            "ip-fhir: warning: an address is protected: what leads to person and relatives is left out (--release)\n"
        )
    return shown


def _given_version(version: Fhir | None) -> FhirVersion | None:
    return None if version is None else _VERSION[version]


def _site_mapper(overlay: Path | None, version: FhirVersion) -> Mapper:
    from ip_fhir.mapping import Mapper

    return Mapper.load(overlay, version)


def _plan_in_bundle(content: Content, overlay: Path | None, said: FhirVersion | None, given: Given) -> IndividualPlan:
    """Returns the plan in a Bundle, and tells on stderr which places of it were left unread."""
    from ip_fhir.cli.files import read_bundle
    from ip_fhir.mapping.fhir_version import version_of

    bundle = read_bundle(content)
    reading = given.read(bundle, _site_mapper(overlay, version_of(bundle, said)))
    tell(content.name, reading.warnings)
    return reading.plan
