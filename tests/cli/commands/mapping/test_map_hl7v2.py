"""`map` and `check` with HL7 v2: a notice becomes REF, a message Bundle too, and REF a message Bundle again."""

from pathlib import Path

import orjson
import pytest

from ip_fhir.domain.message import MessageKind
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.hl7v2.message import read
from ip_fhir.mapping import (
    message_from_fhir,
    message_from_hl7v2,
    message_to_fhir,
    plan_message_from_fhir,
    plan_message_to_fhir,
)
from ip_fhir.testing.message_samples import message, plan_message
from tests.cli.conftest import Run
from tests.mapping.hl7v2.samples import ANSWER, NOTICE, PERSON, PID
from tests.support.two_sides import EXAMPLES


def written(path: Path, *segments: str) -> Path:
    """A file with a message of these segments."""
    path.write_bytes(("\r".join(segments) + "\r").encode())
    return path


@pytest.mark.parametrize("framed", [False, True], ids=["plain", "with the marks of MLLP"])
def test_hl7v2_to_a_bundle_and_back(run: Run, tmp_path: Path, *, framed: bool) -> None:
    """Nothing is lost on the way: the Bundle says what the message says, and so does the REF made of it."""
    given = written(tmp_path / "in.hl7", *NOTICE)
    if framed:
        given.write_bytes(b"\x0b" + given.read_bytes() + b"\x1c\r")
    made = run("map", given, "--to", "fhir")
    assert (made.code, made.err) == (0, "")
    wanted = message_from_hl7v2(read(("\r".join(NOTICE) + "\r").encode(), DEFAULT_LIMITS).value)
    assert message_from_fhir(orjson.loads(made.out)) == wanted
    (tmp_path / "bundle.json").write_bytes(made.out)
    again = run("map", tmp_path / "bundle.json", "--to", "v2")
    assert message_from_hl7v2(read(again.out, DEFAULT_LIMITS).value) == wanted


def test_a_notice_alone(run: Run, tmp_path: Path) -> None:
    """It becomes a message with its own id."""
    sent = message(MessageKind.NOTICE).notice
    assert sent is not None
    (tmp_path / "notice.json").write_text(sent.to_json(), encoding="utf-8")
    made = run("map", tmp_path / "notice.json", "--to", "v2")
    assert made.code == 0
    told = message_from_hl7v2(read(made.out, DEFAULT_LIMITS).value)
    assert (told.id, told.notice) == (sent.id, sent)


def test_check_names_the_message(run: Run, tmp_path: Path) -> None:
    """Kind, id and segments; a form that lacks something is 1; what is wrong is 2, with the place."""
    right = run("check", written(tmp_path / "in.hl7", *NOTICE))
    assert right.code == 0
    assert "hl7v2: message notice M-0001" in right.text
    assert "2 PRD" in right.text
    lacking = run("check", written(tmp_path / "form.hl7", *ANSWER[:5], PERSON, PID))
    assert (lacking.code, "hl7v2: message green-form" in lacking.text) == (1, True)
    wrong = run("check", written(tmp_path / "wrong.hl7", *NOTICE[:4], PID.replace("19610214", "feb"), *NOTICE[5:]))
    assert wrong.code == 2
    assert "PID-7.1: is no date" in wrong.err
    assert "feb" not in wrong.err.replace("february", "")


@pytest.mark.parametrize(
    ("to", "told"), [("plan", "MSH-9: is none of PPG"), ("view", "is a message of HL7 v2, and no view is in it")]
)
def test_no_plan_is_in_a_message(run: Run, tmp_path: Path, to: str, told: str) -> None:
    """REF and RRI hold neither a plan nor a view of one."""
    ran = run("map", written(tmp_path / "in.hl7", *NOTICE), "--to", to)
    assert (ran.code, ran.out) == (2, b"")
    assert told in ran.err


def test_a_plan_as_a_pathway_and_back(run: Run, tmp_path: Path) -> None:
    """PPG has the plan's goals and needs; what it has no place for is told, and so is what it does not say."""
    plan = min((EXAMPLES / "plans").glob("*.json"))
    made = run("map", plan, "--to", "v2")
    assert made.code == 0
    assert read(made.out, DEFAULT_LIMITS).event == ("PPG", "PCG", "PPG_PCG")
    assert "consents: has no place in PPG: written without" in made.err
    (tmp_path / "plan.hl7").write_bytes(made.out)
    back = run("map", tmp_path / "plan.hl7", "--to", "plan")
    assert (back.code, back.err) == (0, "")
    before, after = orjson.loads(plan.read_bytes()), orjson.loads(back.out)
    same = before.keys() - {"consents", "related_persons"}  # mandates have no place
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    report = run("check", tmp_path / "plan.hl7")
    assert (report.code, "hl7v2: plan " in report.text, report.err) == (0, True, "")


def test_a_message_about_a_shared_plan(run: Run, tmp_path: Path) -> None:
    """A view as a message Bundle becomes PPG, and again the Bundle; as a plan it is refused."""
    (tmp_path / "plan.json").write_bytes(orjson.dumps(plan_message_to_fhir(plan_message(PlanMessageKind.PLAN))))
    made = run("map", tmp_path / "plan.json", "--to", "v2")
    assert made.code == 0
    (tmp_path / "view.hl7").write_bytes(made.out)
    assert "hl7v2: message plan " in run("check", tmp_path / "view.hl7").text
    back = orjson.loads(run("map", tmp_path / "view.hl7", "--to", "fhir").out)
    assert plan_message_from_fhir(back) == plan_message(PlanMessageKind.PLAN)
    refused = run("map", tmp_path / "view.hl7", "--to", "plan")
    assert (refused.code, "is a view of a plan" in refused.err) == (2, True)


def test_parts_of_a_plan(run: Run, tmp_path: Path) -> None:
    """PGL: the goal it holds; the visit is told."""
    head = NOTICE[0].replace("REF^I12^REF_I12", "PGL^PC7^PGL_PC6")
    file = written(tmp_path / "goal.hl7", head, PID, "PV1|1|O", "GOL|UP|20260401|goal^Gå ut^99IP|goal-1")
    found = run("map", file, "--to", "plan")
    assert [goal["text"] for goal in orjson.loads(found.out)["goals"]] == ["Gå ut"]
    assert "PV1-2: is not read" in found.err
    assert "hl7v2: parts of a plan (PGL)" in run("check", file).text


def test_what_does_not_go_to_hl7v2(run: Run, tmp_path: Path) -> None:
    """What people say in words is refused; lines do not go with it."""
    bundle = plan_message_to_fhir(plan_message(PlanMessageKind.INVITATION))
    (tmp_path / "plan.json").write_bytes(orjson.dumps(bundle))
    ran = run("map", tmp_path / "plan.json", "--to", "v2")
    assert (ran.code, ran.out) == (2, b"")
    assert "a person must say it to the other side in words" in ran.err
    (tmp_path / "notice.json").write_bytes(orjson.dumps(message_to_fhir(message(MessageKind.NOTICE))))
    assert run("map", tmp_path / "notice.json", "--to", "v2", "--ndjson").code == 2


# --- as a peer writes and wants it

PEER = """
role = "municipality"
database = "sqlite:///store.sqlite"
[organization]
id = "ke"
name = "Koordinerende enhet"
kind = "coordinating-unit"
her_id = "8094866"
[[peers]]
name = "hospital"
adapter = "mllp"
url = "mllp://127.0.0.1:2575"
organization = { id = "trust", name = "Sykehuset", kind = "hospital", organization_number = "983971636" }
[peers.hl7v2]
version = "2.3.1"
charset = "8859/1"
zone = "UTC"
note = true
notice_kind = "plan"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Settings whose hospital speaks Latin-1, in UTC, and says no need."""
    (tmp_path / "side.toml").write_text(PEER, encoding="utf-8")
    return tmp_path / "side.toml"


def test_read_as_a_peer_writes_it(run: Run, tmp_path: Path, config: Path) -> None:
    """Its character set, its zone and its need where the message says none; without the peer it is refused."""
    head = NOTICE[0].replace("|UNICODE UTF-8", "|").replace("20260112100500+0100", "20260112100500")
    referral = NOTICE[1].removesuffix("|coordinator^Koordinator^99IP")
    file = tmp_path / "in.hl7"
    file.write_bytes(("\r".join((head, referral, *NOTICE[2:])) + "\r").encode("latin-1"))
    assert run("map", file, "--to", "fhir").code == 2
    assert run("check", file).code == 2
    made = run("map", file, "--to", "fhir", "--peer", "hospital", "--config", config)
    assert made.code == 0
    found = message_from_fhir(orjson.loads(made.out))
    assert found.notice is not None
    assert (found.notice.kind, found.notice.owner.name.given) == ("plan", "Håvard")
    assert found.sent.isoformat() == "2026-01-12T10:05:00+00:00"
    report = run("check", file, "--peer", "hospital", "--config", config)
    assert (report.code, "hl7v2: message notice M-0001" in report.text) == (0, True)


def test_written_as_a_peer_wants_it(run: Run, tmp_path: Path, config: Path) -> None:
    """Its version, its character set, and the note that goes along; a plan and a view, too."""
    settings = ("--to", "v2", "--peer", "hospital", "--config", config)
    made = run("map", written(tmp_path / "in.hl7", *NOTICE), *settings)
    assert made.code == 0
    told = read(made.out, DEFAULT_LIMITS)
    assert (told.version, told.field("MSH-18")) == ("2.3.1", "8859/1")
    assert "Håvard".encode("latin-1") in made.out
    assert b"\rNTE|1|L|Slag i desember" in made.out
    (tmp_path / "plan.json").write_bytes(orjson.dumps(plan_message_to_fhir(plan_message(PlanMessageKind.PLAN))))
    for file in (min((EXAMPLES / "plans").glob("*.json")), tmp_path / "plan.json"):
        plan = read(run("map", file, *settings).out, DEFAULT_LIMITS)
        assert (plan.event[0], plan.version, plan.field("MSH-18")) == ("PPG", "2.3.1", "8859/1")


def test_a_peer_that_has_no_say(run: Run, tmp_path: Path, config: Path) -> None:
    """Without settings, with a name that they do not have, and where no HL7 v2 is read or written."""
    file, plan = written(tmp_path / "in.hl7", *NOTICE), min((EXAMPLES / "plans").glob("*.json"))
    for command in (("map", file, "--to", "fhir"), ("check", file)):
        assert "needs the settings: --config" in run(*command, "--peer", "hospital").err
        assert "no peer in the settings has this name" in run(*command, "--peer", "nobody", "--config", config).err
    for other in (("map", plan, "--to", "fhir"), ("check", plan), ("put", plan, "--onto", plan)):
        ran = run(*other, "--peer", "hospital", "--config", config)
        assert (ran.code, "--peer goes with HL7 v2" in " ".join(ran.err.split())) == (2, True)


# --- what a message changes in a plan

PPG = NOTICE[0].replace("REF^I12^REF_I12", "PPG^PCH^PPG_PCG")
PTH = "PTH|UP|A02-2^Individuell plan^2.16.578.1.12.4.1.1.9602|plan-1|20260301"


@pytest.fixture
def plan(run: Run, tmp_path: Path) -> Path:
    """A plan with a goal and a note."""
    goal = "GOL|AD|20260301|^Gå ut|goal-1||||||||||||||active^Active^99IPGOAL"
    note = "NTE|1||Om planen|note^^99IP"
    file = written(tmp_path / "plan.hl7", PPG, PID, PTH + "|active^Active^99IPST", note, goal)
    (tmp_path / "plan.json").write_bytes(run("map", file, "--to", "plan").out)
    return tmp_path / "plan.json"


def test_a_message_onto_a_plan(run: Run, tmp_path: Path, plan: Path) -> None:
    """Its field changes, all else of the plan stays; what is not read of the message is told."""
    role = "ROL|r-1|AD|6^Fastlege^2.16.578.1.12.4.1.1.9034|^Solli^Even"
    file = written(tmp_path / "in.hl7", PPG, PID, PTH, role, "GOL|UP|20260401||goal-1|2||20260401")
    ran = run("put", file, "--onto", plan)
    assert ran.code == 0
    before, after = orjson.loads(plan.read_bytes()), orjson.loads(ran.out)
    assert after["goals"][0]["period"] == {"start": "2026-04-01"}
    assert {**after, "goals": []} == {**before, "goals": []}
    assert (after["goals"][0]["text"], after["note"]) == ("Gå ut", "Om planen")
    told = {line.split(": warning: ")[1].split(":")[0] for line in ran.err.splitlines()}
    assert told == {"GOL-5", "ROL-1", "ROL-3", "ROL-4"}
    assert run("put", file, "--onto", plan, "--told-is-error").code == 2


def test_a_message_that_is_not_for_the_plan(run: Run, tmp_path: Path, plan: Path) -> None:
    """Another person's, another plan's, a referral, options of FHIR, or a plan onto a message: nothing is written."""
    other = written(tmp_path / "a.hl7", PPG, PID, PTH.replace("plan-1", "plan-2"))
    assert "PTH-3: is another plan" in run("put", other, "--onto", plan).err
    referral = written(tmp_path / "b.hl7", *NOTICE)
    for command, words in (
        ((referral, "--onto", plan), "MSH-9: is none of PPR"),
        ((other, "--onto", plan, "--plan", "x"), "do not go with a message of HL7 v2"),
        ((plan, "--onto", other), "it goes onto a plan, not a plan onto it"),
        ((other, "--onto", plan, "--created", "2020-01-01"), "is not when the plan says that it was made"),
    ):
        ran = run("put", *command)
        assert (ran.code, ran.out) == (2, b"")
        assert words in " ".join(ran.err.split())
