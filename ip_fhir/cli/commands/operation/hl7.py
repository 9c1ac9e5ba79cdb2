"""`hl7 send`, `hl7 listen`, `hl7 specification`: a line for HL7 v2 is tried, and described to who connects it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from ip_fhir.cli.options import Config, Json, Lang, Peer, spoken

app = typer.Typer(help="Try a line for HL7 v2 over MLLP.", rich_markup_mode=None)

_ER7 = "application/hl7-v2+er7"
_SECONDS_TO_NOTICE = 0.05


@app.command("send")
def send(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A message in ER7, or `-` for standard input.")],
    config: Config,
    peer: Peer,
    as_json: Json = False,
) -> None:
    """Send a file to a peer as it stands, once, and show the receipt.

    Nothing is stored and no loop knows of it. Segments that end with LF are sent with CR. The exit code is 4 if the
    peer refuses the message or does not answer.
    """
    from ip_fhir.bootstrap import open_peer
    from ip_fhir.cli.files import naming, read_file
    from ip_fhir.cli.opening import read_config
    from ip_fhir.cli.output import emit, say
    from ip_fhir.errors import InvalidInput, Rejected
    from ip_fhir.ports import Outgoing
    from ip_fhir.wire.acknowledgement import read_header

    content = read_file(file)
    data = _with_cr(content.data)
    header = read_header(data)
    with naming(content.name):
        if header is None:
            raise InvalidInput.at("MSH", "cannot be read", "structure")
    to, began = open_peer(read_config(config), peer), time.monotonic()
    receipt = to.adapter.send(Outgoing(header.id, "", data, _ER7, to.endpoint))
    milliseconds = round((time.monotonic() - began) * 1000)
    code = "handed over, no acknowledgement asked for" if receipt is None else receipt.code
    problems = [str(problem) for problem in receipt.problems] if receipt else []
    if as_json:
        emit({"message": header.id, "receipt": receipt and receipt.code, "problems": problems, "ms": milliseconds})
    else:
        say(f"{header.id}: {code}, {milliseconds} ms")
    if receipt is not None and receipt.code != "ok":
        raise Rejected("; ".join([f"receipt {receipt.code}", *problems]))


@app.command("listen")
def listen(
    config: Config,
    keep: Annotated[
        Path | None,
        typer.Option("--keep", metavar="FOLDER", help="Write each message to a file here.", show_default=False),
    ] = None,
    messages: Annotated[
        int | None, typer.Option("--messages", min=1, help="End after so many.", show_default=False)
    ] = None,
) -> None:
    """Run the listener `mllp` of the settings alone, and show what comes in, without a person's data.

    Nothing goes into the store. A message that can be read is answered AA or CA if it is kept in a folder, else AR:
    nobody may take it for stored. One that cannot be read is answered as `serve` would. Each is read by the settings of
    the peer that brings it (`peers.hl7v2`). Ends with Ctrl-C.
    """
    from ip_fhir.bootstrap import lines_by_name, open_listeners
    from ip_fhir.cli.commands.operation.hl7_trial import Trial
    from ip_fhir.cli.opening import read_config
    from ip_fhir.errors import InvalidInput
    from ip_fhir.exchange.listeners import listening
    from ip_fhir.mapping import Mapper

    settings = read_config(config)
    named = [one for one in open_listeners(settings) if one.name == "mllp"]
    if not named:
        raise InvalidInput.at("listeners", "none of the settings uses mllp", "not-found")
    trial = Trial(Mapper.load(settings.mappings.overlay), keep, lines_by_name(settings))
    with listening(trial, named):
        trial.say(f"listening for the {len(named)} mllp listener{'s'[: len(named) > 1]} of the settings")
        while messages is None or trial.answered < messages:
            time.sleep(_SECONDS_TO_NOTICE)


@app.command("specification")
def specification(
    config: Config,
    peer: Peer,
    as_html: Annotated[bool, typer.Option("--html", help="One HTML page instead of Markdown.")] = False,
    lang: Lang = None,
) -> None:
    """Write the interface specification for a peer: events, fields, codes, acknowledgements and example messages.

    It is made from the settings and the mapping tables, with the site's own rows. It holds no secret. In Norwegian the
    names of HL7 and the site's own words stay as they are.
    """
    from ip_fhir.cli.opening import read_config
    from ip_fhir.cli.output import say
    from ip_fhir.errors import InvalidInput
    from ip_fhir.mapping import Mapper
    from ip_fhir.report.specification import blocks, specification

    settings = read_config(config)
    found = next((one for one in settings.peers if one.name == peer), None)
    if found is None:
        raise InvalidInput.at("peer", "no peer in the settings has this name", "not-found")
    language = spoken(lang)
    made = specification.specification(settings, found, Mapper.load(settings.mappings.overlay), language)
    title = specification.title(settings, found, language)
    say((blocks.as_html(made, title, language) if as_html else blocks.as_markdown(made)).rstrip("\n"))


def _with_cr(data: bytes) -> bytes:
    """The message as it goes over the wire: an editor may have written LF at the ends of its segments."""
    data = data if b"\r" in data.replace(b"\r\n", b"\n") else data.replace(b"\r\n", b"\n").replace(b"\n", b"\r")
    return data.rstrip(b"\r\n") + b"\r"
