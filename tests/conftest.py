"""What every test shares: the skip gate, the shared data, the property tests' profiles, the order of tests."""

import os
import signal
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.support.gate import everything_required, is_allowed, shared_data_dir, skip_without_shared_data
from tests.support.kinds import Watch, group_of, in_another_order, needs_others, with_fewer_examples
from tests.support.steady import keep_steady

# A shell that starts a job in the background lets it ignore Ctrl-C, and so would every process that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# "ci": the same examples in every run, so a red run is red again; no deadline, as machines differ.
# "quick": few of them, also where a test asks for more, for `make check`.
# "search": other examples each time, and many, from other pools: HYPOTHESIS_PROFILE=search make test
_FEW = 10
_SLOW_MACHINE = [HealthCheck.too_slow]
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True, suppress_health_check=_SLOW_MACHINE)
settings.register_profile("quick", settings.get_profile("ci"), max_examples=_FEW)
settings.register_profile(
    "search", deadline=None, max_examples=2000, print_blob=True, suppress_health_check=_SLOW_MACHINE
)
keep_steady()
_PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "ci")
settings.load_profile(_PROFILE)
if _PROFILE == "search":  # the workers of one run inherit it; the run's first line tells it
    os.environ.setdefault("IP_FHIR_POOLS", str(Random().randrange(10**9)))
_ORDER = os.environ.get("IP_FHIR_ORDER")
_WATCH = Watch()


@pytest.fixture(scope="session")
def checkout(pytestconfig: pytest.Config) -> Path:
    """The checkout's top directory."""
    return pytestconfig.rootpath


@pytest.fixture
def plugin_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory on the import path, for plug-ins of strangers; what is imported from it is forgotten afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name, module in list(sys.modules.items()):
        if Path(getattr(module, "__file__", None) or "").is_relative_to(tmp_path):
            del sys.modules[name]


@pytest.fixture(scope="session")
def shared_data(checkout: Path) -> Path:
    """The shared data beside the checkout; the test is skipped where they are absent."""
    found = shared_data_dir(checkout)
    if found is None:
        skip_without_shared_data()
    return found


def pytest_report_header() -> list[str]:
    """Say by what chance this run goes, to begin it again."""
    return [f"{name}={os.environ[name]}" for name in ("IP_FHIR_POOLS", "IP_FHIR_ORDER") if name in os.environ]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs more than Python, keep together what shares something; IP_FHIR_ORDER=7 shuffles."""
    if _ORDER:
        in_another_order(items, Random(_ORDER))
    for item in items:
        if needs_others(item):
            item.add_marker("processes")
        if _PROFILE == "quick":
            with_fewer_examples(item, _FEW)
        group = group_of(item)
        if group is not None:
            item.add_marker(pytest.mark.xdist_group(group))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Refuse a process that a test starts without the marker: `make check` runs what has none."""
    before = len(_WATCH.started)
    result = yield
    if len(_WATCH.started) > before and item.get_closest_marker("processes") is None:
        pytest.fail(f"it starts a process and is not marked `processes`: {_WATCH.started[before:]}")
    return result


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Make a test that was skipped a failed one, where everything is required."""
    report = yield
    expected_failure = hasattr(report, "wasxfail")
    if report.skipped and not expected_failure:
        _refuse_skip(report, marked=item.get_closest_marker("may_skip") is not None)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a whole module that skips itself when it is read."""
    report = yield
    if report.skipped:
        _refuse_skip(report, marked=False)
    return report


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport, *, marked: bool) -> None:
    details: Any = report.longrepr  # pytest's (path, line, reason) for a skip
    reason = str(details[2]) if isinstance(details, tuple) else str(details)
    if everything_required() and not is_allowed(reason, marked=marked):
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} did not run, and IP_FHIR_REQUIRE_ALL=1 asks for all: {reason}"
