"""The interface specification for a peer: it lists all that is sent and read, and no secret."""

import ast
import json
import re
from pathlib import Path

import pytest

from ip_fhir.domain.message import MessageKind
from ip_fhir.domain.notice import NoticeKind
from ip_fhir.domain.referral import Role
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.hl7v2.line import Hl7v2Line
from ip_fhir.hl7v2.message import read
from ip_fhir.mapping import default
from ip_fhir.mapping.hl7v2.events import SENT
from ip_fhir.mapping.hl7v2.sharing import CARRIED, is_about_plan
from ip_fhir.report.specification import specification as module
from ip_fhir.report.specification.blocks import Heading, Listing, Paragraph, Table, as_html, as_markdown
from ip_fhir.report.specification.specification import specification
from ip_fhir.report.specification.speech import norwegian
from ip_fhir.report.table_review import code_lines, sheets
from ip_fhir.report.words.codes import LANGUAGES
from ip_fhir.settings import Settings
from tests.support.two_sides import side_settings


@pytest.fixture(scope="module", params=[Role.HOSPITAL, Role.MUNICIPALITY])
def settings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A side with one peer, which has secrets and a line of its own."""
    return side_settings(
        tmp_path_factory.mktemp("side"),
        request.param,
        token="a-token-nobody-may-read",
        hl7v2={"version": "2.4", "charset": "8859/1", "note": True, "ack_mode": "original"},
    )


@pytest.fixture(scope="module")
def text(settings: Settings) -> str:
    """The specification as Markdown."""
    return as_markdown(specification(settings, settings.peers[0], default()))


def test_every_event_is_listed(text: str) -> None:
    """Each kind of message with its event."""
    for kind in MessageKind:
        assert f"| `{SENT[kind].code}^{SENT[kind].trigger}` |" in text
        assert f"| `{kind}` |" in text


def test_every_event_of_a_shared_plan_is_listed(text: str) -> None:
    """Each kind that HL7 v2 carries, with its event and the side that sends it; the others are said in words."""
    rows = {line.split("|")[4].strip(): line for line in text.splitlines() if "PPG^" in line and line.startswith("| ")}
    assert {f"`{kind}`" for kind in CARRIED} == set(rows)
    for kind, carried in CARRIED.items():
        assert all(f"PPG^{trigger}" in rows[f"`{kind}`"] for trigger in carried.triggers)
        assert f"the {carried.side} sends" in rows[f"`{kind}`"]
    assert "`PPG^PCG or PPG^PCH`" in rows["`plan`"]
    assert "participant" in rows["`plan-change`"]


def test_every_row_of_the_tables_is_listed(text: str) -> None:
    """With its place and its section, and every code of every table that is named."""
    rows = [line for sheet in sheets(default()) if sheet.standard == "HL7 v2" for line in sheet.lines]
    assert len(rows) > 150
    lines = text.splitlines()
    for row in rows:
        escaped = row.law.replace("|", "\\|")
        assert any(line.startswith(f"| `{row.element}` |") and escaped in line for line in lines), row.path
    for name in {row.of for row in rows if row.of}:
        for one in code_lines(default(), name):
            assert any(line.startswith("| ") and f"| `{one.word}` |" in line for line in lines), (name, one.word)


def test_the_line_and_the_parties(text: str, settings: Settings) -> None:
    """Settings of the peer, numbers and contact places; no secret."""
    assert "| Version that we write (MSH-12) | 2.4 |" in text
    assert "| Character set that we write (MSH-18) | 8859/1 |" in text
    for one in (settings.organization, settings.peers[0].organization):
        assert one.name in text
        assert str(one.her_id) in text
        assert all(contact.value in text for contact in one.contacts)
    assert "To you, in version 2.4, we write what came with 2.5 elsewhere" in text
    assert "nobody-may-read" not in text


def test_the_examples_are_messages(settings: Settings) -> None:
    """Each is read as what its heading says, as the peer's line has it."""
    blocks = specification(settings, settings.peers[0], default())
    examples = [block for block in blocks if isinstance(block, Listing)]
    kinds: set[MessageKind | PlanMessageKind] = set()
    for example in examples:
        message = read("".join(f"{line}\r" for line in example.lines).encode("latin-1"), DEFAULT_LIMITS)
        assert (message.version, message.charset) == ("2.4", "8859/1")
        about_plan = is_about_plan(message.value)
        reading = default().plan_message_from_hl7v2 if about_plan else default().message_from_hl7v2
        kinds.add(reading(message.value).kind)
    of_loop = {MessageKind.NOTICE, MessageKind.ACCEPTED, MessageKind.REMINDER, MessageKind.GREEN_FORM}
    assert kinds == {*of_loop, PlanMessageKind.PLAN}


LINES = (
    Hl7v2Line(),
    Hl7v2Line(receipt="RRI", ack_mode="original", application_error="reject", notice_kind=NoticeKind.PLAN),
    Hl7v2Line(version="2.4", charset="8859/1", note=True, bundle=True, display_segment=True, msa_in_answers=True),
)
ENGLISH = r"(?<![-\w])(the|with|which|what|several|always|is|are|and|of|reads?|not)(?![-\w])"


@pytest.mark.parametrize("line", LINES)
def test_in_norwegian(settings: Settings, line: Hl7v2Line) -> None:
    """The same places, codes and examples; headings, sentences, settings and reasons are Norwegian.

    Names of HL7, of code systems and of the parties are the same.
    """
    peer = settings.peers[0].evolve(hl7v2=line)
    english, said = (specification(settings, peer, default(), language) for language in LANGUAGES[::-1])
    assert [type(block) for block in said] == [type(block) for block in english]
    assert [b for b in said if isinstance(b, Listing)] == [b for b in english if isinstance(b, Listing)]
    told = [block.text for block in said if isinstance(block, Heading | Paragraph)]
    for ours, theirs in zip(said, english, strict=True):
        if isinstance(ours, Table) and isinstance(theirs, Table):
            codes = [theirs.columns.index(name) for name in theirs.code]
            assert [ours.columns.index(name) for name in ours.code] == codes
            coded = [[row[at].replace(" eller ", " or ") for at in codes] for row in ours.rows]
            assert coded == [[row[at] for at in codes] for row in theirs.rows]
            told += ours.columns
            told += [cell for row in ours.rows for at, cell in enumerate(row) if at not in codes and _is_ours(ours, at)]
    assert {text for text in told if re.search(ENGLISH, text)} == set()


def _is_ours(table: Table, at: int) -> bool:
    """True for a column in our own words: not the words of table 0357, and not a code's display."""
    return table.columns[at] not in {"Ordene i tabell 0357", "Visningsnavn", "Kodeverk"}


def test_every_norwegian_sentence_is_said() -> None:
    """None is for a sentence that there is not."""
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    sides = {f"the {carried.side} sends" for carried in CARRIED.values()}
    assert set(norwegian()) - texts - sides == set()
    assert all(said.strip() for said in norwegian().values())


def test_as_a_page(settings: Settings) -> None:
    """The same content, with nothing that is fetched."""
    page = as_html(specification(settings, settings.peers[0], default()), "A & B", "en")
    assert "<title>A &amp; B</title>" in page
    assert page.count("<table>") == page.count("</table>") > 20
    assert "<script" not in page
    assert "src=" not in page


def test_a_side_without_a_role_has_none(settings: Settings) -> None:
    """It sends and takes in no referral."""
    without = settings.model_copy(update={"role": None})
    with pytest.raises(InvalidInput, match="role: is needed"):
        specification(without, without.peers[0], default())


def test_what_a_change_lacks(settings: Settings) -> None:
    """By the peer's setting, or that of its line."""
    row = "| What a change of yours to a plan lacks |"
    for said, words in (
        ({}, "is as it was, unless it says change-whole Y"),
        ({"absent": "removed"}, "was taken out"),
        ({"hl7v2": Hl7v2Line(absent="removed")}, "was taken out"),
    ):
        peer = settings.peers[0].evolve(**said)
        assert f"{row} {words} |" in as_markdown(specification(settings, peer, default()))


def test_what_goes_along_is_told(settings: Settings) -> None:
    """And where a listener waits for the peer."""
    peer = settings.peers[0].model_copy(update={"hl7v2": Hl7v2Line(bundle=True, display_segment=True, receipt="RRI")})
    text = as_markdown(specification(settings, peer, default()))
    assert "bundle: an OBX" in text
    assert "display_segment: an OBX" in text
    assert "RRI with AA: the business answer" in text


def test_the_command(tmp_path: Path) -> None:
    """`hl7 specification --peer NAME`, as Markdown or with `--html`."""
    from typer.testing import CliRunner

    from ip_fhir.cli.app import app

    said = side_settings(tmp_path, Role.HOSPITAL, url="https://ke.example/fhir")
    ours, peer = said.organization, said.peers[0]
    lines = ['role = "hospital"', "[organization]", *_toml(ours.to_data())]
    lines += ["[[peers]]", 'name = "municipality"', 'url = "https://ke.example/fhir"', "[peers.organization]"]
    path = tmp_path / "side.toml"
    path.write_text("\n".join([*lines, *_toml(peer.organization.to_data())]), encoding="utf-8")
    arguments = ["hl7", "specification", "--config", str(path), "--peer"]
    shown = CliRunner().invoke(app, [*arguments, "municipality", "--lang", "en"])
    assert shown.stdout.startswith("# HL7 v2 between")
    page = CliRunner().invoke(app, [*arguments, "municipality", "--html", "--lang", "nb"])
    assert page.stdout.startswith('<!DOCTYPE html>\n<html lang="nb">')
    assert "<h1>HL7 v2 mellom " in page.stdout
    assert CliRunner().invoke(app, [*arguments, "nobody"]).exit_code != 0


def _toml(data: dict[str, object]) -> list[str]:
    """The texts among the members, as TOML."""
    return [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in data.items() if isinstance(value, str)]
