"""The settings of who is told: all that cannot be meant is refused at its place, and no secret is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ip_fhir.bootstrap import open_exchange
from ip_fhir.domain.effects import Reason
from ip_fhir.domain.referral import Role
from ip_fhir.errors import InvalidInput
from ip_fhir.settings import settings_of
from ip_fhir.store import open_store
from ip_fhir.testing import only_loops
from tests.exchange.telling.conftest import KEY, e_mail, smtp, told_settings, webhook
from tests.support.two_sides import side_settings

URL = "https://ehr.example/told"


@pytest.mark.parametrize(
    ("told", "more", "words"),
    [
        (webhook("http://ehr.example/told"), {}, "https address, or http of this machine"),
        (webhook(URL, keys=[]), {}, "keys: is needed where the way is webhook"),
        (webhook(URL, keys=["whsec_c2l4dGVlbi1ieXRlcy1vaw=="]), {}, "whsec_ and 24 to 64 bytes"),
        (webhook(URL, keys=["no-key-of-a-webhook-at-all"]), {}, "whsec_ and 24 to 64 bytes"),
        (webhook(URL, command=["x"]), {}, "command: only where the way is command"),
        (webhook(URL, digest_at="07:30"), {}, "digest_at: only where the way is e-mail"),
        (webhook(URL, reasons=["no-such-reason"]), {}, "told.0.reasons.0"),
        (webhook(URL, quiet_hours="20-07"), {}, "told.0.quiet_hours"),
        (webhook(URL, quiet_hours="20:00-20:00"), {}, "always quiet or never"),
        (webhook(URL, timeout=90), {}, "worker.lease"),
        (webhook(URL, name="us"), {}, "told: us: a peer"),
        (e_mail("a@b.example"), {}, "e-mail needs a server: smtp"),
        (e_mail(), {"smtp": smtp(25)}, "recipients: is needed where the way is e-mail"),
        (e_mail("a@b.example", "a@b.example"), {"smtp": smtp(25)}, "an address stands there twice"),
        (e_mail("a@b.example\r\nBcc: c@d.example"), {"smtp": smtp(25)}, "told.0.recipients.0"),
        (e_mail("a b@c.example"), {"smtp": smtp(25)}, "told.0.recipients.0"),
        (
            e_mail("a@b.example", quiet_hours="20:00-08:00", digest_at="07:30"),
            {"smtp": smtp(25)},
            "digest_at: is in the quiet hours",
        ),
        (e_mail("a@b.example"), {"smtp": smtp(25, host="mail.example")}, "plain goes to this machine only"),
        (e_mail("a@b.example"), {"smtp": smtp(25, user="u")}, "each needs the other"),
        (e_mail("a@b.example"), {"smtp": smtp(25, password="in-the-clear")}, "each needs the other"),
    ],
)
def test_what_cannot_be_meant(tmp_path: Path, told: dict[str, Any], more: dict[str, Any], words: str) -> None:
    """Each with its place and the reason; the error repeats no key and no password."""
    with pytest.raises(InvalidInput) as raised:
        told_settings(tmp_path, told, **more)
    assert words in str(raised.value)
    for secret in ("c2l4dGVlbi1ieXRlcy1vaw", "no-key-of-a-webhook", "in-the-clear"):
        assert secret not in f"{raised.value} {raised.value!r}"


def test_two_of_a_name(tmp_path: Path) -> None:
    """By the name it is known what they were told."""
    with pytest.raises(InvalidInput, match="another of told has this name"):
        told_settings(tmp_path, webhook(URL), webhook(URL))


def test_secrets_are_kept_elsewhere_and_shown_nowhere(tmp_path: Path) -> None:
    """In the environment or a file; neither in a `repr` of the settings nor of the exchange."""
    (tmp_path / "password").write_text("short\n", encoding="utf-8")
    data = side_settings(tmp_path, Role.HOSPITAL).model_dump(mode="json", exclude_none=True)
    told = [webhook(URL, keys=[{"env": "WEBHOOK_KEY"}]), e_mail("a@b.example")]
    server = smtp(25, user="u", password={"file": "password"})
    settings = settings_of({**data, "peers": [], "told": told, "smtp": server}, tmp_path, environ={"WEBHOOK_KEY": KEY})
    assert settings.smtp is not None
    assert settings.smtp.password is not None
    assert settings.smtp.password.get_secret_value() == "short"
    exchange = open_exchange(settings)
    shown = f"{settings!r} {settings.model_dump_json()} {exchange._context!r} {list(exchange._context.recipients)!r}"
    exchange.close()
    assert "short" not in shown
    assert KEY not in shown
    assert KEY.removeprefix("whsec_") not in shown


def test_reasons_from_the_environment(tmp_path: Path) -> None:
    """A list of the environment is one between commas."""
    data = side_settings(tmp_path, Role.HOSPITAL).model_dump(mode="json", exclude_none=True)
    environ = {"IP_FHIR_TOLD__0__REASONS": "escalated, vacant"}
    settings = settings_of({**data, "peers": [], "told": [webhook(URL)]}, tmp_path, environ=environ)
    assert settings.told[0].reasons == (Reason.ESCALATED, Reason.VACANT)


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    """Nothing is opened."""
    told = {"name": "pager", "way": "command", "command": ["no-such-program-anywhere"]}
    with pytest.raises(InvalidInput, match=r"told\.0\.command"):
        open_exchange(told_settings(tmp_path, told))


def test_a_store_that_numbers_nothing(tmp_path: Path) -> None:
    """Then nobody can be told by `[[told]]`, and opening the exchange says so."""
    store = open_store(f"sqlite:///{tmp_path}/store.sqlite")
    with pytest.raises(InvalidInput, match="numbers nothing"):
        open_exchange(told_settings(tmp_path, webhook(URL)), store=only_loops(store))
    store.close()
