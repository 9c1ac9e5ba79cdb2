"""The operations of the OpenAPI document, asked by a program that others wrote with what it makes up itself.

It sends what the document allows, and what it does not, to two sides whose stores are full, and holds each answer
against the document. Where the body is a whole plan, notice, form, message or view, it makes up all but the body; that
is one of ours, with changes here and there. More of it: IP_FHIR_OWN_EXAMPLES=200, or `make soak ARGS="own"`.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from random import Random
from typing import TYPE_CHECKING, Any, Final, cast

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from ip_fhir.fhir.reading import FHIR_JSON
from ip_fhir.settings import HttpSettings
from ip_fhir.web.clients import Proxies
from ip_fhir.web.logins import Logins
from ip_fhir.web.own.app import create_own_app
from ip_fhir.web.own.doors import ER7
from ip_fhir.web.own.openapi import all_doors, document
from ip_fhir.web.protection import Protection
from tests.mapping.damage import damaged
from tests.support.own_bodies import whole_bodies
from tests.support.own_program import TOKEN
from tests.support.stocked import make_stocked
from tests.support.two_sides import Side

if TYPE_CHECKING:
    from jsonschema_rs import Validator
    from schemathesis import Case
    from schemathesis.schemas import BaseSchema

    from ip_fhir.exchange import Exchange
    from ip_fhir.web.own.doors import Door

ASKED_FOR: Final = os.environ.get("IP_FHIR_OWN_EXAMPLES")
EXAMPLES: Final = int(ASKED_FOR or "3")

# Each run asks the doors of loops and of daily work. The others are asked where more is asked for.
EACH_RUN: Final = frozenset(
    {
        *("actOnReferral", "discloseProtected", "listReferrals", "findReferrals", "readReferral", "possibleActs"),
        *("listEvidence", "notRead", "listWork", "readWork", "workDone", "listMessages", "readMessage"),
        *("listRefusals", "parkMessage", "retryMessage"),
    }
)
DOORS: Final = {door.name: door for door in all_doors() if ASKED_FOR or door.name in EACH_RUN}
TOKEN_OF_OURS: Final = {"Authorization": f"Bearer {TOKEN}"}

# A door that only a hospital may use is asked at the hospital, all others at the municipality.
AT_THE_HOSPITAL: Final = frozenset({"sendNotice"})

HL7V2: Final = st.lists(
    st.sampled_from(
        [
            "MSH|^~\\&|A|B|C|D|20260112||REF^I12^REF_I12|1|P|2.5.1",
            "PID|1||12057900499^^^&2.16.578.1.12.4.1.4.1&ISO||Test^Ada",
            "PRD|RP|Test^Ola",
            "NTE|1||\\F\\",
            "\x00",
        ]
    )
    | st.text(max_size=40),
    max_size=6,
).map(lambda segments: "\r".join(segments).encode("utf-8", "replace"))


@dataclass(frozen=True)
class Asked:
    """A side as a program of others sees it, and the ids that stand in its store."""

    exchange: Exchange
    ids: Mapping[str, Sequence[str]]
    bodies: Mapping[str, Sequence[Any]]

    def schema(self, door: Door) -> BaseSchema:
        """One door of the document as the side serves it, but that it does not say how a body of ours looks.

        An hour passes between two requests: who shows wrong tokens one after the other would have to wait.
        """
        from schemathesis.openapi import from_dict

        hours = itertools.count(step=3600.0)
        usual = Protection.of(HttpSettings(), self.exchange.limits)
        protection = replace(usual, logins=Logins(Proxies(), usual.told, lambda: next(hours)))
        app = create_own_app(self.exchange, {"ehr": TOKEN}, protection)
        said = TestClient(app).get("/own/openapi.json", headers=TOKEN_OF_OURS).json()
        if door.name in self.bodies:
            _content(said, door)["schema"] = {}
        said["paths"] = {door.path: {door.method.lower(): said["paths"][door.path][door.method.lower()]}}
        loaded = from_dict(said)
        loaded.app, loaded.location = app, "/own/openapi.json"
        return loaded

    def allows(self, door: Door, body: object) -> bool:
        """True if the document allows this body at the door."""
        return _validator(door.name).is_valid(body)


@lru_cache(maxsize=1)  # a door is asked again and again before the next
def _validator(name: str) -> Validator:
    import jsonschema_rs  # schemathesis' own

    said = json.loads(document())
    return jsonschema_rs.validator_for({**_content(said, DOORS[name])["schema"], "components": said["components"]})


def _content(said: dict[str, Any], door: Door) -> dict[str, Any]:
    """What the document says of the body at a door that takes JSON."""
    operation = said["paths"][door.path][door.method.lower()]
    found: dict[str, Any] = operation["requestBody"]["content"]["application/json"]
    return found


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Asked]]:
    """Two sides with full stores."""
    import schemathesis  # half a second, and this file alone needs it

    schemathesis.openapi.media_type(ER7, HL7V2)
    schemathesis.serializer(FHIR_JSON)(lambda _, value: json.dumps(value).encode())
    loop = make_stocked(tmp_path_factory.mktemp("stocked"))
    yield {name: asked(name, side) for name, side in (("hospital", loop.hospital), ("municipality", loop.municipality))}
    loop.hospital.exchange.close()
    loop.municipality.exchange.close()


def asked(name: str, side: Side) -> Asked:
    """The side, and what it has."""
    exchange = side.exchange
    plan = exchange.plan(f"plan-of-{name}")
    store: Any = exchange.store
    (offered,) = (one for one in store.plans() if one.handover is not None and one.id != plan.id)
    ids = {
        "referral": [one.correlation_id for one in store.referrals()],
        "item": [one.id for one in exchange.worklist()],
        "row": [one.id for one in store.outbox() if one.status != "sent"],
        "plan": [plan.id, offered.id],
        "who": ["hospital", "municipality", "us", "owner"],
        "share": [one.id for one in plan.shares],
        "change": [one.change.id for one in plan.changes],
        "invitation": [one.id for one in (*plan.invitations, *offered.invitations)],
        "request": [one.id for one in plan.requests],
        "name": ["nobody"],  # no recipient is set here
        "handover": [one.handover.id for one in (plan, offered) if one.handover is not None],
    }
    assert all(ids.values()), ids
    other = "municipality" if name == "hospital" else "hospital"
    return Asked(exchange, ids, whole_bodies(exchange, f"plan-of-{other}"))


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """What was worked out for one door is forgotten before the next: for all of them it is more than 8 GB."""
    yield
    from schemathesis.specs.openapi._caches import clear_all

    clear_all()


@pytest.mark.slow
@pytest.mark.timeout(3600)  # what is made up of a large schema may take minutes
@pytest.mark.parametrize("mode", ["positive", "negative"])
@pytest.mark.parametrize("name", DOORS)
def test_what_others_make_up(sides: Mapping[str, Asked], name: str, mode: str) -> None:
    """Every answer is one that the document names, and looks as it says; what it does not allow is refused."""
    from schemathesis import GenerationMode
    from schemathesis.core.parameters import ParameterLocation
    from schemathesis.specs.openapi.checks import positive_data_acceptance

    door = DOORS[name]
    # What the document allows may still be refused: an id of nobody, an act that the loop does not allow, HL7 v2 that
    # says nothing. The document cannot say so; which status it then is, it says.
    left_out: list[Any] = [positive_data_acceptance]
    side = sides["hospital" if name in AT_THE_HOSPITAL else "municipality"]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        side.schema(door)[door.path][door.method].as_strategy(generation_mode=GenerationMode(mode)),
        st.integers(0, 7),
        st.randoms(use_true_random=False),
    )
    def ask(case: Case[Any], number: int, chance: Random) -> None:
        assert case.meta is not None
        if name in side.bodies:
            case.body = chance.choice(side.bodies[name])
            for _ in range(chance.choice((0, 1, 1, 2))):
                case.body = damaged(cast("Any", case.body), chance)
        if door.ids and number and not case.meta.is_negative_at(ParameterLocation.PATH):
            case.path_parameters = {one: side.ids[one][number % len(side.ids[one])] for one in door.ids}
        answer = case.call_and_validate(headers=TOKEN_OF_OURS, excluded_checks=left_out)
        assert name not in side.bodies or answer.status_code >= 400 or side.allows(door, case.body)

    ask()
