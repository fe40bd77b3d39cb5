# SPDX-License-Identifier: MIT
"""What a transaction does with the content, and with its recipients."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from homemail.model.address import Address, account_id
from homemail.model.envelope import Origin, Recipient, Ret
from homemail.model.message import MemoryContent
from homemail.model.session import Peer
from homemail.mta.path import MailArguments
from homemail.mta.transaction import Client, Service, lead_in
from tests.mta.smtp_server import TRUSTED, House

CLIENT = Client(Service.SMTP, Peer("127.0.0.1", 1), "client.example")
SENDER = Address.parse("a@example.org")


async def send(house: House, content: bytes, *recipients: str, client: Client = CLIENT, **mail):
    """Return the replies to RCPT and to the message."""
    transaction = await house.transactions().begin(client, MailArguments(SENDER, **mail))
    rcpt = [
        str(await transaction.rcpt(Recipient(Address.parse(recipient)))) for recipient in recipients
    ]
    replies = await transaction.commit(MemoryContent(content))
    return rcpt, [str(reply) for reply in replies]


def filed(house: House) -> bytes:
    ((_, octets),) = house.deliver.filed
    return octets


def test_content_from_outside_is_only_prepended_to(house):
    message = b"Bcc: x@y.test\r\nFrom: alice\r\n\r\nbody\r\n"
    asyncio.run(send(house, message, "alice@home.test"))
    assert filed(house) == (
        b"Received: from client.example ([127.0.0.1])\r\n"
        b" by mail.home.test (homemail) with ESMTP id TRACE1\r\n"
        b" for <alice@home.test>; Sat, 21 Nov 2026 16:36:27 +0000\r\n" + message
    )


@pytest.mark.parametrize(
    ("head", "between"),
    [
        (b"Subject: x\r\n\r\n", b""),
        (b"", b""),
        (b"\r\nbody only\r\n", b""),
        (b"body only\r\n", b"\r\n"),
        (b"From a@b.test Sat Nov 21\r\nSubject: x\r\n", b"X-Mailbox-Line: "),
        (b"From: a@b.test\r\n", b""),
        (b" folded from nowhere\r\n", b"\r\n"),
    ],
)
def test_lead_in(head, between):
    assert lead_in(head) == between


def test_too_many_hops(house):
    header = b"Received: from x by y; z\r\n" * 51
    _, replies = asyncio.run(send(house, header + b"\r\nx\r\n", "alice@home.test"))
    assert replies == ["554 5.4.6 Error: too many hops"]
    assert house.deliver.tries == []


def test_received_in_the_body_is_no_hop(house):
    body = b"Received: from x by y; z\r\n" * 60
    _, replies = asyncio.run(send(house, b"Subject: x\r\n\r\n" + body, "alice@home.test"))
    assert replies == ["250 2.0.0 Ok: queued as TRACE1"]


def test_the_same_recipient_twice_is_one_delivery(house):
    rcpt, replies = asyncio.run(
        send(house, b"x\r\n", "alice@home.test", "Alice@HOME.test", "alice@home.test")
    )
    assert rcpt == ["250 2.1.5 Ok"] * 3
    assert replies == ["250 2.0.0 Ok: queued as TRACE1"]
    assert len(house.deliver.tries) == 1


def test_another_address_of_the_same_account_is_a_delivery_of_its_own(house):
    asyncio.run(send(house, b"x\r\n", "alice@home.test", "alice+x@home.test"))
    assert [delivery.detail for delivery in house.deliver.tries] == [None, "x"]


def test_recipients_do_not_learn_of_each_other(house):
    asyncio.run(send(house, b"x\r\n", "alice@home.test", "bob@home.test"))
    assert all(b" for <" not in octets for octets in house.messages)


def test_trusted_network_relays(house):
    house.site = replace(house.site, mynetworks=TRUSTED)
    rcpt, replies = asyncio.run(send(house, b"x\r\n", "x@example.net", "y@example.net"))
    assert rcpt == ["250 2.1.5 Ok"] * 2
    assert replies == ["250 2.0.0 Ok: queued as TRACE1"]
    assert len(house.queue.kept["TRACE1"].envelope.recipients) == 2


def test_envelope_carries_what_mail_said(house):
    client = replace(CLIENT, service=Service.SUBMISSION, submitter=account_id("carol"))

    async def submit() -> None:
        arguments = MailArguments(
            Address.parse("carol@example.org"), ret=Ret.HDRS, envelope_id="E1", utf8=True
        )
        transaction = await house.transactions().begin(client, arguments)
        await transaction.rcpt(Recipient(Address.parse("x@example.net")))
        await transaction.commit(MemoryContent(b"From: carol\r\nBcc: z@y.test\r\n\r\nbody\r\n"))

    asyncio.run(submit())
    kept = house.queue.kept["TRACE1"]
    assert kept.envelope.origin is Origin.SUBMISSION
    assert kept.envelope.submitter == account_id("carol")
    assert (kept.envelope.ret, kept.envelope.envelope_id) == (Ret.HDRS, "E1")
    assert kept.envelope.utf8
    assert b" with UTF8SMTPA id TRACE1\r\n" in kept.octets
    assert b"From: carol@home.test\r\n" in kept.octets
    assert b"Bcc" not in kept.octets


def test_lmtp_answers_each_rcpt(house):
    client = replace(CLIENT, service=Service.LMTP)
    recipients = ("alice@home.test", "bob@home.test", "alice@home.test")
    _, replies = asyncio.run(send(house, b"x\r\n", *recipients, client=client))
    assert len(replies) == 3
    header = b"Received: from x by y; z\r\n" * 51
    _, replies = asyncio.run(send(house, header + b"\r\n", *recipients, client=client))
    assert replies == ["554 5.4.6 Error: too many hops"] * 3
