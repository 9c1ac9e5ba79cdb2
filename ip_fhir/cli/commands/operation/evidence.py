"""`verify`, `evidence head`: checks the chain of evidence and all that it says was written, and signs its end."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ip_fhir.cli.options import Config, Json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ip_fhir.errors import Problem
    from ip_fhir.ports import ChainHead
    from ip_fhir.store.integrity.heads import SignedHead
    from ip_fhir.store.integrity.verification import Checked

app = typer.Typer(help="The chain of evidence, signed at its end.", rich_markup_mode=None)


def verify(
    config: Config,
    expect: Annotated[
        list[str] | None,
        typer.Option(
            "--expect", help="A head that was kept: number and hash, or a file of such lines; may be repeated."
        ),
    ] = None,
    heads: Annotated[
        Path | None, typer.Option("--heads", help="Signed heads: a file, or a directory of them; with --public-key.")
    ] = None,
    public_key: Annotated[
        Path | None, typer.Option("--public-key", help="The key that checks the signatures of --heads, in PEM.")
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option("--export", help="Write the evidence as FHIR: a Bundle, or lines where it ends in .ndjson."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check the chain of evidence, and all that it says was written.

    A record, referral, resource, message or item that was changed, removed or put in is named, and a head of --expect
    or --heads that the chain does not have. Exit code 1 if there is any, or if there is nothing to check. --export
    writes a Provenance and an AuditEvent for each record, to a file that is not there yet, readable by its owner alone.
    """
    from ip_fhir.cli.commands.operation.evidence_file import write_evidence
    from ip_fhir.cli.opening import absence, read_config
    from ip_fhir.errors import Problem
    from ip_fhir.store import open_store
    from ip_fhir.store.integrity.verification import with_the_rest

    wanted = [head for text in expect or () for head in _kept(text)]
    signed, problems = _signed(heads, public_key)
    url = read_config(config).database
    if (absent := absence(url)) is not None:
        _tell([Problem("store", absent, "not-found")], None, None, as_json=as_json)
    with closing(open_store(url)) as store:
        checked = store.examine([*wanted, *(one.head for one in signed)])
        head, found = store.head(), with_the_rest(store, checked.problems)
        if export is not None:
            write_evidence(export, store.walk())
    _tell([*problems, *found], head, checked, signed, as_json=as_json)


@app.command("head")
def head_(config: Config, as_json: Json = False) -> None:
    """Show the end of the chain, and sign it where the settings have a key (evidence.heads, evidence.key).

    `serve` and `work` write a signed head at each interval by themselves. Number and hash are what `verify --expect`
    takes.
    """
    from datetime import timedelta

    from ip_fhir.bootstrap import open_listeners
    from ip_fhir.cli.opening import opened, read_config
    from ip_fhir.cli.output import emit, say
    from ip_fhir.errors import InvalidInput
    from ip_fhir.exchange.heads import HeadKeeper

    settings = read_config(config)
    keepers = [listener for listener in open_listeners(settings) if isinstance(listener, HeadKeeper)]
    with opened(config) as exchange:
        head = exchange.store.head()
        try:
            files = [keeper.keep(exchange, timedelta(seconds=1)) for keeper in keepers]
        except OSError as error:
            raise InvalidInput.at("evidence.heads", f"cannot be written: {error.strerror}") from None
    written = [str(file) for file in files if file is not None]
    if as_json:
        emit({"number": head.number, "hash": head.hash, "files": written})
        return
    say(f"{head.number} {head.hash}")
    for file in written:
        say(f"signed: {file}")


def _kept(text: str) -> list[ChainHead]:
    """Returns the head that the text is, or those in the lines of the file of that name."""
    from ip_fhir.errors import InvalidInput
    from ip_fhir.ports import ChainHead
    from ip_fhir.store.chain import Head

    if (head := Head.parse(text)) is not None:
        return [ChainHead(head.number, head.hash)]
    try:
        lines = [line for line in Path(text).read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError, ValueError):
        reason = "neither a number and a hash, nor a file that can be read"
        raise InvalidInput.at("--expect", reason, "not-found") from None
    found = [Head.parse(line.strip()) for line in lines]
    if not found or None in found:
        raise InvalidInput.at("--expect", "each line of the file is a number and a hash, as `verify` shows them")
    return [ChainHead(head.number, head.hash) for head in found if head is not None]


def _signed(heads: Path | None, public_key: Path | None) -> tuple[list[SignedHead], list[Problem]]:
    """Returns the heads that the key has signed, and a problem for each line that it has not."""
    from ip_fhir.cli.exits import in_file
    from ip_fhir.errors import InvalidInput
    from ip_fhir.store.integrity.heads import HeadKey, read_heads

    if heads is None and public_key is None:
        return [], []
    if heads is None or public_key is None:
        raise InvalidInput.at("--heads", "needs --public-key, and the other way about", "required")
    try:
        key = HeadKey(public_key.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError):
        raise InvalidInput.at("--public-key", "the file cannot be read", "not-found") from None
    except InvalidInput as error:
        raise in_file(error, "--public-key") from None
    return read_heads(heads, key)


def _tell(
    problems: Sequence[Problem],
    head: ChainHead | None,
    checked: Checked | None,
    signed: Sequence[SignedHead] = (),
    *,
    as_json: bool,
) -> None:
    """Shows the result; ends with exit code 1 if there is a problem."""
    from ip_fhir.cli.output import emit, say

    if as_json:
        emit(_facts(problems, head, checked, signed))
    for problem in () if as_json else problems:
        say(str(problem))
    if problems:
        raise typer.Exit(1)
    if as_json or head is None or checked is None:
        return
    purged = f", {head.purged} of them purged" if head.purged else ""
    say(f"whole: {head.number} records{purged}, {checked.things} rows and parts of rows as they were written")
    if checked.stood:
        say(f"{checked.stood} of these as they stood when the store was upgraded: nothing older tells of them")
    if signed:
        last = max(one.at for one in signed)
        say(f"{len(signed)} signed heads fit, the last of {last.isoformat(timespec='seconds')}")
    say(f"head: {head.number} {head.hash}")


def _facts(
    problems: Sequence[Problem], head: ChainHead | None, checked: Checked | None, signed: Sequence[SignedHead]
) -> dict[str, Any]:
    return {
        "whole": not problems,
        "empty": head is not None and head.number == 0,
        "records": head.number if head else 0,
        "purged": head.purged if head else 0,
        "head": head.hash if head and head.number else None,
        "rows": checked.things if checked else 0,
        "stood": checked.stood if checked else 0,
        "signed": len(signed),
        "problems": [{"path": problem.path, "reason": problem.reason} for problem in problems],
    }
