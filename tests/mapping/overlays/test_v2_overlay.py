"""A site's overlay of rows and codes of HL7 v2: lenses and generated readers go by it, and no other site does."""

import pytest
from hypothesis import given, settings

from ip_fhir.domain.message import Message, MessageKind
from ip_fhir.errors import InvalidInput, MappingError
from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.hl7v2.message import new, read
from ip_fhir.mapping import Mapper, default
from ip_fhir.mapping.dialects.hl7v2.context import Context
from tests.mapping.hl7v2.samples import NOTICE, changed, value_of
from tests.support import strategies as make

OVERLAY = {
    "codes": [
        {
            "name": "urgency-v2",
            "row": [{"domain": "urgent", "system": "0280", "code": "C", "display": "Critical", "use": "read"}],
        }
    ],
    "table": [
        {
            "name": "V2Notice",
            "row": [{"domain": "wished_coordinator", "hl7v2": "OBX[f3~wish@99LOCAL]", "law": "the site: its own item"}],
        },
        {
            "name": "V2Professional",
            "row": [{"domain": "title", "hl7v2": "f2[0].c6", "law": "the site: a title stands in XPN-6"}],
        },
    ],
}


@pytest.fixture(scope="module")
def site() -> Mapper:
    """A site with another code for urgent, an item of its own, and titles in another component."""
    return Mapper.load(OVERLAY)


def test_a_code_of_the_site_is_read(site: Mapper) -> None:
    """RF1-2 = C is urgent there, and refused elsewhere."""
    value = changed(NOTICE, "R^Routine", "C^Critical")
    notice = site.message_from_hl7v2(value).notice
    assert notice is not None
    assert str(notice.urgency) == "urgent"
    with pytest.raises(InvalidInput, match="RF1-2"):
        default().message_from_hl7v2(value)


def test_an_item_of_the_site_is_read_by_its_code(site: Mapper) -> None:
    """By lens and by generated reader; our own item is not theirs any more, and theirs none of ours."""
    theirs = value_of(*NOTICE, "OBX|2|TX|wish^^99LOCAL||En ergoterapeut||||||F")
    ours = value_of(*NOTICE, "OBX|2|TX|wished-coordinator^^99IP||En ergoterapeut||||||F")
    for mapper, value, found in ((site, theirs, True), (site, ours, False), (default(), theirs, False)):
        context = Context.of_message(value)
        data = mapper.lens("V2Notice").get(value, context)
        assert ("wished_coordinator" in data) is found
        assert mapper.compiled.node_readers.functions["V2Notice"](value, Context.of_message(value)) == data
    assert (notice := default().message_from_hl7v2(ours).notice) is not None
    assert notice.wished_coordinator == "En ergoterapeut"


@settings(max_examples=25, deadline=None)
@given(sent=make.messages(MessageKind.NOTICE))
def test_any_notice_comes_back(site: Mapper, sent: Message) -> None:
    """Written and read by the overlay's tables it is the same; the titles stand where the site has them."""
    content = new(site.message_to_hl7v2(sent)).to_bytes()
    assert site.message_from_hl7v2(read(content, DEFAULT_LIMITS).value) == sent
    titles = {person.title for person in sent.notice.professionals if person.title} if sent.notice else set()
    groups = read(content, DEFAULT_LIMITS).value["PROVIDER_CONTACT"]
    names = [group["PRD"]["f2"][0] for group in groups if "f2" in group["PRD"]]
    assert {name["c6"] for name in names if "c6" in name} == titles
    assert not any("c14" in name for name in names)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"domain": "reason", "hl7v2": "OBX[f3~reason]", "law": "x"}, "~code@table"),
        ({"domain": "reason", "hl7v2": "OBX[#need]", "law": "x"}, "group of rows"),
        ({"domain": "reason", "hl7v2": "OBX[f3~reason@99IP]", "type": "nothing", "law": "x"}, "no type 'nothing'"),
        ({"domain": "wished_coordinator", "hl7v2": "OBX[f3~reason@99IP]", "law": "x"}, ""),
    ],
)
def test_what_an_overlay_may_not_say(row: dict[str, str], reason: str) -> None:
    """A condition, a group or a type that HL7 v2 has not, and one place for two fields: refused with the row."""
    with pytest.raises(MappingError, match="V2Notice") as refused:
        Mapper.load({"table": [{"name": "V2Notice", "row": [row]}]})
    assert reason in str(refused.value)
