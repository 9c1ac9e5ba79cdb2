"""`ip-fhir reads`: who was shown what of whose loop, and how often nothing new was found."""

from __future__ import annotations

import pytest

from ip_fhir.bootstrap import open_exchange
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.peers import Peer
from ip_fhir.settings import read_settings
from tests.cli.conftest import Run, Sides
from tests.support.two_sides import notice


@pytest.fixture
def read(sides: Sides) -> None:
    """The municipality has looked at the hospital's loop; somebody else has tried to."""
    exchange = open_exchange(read_settings(sides.hospital))
    exchange.send_notice(notice("01"))
    (peer,) = exchange._context.peers
    (task,) = exchange.search_resources(peer, "Task", {"identifier": "referral-01"}).found
    exchange.search_resources(peer, "Task", {"identifier": "referral-01"})
    stranger = Peer("stranger", (), peer.adapter, peer.endpoint, client="their-client")
    with pytest.raises(InvalidInput):
        exchange.read_resource(stranger, "Task", task.id)
    exchange.close()


@pytest.mark.usefixtures("read")
def test_who_looked_at_this_loop(run: Run, sides: Sides) -> None:
    """Each read with time, party, resource and ground; the words of a search are not there, nor is the person."""
    shown = run("reads", "list", "--of", "referral-01", "--config", sides.hospital)
    refused, search = (line.split() for line in shown.text.splitlines()[2:])
    assert search[:2] == ["2026-01-12", "08:00:00"]
    assert search[2:] == [
        *("municipality", "search", "by", "identifier", "Task/referral-01-1", "version", "1"),
        *("referral-01", "takes-part"),
    ]
    assert (refused[2], refused[-1]) == ("stranger", "refused")
    assert notice("01").owner.name.family not in shown.text
    (last,) = run("reads", "list", "--limit", "1", "--json", "--config", sides.hospital).data
    assert (last["party"], last["way"], last["ground"], last["number"]) == ("stranger", "read", "refused", 2)
    assert last["client"] == "their-client"
    assert "stranger (their-client)" in shown.text
    assert last["of"] == {"kind": "referral", "id": "referral-01"}


@pytest.mark.usefixtures("read")
def test_what_was_only_counted(run: Run, sides: Sides) -> None:
    """The second search found the same."""
    (counted,) = run("reads", "counts", "--json", "--config", sides.hospital).data
    assert (counted["party"], counted["outcome"], counted["times"]) == ("municipality", "nothing-new", 1)
    assert "municipality nothing-new 1" in " ".join(run("reads", "counts", "--config", sides.hospital).text.split())


@pytest.mark.usefixtures("read")
def test_the_log_is_in_the_chain(run: Run, sides: Sides) -> None:
    """It was sealed when the side was closed; a row that is changed is named by `verify`."""
    assert run("verify", "--config", sides.hospital).code == 0
    exchange = open_exchange(read_settings(sides.hospital))
    with exchange.store._database.writing() as connection:  # type: ignore[attr-defined]
        connection.exec_driver_sql("UPDATE reading SET party = 'nobody' WHERE number = 2")
    exchange.close()
    ran = run("verify", "--config", sides.hospital)
    assert (ran.code, ran.text.partition(":")[0]) == (1, "reads.1")


def test_of_one_plan(run: Run, sides: Sides) -> None:
    """A plan's reads are listed by its id; a loop and a plan are not asked for at once."""
    assert run("reads", "list", "--plan", "p", "--config", sides.hospital).text == "nobody was shown anything\n"
    both = run("reads", "list", "--plan", "p", "--of", "r", "--config", sides.hospital)
    assert both.code != 0
    assert "--plan" in both.err


def test_nobody_has_read(run: Run, sides: Sides) -> None:
    """It says so."""
    assert run("reads", "list", "--config", sides.hospital).text == "nobody was shown anything\n"
    assert run("reads", "counts", "--config", sides.hospital).text == "nothing was counted\n"
