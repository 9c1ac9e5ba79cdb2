"""Spans of OpenTelemetry: a message that comes in, one that goes out, a run of the worker that did something.

They go to whatever the process has set up. Where `opentelemetry-api` is not installed, nothing happens and nothing is
paid. A span has parties, kinds, outcomes and our own ids of loops, as the log has; nothing of a person.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from types import TracebackType

_PREFIX: Final = "ip_fhir."
_passed_on: ContextVar[bool] = ContextVar("ip_fhir_traceparent", default=False)


class _Nothing:
    """A span that is none."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def set(self, **attributes: str | int | None) -> None:
        """Adds attributes; here to nothing."""


class _Recorded:
    """A span of OpenTelemetry."""

    def __init__(self, span: Any) -> None:
        self._span = span

    def set(self, **attributes: str | int | None) -> None:
        """Adds attributes by their names without the prefix, but for those that are None."""
        self._span.set_attributes(_named(attributes))


_NOTHING: Final = _Nothing()


def span(
    name: str, kind: Literal["internal", "client", "server"] = "internal", *, passed_on: bool = False
) -> AbstractContextManager[_Nothing | _Recorded]:
    """Begins a span, in the one that this thread or task is in, and ends it with the block.

    With `passed_on` what is asked over HTTP in the block carries its `traceparent`. Of an error only the type is noted.
    """
    tracer = _tracer()
    return _NOTHING if tracer is None else _recorded(tracer, name, kind, passed_on)


@contextmanager
def _recorded(tracer: Any, name: str, kind: str, passed_on: bool) -> Iterator[_Recorded]:
    from opentelemetry.trace import SpanKind, Status, StatusCode

    before = _passed_on.set(passed_on)
    quiet = {"record_exception": False, "set_status_on_exception": False}  # an error's text may be a person's
    try:
        with tracer.start_as_current_span(_PREFIX + name, kind=SpanKind[kind.upper()], **quiet) as begun:
            try:
                yield _Recorded(begun)
            except BaseException as error:
                begun.set_status(Status(StatusCode.ERROR, type(error).__name__))
                raise
    finally:
        _passed_on.reset(before)


def note(name: str, began: int, **attributes: str | int | None) -> None:
    """Notes afterwards what lasted from `began` (nanoseconds since 1970, UTC) until now."""
    tracer = _tracer()
    if tracer is not None:
        tracer.start_span(_PREFIX + name, start_time=began, attributes=_named(attributes)).end()


def traceparent() -> str | None:
    """The header (W3C Trace Context) of the present span, where it is to be passed on; None otherwise."""
    if not _passed_on.get():
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get("traceparent")


def _named(attributes: dict[str, str | int | None]) -> dict[str, str | int]:
    return {_PREFIX + name: value for name, value in attributes.items() if value is not None}


@cache
def _tracer() -> Any:
    """The tracer, or None without OpenTelemetry. It finds the process's provider itself, also one that is set later."""
    try:
        from opentelemetry.trace import get_tracer
    except ImportError:
        return None
    return get_tracer("ip_fhir")
