# SPDX-License-Identifier: MIT
"""PLAIN: authorization identity, name and password in one message.

Source: RFC 4616 §2.
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


def plain(scene: Scene) -> Dialogue:
    """Take ``[authzid] NUL authcid NUL passwd``."""
    parts = (yield from send()).split(b"\0")
    if len(parts) != 3 or not parts[1]:
        raise BadResponse
    return Claim(name=text_of(parts[1]), password=parts[2], authzid=text_of(parts[0]))


PLAIN = Mechanism("PLAIN", plain, Shows.PASSWORD)
