"""The alarms and the dashboard to copy: they ask for figures that an endpoint really has, and say what to do."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from ip_fhir.errors import StoreError
from ip_fhir.exchange import Worker
from ip_fhir.web.app import create_app
from tests.support.gate import require
from tests.support.two_sides import EXAMPLES, TOKENS, Loop, notice

PLACE = EXAMPLES / "monitoring"
OF_THE_SCRAPE = {"instance", "job"}
"""Labels that Prometheus gives each series it reads."""

Labels = Mapping[str, set[str]]


def alarms() -> list[dict[str, Any]]:
    """The alarms to copy."""
    (group,) = yaml.safe_load((PLACE / "alarms.yaml").read_text(encoding="utf-8"))["groups"]
    return list(group["rules"])


def panels() -> list[dict[str, Any]]:
    """The panels of the dashboard to copy."""
    return list(json.loads((PLACE / "dashboard.json").read_bytes())["panels"])


def queries() -> Iterator[tuple[str, str, set[str]]]:
    """Each query: who asks it, its text, and the labels that the words beside it show."""
    for alarm in alarms():
        shown = re.findall(r"\$labels\.(\w+)", alarm["annotations"]["summary"])
        yield alarm["alert"], alarm["expr"], set(shown)
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], target["expr"], set(re.findall(r"{{(\w+)}}", target["legendFormat"]))


@pytest.fixture
def served(loop: Loop) -> dict[str, dict[str, set[str]]]:
    """The samples of an endpoint where all sorts of things went wrong: by name, each label with its values."""
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    exchange = loop.municipality.exchange
    worker = Worker(exchange, rest=0.01)
    with TestClient(create_app(exchange, worker), client=("127.0.0.1", 50_000), raise_server_exceptions=False) as made:
        assert made.get("/Task", headers={"Authorization": "Bearer of-nobody"}).status_code == 401
        assert made.get("/Task", headers={"Authorization": f"Bearer {TOKENS['hospital']}"}).status_code == 200
        exchange.store.search_resources = _full  # type: ignore[method-assign, assignment]
        assert made.get("/Task", headers={"Authorization": f"Bearer {TOKENS['hospital']}"}).status_code == 503
        text = made.get("/metrics").text
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name].update()
            for label, value in sample.labels.items():
                found[sample.name][label].add(value)
    return found


def _full(*_: object, **__: object) -> None:
    raise StoreError("the store failed: SQLITE_FULL")


def _parts(query: str) -> tuple[list[promql_parser.VectorSelector], set[str]]:
    """The series that a query asks for, and the labels by which it sums them up. Raises `ValueError` if it is none."""
    selectors: list[promql_parser.VectorSelector] = []
    kept: set[str] = set()

    def visit(part: promql_parser.Expr) -> bool:
        if isinstance(part, promql_parser.VectorSelector):
            selectors.append(part)
        if isinstance(part, promql_parser.AggregateExpr) and part.modifier is not None:
            kept.update(part.modifier.labels)
        return True

    promql_parser.walk(promql_parser.parse(query), visit)
    return selectors, kept


def problems(query: str, shown: set[str], served: Mapping[str, Labels]) -> list[str]:
    """A line for each figure, label or value that a query asks for or shows, and the endpoint has not."""
    selectors, kept = _parts(query)
    found = [] if selectors else ["it asks for nothing"]
    for one in selectors:
        name = str(one.name)
        if name not in served:
            found.append(f"{name} is not served")
            continue
        labels = served[name]
        wanted = {matcher.name for matcher in one.matchers.matchers} | kept | shown
        found += [f"{name} has no label {label}" for label in sorted(wanted - set(labels) - OF_THE_SCRAPE)]
        for matcher in one.matchers.matchers:
            if matcher.name in labels:
                values = set(matcher.value.split("|"))
                found += [f"{name} is never {matcher.name}={gone}" for gone in sorted(values - labels[matcher.name])]
    return found


def test_every_query_asks_for_what_is_served(served: dict[str, dict[str, set[str]]]) -> None:
    """Each figure, label and value of a label in an alarm or a panel is one of a served endpoint."""
    asked = list(queries())
    assert len(asked) > 30
    wrong = {who: found for who, query, shown in asked if (found := problems(query, shown, served))}
    assert wrong == {}


@pytest.mark.parametrize(
    ("query", "shown", "problem"),
    [
        ("ip_fhir_loop > 0", set(), "ip_fhir_loop is not served"),
        ('ip_fhir_outbox_rows{state="parked"}', set(), "ip_fhir_outbox_rows has no label state"),
        ('ip_fhir_outbox_rows{status="park"}', set(), "ip_fhir_outbox_rows is never status=park"),
        ("sum by (peer) (ip_fhir_loops)", set(), "ip_fhir_loops has no label peer"),
        ("ip_fhir_loops", {"peer"}, "ip_fhir_loops has no label peer"),
        ("vector(1)", set(), "it asks for nothing"),
    ],
)
def test_a_wrong_query_is_seen(
    served: dict[str, dict[str, set[str]]], query: str, shown: set[str], problem: str
) -> None:
    """The check can fail: a figure, a label or a value that no endpoint has is named."""
    assert problems(query, shown, served) == [problem]


def test_what_is_no_query_is_seen() -> None:
    """Text that Prometheus would not read is refused."""
    with pytest.raises(ValueError, match="parenthesis"):
        _parts("sum(ip_fhir_loops")


def test_every_figure_is_on_the_dashboard(served: dict[str, dict[str, set[str]]]) -> None:
    """No figure is left out of the dashboard."""
    shown = {str(one.name) for panel in panels() for t in panel["targets"] for one in _parts(t["expr"])[0]}
    assert {name for name in served if name.startswith("ip_fhir_")} == shown


def test_each_alarm_says_what_to_do(checkout: Path) -> None:
    """Each alarm has its section in docs/operations.md, which its runbook names; no section is about none."""
    text = (checkout / "docs" / "operations.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^### (IpFhir\w+)\n\n(.+?)(?=\n\n#|\Z)", text, re.DOTALL | re.MULTILINE))
    assert list(sections) == [alarm["alert"] for alarm in alarms()]
    for alarm in alarms():
        assert alarm["annotations"]["runbook"] == f"docs/operations.md#{alarm['alert'].lower()}"
        assert alarm["labels"]["severity"] in {"page", "ticket"}
        assert "**What to do.**" in sections[alarm["alert"]], alarm["alert"]


def test_prometheus_reads_the_alarms_and_they_begin_in_time() -> None:
    """Prometheus' own checker accepts them, and each alarm begins when it should and not before."""
    promtool = shutil.which("promtool")
    require(promtool, "no promtool: Debian's package prometheus has it")
    for command in (("check", "rules", "alarms.yaml"), ("test", "rules", "alarms_test.yaml")):
        ran = subprocess.run(
            [str(promtool), *command], cwd=PLACE, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert ran.returncode == 0, ran.stdout.decode()
        assert b"SUCCESS" in ran.stdout


def test_each_alarm_is_tried() -> None:
    """The test for Prometheus' own checker names every alarm that there is."""
    tried = (PLACE / "alarms_test.yaml").read_text(encoding="utf-8")
    firing = {alarm["alert"] for alarm in alarms()} - {"IpFhirNoFigures"}
    assert f"value: {len(firing)}" in tried
