"""Translates the places in errors: from fields of the message to the names of the sender's own format."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.formats.protocol import MESSAGE_FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.errors import Problem
    from ip_fhir.exchange.formats.protocol import Incoming


@contextmanager
def places_of(incoming: Incoming) -> Iterator[None]:
    """Raise an `InvalidInput` of the block again, of the same type, with places as `incoming`'s format names them.

    A problem whose path is no `MessageField` keeps its path.
    """
    try:
        yield
    except InvalidInput as error:
        if not any(problem.path in MESSAGE_FIELDS for problem in error.problems):
            raise
        raise type(error)(_placed(problem, incoming) for problem in error.problems) from None


def _placed(problem: Problem, incoming: Incoming) -> Problem:
    if problem.path not in MESSAGE_FIELDS:
        return problem
    return replace(problem, path=incoming.place(problem.path))
