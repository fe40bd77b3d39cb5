# SPDX-License-Identifier: MIT
"""One SASL authentication: a mechanism's dialogue between the client and the accounts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from homemail.auth.api import Authenticated, Challenge, Denied, SaslStep
from homemail.auth.sasl.dialogue import (
    Answer,
    BadResponse,
    Failed,
    Mechanism,
    Outcome,
    Question,
    Scene,
    Send,
)
from homemail.errors import Temporary
from homemail.log import Log

log = Log("auth")

_RESPONSE_OCTETS = 12_288  # RFC 4954 §4 sets this limit for SMTP; it serves the others as well

MALFORMED = Denied("Invalid SASL response")
UNAVAILABLE = Denied("Try again later", temporary=True, code="UNAVAILABLE")

Inform = Callable[[str, Question], Awaitable[Answer | Denied]]
"""Answers the question of a mechanism; what an account lacks is made up."""

Conclude = Callable[[str, Outcome], Awaitable[Authenticated | Denied]]
"""Checks what is claimed, counts what has failed."""


def trouble(error: Exception) -> Denied:
    """Return what a client is told when it cannot be found out who it is; to be logged here.

    Call it where ``error`` is being handled. Nobody is let in, and the client may try again.
    """
    if isinstance(error, Temporary):
        log.warning("logins cannot be checked", why=error.__cause__ or error)
    else:
        log.exception("a login failed by a fault of ours")
    return UNAVAILABLE


class Exchange:
    """Fulfils ``auth.api.SaslExchange`` for one dialogue."""

    def __init__(
        self,
        mechanism: Mechanism,
        scene: Scene,
        inform: Inform,
        conclude: Conclude,
    ) -> None:
        self._mechanism = mechanism.name
        self._dialogue = mechanism.begin(scene)
        self._inform = inform
        self._conclude = conclude
        self._started = False

    async def step(self, response: bytes | None) -> SaslStep:
        if response is not None and len(response) > _RESPONSE_OCTETS:
            return self._stop(MALFORMED)
        try:
            return await self._advance(response)
        except Exception as error:
            return self._stop(trouble(error))

    async def _advance(self, response: bytes | None) -> SaslStep:
        try:
            wanted = self._first(response) if not self._started else self._give(response or b"")
            while not isinstance(wanted, Send):
                answer = await self._inform(self._mechanism, wanted)
                if isinstance(answer, Denied):
                    return self._stop(answer)
                wanted = self._give(answer)
            return Challenge(wanted.octets)
        except StopIteration as end:
            return await self._conclude(self._mechanism, end.value)
        except BadResponse:
            await self._conclude(self._mechanism, Failed())
            return MALFORMED

    def _first(self, response: bytes | None) -> Send | Question:
        self._started = True
        wanted = next(self._dialogue)
        return wanted if response is None else self._give(response)

    def _give(self, answer: Answer) -> Send | Question:
        return self._dialogue.send(answer)

    def _stop(self, denied: Denied) -> Denied:
        self._dialogue.close()
        return denied
