"""A FHIR R4 server on loopback, with real HTTP: versions, If-Match, conditional creates, batch, transaction, paging.

`faults` switches bad manners on, one word each; see `Fault`.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, TypeAlias
from urllib.error import HTTPError
from urllib.parse import parse_qsl, unquote, urlsplit
from urllib.request import Request, urlopen

import orjson

from ip_fhir.fhir.references import references_in
from ip_fhir.fhir.rest.placement import ACTORS

JSON: TypeAlias = dict[str, Any]
Fault: TypeAlias = Literal[
    "html",  # every answer is a proxy's page
    "truncates",  # half of each answer
    "hangs",  # no answer at all
    "redirects",  # to another host
    "error inside",  # 200 with an OperationOutcome that tells of an error
    "summary",  # resources without their contents, tagged as such
    "another person",  # whatever plan is asked for, it is the first one
    "no batch",  # 400 for bundles of the type batch
    "busy entries",  # the first two entries of each second batch ask to come again
    "ignores If-Match",  # writes over whatever is there
    "no versions",  # resources without meta.versionId
    "no location",  # creates, and does not say where
    "late",  # a transaction takes effect, and its answer is a 504 of a proxy
    "lost",  # a transaction takes no effect, and its answer is a 504 of a proxy
    "busy",  # 503 to every second request
    "pages for ever",
    "pages elsewhere",
    "ignores criteria",  # a search finds all of the type
    "no consent search",
    "no includes",  # 400 for a search with `_include`
    "no transaction",  # none in its CapabilityStatement, and 400 for one
    "no conditional create",  # none in its CapabilityStatement, and conditions are not heeded
    "no identifier search",  # of parts of plans and of Tasks: not in its CapabilityStatement, and 400
    "no goals",  # 404 for all requests about the type Goal
    "checks references",  # 400 for a reference to nothing
    "refuses",  # 422 to all that is written
    "another answer",  # a transaction takes effect, and is answered with one entry too many
    "no settling",  # 403 for an update by itself
    "no conditions",  # only actors can be searched by identifier: elsewhere ignored, and refused as a condition
    "ignores conditions",  # only actors can be searched by identifier: elsewhere ignored, also as a condition
    "never notifies",  # takes Subscriptions, and does nothing about them
]
SEARCHED = ("Patient", "Organization", "Practitioner", "HealthcareService", "ServiceRequest", "Communication")
PARTS = ("Goal", "CareTeam", "Consent", "Condition", "Appointment", "RelatedPerson", "PractitionerRole")
THE_TRUTH: JSON = {}
TYPES = (*SEARCHED, "Task", "QuestionnaireResponse", "CarePlan", *PARTS, "Subscription")
SUBSETTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, code: str = "processing") -> None:
        super().__init__(status)
        self.status, self.code = status, code


class FhirServerDouble:
    """The server. `versions` has every version by type and id; `asked` the requests, `bodies` what they brought.

    With a `clock` it says when each version was made. `capability` is what it says of itself. With `hooks` it takes
    Subscriptions of the kind rest-hook; `notified` are the answers to its notifications.
    """

    def __init__(self) -> None:
        self.versions: dict[str, list[JSON]] = {}
        self.faults: set[Fault] = set()
        self.asked: list[str] = []
        self.bodies: list[bytes] = []
        self.before_transaction: Callable[[], None] | None = None
        self.page_size = 200
        self.fhir_version = "4.0.1"
        self.clock: Callable[[], datetime] | None = None
        self.base = ""
        self.capability = THE_TRUTH
        self.hooks = False
        self.notified: list[int] = []
        self.over = threading.Event()
        self._turn = threading.RLock()
        self._next = 1000
        self._batches = 0
        self._touched: list[str] = []

    def now(self, name: str) -> JSON:
        """The present version of `Type/id`."""
        return deepcopy(self.versions[name][-1])

    def put(self, resource: JSON) -> None:
        """Somebody else writes a resource."""
        self._write(f"{resource['resourceType']}/{resource['id']}", resource)
        self._notify()

    def of_type(self, type_: str) -> list[JSON]:
        """The present versions of all resources of a type."""
        return [deepcopy(found[-1]) for name, found in self.versions.items() if name.startswith(f"{type_}/")]

    def count(self) -> int:
        """The number of versions of all resources: it stands still where nothing is written."""
        return sum(map(len, self.versions.values()))

    def answer(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, JSON, dict[str, str]]:
        """Status, resource and headers."""
        with self._turn:
            self.asked.append(f"{method} {target}")
            self.bodies.append(body)
            if "busy" in self.faults and len(self.asked) % 2:
                raise Refused(503, "throttled")
            path = urlsplit(target).path.removeprefix("/fhir").strip("/")
            if method == "POST" and not path:
                return 200, self._bundle(orjson.loads(body)), {}
            if path == "metadata":
                return 200, self._statement(), {}
            if path.endswith("/_search"):
                return 200, self._search(path.partition("/")[0], parse_qsl(body.decode())), {}
            condition = headers.get("if-none-exist"), headers.get("if-match")
            if method == "PUT" and "no settling" in self.faults:
                raise Refused(403, "forbidden")
            status, resource = self._one(
                method, target.removeprefix("/fhir/"), orjson.loads(body or b"null"), *condition
            )
            place = {"location": f"{self.base}/{_name(resource)}"} if status == 201 else {}
            return status, resource, {} if "no location" in self.faults else place

    def _statement(self) -> JSON:
        """The CapabilityStatement: what a test says, else the truth about the faults."""
        if self.capability is not THE_TRUTH:
            return {"resourceType": "CapabilityStatement", "fhirVersion": self.fhir_version, **self.capability}
        types = [type_ for type_ in TYPES if self._serves(type_)]
        resources = [
            {
                "type": type_,
                "interaction": [{"code": code} for code in ("read", "create", "update", "search-type")],
                "conditionalCreate": "no conditional create" not in self.faults,
                "searchParam": [{"name": "identifier", "type": "token"}] if self._finds_by_identifier(type_) else [],
            }
            for type_ in types
        ]
        interactions = [] if "no transaction" in self.faults else [{"code": "transaction"}]
        rest = [{"mode": "server", "resource": resources, "interaction": interactions}]
        return {"resourceType": "CapabilityStatement", "fhirVersion": self.fhir_version, "rest": rest}

    def _serves(self, type_: str) -> bool:
        if type_ == "Subscription":
            return self.hooks
        return type_ != "Goal" or "no goals" not in self.faults

    def _finds_by_identifier(self, type_: str) -> bool:
        return type_ in SEARCHED or "no identifier search" not in self.faults

    def _one(
        self, method: str, url: str, resource: Any, if_none_exist: str | None = None, if_match: str | None = None
    ) -> tuple[int, JSON]:
        """One request, in a bundle or not."""
        path, _, query = unquote(url).partition("?")
        type_, _, rest = path.partition("/")
        if not self._serves(type_):
            raise Refused(404, "not-supported")
        ident, *more = rest.split("/") if rest else ("",)
        if method == "GET" and not ident:
            return 200, self._search(type_, parse_qsl(url.partition("?")[2]))
        if method == "GET":
            return 200, self._read(f"{type_}/{ident}", more)
        if method == "POST":
            if if_none_exist and "no conditions" in self.faults and type_ not in ACTORS:
                raise Refused(400, "not-supported")
            heeded = if_none_exist and "no conditional create" not in self.faults
            found = self._find(type_, parse_qsl(if_none_exist or "")) if heeded else []
            found = found[:1] if "ignores conditions" in self.faults else found
            if len(found) > 1:
                raise Refused(412, "multiple-matches")
            if found:
                return 200, found[0]
            self._next += 1
            return 201, self._write(f"{type_}/{self._next}", resource)
        assert (method, query) == ("PUT", "")
        current = self.versions.get(path)
        if if_match is not None and "ignores If-Match" not in self.faults:
            version = re.sub(r'[W/"]', "", if_match)
            if current is None or str(len(current)) != version:
                raise Refused(409, "conflict")
        return 201 if current is None else 200, self._write(path, resource)

    def _write(self, name: str, resource: JSON) -> JSON:
        with self._turn:
            there = self.versions.setdefault(name, [])
            meta = {**resource.get("meta", {}), "versionId": str(len(there) + 1)}
            meta |= {"lastUpdated": self.clock().isoformat(timespec="milliseconds")} if self.clock is not None else {}
            there.append({**deepcopy(resource), "id": name.partition("/")[2], "meta": meta})
            if resource["resourceType"] == "Subscription" and resource["status"] == "requested":
                there[-1]["status"] = "active"
            self._touched.append(name)
            return self.now(name)

    def _notify(self) -> None:
        """Tell whoever has subscribed of what was written since, in threads."""
        with self._turn:
            touched, self._touched = self._touched, []
            for name in dict.fromkeys(touched):
                if name in self.versions:
                    self._notify_of(self.now(name))

    def _notify_of(self, resource: JSON) -> None:
        for one in self.of_type("Subscription") if "never notifies" not in self.faults else ():
            type_, _, query = one["criteria"].partition("?")
            criteria = [(name, value.split(",")) for name, value in parse_qsl(query)]
            hit = all(any(_matches(resource, name, one) for one in values) for name, values in criteria)
            if type_ == resource["resourceType"] and one["status"] == "active" and hit:
                threading.Thread(target=self.ring, args=(one,), daemon=True).start()

    def ring(self, subscription: JSON, body: bytes | None = None) -> None:
        """Notify once, with the headers of a Subscription."""
        channel = subscription["channel"]
        headers = dict(line.split(": ", 1) for line in channel.get("header", ()))
        request = Request(channel["endpoint"], body, headers, method="POST")  # noqa: S310 - of this machine
        try:
            with urlopen(request, timeout=5) as answer:  # noqa: S310 - as above
                self.notified.append(answer.status)
        except HTTPError as error:
            self.notified.append(error.code)
        except OSError:
            self.notified.append(0)

    def _read(self, name: str, more: list[str]) -> JSON:
        if "another person" in self.faults and name.startswith("CarePlan/"):
            name = next(one for one in self.versions if one.startswith("CarePlan/"))
        if name not in self.versions:
            raise Refused(404, "not-found")
        if len(more) == 2:
            return self._shown(deepcopy(self.versions[name][int(more[1]) - 1]))
        if more:
            return {
                "resourceType": "Bundle",
                "type": "history",
                "entry": [{"resource": r} for r in self.versions[name][::-1]],
            }
        return self._shown(self.now(name))

    def _shown(self, resource: JSON) -> JSON:
        if "no versions" in self.faults:
            resource["meta"].pop("versionId")
        if "summary" in self.faults:
            resource["meta"]["tag"] = [SUBSETTED]
        return resource

    def _find(self, type_: str, criteria: list[tuple[str, str]]) -> list[JSON]:
        found = self.of_type(type_)
        for name, value in criteria if "ignores criteria" not in self.faults else ():
            if name == "identifier" and not self._finds_by_identifier(type_):
                raise Refused(400, "not-supported")
            if name == "identifier" and type_ not in ACTORS and self.faults & {"no conditions", "ignores conditions"}:
                continue
            if name == "_lastUpdated":
                since = datetime.fromisoformat(value.removeprefix("ge"))
                times = {one["id"]: one["meta"].get("lastUpdated") for one in found}
                found = [one for one in found if not (at := times[one["id"]]) or datetime.fromisoformat(at) >= since]
            elif name == "_id":
                found = [one for one in found if one["id"] in value.split(",")]
            elif not name.startswith("_"):
                found = [one for one in found if any(_matches(one, name, v) for v in value.split(","))]
        return found

    def _search(self, type_: str, criteria: list[tuple[str, str]]) -> JSON:
        if type_ == "Consent" and "no consent search" in self.faults:
            raise Refused(400, "not-supported")
        including = [value for name, value in criteria if "include" in name]
        if including and "no includes" in self.faults:
            raise Refused(400, "not-supported")
        given = dict(criteria)
        start = int(given.get("_start", 0))
        found = [self._shown(one) for one in self._included(self._find(type_, criteria), including)]
        size = min(self.page_size, int(given.get("_count", self.page_size)))
        shown = found[start : start + size]
        query = "&".join(f"{name}={value}" for name, value in criteria if name != "_start")
        following = f"{self.base}/{type_}?{query}&_start={start + size}"
        if "pages elsewhere" in self.faults:
            following = "http://169.254.169.254/fhir?page=2"
        endless = self.faults & {"pages for ever", "pages elsewhere"}
        links = [{"relation": "next", "url": following}] if endless or start + size < len(found) else []
        entries = [{"fullUrl": f"{self.base}/{_name(one)}", "resource": one} for one in shown]
        return {"resourceType": "Bundle", "type": "searchset", "total": len(found), "link": links, "entry": entries}

    def _included(self, found: list[JSON], including: list[str]) -> list[JSON]:
        """The finds, and all that resources of the included types refer to, however far."""
        types = {one.partition(":")[0] for one in including}
        names = {_name(one) for one in found}
        for one in (*found, *(self.of_type("Provenance") if "Provenance" in types else ())):
            if _name(one) not in names and names & set(references_in(one)):
                found = [*found, one]
        names = {_name(one) for one in found}
        waiting = [*found]
        while waiting:
            holder = waiting.pop()
            new = set(references_in(holder)) - names if holder["resourceType"] in types else set()
            names |= new
            waiting += [self.now(name) for name in sorted(new)]
            found = [*found, *(self.now(name) for name in sorted(new))]
        return found

    def _bundle(self, bundle: JSON) -> JSON:
        if bundle["type"] == "batch":
            if "no batch" in self.faults:
                raise Refused(400, "not-supported")
            self._batches += "busy entries" in self.faults
            busy = 2 if "busy entries" in self.faults and self._batches % 2 else 0
            entries = [
                self._entry(entry["request"], busy=number < busy) for number, entry in enumerate(bundle["entry"])
            ]
            return {"resourceType": "Bundle", "type": "batch-response", "entry": entries}
        if "no transaction" in self.faults:
            raise Refused(400, "not-supported")
        if "refuses" in self.faults:
            raise Refused(422)
        if self.before_transaction is not None:
            hook, self.before_transaction = self.before_transaction, None
            hook()
        if "lost" in self.faults:
            self.faults.discard("lost")
            raise Refused(504, "timeout")
        done = self._transaction(bundle["entry"])
        done += done[:1] if "another answer" in self.faults else []
        if "late" in self.faults:
            self.faults.discard("late")
            raise Refused(504, "timeout")
        return {"resourceType": "Bundle", "type": "transaction-response", "entry": done}

    def _entry(self, request: JSON, *, busy: bool) -> JSON:
        if busy:
            return {"response": {"status": "429", "outcome": _outcome("throttled")}}
        try:
            status, resource = self._one(request["method"], request["url"], None)
        except Refused as refused:
            return {"response": {"status": str(refused.status), "outcome": _outcome(refused.code)}}
        return {"resource": resource, "response": {"status": f"{status} OK"}}

    def _transaction(self, entries: list[JSON]) -> list[JSON]:
        """All or nothing: creates first, then what refers to them."""
        kept = deepcopy(self.versions)
        try:
            names: dict[str, str] = {}
            results: dict[int, tuple[int, JSON]] = {}
            for number, entry in enumerate(entries):
                request = entry["request"]
                if request["method"] == "PUT":
                    names[entry["fullUrl"]] = request["url"]
                if request["method"] == "POST":
                    results[number] = self._one("POST", request["url"], entry["resource"], request.get("ifNoneExist"))
                    names[entry["fullUrl"]] = _name(results[number][1])
                elif request["method"] == "PUT" and "fullUrl" in entry:
                    names[entry["fullUrl"]] = request["url"]
            for number, entry in enumerate(entries):
                request = entry["request"]
                if request["method"] == "PUT":
                    body = _renamed(entry["resource"], names)
                    results[number] = self._one("PUT", request["url"], body, if_match=request.get("ifMatch"))
                elif results[number][0] == 201:
                    self.versions[_name(results[number][1])][-1] = _renamed(self.now(_name(results[number][1])), names)
            if "checks references" in self.faults:
                self._check_references(results.values())
        except Refused:
            self.versions = kept
            raise
        return [self._response(*results[number]) for number in range(len(entries))]

    def _check_references(self, written: Iterable[tuple[int, JSON]]) -> None:
        for _, resource in written:
            named = {one for one in references_in(self.now(_name(resource))) if not one.startswith("#")}
            if named - set(self.versions):
                raise Refused(400, "processing")

    def _response(self, status: int, resource: JSON) -> JSON:
        version = resource["meta"]["versionId"]
        response = {"status": f"{status} Done", "etag": version}
        if "no location" not in self.faults:
            response["location"] = f"{_name(resource)}/_history/{version}"
        return {"response": response}


def _name(resource: JSON) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def _matches(resource: JSON, name: str, value: str) -> bool:
    if name == "identifier":
        system, _, number = value.rpartition("|")
        given = resource.get("identifier", [])
        listed = given if isinstance(given, list) else [given]
        return any((one.get("system"), one.get("value")) == (system, number) for one in listed)
    if name in {"patient", "target"}:
        return value in references_in(resource)
    if name == "url":
        return bool(resource.get("channel", {}).get("endpoint", resource.get("url")) == value)
    if name in {"owner", "requester"}:
        return bool(resource.get(name, {}).get("reference") == value)
    return bool(resource.get(name) == value)


def _renamed(node: Any, names: dict[str, str]) -> Any:
    if isinstance(node, dict):
        return {
            k: names.get(v, v) if k == "reference" and isinstance(v, str) else _renamed(v, names)
            for k, v in node.items()
        }
    return [_renamed(item, names) for item in node] if isinstance(node, list) else node


def _outcome(code: str) -> JSON:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": code, "diagnostics": "Kari"}]}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body are two writes
    double: FhirServerDouble

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        faults, headers = self.double.faults, {name.lower(): value for name, value in self.headers.items()}
        more: dict[str, str] = {}
        try:
            status, resource, more = self.double.answer(self.command, self.path, headers, body)
        except Refused as refused:
            status, resource = refused.status, _outcome(refused.code)
        self.double._notify()
        if "hangs" in faults:
            self.double.over.wait(20)
        if "redirects" in faults:
            status, more = 307, {"Location": "http://169.254.169.254/fhir"}
        content = orjson.dumps(_outcome("exception") if "error inside" in faults else resource)
        content = b"<html>Kari</html>" if "html" in faults else content
        content = content[: len(content) // 2] if "truncates" in faults else content
        try:
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            self.close_connection = True  # whoever asked has had enough

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's own name
        """Quiet."""


@contextmanager
def fhir_server() -> Iterator[FhirServerDouble]:
    """A server that listens until the block ends."""
    double = FhirServerDouble()
    handler = type("Handler", (_Handler,), {"double": double})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    double.base = f"http://127.0.0.1:{server.server_port}/fhir"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield double
    finally:
        double.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
