# SPDX-License-Identifier: MIT
"""Next hops as the settings and the transport table write them."""

from __future__ import annotations

import re

from homemail.mta.api import NextHop

_PORTS = {"smtp": 25, "relay": 25, "lmtp": 24}
_SERVICES = {"smtp": 25, "lmtp": 24, "submission": 587}
_HOST = re.compile(
    r"(?:\[(?P<bracketed>[^\[\]\s]+)\]|(?P<plain>[^\[\]:\s]+))(?::(?P<port>[a-z0-9]+))?"
)


def parse_next_hop(text: str, transport: str = "smtp") -> NextHop:
    """Return the next hop in ``text``: ``host``, ``[host]``, ``host:port``, ``unix:/path``.

    A bracketed host and a bare address are not looked up in MX.

    Raises:
        ValueError: with what was expected.
    """
    if text.startswith("unix:/"):
        return NextHop(transport, text.removeprefix("unix:"), 0)
    match = _HOST.fullmatch(text)
    if not match:
        raise ValueError('expected a next hop such as "mail.example.org" or "[192.0.2.1]:587"')
    port = _port(match["port"], transport)
    if match["bracketed"] is not None:
        host = re.sub(r"(?i)^ipv6:", "", match["bracketed"])
        return NextHop(transport, host.lower(), port, bracketed=True)
    host = match["plain"].lower()
    return NextHop(transport, host, port, bracketed=_is_address(host))


def parse_transport(text: str, domain: str) -> NextHop:
    """Return what ``transport:nexthop`` means for mail to ``domain``.

    Without a next hop it is the domain itself (Postfix's transport(5)). Behind ``unix:`` is the
    path of a socket, which has port 0. The next hop of a transport that does not connect to a host
    (``error``, ``discard``, a program) is any text.

    Raises:
        ValueError: with what was expected.
    """
    transport, _, hop = text.partition(":")
    transport = transport or "smtp"
    if transport not in _PORTS:
        return NextHop(transport, hop.strip() or domain, 0)
    return parse_next_hop(hop or domain, transport)


def _port(text: str | None, transport: str) -> int:
    if text is None:
        return _PORTS.get(transport, 25)
    if text in _SERVICES:
        return _SERVICES[text]
    if text.isdecimal() and 0 < int(text) < 65536:
        return int(text)
    raise ValueError(f'expected a port number, got "{text}"')


def _is_address(host: str) -> bool:
    return re.fullmatch(r"\d{1,3}(\.\d{1,3}){3}", host) is not None
