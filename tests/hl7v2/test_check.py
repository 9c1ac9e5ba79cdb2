"""The check of a whole message: by its version's own grammar, and if asked for by hl7apy."""

import pytest

from ip_fhir.errors import InvalidInput
from ip_fhir.hl7v2.check import check
from tests.hl7v2.messages import MSH, REST, er7

OBSERVED = ("OBR|1|||ip-notice^^99IP", "OBX|1|TX|reason^^99IP||x||||||F")


def test_a_message_that_is_as_the_version_has_it_has_no_problem() -> None:
    """Neither our matcher nor hl7apy finds any."""
    assert check(er7(*REST, *OBSERVED), strict=True) == ()


def test_deviations_are_told_with_their_place() -> None:
    """A structure that is not the event's, a field twice, formatting, a missing field, an unknown segment, lengths."""
    msh = MSH.replace("REF^I12^REF_I12", "REF^I14^REF_I14").replace("|M1|", f"|{'M' * 21}|").replace("EPJ", "E" * 21)
    found = check(er7(*REST[:3], f"{REST[3]}~F", "XXX|1", r"OBR|1|||\.in+4\x", "OBX|1|TX||||~|||||F", msh=msh))
    assert [(problem.path, problem.severity) for problem in found] == [
        ("MSH-9.3", "warning"),
        ("XXX", "warning"),
        ("OBX-3", "warning"),
        ("PID-8", "warning"),
        ("OBR-4", "warning"),
        ("MSH-3.1", "warning"),
        ("MSH-10", "warning"),
    ]


def test_a_long_id_may_stand_from_2_7() -> None:
    """And a message without a version, which only an acknowledgement may be, has no rule for it."""
    msh = MSH.replace("|M1|", f"|{'M' * 21}|")
    assert [problem.path for problem in check(er7(*REST, msh=msh.replace("2.5.1", "2.7.1")))] == []
    ack = rf"MSH|^~\&|A|B|C|D|20260112||ACK|{'M' * 21}|P"
    assert [problem.path for problem in check(er7("MSA|AA|M1", msh=ack))] == ["MSH-12"]


def test_the_order_is_that_of_the_version() -> None:
    """Software segments came with 2.5: read in any version, told in an earlier one."""
    msh = MSH.replace("2.5.1", "2.4")
    message = er7("SFT|x|1|y|z", *REST, msh=msh)
    assert message.warnings == ()
    assert [problem.path for problem in check(message)] == ["SFT"]


def test_a_structure_that_came_later_is_read_and_told() -> None:
    """Care plan messages in a version before 2.7."""
    msh = MSH.replace("REF^I12^REF_I12", "CCM^I21^CCM_I21")
    message = er7(REST[3], "PV1|1|O", msh=msh)
    assert [str(problem) for problem in message.warnings] == ["MSH-12: is a version that has no CCM_I21"]
    assert [problem.path for problem in check(message)] == ["MSH-12"]


def test_three_delimiters_are_told() -> None:
    """Without a subcomponent delimiter, `&` is text."""
    message = er7(*REST, msh=MSH.replace(r"^~\&", "^~\\"))
    assert message.field("PID-3.4") == "&2.16.578.1.12.4.1.4.1&ISO"
    assert [problem.path for problem in check(message)] == ["MSH-2"]


@pytest.mark.parametrize(
    ("segment", "place"),
    [
        ("PID|1||1^^^^^^^^^^^x||A^B||19610214|M", "PID-3"),
        ("PID|1||1||A^B||19610214|M^x", "PID-8"),
        ("PID|1||1||A^B&C&D&E&F&G&H&I^C||19610214|M", "PID-5"),
        ("PID|1||||A^B", "PID"),
    ],
)
def test_hl7apy_looks_into_the_fields(segment: str, place: str) -> None:
    """Components that a data type does not have, and fields that are missing, are errors there; nothing is quoted."""
    found = check(er7(*REST[:3], segment), strict=True)
    errors = [problem for problem in found if problem.severity == "error"]
    assert [problem.path for problem in errors] == [place]
    assert all(text not in str(errors) for text in ("19610214", "A^B", "G&H"))


def test_z_segments_are_nobodys_but_their_own() -> None:
    """They are kept, and not judged."""
    assert check(er7(*REST, "ZZZ|1|x^y"), strict=True) == ()


def test_other_types_are_not_checked() -> None:
    """A message of a type that is not read here has no grammar."""
    with pytest.raises(InvalidInput, match=r"^MSH-9\.1: is not read here"):
        check(er7("EVN|A01", msh=MSH.replace("REF^I12^REF_I12", "ADT^A01^ADT_A01")))
