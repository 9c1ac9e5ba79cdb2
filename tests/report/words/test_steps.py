"""The reasons of steps in Norwegian: none is left in English. Source: users.md B, "half English"."""

from ip_fhir.domain.loop.table import TRANSITIONS
from ip_fhir.report.words.steps import WHY_NB, item_note, step_note


def test_every_reason_of_the_table_has_norwegian_words() -> None:
    """Each transition's, and nothing that the table does not say."""
    assert set(WHY_NB) == {row.why for row in TRANSITIONS}
    for row in TRANSITIONS:
        assert step_note(row.why, "nb") == WHY_NB[row.why] != step_note(row.why, "en") == row.why


def test_the_ground_of_a_notice() -> None:
    """The consents by their ids, or the law."""
    why = "the notice goes out, with consent or a legal basis"
    assert step_note(f"{why} (consent: c1, c2)", "nb").endswith("(samtykke: c1, c2)")
    assert step_note(f"{why} (legal basis)", "nb").endswith("(etter loven)")


def test_words_of_others_stay() -> None:
    """A refusal of ours is put in words; what somebody wrote, or what is not known here, is left as it is."""
    said = "refused: closed: accept by municipality is not allowed (crossed)"
    assert step_note(said, "nb") == "avvist: «tar imot saken» fra kommunen passer ikke når saken er: avsluttet"
    for other in ("refused: nowhere: accept by municipality is not allowed (x)", "refused: else", "ord fra noen\nto"):
        assert step_note(other, "nb") == other
    assert item_note("a later one is in its place", "nb") == "en nyere er kommet i stedet"
    assert item_note("a later one is in its place", "en") == "a later one is in its place"
    assert item_note("the client is notified again", "nb") == "systemet varsles igjen"
    assert item_note("ringte kommunen", "nb") == "ringte kommunen"
