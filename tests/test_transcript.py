# SPDX-License-Identifier: MIT
"""The transcript runner itself: it passes what is right and names file and line of what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

import tests.transcript as transcript
from tests.transcript import run_transcript


class Canned:
    """A connection that answers from a list."""

    def __init__(self, *lines: bytes) -> None:
        self.lines, self.sent = list(lines), b""

    def send(self, data: bytes) -> None:
        self.sent += data

    def readline(self) -> bytes:
        return self.lines.pop(0) if self.lines else b""

    def starttls(self) -> None: ...

    def close(self) -> None: ...


@pytest.fixture
def play(tmp_path, monkeypatch):
    monkeypatch.setattr(transcript, "HERE", tmp_path)

    def run(text: str, line: Canned, **more):
        path: Path = tmp_path / "a.transcript"
        path.write_text(text)
        monkeypatch.setattr(transcript, "HERE", tmp_path / "tests")
        return run_transcript(path, lambda service: line, "smtp", **more)

    return run


def test_a_dialogue_captures_and_reuses(play):
    line = Canned(b"220 hi\r\n", b"250 queued as X1\r\n", b"noise\r\n", b"221 X1\r\n")
    known = play(
        "# greeting\nS~ 220 .*\nC: MAIL\nS~ 250 queued as (?P<id>.+)\nC~ 'Q $id\\r\\n'\n"
        "S...221 $id\n.. eof\n",
        line,
    )
    assert known["id"] == "X1"
    assert line.sent == b"MAIL\r\nQ X1\r\n"


def test_a_difference_names_file_and_line(play):
    with pytest.raises(AssertionError, match=r"a\.transcript:2: expected '250 ok', got '550 no'"):
        play("C: RCPT\nS: 250 ok\n", Canned(b"550 no\r\n"))


def test_a_line_that_is_none_is_an_error(play):
    with pytest.raises(AssertionError, match="not a line"):
        play("Hello\n", Canned())


def test_events_are_called(play):
    called = []
    play(".. delivered\n", Canned(), events={"delivered": lambda: called.append(1)})
    assert called == [1]
