"""`plan share`, `end`, `release`: a participant gets its view, and is told when it may use it no longer."""

from ip_fhir.domain.sharing.share import EndReason
from tests.cli.commands.conftest import BY, PLAN, Around
from tests.cli.conftest import Run


def test_a_share_begins_after_a_yes(run: Run, saved: Around) -> None:
    """Without --yes where nobody can be asked, nothing begins; with it, the view waits to be sent."""
    ran = run("plan", "share", PLAN, "school", "--config", saved["municipality"], *BY)
    assert (ran.code, ran.out) == (2, b"")
    assert "ip-fhir plan preview" in ran.err
    ran = run("plan", "share", PLAN, "school", "--yes", "--config", saved["municipality"], *BY)
    assert ran.text.splitlines() == [
        "plan-of-the-ring: stored; version 1",
        "  plan to school (number 1): waits to be sent; `ip-fhir serve` or `ip-fhir work` sends it",
    ]
    saved.settle()
    assert saved.ring.copy("school", saved.share("school").id) is not None


def test_a_share_ends(run: Run, shared: Around) -> None:
    """The participant's view is withdrawn under the next number; `plan shares` says why it ended."""
    share = shared.share("school")
    ran = run("plan", "end", share.id, "--reason", "Byttet skole", "--config", shared["municipality"], *BY, "--json")
    assert [(one["kind"], one["number"]) for one in ran.data["messages"]] == [("plan-withdrawn", 2)]
    shared.settle()
    assert shared.ring.copy("school", share.id) is None
    assert shared.share("school").end_reason is EndReason.BY_HAND
    shown = run("plan", "shares", PLAN, "--config", shared["municipality"], "--lang", "nb")
    assert "avsluttet av den som har planen" in shown.text
    again = run("plan", "end", share.id, "--config", shared["municipality"], *BY)
    assert again.code == 2


def test_whom_nothing_is_shared_with(run: Run, saved: Around) -> None:
    """A party that takes no part, one that the settings do not know, a share that is not there: each a line."""
    for party in ("elsewhere", "nobody"):
        ran = run("plan", "share", PLAN, party, "--yes", "--config", saved["municipality"], *BY)
        assert (ran.code, ran.out, ran.err.count("\n")) == (2, b"", 1)
    assert run("plan", "end", "no-such-share", "--config", saved["municipality"], *BY).code == 2


def test_our_own_people_are_shown_their_view(run: Run, saved: Around) -> None:
    """A share with our own party is on no wire: nothing is sent, and they see it with `--as`."""
    ran = run("plan", "share", PLAN, "us", "--yes", "--config", saved["municipality"], *BY, "--json")
    assert (ran.code, ran.data["messages"]) == (0, [])
    shown = run("plan", "show", PLAN, "--as", "us", "--config", saved["municipality"], "--lang", "nb")
    assert "Søke om bolig" in shown.text
