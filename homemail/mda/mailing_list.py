# SPDX-License-Identifier: MIT
"""A list of an owner: ``~/.forward+football`` makes ``chris+football@…`` one (``list_file``).

A message to it goes on as the owner's: the envelope sender is his address, so he hears of what
cannot be delivered. What other lists said of themselves in the header gives way to what this list
says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from email.utils import formataddr
from urllib.parse import quote

from homemail.mda.list_file import ListFacts
from homemail.mda.owner import Job, header_of, owner_address
from homemail.message.header import field_bodies, read_fields, without_fields
from homemail.model.address import Address
from homemail.model.envelope import Recipient
from homemail.model.message import PrefixedContent, behind

LIST_FIELDS = (
    *(b"list-id", b"list-post", b"list-unsubscribe", b"list-unsubscribe-post", b"list-subscribe"),
    *(b"list-help", b"list-owner", b"list-archive", b"precedence"),
)


@dataclass(frozen=True, slots=True)
class MailingList:
    """A list with its addresses."""

    name: str
    post: Address
    owner: Address
    facts: ListFacts

    @property
    def request(self) -> Address:
        """Where people write to join and leave, if the owner wants that."""
        return replace(self.post, local_part=f"{self.post.local_part}-request")

    @property
    def id(self) -> str:
        """The identifier (RFC 2919 §2)."""
        labels = (_label(self.name), _label(self.owner.local_part))
        return ".".join((*labels, self.owner.domain.name.strip("[]")))


def list_of(job: Job, name: str, facts: ListFacts) -> MailingList:
    """Return the owner's list ``name``; the message is for it, or for its ``-request``."""
    recipient = job.delivery.recipient.forward_path
    local_part = recipient.local_part.lower()
    if (job.delivery.detail or "").lower() != name:
        local_part = local_part.removesuffix("-request")
    post = replace(recipient, local_part=local_part)
    return MailingList(name, post, owner_address(job), facts)


def is_for_the_owner(job: Job) -> bool:
    """Whether a message to a list is none for its people: a notification, an automatic answer."""
    if job.delivery.envelope.reverse_path is None:
        return True
    automatic = read_fields(header_of(job)).get(b"auto-submitted", [b"no"])[0]
    return automatic.partition(b";")[0].strip().lower().startswith(b"auto-replied")


def is_loop(job: Job, mailing_list: MailingList) -> bool:
    """Whether the message has been through this list."""
    wanted = f"<{mailing_list.id}>".encode()
    return any(body.lower().endswith(wanted) for body in field_bodies(header_of(job), b"list-id"))


def as_posted(job: Job, mailing_list: MailingList) -> Job:
    """Return the delivery of the message as the list sends it."""
    header = header_of(job)
    kept = without_fields(header, LIST_FIELDS)
    content = PrefixedContent(list_fields(mailing_list) + kept, behind(job.content, len(header)))
    delivery = job.delivery
    recipient = Recipient(delivery.recipient.forward_path)
    envelope = replace(
        delivery.envelope, reverse_path=mailing_list.owner, ret=None, envelope_id=None
    )
    return replace(
        job, delivery=replace(delivery, recipient=recipient, envelope=envelope), content=content
    )


def list_fields(mailing_list: MailingList) -> bytes:
    """Return the fields that name the list and how to leave it.

    Source: RFC 2369 §3, RFC 2919 §3.
    """
    title = mailing_list.facts.title
    owner = _mailto(mailing_list.owner)
    leave = f"{owner}?subject={quote('unsubscribe ' + mailing_list.name)}"
    more = []
    if mailing_list.facts.is_open:
        request = _mailto(mailing_list.request)
        leave = f"{request}?subject=unsubscribe"
        more = [
            f"List-Subscribe: <{request}?subject=subscribe>",
            f"List-Help: <{request}?subject=help>",
        ]
    lines = [
        f"List-Id: {formataddr((title, mailing_list.id)) if title else f'<{mailing_list.id}>'}",
        f"List-Post: <{_mailto(mailing_list.post)}>",
        f"List-Unsubscribe: <{leave}>",
        *more,
        f"List-Owner: <{owner}>",
        "Precedence: list",
    ]
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8", "replace")


def _label(text: str) -> str:
    return re.sub(r"[^a-z0-9-]+", "-", text.lower()).strip("-") or "list"


def _mailto(address: Address) -> str:
    return f"mailto:{quote(address.local_part, safe='+')}@{address.domain.name}"
