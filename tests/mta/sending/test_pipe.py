# SPDX-License-Identifier: MIT
from __future__ import annotations

import asyncio
import json
import sys

import pytest

from homemail.errors import ConfigError
from homemail.model.envelope import OriginalRecipient
from homemail.model.message import MemoryContent
from homemail.mta.api import NextHop
from homemail.mta.sending.fixed import FIXED
from homemail.mta.sending.pipe import PipeSender, open_pipes, parse_pipe
from tests.mta.queue.samples import CONTENT, envelope, recipient

SCRIPT = """\
import json, sys
with open({out!r}, "a") as file:
    print(json.dumps([sys.argv[1:], sys.stdin.buffer.read().decode()]), file=file)
sys.exit({status})
"""


@pytest.fixture
def run(tmp_path):
    """Return a function that runs one message through a pipe: the replies, and what came there."""

    def run(line, *recipients, status=0, content=CONTENT, **fields):
        script, out = tmp_path / "script.py", tmp_path / "out"
        script.write_text(SCRIPT.format(out=str(out), status=status))
        line = line.replace("PROGRAM", f"{sys.executable} {script}")
        sender = PipeSender(parse_pipe(line), "+", 30.0)
        sample = envelope(*recipients, trace="T1", **fields)
        hop = NextHop("prog", "far.test", 0)
        sents = asyncio.run(sender(hop, sample, sample.recipients, content))
        got = [json.loads(text) for text in out.read_text().splitlines()] if out.exists() else []
        return [sent.reply for sent in sents], got

    return run


@pytest.mark.slow
def test_arguments_and_message(run):
    line = "prog: argv=PROGRAM -f ${sender} $nexthop $(queue_id) -- ${user}/${extension} $recipient"
    replies, got = run(line, "Bob+x@Far.test", '"a b; rm"@far.test')
    assert [reply.code for reply in replies] == [250, 250]
    ((words, message),) = got
    assert words[:5] == ["-f", "alice@home.test", "far.test", "T1", "--"]
    assert words[5:] == ["Bob/x", "a b; rm/", "Bob+x@Far.test", '"a b; rm"@far.test']
    assert message == "From: alice@home.test\nSubject: hello\n\nHello\n.dot\n"


@pytest.mark.slow
def test_flags(run):
    content = MemoryContent(b"Subject: x\r\n\r\nFrom me\r\n.dot\r\n")
    original = OriginalRecipient("rfc822", "old@home.test")
    line = "prog: flags=DORFB.>hu null_sender=nobody argv=PROGRAM ${sender} ${recipient}"
    replies, got = run(
        line, recipient("BOB@Far.test", original=original), "c@x.test", sender=None, content=content
    )
    assert [reply.code for reply in replies] == [250, 250]
    (words, message), (others, _) = got
    assert (words, others) == (["nobody", "bob@far.test"], ["nobody", "c@x.test"])
    lines = message.splitlines()
    assert lines[0].startswith(">From MAILER-DAEMON")
    assert lines[1:4] == [
        "Return-Path: <>",
        "X-Original-To: old@home.test",
        "Delivered-To: bob@far.test",
    ]
    assert lines[4:] == ["Subject: x", "", ">From me", "..dot", ""]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "expected"), [(75, "4.3.0"), (67, "5.1.1"), (77, "5.7.0"), (1, "4.3.0")]
)
def test_exit_status(run, status, expected):
    (reply,), _ = run("prog: argv=PROGRAM", "bob@far.test", status=status)
    assert reply.status == expected


def test_an_address_that_would_be_an_option(run):
    (reply,), got = run("prog: argv=PROGRAM ${recipient}", "-oQ/tmp@far.test")
    assert (reply.code, reply.status, got) == (553, "5.1.3", [])


def test_too_big(run):
    (reply,), got = run("prog: size=10 argv=PROGRAM", "bob@far.test")
    assert (reply.status, got) == ("5.3.4", [])


def test_a_program_that_is_not_there():
    async def go(line):
        sender = PipeSender(parse_pipe(line), "+", 30.0)
        sample = envelope("bob@far.test")
        (sent,) = await sender(NextHop("x", "far.test", 0), sample, sample.recipients, CONTENT)
        return sent.reply

    assert asyncio.run(go("x: argv=/nonexistent/program")).temporary
    assert asyncio.run(go("x: directory=/nonexistent argv=/bin/true")).temporary
    assert asyncio.run(go("x: user=nobody-at-all argv=/bin/true")).temporary


@pytest.mark.parametrize(
    "line",
    [
        "",
        "x",
        "x: argv=",
        "x: argv=relative",
        "x: argv=/bin/$recipient",
        "x: argv=/bin/true ${what}",
        "x: argv=/bin/true $",
        "x: chroot=y argv=/bin/true",
        "x: flags=Z argv=/bin/true",
        "x: size=big argv=/bin/true",
    ],
)
def test_lines_that_cannot_be_read(line):
    with pytest.raises(ConfigError):
        parse_pipe(line)


def test_nothing_runs_as_root():
    with pytest.raises(ConfigError, match="user="):
        open_pipes(["x: argv=/bin/true"], "+", 1.0, as_root=True)
    with pytest.raises(ConfigError, match="user="):
        open_pipes(["x: user=root argv=/bin/true"], "+", 1.0, as_root=True)
    assert open_pipes(["x: user=nobody argv=/bin/true"], "+", 1.0, as_root=True).keys() == {"x"}
    assert open_pipes(["x: argv=/bin/true"], "+", 1.0, as_root=False).keys() == {"x"}


@pytest.mark.parametrize(
    ("transport", "text", "code", "status", "said"),
    [
        ("error", "5.1.6 he has moved", 550, "5.1.6", "he has moved"),
        ("error", "nobody here", 550, "5.0.0", "nobody here"),
        ("error", "4.1.1 odd", 550, "5.0.0", "4.1.1 odd"),
        ("retry", "4.2.1 not today", 450, "4.2.1", "not today"),
        ("discard", "silently", 250, "2.0.0", "silently"),
    ],
)
def test_transports_that_send_nothing(transport, text, code, status, said):
    sample = envelope("a@x.test", "b@x.test")
    hop = NextHop(transport, text, 0)
    sents = asyncio.run(FIXED[transport](hop, sample, sample.recipients, CONTENT))
    assert [(s.reply.code, s.reply.status, s.reply.text) for s in sents] == [
        (code, status, said)
    ] * 2
