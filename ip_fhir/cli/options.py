"""Options that several commands share, and the default language."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from ip_fhir.cli.completing import peer_names

if TYPE_CHECKING:
    from ip_fhir.domain.consent.protection import LocatingPart
    from ip_fhir.domain.referral import Author


class Language(StrEnum):
    """The languages of texts for people."""

    NB = "nb"
    EN = "en"


class Kind(StrEnum):
    """The values that have a JSON Schema."""

    PLAN = "plan"
    NOTICE = "notice"
    GREEN_FORM = "green-form"
    VIEW = "view"
    CHANGE = "change"


class Part(StrEnum):
    """The parts that lead to a person with a protected address (`domain.consent.protection.LocatingPart`)."""

    ADDRESS = "address"
    MUNICIPALITY = "municipality"
    CONTACTS = "contacts"
    PLACES = "places"


def parts(ticked: list[Part] | None) -> frozenset[LocatingPart]:
    """The parts that `--release` names."""
    from ip_fhir.domain.consent.protection import LocatingPart

    return frozenset(LocatingPart(part.value) for part in ticked or ())


def spoken(chosen: Language | None) -> Literal["nb", "en"]:
    """Returns the chosen language; without one, Norwegian if the terminal's locale is Norwegian, else English."""
    if chosen is not None:
        return "nb" if chosen is Language.NB else "en"
    named = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    return "nb" if named[:2].lower() in ("nb", "nn", "no") else "en"


def author(text: str | None) -> Author | None:
    """The person that `--by` names: an id, a blank, a name. Raises `InvalidInput` for anything else."""
    from ip_fhir.domain.referral import Author
    from ip_fhir.errors import InvalidInput

    if text is None:
        return None
    ident, _, name = text.strip().partition(" ")
    try:
        return Author(id=ident, name=name.strip())
    except InvalidInput:
        raise InvalidInput.at("--by", "an id, a blank and a name, of at most 255 characters each") from None


Json: TypeAlias = Annotated[bool, typer.Option("--json", help="JSON on stdout, for machines.")]
Pretty: TypeAlias = Annotated[bool, typer.Option("--pretty", help="Indent the JSON.")]
NoNames: TypeAlias = Annotated[bool, typer.Option("--no-names", help="For a screen that others see: nobody's name.")]
Config: TypeAlias = Annotated[
    Path,
    typer.Option("--config", "-c", envvar="IP_FHIR_CONFIG", help="The settings file (TOML).", show_default=False),
]
V2Peer: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--peer",
        metavar="NAME",
        help="HL7 v2 as this peer of the settings (--config) writes and wants it.",
        show_default=False,
        autocompletion=peer_names,
    ),
]
Peer: TypeAlias = Annotated[
    str,
    typer.Option(
        "--peer", metavar="NAME", help="The peer in the settings.", show_default=False, autocompletion=peer_names
    ),
]
PeerConfig: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", envvar="IP_FHIR_CONFIG", help="The settings file (TOML), for --peer.", show_default=False
    ),
]
Lang: TypeAlias = Annotated[
    Language | None, typer.Option("--lang", help="Language of the words; by default the locale's.", show_default=False)
]
Released: TypeAlias = Annotated[
    list[Part] | None,
    typer.Option(
        "--release",
        help="Let this go along although an address is protected, for one recipient; may be repeated.",
        show_default=False,
    ),
]
File: TypeAlias = Annotated[str, typer.Argument(help="A JSON file, or - for stdin.", show_default=False)]
By: TypeAlias = Annotated[
    str | None,
    typer.Option("--by", metavar='"ID NAME"', help="Who does it; kept as evidence, never sent.", show_default=False),
]
Overlay: TypeAlias = Annotated[
    Path | None, typer.Option("--overlay", help="A site's own rows and codes (TOML).", show_default=False)
]
Created: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--created",
        metavar="TIME",
        help="When the plan was made, if the Bundle does not say: a day, or a time with its zone (ISO 8601).",
        show_default=False,
    ),
]
Owner: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--owner",
        metavar="FILE",
        help="The person whose plan it is, if the Bundle has no Patient: a FHIR Patient, or a plan's owner (JSON).",
        show_default=False,
    ),
]
PlanId: TypeAlias = Annotated[
    str | None,
    typer.Option("--plan", metavar="ID", help="The id of the CarePlan, if the Bundle has several.", show_default=False),
]
ToldIsError: TypeAlias = Annotated[
    bool, typer.Option("--told-is-error", help="Whatever would be told as a warning is an error (exit code 2).")
]
