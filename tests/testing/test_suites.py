"""`ip_fhir.testing` is for others' tests: what fails there says what it compared, and the fakes run a whole loop."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import ip_fhir.testing
from ip_fhir.bootstrap import open_exchange
from ip_fhir.domain.referral import Role, State
from ip_fhir.exchange import Exchange
from ip_fhir.exchange.listeners import listening
from ip_fhir.testing import FakeAdapter, FakeFormat, FakeListener, read_reply
from tests.support.two_sides import SetClock, form, notice, side_settings

_EVERY_PART = """
import sys
from pkgutil import walk_packages
import ip_fhir.testing
def test_it():
    from ip_fhir.testing import StoreContract
    for module in walk_packages(ip_fhir.testing.__path__, "ip_fhir.testing."):
        name = module.name
        __import__(name)
        assert type(sys.modules[name].__loader__).__name__ == "AssertionRewritingHook", name
"""


def test_asserts_of_every_suite_say_what_they_compared(tmp_path: Path) -> None:
    """In the test run of somebody who has installed the wheel, no module of the package keeps plain asserts."""
    file = tmp_path / "test_theirs.py"
    file.write_text(_EVERY_PART, encoding="utf-8")
    command = [sys.executable, "-Im", "pytest", "-q", "-p", "no:cacheprovider", str(file)]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout


def test_everything_is_there() -> None:
    """Every public name can be had, and nothing else."""
    assert [name for name in ip_fhir.testing.__all__ if not callable(getattr(ip_fhir.testing, name))] == []
    assert not hasattr(ip_fhir.testing, "NoContract")


def test_a_loop_over_fakes(tmp_path: Path) -> None:
    """The three fakes together are a wire: notice, green form, confirmed."""
    clock = SetClock()
    listeners = {
        Role.HOSPITAL: FakeListener({"peer": "municipality"}),
        Role.MUNICIPALITY: FakeListener({"peer": "hospital"}),
    }

    def opened(role: Role, to: FakeListener) -> Exchange:
        adapter = FakeAdapter(lambda outgoing: read_reply(to.hand(outgoing.content)))
        settings = side_settings(tmp_path, role, adapter="fake")
        return open_exchange(settings, clock=clock, wires={"fake": adapter}, formats=[FakeFormat()])

    hospital = opened(Role.HOSPITAL, listeners[Role.MUNICIPALITY])
    municipality = opened(Role.MUNICIPALITY, listeners[Role.HOSPITAL])
    with closing(hospital), closing(municipality):
        with (
            listening(hospital, [listeners[Role.HOSPITAL]]),
            listening(municipality, [listeners[Role.MUNICIPALITY]]),
        ):
            hospital.send_notice(notice("03"))
            assert hospital.run_due().sent == 1
            municipality.answer(form("03-stroke-patient-2"))
            municipality.run_due()
        for side in (hospital, municipality):
            stored = side.store.referral("referral-03")
            assert stored is not None
            assert stored.referral.state is State.CONFIRMED
