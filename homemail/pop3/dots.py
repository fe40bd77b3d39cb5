# SPDX-License-Identifier: MIT
"""Messages as they go out: dots doubled at the start of lines, ended by a line with one dot.

Source: RFC 1939 §3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO

_PIECE = 64 * 1024


def stuffed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield ``pieces`` (of CRLF lines, cut anywhere) with doubled dots, then the last line.

    A message that does not end in CRLF gets one, since the last line needs it.
    """
    before = b"\r\n"  # the last two octets that went out: a line begins here
    for piece in pieces:
        if not piece:
            continue
        # Only what follows CRLF is the start of a line; the two octets before tell it over a cut.
        yield (before + piece).replace(b"\r\n.", b"\r\n..")[2:]
        before = (before + piece)[-2:]
    yield b".\r\n" if before == b"\r\n" else b"\r\n.\r\n"


def top(reader: BinaryIO, lines: int) -> Iterator[bytes]:
    """Yield the header, the empty line and the first ``lines`` lines of the body.

    Source: RFC 1939 §7.
    """
    in_header, at_line_start, left = True, True, lines
    while in_header or left > 0:
        piece = reader.readline(_PIECE)
        if not piece:
            return
        yield piece
        whole = piece.endswith(b"\n")
        if in_header:
            in_header = not (at_line_start and piece in (b"\r\n", b"\n"))
        elif whole:
            left -= 1
        at_line_start = whole
