# SPDX-License-Identifier: MIT
"""The line or block in front of a proxied connection (HAProxy's PROXY protocol, versions 1 and 2).

Octets in, the client's end out; no IO.
"""

from __future__ import annotations

import ipaddress
import re
import struct
from dataclasses import dataclass

from homemail.model.session import Peer

V1_LIMIT = 107
"""The longest line of version 1, with its CRLF."""
V2_LIMIT = 16 + 2048
"""What a block of version 2 may have here; all that is sent is far shorter."""

_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_V1 = re.compile(rb"PROXY (TCP4|TCP6) (\S+) (\S+) (\d{1,5}) (\d{1,5})\r\n")
_V1_UNKNOWN = re.compile(rb"PROXY UNKNOWN(?: [^\r\n]*)?\r\n")


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """``peer`` is the client; None where the proxy speaks for itself. ``size`` in octets."""

    peer: Peer | None
    size: int


def parse_proxy(octets: bytes) -> ProxyHeader | None:
    """Return the header at the beginning of ``octets``, or None while it is not whole.

    Raises:
        ValueError: there is none.
    """
    if octets.startswith(_SIGNATURE[: len(octets)]) and len(octets) < 16:
        return None
    if octets.startswith(_SIGNATURE):
        return _parse_v2(octets)
    if not octets.startswith(b"PROXY "[: len(octets)]):
        raise ValueError("no PROXY header")
    end = octets.find(b"\r\n", 0, V1_LIMIT)
    if end < 0:
        if len(octets) >= V1_LIMIT:
            raise ValueError("a PROXY line that is too long")
        return None
    return _parse_v1(octets[: end + 2])


def _parse_v1(line: bytes) -> ProxyHeader:
    if _V1_UNKNOWN.fullmatch(line):
        return ProxyHeader(None, len(line))
    found = _V1.fullmatch(line)
    if found is None:
        raise ValueError("a bad PROXY line")
    kind = ipaddress.IPv4Address if found[1] == b"TCP4" else ipaddress.IPv6Address
    source = kind(found[2].decode("ascii", "replace"))
    kind(found[3].decode("ascii", "replace"))
    if max(int(found[4]), int(found[5])) > 65535:
        raise ValueError("a bad port in the PROXY line")
    return ProxyHeader(Peer(str(source), int(found[4])), len(line))


def _parse_v2(octets: bytes) -> ProxyHeader | None:
    version, family, length = struct.unpack_from("!BBH", octets, 12)
    size = 16 + length
    if version >> 4 != 2 or version & 15 > 1 or size > V2_LIMIT:
        raise ValueError("a bad PROXY block")
    if len(octets) < size:
        return None
    if version & 15 == 0:  # LOCAL: the proxy asks how we are
        return ProxyHeader(None, size)
    if family == 0x11 and length >= 12:
        source, port = ipaddress.IPv4Address(octets[16:20]), octets[24:26]
        return ProxyHeader(Peer(str(source), int.from_bytes(port)), size)
    if family == 0x21 and length >= 36:
        source6, port = ipaddress.IPv6Address(octets[16:32]), octets[48:50]
        return ProxyHeader(Peer(str(source6), int.from_bytes(port)), size)
    return ProxyHeader(None, size)
