# SPDX-License-Identifier: MIT
"""How a mechanism is written: as a generator that says what it needs next.

It yields ``Send`` and gets the client's response, or a question about accounts and gets the
answer; it returns a ``Claim`` that is still to be checked, ``Proven``, or ``Failed``. Whoever
drives it knows the accounts, the clock and the connection; a mechanism knows none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from enum import Enum

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
class RecallPassword:
    """Look up the password of the account ``name``; a made-up one where it is not stored."""

    name: str


@dataclass(frozen=True, slots=True)
class AskToken:
    """Ask whose access token this is; the answer is a login name, empty where it is nobody's."""

    token: str


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
Question = Recall | RecallPassword | AskToken
Answer = ScramVerifier | bytes | str
Dialogue = Generator[Send | Question, Answer, Outcome]


class BadResponse(Exception):
    """The client's response is not what the mechanism prescribes."""


class Shows(Enum):
    """What a client that uses a mechanism lets us, or whoever listens, see."""

    PASSWORD = "password"
    TOKEN = "token"
    PROOF = "proof"
    CERTIFICATE = "certificate"


@dataclass(frozen=True, slots=True)
class Scene:
    """What a dialogue may depend on beside what the client says.

    ``nonce`` is a source of nonces: printable, without comma, never the same twice.
    ``binding_offered``: a mechanism with channel binding was announced to the client.
    """

    nonce: Callable[[], str]
    host: str = "localhost"
    bindings: Mapping[str, bytes] = field(default_factory=dict)
    binding_offered: bool = False
    client_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mechanism:
    """``scheme`` is what every account must store for it; ``binds``: only with channel binding."""

    name: str
    begin: Callable[[Scene], Dialogue]
    shows: Shows
    scheme: str = ""
    binds: bool = False


def send(octets: bytes = b"") -> Generator[Send | Question, Answer, bytes]:
    """Yield a ``Send`` and return the client's response."""
    response = yield Send(octets)
    if not isinstance(response, bytes):
        raise TypeError("a Send was not answered by octets")
    return response


def recall(name: str, scheme: str) -> Generator[Send | Question, Answer, ScramVerifier]:
    """Yield a ``Recall`` and return the verifier."""
    verifier = yield Recall(name, scheme)
    if not isinstance(verifier, ScramVerifier):
        raise TypeError("a Recall was not answered by a verifier")
    return verifier


def recall_password(name: str) -> Generator[Send | Question, Answer, bytes]:
    """Yield a ``RecallPassword`` and return the password."""
    password = yield RecallPassword(name)
    if not isinstance(password, bytes):
        raise TypeError("a RecallPassword was not answered by octets")
    return password


def ask_token(token: str) -> Generator[Send | Question, Answer, str]:
    """Yield an ``AskToken`` and return the name, empty where the token is no good."""
    name = yield AskToken(token)
    if not isinstance(name, str):
        raise TypeError("an AskToken was not answered by a name")
    return name


def text_of(octets: bytes) -> str:
    """Return ``octets`` as text; raises ``BadResponse`` unless they are UTF-8 without NUL."""
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        raise BadResponse from None
    if "\0" in text:
        raise BadResponse
    return text
