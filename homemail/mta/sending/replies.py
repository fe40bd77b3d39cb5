# SPDX-License-Identifier: MIT
"""Replies out of the octets that a server sends."""

from __future__ import annotations

import re

from homemail.errors import PeerError
from homemail.model.reply import Reply
from homemail.wire import LineTooLong, WireBuffer

_LINE_LIMIT = 2048  # RFC 5321 §4.5.3.1.5 asks for 512; servers write longer ones
_LINES_LIMIT = 200
_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)
_STATUS = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)")


class ReplyReader:
    """Collects lines into replies.

    Source: RFC 5321 §4.2.
    """

    def __init__(self) -> None:
        self._buffer = WireBuffer()
        self._lines: list[bytes] = []

    def __len__(self) -> int:
        """Octets and lines that are not part of a taken reply."""
        return len(self._buffer) + len(self._lines)

    def feed(self, data: bytes) -> None:
        self._buffer.feed(data)

    def take(self) -> Reply | None:
        """Return the next reply, or None when it is not whole yet.

        Raises:
            PeerError: what came is not a reply, or longer than anybody needs.
        """
        while True:
            try:
                line = self._buffer.take_line(_LINE_LIMIT)
            except LineTooLong:
                raise PeerError("the server sent a line that is too long") from None
            if line is None:
                return None
            match = _LINE.fullmatch(line)
            if match is None or len(self._lines) >= _LINES_LIMIT:
                raise PeerError("the server sent what is no reply")
            self._lines.append(match[3] or b"")
            if match[2] != b"-":
                lines, self._lines = self._lines, []
                return _reply(int(match[1]), lines)


def _reply(code: int, lines: list[bytes]) -> Reply:
    texts = [_printable(line) for line in lines]
    first = _STATUS.match(texts[0])
    status = first[1] if first and first[1][0] == str(code)[0] else ""
    if status:
        texts = [_STATUS.sub("", text, count=1) for text in texts]
    elif code >= 400 or code < 300:
        status = f"{code // 100}.0.0"
    return Reply(code, status, "\n".join(texts))


def _printable(line: bytes) -> str:
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", "?", line.decode("utf-8", "replace"))
