# SPDX-License-Identifier: MIT
"""A stream whose octets are compressed, both ways.

What comes is expanded ``READ_AHEAD`` octets at a time: a small piece that expands to gigabytes
takes no more memory than any other, and is held to the limits of lines and literals.

Source: RFC 4978 §3, RFC 4978 §4.
"""

from __future__ import annotations

import zlib

from homemail.stream import READ_AHEAD, Stream, StreamEnd

_RAW = -15  # no header, no checksum
_LEVEL = 5


class NotCompressed(StreamEnd):
    """What came is not what the client had said it would be."""

    farewell = "The compressed stream is broken"


class Deflated:
    """What ``Dialogue`` asks of a stream, over a ``Stream``."""

    def __init__(self, inner: Stream) -> None:
        self.inner = inner
        self._inflate = zlib.decompressobj(_RAW)
        self._deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW)
        self._rest = b""
        self._has_more = False  # the last piece filled its room: more may be inside

    async def read(self, seconds: float) -> bytes:
        """Return what came, expanded; nothing at all after ``poke``.

        Raises:
            StreamEnd: as ``Stream.read``, or what came cannot be expanded.
        """
        while True:
            if not (self._rest or self._has_more):
                self._rest = await self.inner.read(seconds)
                if not self._rest:
                    return b""
            plain = self._expand()
            if plain:
                return plain

    def _expand(self) -> bytes:
        if self._inflate.eof:
            raise NotCompressed
        try:
            plain = self._inflate.decompress(self._rest, READ_AHEAD)
        except zlib.error:
            raise NotCompressed from None
        self._rest = self._inflate.unconsumed_tail
        self._has_more = len(plain) == READ_AHEAD
        return plain

    def write(self, data: bytes) -> None:
        self.inner.write(self._deflate.compress(data) + self._deflate.flush(zlib.Z_SYNC_FLUSH))

    def finish(self) -> bytes:
        """End the compression; return what came behind the client's end of it."""
        self.inner.write(self._deflate.flush(zlib.Z_FINISH))
        return self._inflate.unused_data

    async def drain(self) -> None:
        await self.inner.drain()

    def poke(self) -> None:
        self.inner.poke()

    def close(self) -> None:
        self.inner.close()

    def abort(self) -> None:
        self.inner.abort()
