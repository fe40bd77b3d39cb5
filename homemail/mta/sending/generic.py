# SPDX-License-Identifier: MIT
"""``smtp_generic_maps``: addresses of the house that other hosts see otherwise.

Envelope and header are rewritten on the way out alone; what stays here keeps its addresses.
"""

from __future__ import annotations

from dataclasses import replace

from homemail.errors import TableUnavailable
from homemail.model.envelope import Envelope, Recipient
from homemail.model.message import MessageContent
from homemail.model.reply import reply_for
from homemail.mta.addresses.rewrite import Rewriter
from homemail.mta.api import NextHop
from homemail.mta.header_rewrite import rewrite_outgoing_header
from homemail.mta.sending.transport import Sent, Transport


class GenericTransport:
    """A ``Transport`` that rewrites and hands on to ``inner``."""

    def __init__(self, inner: Transport, rewriter: Rewriter) -> None:
        self._inner = inner
        self._rewriter = rewriter

    async def __call__(
        self,
        next_hop: NextHop,
        envelope: Envelope,
        recipients: tuple[Recipient, ...],
        content: MessageContent,
    ) -> tuple[Sent, ...]:
        if self._rewriter.changes_outgoing:
            try:
                envelope = await self._envelope(envelope)
                recipients = tuple([await self._recipient(one) for one in recipients])
                content = await rewrite_outgoing_header(content, self._rewriter)
            except TableUnavailable as error:
                return (Sent(reply_for(error)),) * len(recipients)
        return await self._inner(next_hop, envelope, recipients, content)

    async def _envelope(self, envelope: Envelope) -> Envelope:
        if envelope.reverse_path is None:
            return envelope
        return replace(envelope, reverse_path=await self._rewriter.generic(envelope.reverse_path))

    async def _recipient(self, recipient: Recipient) -> Recipient:
        return replace(recipient, forward_path=await self._rewriter.generic(recipient.forward_path))
