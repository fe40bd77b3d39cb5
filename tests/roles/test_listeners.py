# SPDX-License-Identifier: MIT
"""Ports are bound all or none, and what cannot be bound is said in one sentence."""

import dataclasses
import socket

import pytest

from homemail.config.site import PortSettings
from homemail.roles.listeners import Listener, PortTaken, bind, close, is_own_address

NONE = PortSettings(**{field.name: 0 for field in dataclasses.fields(PortSettings)})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_port_of_zero_is_off():
    assert bind(NONE, ["127.0.0.1"]) == []


def test_a_service_is_bound_on_every_host():
    port = free_port()
    listeners = bind(dataclasses.replace(NONE, imap=port), ["127.0.0.1", "127.0.0.2"])
    try:
        assert [one.address for one in listeners] == [("127.0.0.1", port), ("127.0.0.2", port)]
        assert {one.service for one in listeners} == {"imap"}
        socket.create_connection(("127.0.0.2", port), 5).close()
    finally:
        close(listeners)


def test_loopback_only_is_understood():
    listeners = bind(dataclasses.replace(NONE, smtp=free_port()), ["loopback-only"])
    try:
        assert listeners[0].address[0] == "127.0.0.1"
        assert {one.address[0] for one in listeners} <= {"127.0.0.1", "::1"}
    finally:
        close(listeners)


def test_a_taken_port_leaves_nothing_open():
    first, taken = free_port(), socket.socket()
    with taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports = dataclasses.replace(NONE, smtp=first, pop3=taken.getsockname()[1])
        with pytest.raises(PortTaken, match=r"port \d+ \(pop3\) on 127.0.0.1 is in use"):
            bind(ports, ["127.0.0.1"])
    with socket.socket() as again:
        again.bind(("127.0.0.1", first))


def test_an_ipv6_address_that_is_not_here_is_passed_over():
    listeners = bind(dataclasses.replace(NONE, smtp=free_port()), ["127.0.0.1", "2001:db8::1"])
    try:
        assert len(listeners) == 1
    finally:
        close(listeners)


def test_an_ipv4_address_that_is_not_here_is_told():
    with pytest.raises(PortTaken, match="cannot be opened"):
        bind(dataclasses.replace(NONE, smtp=free_port()), ["192.0.2.1"])


def test_own_addresses_are_those_listened_on():
    with socket.socket() as any_socket:
        narrow = [Listener("smtp", ("127.0.0.1", 25), any_socket)]
        assert is_own_address(narrow, "127.0.0.1")
        assert not is_own_address(narrow, "127.0.0.2")
        wide = [Listener("smtp", ("0.0.0.0", 25), any_socket)]
        assert is_own_address(wide, "127.0.0.2")
        assert not is_own_address(wide, "192.0.2.1")
        assert not is_own_address(wide, "no address")
