"""A hospital and a municipality that has a second hospital among its peers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ip_fhir.domain.people import Organization, OrganizationKind
from ip_fhir.domain.values.ids import HerId
from ip_fhir.exchange.context import Context
from ip_fhir.exchange.peers import Peer, Peers
from ip_fhir.ports import Endpoint
from tests.support.two_sides import Loop, Wire

OTHER = Organization(id="org-x", name="Fjordsykehuset", kind=OrganizationKind.HOSPITAL, her_id=HerId("90000999"))


@pytest.fixture
def context(loop: Loop) -> Context:
    """The municipality, with a second hospital X among its peers."""
    context = loop.municipality.exchange._context
    peer_x = Peer("x", (OTHER,), Wire("x"), Endpoint("memory://"), ("token-of-x",))
    return replace(context, peers=Peers([*context.peers, peer_x]))
