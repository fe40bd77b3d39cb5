# SPDX-License-Identifier: MIT
"""Arguments of MAIL and RCPT."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homemail.model.address import Address, Domain
from homemail.model.envelope import Body, Notify, OriginalRecipient, Recipient, Ret
from homemail.model.reply import Reply
from homemail.mta.path import Defaults, MailArguments, decode_xtext, parse_mail, parse_rcpt

HOME = Defaults(origin=Domain.parse("origin.test"), postmaster=Domain.parse("home.test"))
A = Address.parse("a@example.org")


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("FROM:<a@example.org>", MailArguments(A)),
        ("from: <a@example.org>", MailArguments(A)),
        ("FROM:a@example.org", MailArguments(A)),
        ("FROM:<>", MailArguments(None)),
        ("FROM:<@x.example,@y.example:a@example.org>", MailArguments(A)),
        ("FROM:<rich>", MailArguments(Address.parse("rich@origin.test"))),
        ('FROM:<"a b>c"@example.org>', MailArguments(Address.parse('"a b>c"@example.org'))),
        ("FROM:<a@[192.0.2.1]>", MailArguments(Address.parse("a@[192.0.2.1]"))),
        ("FROM:<a@example.org> SIZE=12 BODY=8bitmime", MailArguments(A, 12, Body.EIGHT_BIT)),
        ("FROM:<a@example.org> RET=hdrs", MailArguments(A, ret=Ret.HDRS)),
        ("FROM:<a@example.org> ENVID=QQ+2B1", MailArguments(A, envelope_id="QQ+1")),
        ("FROM:<a@example.org> AUTH=<>", MailArguments(A)),
        ("FROM:<a@example.org> AUTH=e+3Dmc2@example.com", MailArguments(A)),
        (
            "FROM:<jörg@bücher.example> SMTPUTF8",
            MailArguments(Address.parse("jörg@bücher.example"), utf8=True),
        ),
    ],
)
def test_mail(argument, expected):
    assert parse_mail(argument, HOME) == expected


@pytest.mark.parametrize(
    ("argument", "code", "status"),
    [
        ("", 501, "5.5.4"),
        ("<a@example.org>", 501, "5.5.4"),
        ("FROM:", 501, "5.1.7"),
        ("FROM:<a@example.org", 501, "5.1.7"),
        ("FROM:<a@example.org>x", 501, "5.1.7"),
        ("FROM:<a@@example.org>", 501, "5.1.7"),
        ("FROM:<a@-example.org>", 501, "5.1.7"),
        ("FROM:<a\tb@example.org>", 501, "5.1.7"),
        ("FROM:<" + "a" * 2000 + "@example.org>", 501, "5.1.7"),
        ("FROM:<a@example.org> SIZE", 501, "5.5.4"),
        ("FROM:<a@example.org> SIZE=-1", 501, "5.5.4"),
        ("FROM:<a@example.org> SIZE=" + "9" * 21, 501, "5.5.4"),
        ("FROM:<a@example.org> SIZE=1 SIZE=2", 501, "5.5.4"),
        ("FROM:<a@example.org> BODY=BINARY", 501, "5.5.4"),
        ("FROM:<a@example.org> RET=ALL", 501, "5.5.4"),
        ("FROM:<a@example.org> ENVID=a+0D+0AX", 501, "5.5.4"),
        ("FROM:<a@example.org> ENVID=a+2b", 501, "5.5.4"),
        ("FROM:<a@example.org> ENVID=a+", 501, "5.5.4"),
        ("FROM:<a@example.org> SMTPUTF8=yes", 501, "5.5.4"),
        ("FROM:<a@example.org> AUTH=+1", 501, "5.5.4"),
        ("FROM:<a@example.org> =x", 501, "5.5.4"),
        ("FROM:<a@example.org> XVERP", 555, "5.5.4"),
        ("FROM:<jörg@example.org>", 553, "5.6.7"),
        ("FROM:<jörg@example.org> SIZE=1", 553, "5.6.7"),
    ],
)
def test_mail_refused(argument, code, status):
    reply = parse_mail(argument, HOME)
    assert isinstance(reply, Reply)
    assert (reply.code, reply.status) == (code, status)


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("TO:<a@example.org>", Recipient(A)),
        ("to: a@example.org", Recipient(A)),
        ("TO:<Postmaster>", Recipient(Address.parse("Postmaster@home.test"))),
        ("TO:haley", Recipient(Address.parse("haley@origin.test"))),
        ("TO:<@relay.example:a@example.org>", Recipient(A)),
        ("TO:<a@example.org> NOTIFY=NEVER", Recipient(A, notify=Notify.NEVER)),
        (
            "TO:<a@example.org> notify=success,Delay",
            Recipient(A, notify=Notify.SUCCESS | Notify.DELAY),
        ),
        (
            "TO:<a@example.org> ORCPT=rfc822;b+2Bc@example.org",
            Recipient(A, OriginalRecipient("rfc822", "b+c@example.org")),
        ),
        (
            r"TO:<a@example.org> ORCPT=utf-8;j\x{F6}rg@example.org",
            Recipient(A, OriginalRecipient("utf-8", "jörg@example.org")),
        ),
    ],
)
def test_rcpt(argument, expected):
    assert parse_rcpt(argument, HOME) == expected


@pytest.mark.parametrize(
    ("argument", "code", "status"),
    [
        ("FROM:<a@example.org>", 501, "5.5.4"),
        ("TO:<>", 501, "5.1.3"),
        ("TO:<@relay.example>", 501, "5.1.3"),
        ("TO:<a@example.org> NOTIFY=NEVER,SUCCESS", 501, "5.5.4"),
        ("TO:<a@example.org> NOTIFY=", 501, "5.5.4"),
        ("TO:<a@example.org> NOTIFY=SOMETIMES", 501, "5.5.4"),
        ("TO:<a@example.org> ORCPT=a@example.org", 501, "5.5.4"),
        ("TO:<a@example.org> ORCPT=rfc822;a+0Ab", 501, "5.5.4"),
        (r"TO:<a@example.org> ORCPT=utf-8;\x{110000}", 501, "5.5.4"),
        ("TO:<a@example.org> FOO", 555, "5.5.4"),
        ("TO:<jörg@example.org>", 553, "5.6.7"),
    ],
)
def test_rcpt_refused(argument, code, status):
    reply = parse_rcpt(argument, HOME)
    assert isinstance(reply, Reply)
    assert (reply.code, reply.status) == (code, status)


def test_utf8_recipient_of_a_utf8_message():
    recipient = parse_rcpt("TO:<jörg@bücher.example>", HOME, utf8=True)
    assert isinstance(recipient, Recipient)
    assert recipient.forward_path.domain.name == "xn--bcher-kva.example"


@settings(deadline=None, max_examples=300)
@given(st.text('FROM:TO:<>@a."\\ =+;,\t\x00ö[]', max_size=60))
def test_any_text_is_an_argument_or_a_reply(text):
    for prefix in ("", "FROM:<", "FROM:<a@b.example> "):
        assert isinstance(parse_mail(prefix + text, HOME), MailArguments | Reply)
    for prefix in ("", "TO:<", "TO:<a@b.example> ORCPT="):
        assert isinstance(parse_rcpt(prefix + text, HOME), Recipient | Reply)


def test_hostile_lengths_take_linear_time():
    for text in ('FROM:<"' + "\\" * 2000, "FROM:<" + "a." * 2000, "FROM:<" + "@a," * 700):
        assert isinstance(parse_mail(text, HOME), Reply)


def test_xtext():
    assert decode_xtext("plain") == "plain"
    assert decode_xtext("a+2Bb+3D") == "a+b="
