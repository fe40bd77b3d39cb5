# SPDX-License-Identifier: MIT
"""What every step of a delivery needs: the owner, and the delivery at hand."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from homemail.auth.api import Account
from homemail.config.local import LocalSettings
from homemail.log import Log
from homemail.mda.final_fields import trace_fields
from homemail.message.header import HEADER_LIMIT, split_message
from homemail.model.address import Address, ReversePath, account_id
from homemail.model.delivery import Delivery
from homemail.model.envelope import Envelope, Notify, Origin, Recipient, Submit, new_trace
from homemail.model.message import MemoryContent, MessageContent, PrefixedContent, behind
from homemail.model.reply import Reply
from homemail.sieve import Limits, Redirect
from homemail.store.lane import OwnerMail

log = Log("mda")


@dataclass(frozen=True, slots=True)
class Owner:
    """An account, its mail, and the ways out. ``now`` gives a time that knows its zone."""

    account: Account
    mail: OwnerMail
    submit: Submit
    settings: LocalSettings
    limits: Limits
    delimiter: str
    may_run_programs: bool
    hostname: str
    now: Callable[[], datetime]

    @property
    def home(self) -> Path:
        return self.account.home

    @property
    def uid(self) -> int:
        return os.geteuid() if self.account.uid is None else self.account.uid

    @property
    def name(self) -> str:
        """The account's name without a domain."""
        return self.account.id.partition("@")[0]


@dataclass(slots=True)
class Job:
    """One delivery.

    ``done`` are the steps whose end is known: they are not repeated when it is retried. The value
    is the reply of one that failed for good.
    """

    delivery: Delivery
    content: MessageContent
    done: dict[str, Reply | None] = field(default_factory=dict)

    @property
    def trace(self) -> str:
        return self.delivery.envelope.trace


def header_of(job: Job) -> bytes:
    """Return the message's header with the empty line that ends it."""
    with job.content.open() as reader:
        octets = reader.read(HEADER_LIMIT)
    return octets[: split_message(octets)]


def owner_address(job: Job) -> Address:
    """Return the recipient without ``+ext``."""
    address, detail = job.delivery.recipient.forward_path, job.delivery.detail
    if detail and address.local_part.lower().endswith(detail.lower()):
        return replace(address, local_part=address.local_part[: -len(detail) - 1])
    return address


def own_addresses(owner: Owner, job: Job) -> frozenset[str]:
    """Return the addresses known to be the owner's, in lower case."""
    recipient = job.delivery.recipient.forward_path
    known = {str(recipient), str(owner_address(job)), *map(str, owner.account.addresses)}
    account = str(owner.account.id)
    known.add(account if "@" in account else f"{account}@{recipient.domain}")
    return frozenset(str(account_id(address)) for address in known)


def with_header(job: Job, header: bytes | None) -> MessageContent:
    """Return the message, with the header that a script gave it if it did."""
    if header is None:
        return job.content
    return PrefixedContent(header, behind(job.content, len(header_of(job))))


async def send_on(owner: Owner, job: Job, addresses: tuple[Address, ...]) -> None:
    """Queue the message for ``addresses`` as a child of this delivery, once.

    The reverse-path, and what the sender wants to be told, stay.

    Source: RFC 5321 §3.9.1.
    """
    await queue_child(owner, job, addresses, job.delivery.envelope, job.content)


async def redirect(owner: Owner, job: Job, action: Redirect) -> None:
    """Queue the message as a script wants it sent on, once. As ``send_on``."""
    envelope = job.delivery.envelope
    if action.ret is not None:
        envelope = replace(envelope, ret=action.ret)
    content = with_header(job, action.header)
    await queue_child(owner, job, (action.address,), envelope, content, action.notify)


async def queue_child(
    owner: Owner,
    job: Job,
    addresses: tuple[Address, ...],
    envelope: Envelope,
    content: MessageContent,
    notify: Notify | None = None,
) -> None:
    """Queue ``content`` for ``addresses`` in an envelope made of ``envelope``, once."""
    key = "send " + " ".join(map(str, addresses))
    if key in job.done:
        return
    recipient = job.delivery.recipient
    wanted = recipient.notify if notify is None else notify
    child = replace(
        envelope,
        recipients=tuple(Recipient(a, recipient.original, wanted) for a in addresses),
        trace=new_trace(),
        origin=Origin.REDIRECT,
        submitter=None,
        parent=job.delivery.envelope.trace,
    )
    await owner.submit(child, PrefixedContent(trace_fields(job.delivery), content))
    job.done[key] = None
    log.info("sent on", trace=job.trace, child=child.trace, to=",".join(map(str, addresses)))


async def send_notice(
    owner: Owner,
    job: Job,
    to: tuple[Address, ...],
    octets: bytes,
    reverse_path: ReversePath = None,
) -> None:
    """Queue a message of our own about this delivery."""
    envelope = Envelope(
        reverse_path=reverse_path,
        recipients=tuple(Recipient(address, notify=Notify.NEVER) for address in to),
        trace=new_trace(),
        origin=Origin.NOTIFICATION,
        utf8=not all(address.is_ascii for address in to),
        parent=job.delivery.envelope.trace,
    )
    await owner.submit(envelope, MemoryContent(octets))
    log.info("notice sent", trace=job.trace, child=envelope.trace, to=",".join(map(str, to)))
