# SPDX-License-Identifier: MIT
"""Aliases at work in the queue: lists become messages of their own; and what ``submit`` expands.

A list's message keeps its content and gets ``Delivered-To`` with the list's address, against loops;
where the list has an owner, failures go there, and the sender hears of nothing any more
(RFC 3461 §5.2.7).
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from homemail.errors import MailError, Temporary
from homemail.log import Log
from homemail.mda.alias_target import alias_delivery, loop
from homemail.mda.final_fields import trace_fields
from homemail.mda.owner_file import read_owner_file
from homemail.model.delivery import Deferred, Delivered, DeliveryResult, Rejected
from homemail.model.envelope import Envelope, Origin, QueueId, Recipient, Submit, new_trace
from homemail.model.message import MessageContent, PrefixedContent
from homemail.model.reply import Reply, reply_for
from homemail.mta.addresses.resolve import Addressing, ReadList
from homemail.mta.api import RouteRefused
from homemail.mta.queue.attempt import DeliverTarget

log = Log("rewrite")

_TROUBLE = Reply(451, "4.3.0", "Local trouble while expanding a list, try again later")


class AliasDelivery:
    """A ``DeliverTarget``. ``targets`` serves what is no list; ``uid`` may own list files."""

    def __init__(
        self, addressing: Addressing, add: Submit, targets: DeliverTarget, *, uid: int
    ) -> None:
        self._addressing = addressing
        self._add = add
        self._targets = targets
        self._read_list = list_reader(uid)

    async def __call__(
        self, target: str, recipient: Recipient, envelope: Envelope, content: MessageContent
    ) -> DeliveryResult:
        if not target.startswith(":"):
            return await self._targets(target, recipient, envelope, content)
        try:
            return await self._list(recipient, envelope, content)
        except MailError as error:
            log.warning("list not expanded", trace=envelope.trace, list=target, why=error)
            return Deferred(reply_for(error, permanent=451))
        except Exception:
            log.exception("list not expanded", trace=envelope.trace, list=target)
            return Deferred(_TROUBLE)

    async def _list(
        self, recipient: Recipient, envelope: Envelope, content: MessageContent
    ) -> DeliveryResult:
        delivery = alias_delivery(recipient, envelope)
        refusal = loop(delivery, content)
        if refusal is not None:
            return refusal
        sender, accepted = await self._addressing.open_list(
            recipient, envelope.reverse_path, self._read_list
        )
        members = tuple(one.recipient for one in accepted)
        if members == (recipient,) and isinstance(accepted[0].route, RouteRefused):
            reply = accepted[0].route.reply
            return Rejected(reply) if reply.permanent else Deferred(reply)
        child = replace(
            envelope,
            reverse_path=sender,
            recipients=members,
            trace=new_trace(),
            origin=Origin.REDIRECT,
            submitter=None,
            parent=envelope.trace,
        )
        if sender != envelope.reverse_path:
            plain = tuple(Recipient(one.forward_path, target=one.target) for one in members)
            child = replace(child, recipients=plain, envelope_id=None, ret=None)
        await self._add(child, PrefixedContent(trace_fields(delivery), content))
        log.info("list expanded", trace=envelope.trace, child=child.trace, members=len(members))
        return Delivered(f"expanded to {len(members)} recipients, queued as {child.trace}")


def list_reader(uid: int) -> ReadList:
    """Return what reads list files; they belong to ``uid`` or root, and nobody else may write."""

    async def read_list(path: str) -> str:
        file = await asyncio.to_thread(read_owner_file, Path(path), uid)
        if file is None:
            raise Temporary("A list file cannot be used, try again later")
        return file.octets.decode("utf-8", "surrogateescape")

    return read_list


class ExpandingSubmit:
    """A ``Submit`` for what the house itself sends: recipients that are aliases are expanded."""

    def __init__(self, addressing: Addressing, add: Submit) -> None:
        self._addressing = addressing
        self._add = add

    async def __call__(self, envelope: Envelope, content: MessageContent) -> QueueId:
        """Hand the message on; raises ``Temporary`` where a table cannot be asked, too."""
        recipients: dict[Recipient, None] = {}
        for recipient in envelope.recipients:
            if recipient.target:
                recipients[recipient] = None
                continue
            accepted = await self._addressing.expand(
                recipient, recipient.forward_path, envelope.reverse_path
            )
            recipients |= dict.fromkeys(one.recipient for one in accepted)
        return await self._add(replace(envelope, recipients=tuple(recipients)), content)
