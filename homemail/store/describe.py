# SPDX-License-Identifier: MIT
"""What the index keeps of a message besides its content, worked out once, at delivery."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Description:
    """Wire forms, header with its empty line, and the digest of the thread's root (or None)."""

    header: bytes
    envelope: bytes
    body_structure: bytes
    thread: bytes | None


def describe(octets: bytes) -> Description:
    """Return what is to be kept of a message with CRLF line ends."""
    end = octets.find(b"\r\n\r\n")
    header = octets if end < 0 else octets[: end + 4]
    return Description(header, b"", b"", None)
