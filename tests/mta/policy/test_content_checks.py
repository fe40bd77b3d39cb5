# SPDX-License-Identifier: MIT
"""header_checks and body_checks: what is looked up, and what each answer does."""

from __future__ import annotations

import asyncio
import os

import pytest

from homemail.config.policy import PolicySettings
from homemail.model.address import Address
from homemail.model.envelope import TraceId
from homemail.model.message import FileContent, MemoryContent, read_all
from homemail.model.reply import Reply
from homemail.mta.api import Hold
from homemail.mta.content_checks import ContentChecks
from homemail.mta.effect import Bcc, Discard, Filter, Redirect

MESSAGE = (
    b"From: a@b.example\r\nSubject: More\r\n money\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n'
    b"--x\r\nContent-Type: text/plain\r\n\r\nfirst line\r\nbuy now\r\n"
    b'--x\r\nContent-Type: application/x-exe; name="a.exe"\r\n\r\nMZ\r\n'
    b"--x\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ninner body\r\n--x--\r\n"
)


def look(tmp_path, rules: str, message: bytes = MESSAGE, kind: str = "header_checks", **more):
    """Return the reply that refuses, or the content and the effects."""
    file = tmp_path / "rules"
    file.write_text(rules + "\n")
    names = ("header_checks", "mime_header_checks", "nested_header_checks", "body_checks")
    settings = {name: (f"regexp:{file}",) if name == kind else () for name in names}
    checks = ContentChecks(PolicySettings(**settings, **more))
    seen = asyncio.run(checks.look(MemoryContent(message), TraceId("T"), tmp_path))
    return str(seen) if isinstance(seen, Reply) else (read_all(seen.content), seen.effects)


def test_nothing_is_done_without_tables():
    assert not ContentChecks(PolicySettings())


@pytest.mark.parametrize(
    ("rules", "reply"),
    [
        ("/^subject: more money$/ REJECT", "552 5.7.1 Error: content rejected"),
        ("/^subject:/ REJECT no money here", "550 5.7.1 no money here"),
        ("/^subject:/ REJECT 5.7.9 no", "550 5.7.9 no"),
        ("/^subject:/ REJECT 450 4.7.9 no", "450 4.7.9 no"),
        ("/^subject:/ NONSENSE", "451 4.3.5 Server configuration error"),
        ("/^subject:/ REDIRECT nonsense", "451 4.3.5 Server configuration error"),
    ],
)
def test_refusals(rules, reply, tmp_path):
    assert look(tmp_path, rules) == reply


@pytest.mark.parametrize(
    "rules",
    [
        "/^subject: other/ REJECT",
        "/^subject:/ DUNNO\n/money/ REJECT",
        "/^subject:/ OK\n/money/ REJECT",
        "/^subject:/ WARN look",
        "/^from:/ PASS\n/^subject/ REJECT",
        "/^first line/ REJECT",
        "/^content-type: text/ REJECT",
        "/^subject: inner/ REJECT",
    ],
)
def test_what_passes(rules, tmp_path):
    assert look(tmp_path, rules) == (MESSAGE, ())


def test_each_kind_sees_its_own(tmp_path):
    reply = "552 5.7.1 Error: content rejected"
    assert look(tmp_path, "/name=.*exe/ REJECT", kind="mime_header_checks") == reply
    assert look(tmp_path, "/^mime-version/ REJECT", kind="mime_header_checks") == reply
    assert look(tmp_path, "/^subject: inner/ REJECT", kind="nested_header_checks") == reply
    assert look(tmp_path, "/^buy now$/ REJECT", kind="body_checks") == reply
    assert look(tmp_path, "/^inner body$/ REJECT", kind="body_checks") == reply
    assert look(tmp_path, "/^(From|Subject|Content)/ REJECT", kind="body_checks")[0] == MESSAGE
    assert look(tmp_path, "/more money/ REJECT", kind="nested_header_checks")[0] == MESSAGE


def test_changes(tmp_path):
    folded = b"Subject: More\r\n money\r\n"
    for rule, new in (
        ("IGNORE", b""),
        ("STRIP why", b""),
        ("REPLACE Subject: less", b"Subject: less\r\n"),
        ("PREPEND X-Money: yes", b"X-Money: yes\r\n" + folded),
    ):
        content, effects = look(tmp_path, f"/^subject:/ {rule}")
        assert (content, effects) == (MESSAGE.replace(folded, new, 1), ())
    content, _ = look(tmp_path, "/^buy/ REPLACE [gone]\n/^first/ IGNORE", kind="body_checks")
    assert content == MESSAGE.replace(b"first line\r\nbuy now", b"[gone]")


@pytest.mark.parametrize(
    ("value", "effect"),
    [
        ("HOLD", Hold("by a look at the content")),
        ("DISCARD junk", Discard("junk")),
        ("FILTER smtp:[127.0.0.1]:10025", Filter("smtp:[127.0.0.1]:10025")),
        ("REDIRECT bob@home.test", Redirect(Address.parse("bob@home.test"))),
        ("BCC bob@home.test", Bcc(Address.parse("bob@home.test"))),
    ],
)
def test_effects(value, effect, tmp_path):
    assert look(tmp_path, f"/^subject:/ {value}") == (MESSAGE, (effect,))


def test_the_rest_of_a_long_body_is_not_looked_at(tmp_path):
    message = b"Subject: x\r\n\r\n" + b"line\r\n" * 100 + b"virus\r\n"
    rules = "/virus/ REJECT"
    more = {"kind": "body_checks", "body_checks_size_limit": 300}
    assert look(tmp_path, rules, message, **more) == (message, ())
    assert look(tmp_path, rules, message, kind="body_checks").startswith("552")


def test_a_message_in_a_file(tmp_path):
    body = b"x" * 70 + b"\r\n"
    message = b"Subject: gone\r\nFrom: a@b.example\r\n\r\n" + body * 10_000
    file = tmp_path / "message"
    file.write_bytes(message)
    rules = tmp_path / "rules"
    rules.write_text("/^subject: gone/ REPLACE Subject: changed\n")
    checks = ContentChecks(PolicySettings(header_checks=(f"regexp:{rules}",)))

    async def run():
        with file.open("rb") as opened:
            content = FileContent(os.dup(opened.fileno()), len(message))
        return await checks.look(content, TraceId("T"), tmp_path)

    seen = asyncio.run(run())
    assert read_all(seen.content) == message.replace(b"gone", b"changed", 1)


def test_a_table_that_is_not_there_defers(tmp_path):
    checks = ContentChecks(PolicySettings(header_checks=("regexp:/nonexistent/rules",)))
    seen = asyncio.run(checks.look(MemoryContent(MESSAGE), TraceId("T"), tmp_path))
    assert str(seen) == "451 4.3.0 Temporary lookup failure"


@pytest.mark.parametrize("message", [b"", b"\r\n", b"no header\r\n", b"\r\nbody", b"Subject:"])
def test_odd_messages(message, tmp_path):
    assert look(tmp_path, "/nothing/ REJECT", message) == (message, ())
    assert look(tmp_path, "/nothing/ REJECT", message, kind="body_checks") == (message, ())
