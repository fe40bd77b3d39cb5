# SPDX-License-Identifier: MIT
"""The listening sockets: bound first, by whoever may, then given to the frontend."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

from homemail.config.site import PortSettings


class PortTaken(Exception):
    """A port that cannot be listened on; the text says which and why."""

    def __init__(self, text: str, *, is_about_the_number: bool) -> None:
        super().__init__(text)
        self.is_about_the_number = is_about_the_number


@dataclass(frozen=True, slots=True)
class Listener:
    """One listening socket and the service it is for: a name of ``PortSettings``."""

    service: str
    address: tuple[str, int]
    socket: socket.socket


IMPLICIT_TLS = frozenset({"submissions", "imaps", "pop3s"})
"""Services that begin with the TLS handshake (RFC 8314 §3)."""

BACKLOG = 512

_INTERFACES = {"all": ("0.0.0.0", "::"), "loopback-only": ("127.0.0.1", "::1")}


def bind(ports: PortSettings, interfaces: Sequence[str]) -> list[Listener]:
    """Listen on every interface for every service whose port is not 0.

    ``interfaces`` are addresses, ``all`` or ``loopback-only``; an IPv6 address that this machine
    does not have is passed over where there is another. All or nothing: after an error no socket
    stays open.

    Raises:
        PortTaken: with a sentence that names the port and what to do.
    """
    hosts = [host for name in interfaces for host in _INTERFACES.get(name, (name.strip("[]"),))]
    bound: list[Listener] = []
    try:
        for service, port in _services(ports):
            for host in hosts:
                if (
                    one := _listen(host, port, service, optional=":" in host and len(hosts) > 1)
                ) is not None:
                    bound.append(Listener(service, (host, port), one))
    except BaseException:
        close(bound)
        raise
    return bound


def close(listeners: Iterable[Listener]) -> None:
    """Stop listening."""
    for listener in listeners:
        listener.socket.close()


def is_own_address(listeners: Iterable[Listener], address: str) -> bool:
    """Whether one of ``listeners`` answers at the IP address ``address``."""
    hosts = {listener.address[0] for listener in listeners}
    if address in hosts:
        return True
    if not hosts & {"0.0.0.0", "::"}:
        return False
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))  # only an address of this machine can be bound
    except OSError:
        return False
    return True


def _services(ports: PortSettings) -> list[tuple[str, int]]:
    named = ((field.name, getattr(ports, field.name)) for field in fields(ports))
    return [(service, port) for service, port in named if port]


def _listen(host: str, port: int, service: str, *, optional: bool) -> socket.socket | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        one = socket.socket(family, socket.SOCK_STREAM)
    except OSError:
        if optional:
            return None
        raise
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind((host, port))
        one.listen(BACKLOG)
        one.setblocking(False)
    except OSError as error:
        one.close()
        if optional and error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
            return None
        raise PortTaken(
            _why(error, host, port, service), is_about_the_number=error.errno in _OF_THE_NUMBER
        ) from error
    return one


_OF_THE_NUMBER = (errno.EADDRINUSE, errno.EACCES, errno.EPERM)


def _why(error: OSError, host: str, port: int, service: str) -> str:
    where = f"port {port} ({service}) on {host}"
    if error.errno == errno.EADDRINUSE:
        return f"{where} is in use by another program"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"{where} may be opened by root only"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{where} cannot be opened: this machine has no such address (inet_interfaces)"
    return f"{where} cannot be opened: {error.strerror}"
