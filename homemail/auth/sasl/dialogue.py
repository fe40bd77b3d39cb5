# SPDX-License-Identifier: MIT
"""How a mechanism is written: as a generator that says what it needs next.

It yields ``Send`` and gets the client's response, or ``Recall`` and gets the account's secrets; it
returns a ``Claim`` that is still to be checked, ``Proven``, or ``Failed``. Whoever drives it knows
the accounts, the clock and the connection; a mechanism knows none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

from homemail.auth.scram_verifier import ScramVerifier


@dataclass(frozen=True, slots=True)
class Send:
    """Send ``octets``; what the client answers comes back.

    Where the client may speak first and has (an initial response), the first one is not sent.
    """

    octets: bytes = b""


@dataclass(frozen=True, slots=True)
class Recall:
    """Look up the SCRAM verifier of the account ``name``, or a made-up one for nobody."""

    name: str
    scheme: str


@dataclass(frozen=True, slots=True)
class Claim:
    """The client says that it is ``name`` and shows a password; acts as ``authzid`` if not ""."""

    name: str
    password: bytes
    authzid: str = ""


@dataclass(frozen=True, slots=True)
class Proven:
    """The client has shown that it knows the secret of ``name``; ``final`` goes to it."""

    name: str
    final: bytes = b""
    authzid: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """Not proven; ``name`` is known where the dialogue came that far."""

    name: str = ""


Outcome = Claim | Proven | Failed
Dialogue = Generator[Send | Recall, bytes | ScramVerifier, Outcome]


class BadResponse(Exception):
    """The client's response is not what the mechanism prescribes."""


@dataclass(frozen=True, slots=True)
class Mechanism:
    """``scheme`` is what every account must store for it, "" where a password is shown.

    ``begin`` gets a source of nonces: printable, without comma, never the same twice.
    """

    name: str
    begin: Callable[[Callable[[], str]], Dialogue]
    scheme: str = ""

    @property
    def is_cleartext(self) -> bool:
        """Shows the password to whoever listens."""
        return not self.scheme


def send(octets: bytes = b"") -> Generator[Send | Recall, bytes | ScramVerifier, bytes]:
    """Yield a ``Send`` and return the client's response."""
    response = yield Send(octets)
    if not isinstance(response, bytes):
        raise TypeError("a Send was not answered by octets")
    return response


def recall(
    name: str, scheme: str
) -> Generator[Send | Recall, bytes | ScramVerifier, ScramVerifier]:
    """Yield a ``Recall`` and return the verifier."""
    verifier = yield Recall(name, scheme)
    if not isinstance(verifier, ScramVerifier):
        raise TypeError("a Recall was not answered by a verifier")
    return verifier


def text_of(octets: bytes) -> str:
    """Return ``octets`` as text; raises ``BadResponse`` unless they are UTF-8 without NUL."""
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        raise BadResponse from None
    if "\0" in text:
        raise BadResponse
    return text
