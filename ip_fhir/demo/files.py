"""The files that the demonstration leaves behind: bundles and the event log."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson

from ip_fhir.mapping import to_fhir

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from ip_fhir.demo.people import People
    from ip_fhir.demo.stories import Story
    from ip_fhir.exchange import Exchange
    from ip_fhir.ports import EvidenceRecord

_TYPES = ("ServiceRequest", "Task")
_PRETTY = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


def write_bundles(out: Path, stories: Sequence[Story], people: People) -> None:
    """Writes `bundles/`: each person's plan as one transaction, and each loop's resources as each side has them."""
    folder = out / "bundles"
    folder.mkdir(exist_ok=True)
    for story in stories:
        (folder / f"{story.plan.id}.json").write_bytes(orjson.dumps(to_fhir(story.plan), option=_PRETTY))
        for role, exchange in people.exchanges.items():
            bundle = _resources(exchange, story.notice.correlation_id)
            (folder / f"{story.notice.correlation_id}.{role}.json").write_bytes(orjson.dumps(bundle, option=_PRETTY))


def _resources(exchange: Exchange, correlation_id: str) -> dict[str, Any]:
    found = [r for type_ in _TYPES for r in exchange.store.search_resources(type_, {"correlation": correlation_id})]
    entries = [{"fullUrl": f"{exchange.url}/{r.type}/{r.id}", "resource": r.body} for r in found]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def write_events(out: Path, exchanges: Mapping[str, Exchange]) -> None:
    """Writes `events.jsonl`: the evidence of all sides of loops, a record on each line, in order of time.

    Notices and forms are left out, so that the log names nobody; `digest` is the whole record's. Number and hashes are
    those of the chain, in which records of the store's own stand between these (see `ip_fhir.store.chain`).
    """
    links = [(link, name) for name, exchange in exchanges.items() for link in exchange.store.evidence()]
    links.sort(key=lambda pair: pair[0].record.event.at)
    (out / "events.jsonl").write_bytes(b"".join(_lines(links)))


def _lines(links: Sequence[tuple[EvidenceRecord, str]]) -> Iterator[bytes]:
    for link, name in links:
        data = link.record.to_data()
        digest = sha256(orjson.dumps(data, option=orjson.OPT_SORT_KEYS)).hexdigest()
        event = {k: v["id"] if k in ("notice", "form") else v for k, v in data["event"].items()}
        line = {
            "side": name,
            "number": link.number,
            "correlation_id": link.correlation_id,
            "record": {**data, "event": event},
            "digest": digest,
            "previous": link.previous,
            "hash": link.hash,
        }
        yield orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
