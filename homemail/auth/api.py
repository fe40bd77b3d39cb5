# SPDX-License-Identifier: MIT
"""The contract of accounts and authentication."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from homemail.model.address import AccountId, Address
from homemail.model.session import ChannelFacts


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who has mail here. ``addresses`` are extra ones, beside ``name@`` local domains.

    ``uid`` and ``gid`` None mean those of the server. ``options`` are per-account settings such as
    ``quota``.
    """

    id: AccountId
    home: Path
    uid: int | None = None
    gid: int | None = None
    addresses: tuple[Address, ...] = ()
    enabled: bool = True
    options: Mapping[str, str] = field(default_factory=dict)


class Accounts(Protocol):
    """A source of accounts. Answers from memory or a file; ``async`` for those that ask others.

    Raises ``TableUnavailable`` when it cannot tell; an account that is not there is ``None``.
    """

    async def find(self, name: str) -> Account | None:
        """Return the account with this login name: ``name``, ``name@domain``, any case."""

    async def find_address(self, address: Address) -> Account | None:
        """Return the account that this address belongs to, without looking at ``+ext``."""

    async def all(self) -> Sequence[Account]:
        """Return every account, sorted by id."""

    async def secrets(self, account: AccountId) -> Sequence[str]:
        """Return the account's ``{SCHEME}value`` secrets, or none when it may not log in."""

    async def app_passwords(self, account: AccountId) -> Mapping[str, str]:
        """Return the secrets that one program each logs in with, by the program's label."""

    async def replace_secret(self, account: AccountId, old: str, new: Sequence[str]) -> None:
        """Put ``new`` in the place of ``old``, where this source can be written.

        Raises ``MailError`` where it cannot be written now.
        """

    def common_schemes(self) -> frozenset[str]:
        """Return the schemes that every account which may log in has a secret of.

        A mechanism such as SCRAM-SHA-256 is announced only where nobody is left out.
        """

    def stored_schemes(self) -> frozenset[str]:
        """Return the schemes that any account has a secret of."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """Go on: send ``octets`` (base64 is the protocol's affair) and bring what comes back."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class Authenticated:
    """Proven. ``ticket`` opens the owner's worker; ``final`` is sent along with success."""

    account: Account
    ticket: str
    mechanism: str
    final: bytes = b""


@dataclass(frozen=True, slots=True)
class Denied:
    """Not proven. ``temporary``: the accounts could not be asked, the client may try again.

    ``text`` is safe for the client and the same for an unknown user and a wrong password.
    ``code`` is an IMAP/POP3 response code (RFC 5530, RFC 3206): AUTHENTICATIONFAILED,
    UNAVAILABLE, AUTHORIZATIONFAILED, EXPIRED, PRIVACYREQUIRED.
    """

    text: str
    temporary: bool = False
    code: str = "AUTHENTICATIONFAILED"


SaslStep = Challenge | Authenticated | Denied


class SaslExchange(Protocol):
    """One authentication by SASL (RFC 4422), from the server's side."""

    async def step(self, response: bytes | None) -> SaslStep:
        """Take the client's response; ``None`` at the start where there is no initial response.

        May wait for a password hash or a delay after failures. After ``Authenticated`` or
        ``Denied`` it must not be called again.
        """


class Authenticator(Protocol):
    """The door from the frontends to the authenticator."""

    def mechanisms(self, channel: ChannelFacts) -> tuple[str, ...]:
        """Return the mechanisms to announce on such a connection, strongest first."""

    def begin(self, mechanism: str, channel: ChannelFacts) -> SaslExchange | None:
        """Return a new exchange, or None when the mechanism is not offered on this channel."""

    async def login(
        self, name: str, password: bytes, channel: ChannelFacts
    ) -> Authenticated | Denied:
        """Check a name and password (IMAP LOGIN, POP3 USER and PASS)."""

    def apop_timestamp(self, channel: ChannelFacts) -> str | None:
        """Return what a POP3 greeting challenges its client with, None where nobody has APOP."""

    async def apop(
        self, name: str, digest: str, timestamp: str, channel: ChannelFacts
    ) -> Authenticated | Denied:
        """Check what a client makes of its password and ``timestamp`` (RFC 1939 §7)."""
