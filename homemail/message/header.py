# SPDX-License-Identifier: MIT
"""Fields of a header: where they are, what they say, some of them octet for octet.

A header ends at its first empty line; a line that is no field (no colon) is passed over. Names are
lower-case octets without the colon.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from mmap import mmap
from typing import NamedTuple

Octets = bytes | mmap
"""What can be scanned without a copy; ``bytes(view)`` for a memoryview."""

HEADER_LIMIT = 1 << 20
"""Fields past this many octets of one header are not read."""

_MOST_COMPILED = 30  # names in one search
_EMPTY_LINE = re.compile(rb"\n(\r?\n)")
_FIELD = re.compile(
    rb"([!-9;-~]++)[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)\n?"
    rb"|(\r?\n)"  # the end; before what follows, as that would take in a body that is indented
    rb"|[^\n]++(?:\n[ \t][^\n]*+)*+\n?"
)
_MIME_FIELD = re.compile(
    rb"\n([cC][oO][nN][tT][eE][nN][tT]-[!-9;-~]++)[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)"
)
_FOLD = re.compile(rb"\r?\n(?=[ \t])")


class Field(NamedTuple):
    """One field: ``start`` to ``end`` with its line end; the body begins at ``body``."""

    name: bytes
    start: int
    body: int
    end: int


def as_octets(octets: bytes | bytearray | memoryview | mmap) -> Octets:
    """Return something that can be searched; only a large ``mmap`` is not copied."""
    if isinstance(octets, bytes) or (isinstance(octets, mmap) and len(octets) > HEADER_LIMIT):
        return octets
    return octets[:] if isinstance(octets, mmap) else bytes(octets)


def split_message(octets: Octets) -> int:
    """Return where the body begins: after the first empty line, or at the end."""
    if octets[:1] == b"\n":
        return 1
    if octets[:2] == b"\r\n":
        return 2
    found = _EMPTY_LINE.search(octets)
    return found.end() if found else len(octets)


def fields(header: bytes) -> Iterator[Field]:
    """Yield every field of ``header`` in order."""
    for found in _FIELD.finditer(header, 0, HEADER_LIMIT):
        if found[1] is not None:
            yield Field(found[1].lower(), found.start(), found.start(2), found.end())
        elif found[3] is not None:
            return


def read_fields(header: bytes) -> dict[bytes, list[bytes]]:
    """Return the unfolded bodies of every field by name."""
    bodies: dict[bytes, list[bytes]] = {}
    for found in _FIELD.finditer(header, 0, HEADER_LIMIT):
        name, body, end = found.groups()
        if name is not None:
            bodies.setdefault(name.lower(), []).append(unfold(body))
        elif end is not None:
            break
    return bodies


def read_mime_fields(header: bytes) -> dict[bytes, bytes]:
    """Return the unfolded body of the first of each field whose name begins with Content-."""
    bodies: dict[bytes, bytes] = {}
    for found in _MIME_FIELD.finditer(b"\n" + header[:HEADER_LIMIT]):
        name, body = found.groups()
        bodies.setdefault(name.lower(), unfold(body))
    return bodies


def unfold(body: bytes) -> bytes:
    """Return a field's body on one line, without the blanks around it.

    Source: RFC 5322 §2.2.3.
    """
    if b"\n" in body:
        body = _FOLD.sub(b"", body)
    return body.strip(b" \t\r\n")


def field_bodies(header: bytes, name: bytes) -> list[bytes]:
    """Return the unfolded body of each field ``name`` (lower case), in order."""
    header = header[: min(split_message(header), HEADER_LIMIT)]
    found = _selector(frozenset((name,))).findall(b"\n" + header)
    return [unfold(field.partition(b":")[2]) for field in found]


def without_fields(header: bytes, names: Iterable[bytes]) -> bytes:
    """Return ``header`` without the fields of these names (lower case), else octet for octet."""
    unwanted = frozenset(names)
    return cut_fields(header, (field for field in fields(header) if field.name in unwanted))


def cut_fields(header: bytes, gone: Iterable[Field]) -> bytes:
    """Return ``header`` without these fields of it, which are in order, else octet for octet."""
    pieces: list[bytes] = []
    at = 0
    for field in gone:
        pieces.append(header[at : field.start])
        at = field.end
    return b"".join((*pieces, header[at:]))


def select_fields(header: bytes, names: Iterable[bytes], *, negate: bool = False) -> bytes:
    """Return the fields of these names octet for octet, in order, and the empty line.

    With ``negate``, all but these. Names compare in any case. Where ``header`` has no empty line
    of its own, none is added.

    Source: RFC 9051 §6.4.5.1.
    """
    wanted = frozenset(name.lower() for name in names)
    is_plain = len(header) <= HEADER_LIMIT and header.endswith(b"\n")
    if is_plain and not negate and 0 < len(wanted) <= _MOST_COMPILED:
        return _selected(header, wanted) + _ending(header)
    chosen = [header[f.start : f.end] for f in fields(header) if (f.name in wanted) is not negate]
    return b"".join(chosen) + _ending(header)


def _selected(header: bytes, wanted: frozenset[bytes]) -> bytes:
    """Return the fields by one search for all names: the same few are asked for all day."""
    found = _selector(wanted).findall(b"\n" + header[: split_message(header)])
    return b"\n".join(found) + b"\n" if found else b""


@lru_cache(maxsize=64)
def _selector(wanted: frozenset[bytes]) -> re.Pattern[bytes]:
    names = b"|".join(re.escape(name) for name in sorted(wanted))
    # The line end of a field is not taken: it is where the next one may begin.
    return re.compile(rb"\n((?:" + names + rb")[ \t]*+:[^\n]*+(?:\n[ \t][^\n]*+)*+)", re.IGNORECASE)


def _ending(header: bytes) -> bytes:
    if header.endswith(b"\r\n\r\n") or header == b"\r\n":
        return b"\r\n"
    return b"\n" if header.endswith(b"\n\n") or header == b"\n" else b""
