# SPDX-License-Identifier: MIT
"""Messages of every shape go in by SMTP and come out of IMAP and POP3 byte for byte."""

from __future__ import annotations

import imaplib
import re
import smtplib

import pytest

from tests.samples import large, samples

pytestmark = pytest.mark.slow

_FIELD = re.compile(rb"[!-9;-~]+:(?:[^\r\n]|\r\n[ \t])*\r\n")
OURS = (b"Return-Path:", b"Received:", b"Delivered-To:", b"X-Original-To:")


def own_prefix(got: bytes, sent: bytes) -> bytes:
    """Return what the server put in front; it must be whole header fields of its own."""
    assert got.endswith(sent), (got[:600], sent[:200])
    prefix = got[: len(got) - len(sent)]
    if not _FIELD.match(sent) and not sent.startswith(b"\r\n"):
        prefix = prefix.removesuffix(b"\r\n")  # what is no header must not become one
    if sent.startswith(b"From "):
        prefix = prefix.removesuffix(b"X-Mailbox-Line: ")  # as Postfix names such a line
    at = 0
    while at < len(prefix):
        field = _FIELD.match(prefix, at)
        assert field, prefix[at:]
        assert field[0].startswith(OURS), field[0]
        at = field.end()
    return prefix


def test_there_are_enough_samples():
    assert len(samples()) >= 200


def test_every_sample_comes_out_as_it_went_in(house):
    with smtplib.SMTP("127.0.0.1", house.port("smtp"), timeout=60) as client:
        client.ehlo("elsewhere.example")
        for name, octets in samples():
            refused = client.sendmail("", ["alice@home.test"], octets, ["BODY=8BITMIME"])
            assert refused == {}, name
    imap = house.imap()
    imap.select(readonly=True)
    _, found = imap.fetch("1:*", "(RFC822.SIZE BODY.PEEK[])")
    by_imap = [(item[0], item[1]) for item in found if isinstance(item, tuple)]
    imap.logout()
    assert len(by_imap) == len(samples())
    pop3 = house.pop3()
    for number, (name, octets) in enumerate(samples(), 1):
        said, got = by_imap[number - 1]
        assert own_prefix(got, octets), name
        assert b"RFC822.SIZE %d " % len(got) in said, name
        _, lines, _ = pop3.retr(number)
        assert b"".join(line + b"\r\n" for line in lines) == got, name
        assert pop3.list(number).split()[-1] == b"%d" % len(got), name
    pop3.quit()


def test_every_sample_can_be_described(house):
    """ENVELOPE, BODYSTRUCTURE and single parts of every sample are answered in the grammar."""
    imap = house.imap()
    imap.create("Samples")
    for _, octets in samples():
        imap.append("Samples", None, None, octets)
    imap.select("Samples", readonly=True)
    kind, found = imap.fetch("1:*", "(UID ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER] BODY.PEEK[1])")
    assert kind == "OK"
    assert sum(isinstance(item, bytes) and item.startswith(b")") for item in found) or found
    for number, (name, octets) in enumerate(samples(), 1):
        _, found = imap.fetch(str(number), "(BODY.PEEK[HEADER] BODY.PEEK[TEXT])")
        octets_found = b"".join(item[1] for item in found if isinstance(item, tuple))
        assert octets_found == octets, name
    imap.close()
    imap.delete("Samples")
    imap.logout()


def test_a_large_attachment(house):
    octets = large()
    house.send(octets)
    [got] = house.messages()
    assert own_prefix(got, octets)
    imap = house.imap()
    imap.select(readonly=True)
    _, found = imap.fetch("1", "(BODY.PEEK[]<20000000.1000>)")
    assert found[0][1] == got[20_000_000:20_001_000]
    imap.logout()
    pop3 = house.pop3()
    _, lines, _ = pop3.retr(1)
    assert b"".join(line + b"\r\n" for line in lines) == got
    pop3.quit()


def test_appended_messages_come_back_as_they_are(house):
    imap = house.imap("bob")
    for name, octets in samples()[:60]:
        kind, said = imap.append("INBOX", "(\\Flagged)", imaplib.Time2Internaldate(1e9), octets)
        assert kind == "OK", (name, said)
    imap.logout()
    assert house.messages("bob") == [octets for _, octets in samples()[:60]]
