# SPDX-License-Identifier: MIT
"""EXTERNAL: the client has shown a certificate when TLS began.

Source: RFC 4422 §A.
"""

from __future__ import annotations

from homemail.auth.sasl.dialogue import (
    Dialogue,
    Failed,
    Mechanism,
    Proven,
    Scene,
    Shows,
    send,
    text_of,
)


def external(scene: Scene) -> Dialogue:
    """Take whom the client wants to act for; empty is who its certificate says that it is."""
    wanted = text_of((yield from send()))
    for name in scene.client_names:
        if name.casefold() == wanted.casefold():
            return Proven(name)
    if not scene.client_names:
        return Failed()
    return Proven(scene.client_names[0], authzid=wanted)


EXTERNAL = Mechanism("EXTERNAL", external, Shows.CERTIFICATE)
