# SPDX-License-Identifier: MIT
"""LOGIN: what old clients send in PLAIN's place; described in draft-murchison-sasl-login only.

The prompts are those that clients compare with.
"""

from __future__ import annotations

from homemail.auth.sasl.dialogue import (
    BadResponse,
    Claim,
    Dialogue,
    Mechanism,
    Scene,
    Shows,
    send,
    text_of,
)


def login(scene: Scene) -> Dialogue:
    """Ask for the name, then for the password."""
    name = text_of((yield from send(b"Username:")))
    password = yield from send(b"Password:")
    if not name or b"\0" in password:
        raise BadResponse
    return Claim(name=name, password=password)


LOGIN = Mechanism("LOGIN", login, Shows.PASSWORD)
