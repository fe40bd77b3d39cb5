# SPDX-License-Identifier: MIT
"""CAPABILITY, NOOP, CHECK, LOGOUT, ID: the commands without much to them."""

from __future__ import annotations

from dataclasses import dataclass

from homemail.imap.commands.identify import parse_id, server_id
from homemail.imap.extension import Extension
from homemail.imap.grammar import Scanner
from homemail.imap.response import Tagged, bad, ok
from homemail.imap.selected import Selected
from homemail.imap.session import Session, selected


@dataclass(frozen=True, slots=True)
class Capability:
    """CAPABILITY."""


@dataclass(frozen=True, slots=True)
class Noop:
    """NOOP."""


@dataclass(frozen=True, slots=True)
class Check:
    """CHECK: everything is durable already, so it is a NOOP that needs a mailbox."""


@dataclass(frozen=True, slots=True)
class Logout:
    """LOGOUT."""


@dataclass(frozen=True, slots=True)
class Id:
    """ID, with what the client says of itself."""

    fields: dict[str, str]


@dataclass(frozen=True, slots=True)
class TooLate:
    """A command of the state before login."""


async def _capability(session: Session, command: Capability) -> Tagged:
    session.send(b"* CAPABILITY %b\r\n" % session.capability_list())
    return ok("Capabilities listed")


async def _noop(session: Session, command: Noop) -> Tagged:
    await session.refresh()
    return ok("Nothing done")


async def _check(session: Session, view: Selected, command: Check) -> Tagged:
    await session.refresh()
    return ok("Checked")


async def _logout(session: Session, command: Logout) -> Tagged:
    await session.unselect()  # nothing is told behind BYE
    session.finished = True
    session.send(b"* BYE Logging out\r\n")
    return ok("Logged out")


async def _identify(session: Session, command: Id) -> Tagged:
    session.send(server_id())
    return ok("Identified")


async def _too_late(session: Session, command: TooLate) -> Tagged:
    return bad("You are logged in already")


def _parse_id(scanner: Scanner) -> Id:
    return Id(parse_id(scanner))


def _parse_too_late(scanner: Scanner) -> TooLate:
    scanner.skip_all()
    return TooLate()


SIMPLE = Extension(
    grammar={
        b"CAPABILITY": lambda scanner: Capability(),
        b"NOOP": lambda scanner: Noop(),
        b"CHECK": lambda scanner: Check(),
        b"LOGOUT": lambda scanner: Logout(),
        b"LOGIN": _parse_too_late,
        b"AUTHENTICATE": _parse_too_late,
        b"STARTTLS": _parse_too_late,
    },
    handlers={
        Capability: _capability,
        Noop: _noop,
        Check: selected(_check),
        Logout: _logout,
        TooLate: _too_late,
    },
)

ID = Extension(
    capability=b"ID", before_login=True, grammar={b"ID": _parse_id}, handlers={Id: _identify}
)
