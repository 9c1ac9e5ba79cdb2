"""The framer: frames out of bytes, however the network splits them, and whatever they are."""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ip_fhir.errors import InvalidInput
from ip_fhir.wire.mllp import Fault, Frame, Framer, framed

LIMIT = 40
contents = st.binary(max_size=LIMIT).map(lambda content: content.replace(b"\x0b", b"").replace(b"\x1c", b""))
blanks = st.text(alphabet=" \t\r\n", max_size=3).map(str.encode)


def events(pieces: Iterable[bytes], max_bytes: int = LIMIT) -> list[Frame | Fault]:
    """All frames of the pieces in order, and the fault that ends them, if there is one."""
    framer, found = Framer(max_bytes), list[Frame | Fault]()
    for piece in pieces:
        framer.feed(piece)
        while (event := framer.next()) is not None:
            found.append(event)
            if isinstance(event, Fault):
                break
    return found[: next((n for n, event in enumerate(found, 1) if isinstance(event, Fault)), None)]


def split(stream: bytes, places: Sequence[int]) -> list[bytes]:
    """The stream cut at these places."""
    cuts = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[start:end] for start, end in pairwise(cuts)]


def frames(stream: bytes) -> list[bytes]:
    """The contents of the frames in a stream that has no fault."""
    found = events([stream])
    assert all(isinstance(event, Frame) for event in found)
    return [event.content for event in found]


# --- frames


@given(st.lists(st.tuples(blanks, contents), max_size=4), st.lists(st.integers(0, 1000), max_size=6))
def test_what_was_framed_is_read(parts: list[tuple[bytes, bytes]], places: list[int]) -> None:
    """Every content comes out whole and in order, at every split, with blanks between the frames."""
    stream = b"".join(before + framed(content) for before, content in parts)
    assert events(split(stream, places)) == [Frame(content) for _, content in parts]


def test_every_split_of_two_frames() -> None:
    """Cut at any two places, and byte by byte, the same two frames come out."""
    stream = b"\r\n" + framed(b"MSH|one\r") + b"\r\n " + framed(b"MSH|two\r")
    whole = [Frame(b"MSH|one\r"), Frame(b"MSH|two\r")]
    for first in range(len(stream) + 1):
        for second in range(first, len(stream) + 1):
            assert events(split(stream, [first, second])) == whole
    assert events([stream[n : n + 1] for n in range(len(stream))]) == whole


def test_an_end_without_its_last_byte() -> None:
    """`1C 0B` ends the first frame and begins the second."""
    assert frames(b"\x0bone\x1c\x0btwo\x1c\r") == [b"one", b"two"]


def test_an_end_byte_within_the_content() -> None:
    """`1C` before any other byte ends nothing: the frame goes on until `1C 0D`."""
    assert frames(b"\x0bone\x1ctwo\x1c\x1c\r") == [b"one\x1ctwo\x1c"]
    assert frames(b"\x0bone\x1c\n\r") == []


def test_a_start_byte_within_the_content() -> None:
    """`0B` within a frame begins no other: half a message and a whole one are never taken for the whole one."""
    assert frames(b"\x0bMSH|half\x0bMSH|whole\x1c\r") == [b"MSH|half\x0bMSH|whole"]


def test_an_empty_frame() -> None:
    """A frame without content is a frame."""
    assert frames(b"\x0b\x1c\r") == [b""]


# --- faults


@pytest.mark.parametrize("junk", [b"MSH|", b"\x16\x03\x01", b"\x1c\r", b"\x00", b"GET / HTTP/1.1\r\n"])
def test_junk_before_a_frame(junk: bytes) -> None:
    """Bytes before a frame are a fault at every split, and hold back the frames after them, not those before."""
    stream = framed(b"one") + junk + framed(b"two")
    for place in range(len(stream) + 1):
        first, fault, *more = events(split(stream, [place]))
        assert first == Frame(b"one")
        assert isinstance(fault, Fault)
        assert (fault.problem.code, more) == ("structure", [])


@given(st.binary(min_size=LIMIT + 1, max_size=3 * LIMIT), st.lists(st.integers(0, 1000), max_size=6))
def test_a_frame_beyond_the_limit(content: bytes, places: list[int]) -> None:
    """A frame beyond the limit is a fault, whether it ends or not, as soon as it is beyond it."""
    content = content.replace(b"\x1c", b"\x1d")
    for stream in (b"\x0b" + content + b"\x1c\r", b"\x0b" + content + b"\x1c", b"\x0b" + content + b"x"):
        (fault,) = events(split(stream, places))
        assert isinstance(fault, Fault)
        assert fault.problem.code == "too-long"
        assert content.startswith(fault.content[:LIMIT])


def test_a_frame_of_the_limit() -> None:
    """As many bytes as the limit are let through, also where the end comes byte by byte."""
    stream = framed(b"x" * LIMIT)
    assert events([stream[n : n + 1] for n in range(len(stream))]) == [Frame(b"x" * LIMIT)]


def test_nothing_is_kept_after_a_fault() -> None:
    """After a fault further bytes are thrown away, and the fault stays."""
    framer = Framer(LIMIT)
    framer.feed(b"junk")
    fault = framer.next()
    framer.feed(framed(b"MSH|"))
    assert framer.next() is fault
    assert framer.held == 0


def test_an_endless_frame_is_read_once() -> None:
    """A frame that comes in small pieces costs its length, not its square: 20 MB in pieces of 4 KB within seconds."""
    framer = Framer(30_000_000)
    framer.feed(b"\x0b")
    for _ in range(5_000):
        framer.feed(b"\x1c" * 4_096)
        assert framer.next() is None
    assert framer.inside
    framer.feed(b"\r")
    found = framer.next()
    assert isinstance(found, Frame)
    assert len(found.content) == 5_000 * 4_096 - 1


# --- any bytes


def reference(stream: bytes) -> list[Frame | str]:
    """The rules of the module once more, as one pattern over the whole stream."""
    found, rest = list[Frame | str](), stream
    while rest := rest.lstrip(b" \t\r\n"):
        if not rest.startswith(b"\x0b"):
            return [*found, "structure"]
        whole = re.match(rb"\x0b(.*?)\x1c(?:\r|(?=\x0b))", rest, re.DOTALL)
        content = whole.group(1) if whole else rest[1:].removesuffix(b"\x1c")
        if len(content) > LIMIT:
            return [*found, "too-long"]
        if whole is None:
            break
        found.append(Frame(content))
        rest = rest[whole.end() :]
    return found


@given(
    st.lists(st.sampled_from([b"\x0b", b"\x1c", b"\r", b"\n", b" ", b"MSH|", b"x" * 30]), max_size=20).map(b"".join),
    st.lists(st.integers(0, 1000), max_size=6),
)
def test_any_bytes_at_any_split(stream: bytes, places: list[int]) -> None:
    """Any mixture of the bytes that matter gives what the rules say, the same at every split."""
    found = [event.problem.code if isinstance(event, Fault) else event for event in events(split(stream, places))]
    assert found == reference(stream)


@pytest.mark.parametrize("content", [b"\x0b", b"a\x1cb"])
def test_content_that_would_break_the_frame(content: bytes) -> None:
    """Content with a byte of the frame is not sent."""
    with pytest.raises(InvalidInput, match="keeps for its frames"):
        framed(content)


def test_content_is_not_shown() -> None:
    """Neither a frame nor a fault shows content in its `repr`."""
    shown = repr([Frame(b"Kari"), *events([b"Kari"])])
    assert "Kari" not in shown
