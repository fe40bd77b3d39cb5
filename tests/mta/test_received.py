# SPDX-License-Identifier: MIT
"""The Received field."""

from __future__ import annotations

import pytest

from homemail.model.address import Address
from homemail.model.envelope import TraceId
from homemail.model.session import Peer, TlsFacts
from homemail.mta.received import format_received, transmission_type
from tests.mta.smtp_server import NOW


def received(**changed) -> bytes:
    facts = {
        "helo": "client.example",
        "peer": Peer("192.0.2.1", 4000),
        "tls": None,
        "by": "mail.home.test",
        "protocol": "ESMTP",
        "trace": TraceId("TRACE1"),
        "only_recipient": None,
        "at": NOW,
    }
    return format_received(**(facts | changed))


def test_plain():
    assert received() == (
        b"Received: from client.example ([192.0.2.1])\r\n"
        b" by mail.home.test (homemail) with ESMTP id TRACE1;"
        b" Sat, 21 Nov 2026 16:36:27 +0000\r\n"
    )


def test_tls_and_a_lone_recipient():
    field = received(
        tls=TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384"),
        peer=Peer("2001:db8::1", 4000),
        only_recipient=Address.parse("alice@home.test"),
    )
    assert b"([IPv6:2001:db8::1])\r\n (using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384)" in field
    assert b"\r\n for <alice@home.test>; Sat, 21 Nov" in field


@pytest.mark.parametrize(
    ("helo", "written"),
    [
        ("x\r\nX-Evil: yes", b"x??X-Evil:?yes"),
        ("a)(b", b"a??b"),
        ("bücher", b"b?cher"),
        ("", b"?"),
        ("[192.0.2.1]", b"[192.0.2.1]"),
        ("x" * 1000, b"x" * 255),
    ],
)
def test_helo_forges_nothing(helo, written):
    assert received(helo=helo).startswith(b"Received: from " + written + b" ([192.0.2.1])\r\n")


@pytest.mark.parametrize(
    ("word", "facts"),
    [
        ("SMTP", {"extended": False}),
        ("ESMTP", {}),
        ("ESMTPS", {"tls": True}),
        ("ESMTPA", {"authenticated": True}),
        ("ESMTPSA", {"tls": True, "authenticated": True}),
        ("LMTP", {"lmtp": True}),
        ("LMTPS", {"lmtp": True, "tls": True}),
        ("UTF8SMTPS", {"utf8": True, "tls": True}),
        ("UTF8LMTP", {"utf8": True, "lmtp": True}),
    ],
)
def test_transmission_type(word, facts):
    defaults = {
        "lmtp": False,
        "extended": True,
        "tls": False,
        "authenticated": False,
        "utf8": False,
    }
    assert transmission_type(**(defaults | facts)) == word
