"""Whole plans, notices, forms, messages and views, as bodies for those doors of `/own` that take one.

A program that makes up such a body from its schema alone needs more memory than a machine has: it goes from these.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ip_fhir.domain.message import Message
from ip_fhir.exchange import Exchange
from tests.support.two_sides import EXAMPLES, notice

_OF_FILES: Final = {
    "plans": ("savePlan", "updatePlan", "planToFhir", "planToHl7v2", "checkPlan"),
    "notices": ("sendNotice", "checkNotice"),
    "green_forms": ("sendGreenForm", "checkGreenForm"),
}


def whole_bodies(exchange: Exchange, copied: str) -> Mapping[str, Sequence[Any]]:
    """What may be sent, by the name of the door; `copied` is the plan of which this side has a view."""
    found: dict[str, list[Any]] = {}
    for folder, doors in _OF_FILES.items():
        some = [json.loads(file.read_bytes()) for file in sorted((EXAMPLES / folder).glob("*.json"))]
        found |= dict.fromkeys(doors, some)
    messages = [Message.of_notice(notice(name), f"message-{name}").to_data() for name in ("01", "03", "04")]
    found |= dict.fromkeys(("messageToFhir", "messageToHl7v2"), messages)
    found["previewPlan"] = [{"plan": plan} for plan in found["savePlan"]]
    views = (one.view for one in exchange.plan(copied).copies)
    found["changePlan"] = [{"view": view.to_data(), "text": "Avtalt"} for view in views if view is not None]
    return found
