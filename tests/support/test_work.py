"""The measure of work tells a loop from a loop in a loop."""

from __future__ import annotations

from collections.abc import Callable

from tests.support.work import calls_of, growth


def once_each(size: int) -> Callable[[], object]:
    """Work in proportion."""
    return lambda: [abs(n) for n in range(size)]


def each_by_each(size: int) -> Callable[[], object]:
    """Work in the square."""
    return lambda: [abs(n - m) for n in range(size) for m in range(size)]


def test_growth_is_told() -> None:
    """Four times as much for a loop, sixteen times for a loop in a loop; the same work gives the same number."""
    assert 3.5 < growth(once_each, 50) < 4.5
    assert growth(each_by_each, 50) > 12
    assert calls_of(once_each(50)) == calls_of(once_each(50))
