# SPDX-License-Identifier: MIT
"""Headers rewritten: of what is submitted, and of what goes out."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homemail.message.address_spans import address_spans, with_addresses
from homemail.model.address import Address
from homemail.model.envelope import Envelope, Origin, Recipient, TraceId
from homemail.model.message import MemoryContent, read_all
from homemail.mta.api import NextHop
from homemail.mta.header_rewrite import rewrite_header
from homemail.mta.sending.generic import GenericTransport
from tests.mta.addresses.house import addressing, table

MESSAGE = (
    b"From: alice@home.test (Alice Blum)\r\n"
    b'To: "Alice, home" <alice@home.test>,\r\n'
    b"\tBob <bob@away.example>, friends: carol@home.test;\r\n"
    b"Subject: alice@home.test\r\n"
    b"Reply-To: <Alice@Home.Test>\r\n"
    b"\r\n"
    b"From: alice@home.test\r\n"
)


def rewritten(message: bytes, **tables) -> bytes:
    made = addressing(**tables)
    return read_all(asyncio.run(rewrite_header(MemoryContent(message), made.rewriter)))


def test_canonical_in_the_header():
    found = rewritten(MESSAGE, canonical_maps=table({"alice": "Alice.Blum"}))
    assert found == MESSAGE.replace(b"alice@home.test (", b"Alice.Blum@home.test (").replace(
        b"<alice@home.test>", b"<Alice.Blum@home.test>"
    ).replace(b"<Alice@Home.Test>", b"<Alice.Blum@home.test>")


def test_directions_in_the_header():
    found = rewritten(MESSAGE, sender_canonical_maps=table({"alice": "A"}))
    assert b"From: A@home.test (Alice Blum)" in found
    assert b'"Alice, home" <alice@home.test>' in found
    found = rewritten(MESSAGE, recipient_canonical_maps=table({"carol": "C"}))
    assert b"friends: C@home.test;" in found


def test_masquerade_in_the_header():
    message = b"From: a@x.home.test\r\nTo: root@y.home.test, b@y.home.test\r\n\r\n"
    found = rewritten(message, masquerade_domains="home.test", masquerade_exceptions="root")
    assert found == b"From: a@home.test\r\nTo: root@y.home.test, b@home.test\r\n\r\n"


def test_nothing_to_do_copies_nothing():
    content = MemoryContent(MESSAGE)
    assert asyncio.run(rewrite_header(content, addressing().rewriter)) is content


def test_generic():
    seen = []

    async def transport(next_hop, envelope, recipients, content):
        seen.append((envelope.reverse_path, recipients[0].forward_path, read_all(content)))
        return ()

    made = addressing(
        smtp_generic_maps=table(
            {"alice@home.test": "me@isp.example", "@localhost": "x@isp.example"}
        )
    )
    generic = GenericTransport(transport, made.rewriter)
    recipient = Recipient(Address.parse("y@localhost"))
    envelope = Envelope(Address.parse("Alice@home.test"), (recipient,), TraceId("T"), Origin.SMTP)
    asyncio.run(generic(NextHop("smtp", "x"), envelope, (recipient,), MemoryContent(MESSAGE)))
    ((sender, forward_path, message),) = seen
    assert (str(sender), str(forward_path)) == ("me@isp.example", "x@isp.example")
    assert b"From: me@isp.example (Alice Blum)" in message
    assert message.endswith(b"\r\n\r\nFrom: alice@home.test\r\n")


def test_generic_that_cannot_be_asked_waits(tmp_path):
    made = addressing(smtp_generic_maps=f"hash:{tmp_path}/missing")
    recipient = Recipient(Address.parse("y@x.example"))
    envelope = Envelope(Address.parse("a@home.test"), (recipient,), TraceId("T"), Origin.SMTP)
    generic = GenericTransport(None, made.rewriter)
    (sent,) = asyncio.run(
        generic(NextHop("smtp", "x"), envelope, (recipient,), MemoryContent(MESSAGE))
    )
    assert sent.reply.code == 451


@pytest.mark.parametrize(
    ("body", "addresses"),
    [
        (b" a@b.c", [b"a@b.c"]),
        (b" a, b@c ; ", [b"a", b"b@c"]),
        (b' "x" <a@b>, (c) d@e (f)', [b"a@b", b"d@e"]),
        (b' "a b"@c, "d"', [b'"a b"@c', b'"d"']),
        (b" list: a@b, c@d;, e", [b"a@b", b"c@d", b"e"]),
        (b" two words, <>", []),
        (b" <@r:a@b>", []),
        (b" a@b,\r\n\tc@d\r\n", [b"a@b", b"c@d"]),
        (b" A <a@b", []),
    ],
)
def test_spans(body, addresses):
    spans = list(address_spans(body))
    assert [span.text for span in spans] == addresses
    assert [body[span.start : span.end] for span in spans] == addresses


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=40) | st.text('a@<>(),:;"\\\r\n. ', max_size=40).map(str.encode))
def test_unchanged_addresses_change_nothing(body):
    assert with_addresses(body, lambda text: text) == body
