"""`adapters` and `doctor`: list the installed plug-ins, and check that one side of the loop is ready to run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ip_fhir.cli.completing import peer_names
from ip_fhir.cli.options import Json

if TYPE_CHECKING:
    from ip_fhir.cli.commands.operation.checks.side import Finding
    from ip_fhir.settings import PeerSettings


def adapters(as_json: Json = False) -> None:
    """List the adapters, wire formats and listeners that are installed.

    Kind, name, format (of a format its media type), and where each comes from. Exit code 1 if one is broken.
    """
    from ip_fhir.cli.commands.operation.checks.side import look_at_plugins
    from ip_fhir.cli.output import emit, show

    found = look_at_plugins()
    if as_json:
        emit(
            [
                {"kind": p.kind, "name": p.name, "format": p.format, "from": p.source, "problem": p.problem}
                for p in found
            ]
        )
    else:
        rows = [(p.kind, p.name, p.format, p.source, p.problem or "") for p in found]
        show(("Kind", "Name", "Format", "From", ""), rows)
    if any(plugin.problem for plugin in found):
        raise typer.Exit(1)


def doctor(
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", envvar="IP_FHIR_CONFIG", help="Also check this side's settings and store."),
    ] = None,
    server: Annotated[
        str | None,
        typer.Option("--server", help="Look at this FHIR server instead: what works there for plans, and what not."),
    ] = None,
    peer: Annotated[
        str | None,
        typer.Option(
            "--peer",
            help="With --config: the peer whose server it is, for its token and address.",
            autocompletion=peer_names,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """See whether everything is in place.

    A line for each thing that is needed: ok, warn or fail. Exit code 1 on any fail. Nothing is written, here or there.
    """
    from ip_fhir.cli.commands.operation.checks.server import check_server
    from ip_fhir.cli.commands.operation.checks.side import check_installation, check_side
    from ip_fhir.cli.output import emit

    if server is not None or peer is not None:
        findings = [*check_server(server, _peer(config, peer))]
    else:
        findings = [*check_installation(), *(check_side(config) if config is not None else ())]
    if as_json:
        emit([{"what": f.what, "status": f.status, "detail": f.detail} for f in findings])
    else:
        _print(findings)
    if any(finding.status == "fail" for finding in findings):
        raise typer.Exit(1)


def _peer(config: Path | None, name: str | None) -> PeerSettings | None:
    """The peer of that name in the settings. Raises `InvalidInput` if there is none, or no settings."""
    from ip_fhir.cli.opening import read_config
    from ip_fhir.errors import InvalidInput

    if name is None:
        return None
    if config is None:
        raise InvalidInput.at("--peer", "is a name in settings: give them with --config", "required")
    found = next((peer for peer in read_config(config).peers if peer.name == name), None)
    if found is None:
        raise InvalidInput.at("--peer", f"no peer in {config.name} has this name", "not-found")
    return found


def _print(findings: list[Finding]) -> None:
    from rich.text import Text

    from ip_fhir.cli.output import console

    colours = {"ok": "green", "warn": "yellow", "fail": "bold red"}
    out = console()
    for finding in findings:
        line = Text.assemble((f"{finding.status:<5}", colours[finding.status]), f"{finding.what}: {finding.detail}")
        out.print(line, soft_wrap=not sys.stdout.isatty())
