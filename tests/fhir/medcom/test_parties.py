"""The parties of a message as entries and contained: there and back, and what stands in the way."""

from copy import deepcopy
from typing import Any

import pytest

from ip_fhir.domain.message import MessageKind
from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.fhir.bundle import BundleContent
from ip_fhir.fhir.medcom.parties import bundled, contained
from ip_fhir.mapping import message_from_fhir, message_to_fhir
from ip_fhir.testing.message_samples import message


@pytest.fixture
def there() -> dict[str, Any]:
    """A notice whose parties are entries."""
    return bundled(message_to_fhir(message(MessageKind.NOTICE)))


def _back(bundle: dict[str, Any]) -> dict[str, Any]:
    return contained(BundleContent(bundle)).bundle


@pytest.mark.parametrize("kind", MessageKind)
def test_there_and_back(kind: MessageKind) -> None:
    """Nothing is contained in the header on the way, and what comes back is read as the same message."""
    bundle = bundled(message_to_fhir(message(kind)))
    assert "contained" not in bundle["entry"][0]["resource"]
    assert message_from_fhir(_back(bundle)) == message(kind)


def test_the_same_parties_have_the_same_names(there: dict[str, Any]) -> None:
    """Their ids derive from their addresses: another message between them names them alike."""
    again = bundled(message_to_fhir(message(MessageKind.REMINDER)))
    for name in ("sender", "destination"):
        first, second = (bundle["entry"][0]["resource"][name] for bundle in (there, again))
        assert first == second


def test_an_organisation_that_the_content_refers_to_stays(there: dict[str, Any]) -> None:
    """A sender that is also the requester of the notice is contained in the header, and stays an entry."""
    bundle = deepcopy(there)
    (own,) = [e["resource"] for e in bundle["entry"] if e["fullUrl"].endswith("Organization/hospital")]
    bundle["entry"][0]["resource"]["sender"] = {"reference": "Organization/hospital"}
    back = _back(bundle)
    assert own in [entry["resource"] for entry in back["entry"]]
    assert own["name"] in [one["name"] for one in back["entry"][0]["resource"]["contained"]]
    assert message_from_fhir(back).sender.name == own["name"]


def test_one_organisation_as_both_parties(there: dict[str, Any]) -> None:
    """It is contained once."""
    bundle = deepcopy(there)
    header = bundle["entry"][0]["resource"]
    header["destination"][0]["receiver"] = header["sender"]
    assert len(_back(bundle)["entry"][0]["resource"]["contained"]) == 1


def test_parties_that_are_contained_already(there: dict[str, Any]) -> None:
    """They are left as they are."""
    plain = message_to_fhir(message(MessageKind.NOTICE))
    assert _back(plain) == plain
    assert there != plain


def test_a_carbon_copy_is_no_receiver(there: dict[str, Any]) -> None:
    """A destination that only gets a copy is left out, wherever it stands."""
    bundle = deepcopy(there)
    (primary,) = bundle["entry"][0]["resource"]["destination"]
    copy = deepcopy(primary)
    copy["extension"][0]["valueCoding"]["code"] = "cc"
    copy["receiver"] = {"reference": "Organization/nobody"}
    bundle["entry"][0]["resource"]["destination"] = [copy, primary]
    assert message_from_fhir(_back(bundle)) == message(MessageKind.NOTICE)


def test_whom_the_chain_and_copies_name(there: dict[str, Any]) -> None:
    """An organisation that only a Provenance, or a destination of a copy, names is no content, whatever it lacks."""
    bundle = deepcopy(there)
    header = bundle["entry"][0]["resource"]
    use = {**header["destination"][0]["extension"][0], "valueCoding": {"code": "cc"}}
    header["destination"].append({"extension": [use], "receiver": {"reference": "Organization/copied"}})
    before = {"reference": "MessageHeader/before"}
    link: dict[str, Any] = {"resourceType": "Provenance", "id": "l", "target": [before]}
    link["agent"] = [{"who": {"reference": "Organization/third"}}, {"who": {"reference": "Organization/hospital"}}]
    others: list[dict[str, Any]] = [{"resourceType": "Organization", "id": name} for name in ("copied", "third")]
    base = bundle["entry"][0]["fullUrl"].partition("MessageHeader/")[0]
    for one in (link, *others):
        bundle["entry"].append({"fullUrl": f"{base}{one['resourceType']}/{one['id']}", "resource": one})
    assert message_from_fhir(_back(bundle)) == message(MessageKind.NOTICE)


@pytest.mark.parametrize("reference", ["Organization/nobody", "ServiceRequest/notice-1", 7, None])
@pytest.mark.parametrize("name", ["sender", "receiver"])
def test_a_party_that_is_not_there(there: dict[str, Any], name: str, reference: Any) -> None:
    """It is refused with its place."""
    bundle = deepcopy(there)
    header = bundle["entry"][0]["resource"]
    node = header if name == "sender" else header["destination"][0]
    node[name] = {"reference": reference}
    with pytest.raises(InvalidInput) as caught:
        _back(bundle)
    place = "sender" if name == "sender" else "destination[0].receiver"
    assert [problem.path for problem in caught.value.problems] == [f"Bundle.entry[0].resource.{place}.reference"]


def test_what_is_no_message() -> None:
    """A Bundle of another type, or without a header, is refused."""
    for bundle in ({}, {"resourceType": "Bundle", "type": "collection"}, {"resourceType": "Bundle", "type": "message"}):
        with pytest.raises(InvalidInput):
            _back(bundle)


def test_places_are_those_of_what_came_in(there: dict[str, Any]) -> None:
    """An error of the mapping names the entry in the Bundle that came in, also of a party that was an entry."""
    bundle = deepcopy(there)
    header, *others = bundle["entry"]
    *content, sender, receiver = others
    bundle["entry"] = [header, receiver, sender, *content]
    inside = contained(BundleContent(bundle))
    paths = ["Bundle.entry[1].resource.status", "Bundle.entry[0].resource.contained[0].name", "Bundle.timestamp"]
    told = inside.told(InvalidInput([Problem(path, "is wrong") for path in paths]))
    assert [problem.path for problem in told.problems] == [
        "Bundle.entry[3].resource.status",
        "Bundle.entry[2].resource.name",
        "Bundle.timestamp",
    ]
