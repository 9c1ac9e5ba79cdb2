"""The message about a plan that an effect asks for, made of the plan as it is when the message is sent."""

from __future__ import annotations
