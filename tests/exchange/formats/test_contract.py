"""The wire formats that ship, and the fake one, keep the contract that every format must keep."""

import pytest

from ip_fhir.domain.message import MessageKind
from ip_fhir.exchange.formats import Format, Formats
from ip_fhir.fhir.bundle import entries_of
from ip_fhir.fhir.reading import write_json
from ip_fhir.mapping import Mapper, message_to_fhir
from ip_fhir.mapping.hl7v2.sharing import CARRIED
from ip_fhir.testing import FakeFormat, FormatContract
from ip_fhir.testing.message_samples import message


class TestFhirMessage(FormatContract):
    """As it is installed."""

    @pytest.fixture
    def wire(self) -> Format:
        """Found by its name."""
        return Formats().named("fhir-message")


class TestFhirTransaction(FormatContract):
    """It is only taken in: a notice as somebody else's system posts it."""

    @pytest.fixture
    def wire(self) -> Format:
        """Found by its name."""
        return Formats().named("fhir-transaction")

    @pytest.fixture
    def content(self, wire: Format, mapper: Mapper) -> bytes:
        """The notice's resources, each to be made at its address."""
        carried = entries_of(message_to_fhir(message(MessageKind.NOTICE), mapper))[1:]
        entries = [
            {"fullUrl": entry.full_url, "resource": entry.resource, "request": {"method": "POST", "url": entry.type}}
            for entry in carried
        ]
        return write_json({"resourceType": "Bundle", "type": "transaction", "entry": entries})


class TestFhirResources(FormatContract):
    """Every kind, in a Task that carries it."""

    @pytest.fixture
    def wire(self) -> Format:
        """Found by its name."""
        return Formats().named("fhir-resources")


class TestMedComMessage(FormatContract):
    """Every kind, with its chain of Provenances."""

    @pytest.fixture
    def wire(self) -> Format:
        """Found by its name."""
        return Formats().named("medcom-message")


class TestHl7v2(FormatContract):
    """Every kind of message about a referral; about a plan, views, their end, changes and their answers."""

    plan_kinds = frozenset(CARRIED)

    @pytest.fixture
    def wire(self) -> Format:
        """Found by its name."""
        return Formats().named("hl7v2")


class TestFakeFormat(FormatContract):
    """What vendors are given to test with."""

    @pytest.fixture
    def wire(self) -> Format:
        """The domain's own JSON."""
        return FakeFormat()
