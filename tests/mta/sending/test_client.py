# SPDX-License-Identifier: MIT
from __future__ import annotations

from dataclasses import replace

import pytest

from homemail.model.address import Address, Domain
from homemail.model.envelope import Body, Notify, OriginalRecipient, Recipient, Ret
from homemail.mta.sending.client import (
    Ask,
    ClientConnection,
    Finished,
    Options,
    SendContent,
    StartTls,
    Transfer,
    xtext,
)
from homemail.mta.sending.credentials import Credentials
from tests.mta.queue.samples import envelope, recipient

EHLO = b"250-mx.far.test hello\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n250-8BITMIME\r\n250 DSN\r\n"
PLAIN = b"250 mx.far.test\r\n"
HELLO = [b"220 mx.far.test ESMTP\r\n", EHLO]
DOWN = b""  # the connection ends


def transfer(*recipients, size=100, needs_utf8=False, **fields):
    sample = envelope(*(recipients or ("bob@far.test",)), **fields)
    return Transfer(sample, sample.recipients, size, needs_utf8)


def pieces(data, cut):
    if cut == "octets":
        return [data[n : n + 1] for n in range(len(data))]
    if cut == "whole":
        return [data]
    return [piece for piece in (data[:cut], data[cut:]) if piece]


def converse(core, script, cut="whole", jobs=()):
    """Play the server's part; return what the client wrote and the end of each message.

    ``jobs`` are handed over after the first one on the same connection.
    """
    says, ends = iter(script), []
    written = speak(core, core.step, says, cut)
    ends.append(core.step)
    for job in jobs:
        assert core.step.reusable
        written += speak(core, core.again(job), says, cut)
        ends.append(core.step)
    written += speak(core, core.quit(), says, cut)
    return [data for data in written if data], ends if jobs else ends[0]


def speak(core, step, says, cut):
    written = []
    while not isinstance(step, Finished):
        match step:
            case Ask(data):
                written.append(data)
                step = core.receive(b"")
                while step is None:
                    said = next(says)
                    step = core.lose() if said == DOWN else feed(core, said, cut)
            case StartTls():
                written.append(b"<TLS>")
                step = core.tls_started()
            case SendContent(empty):
                written.append(b"<EMPTY>" if empty else b"<CONTENT>")
                step = core.content_sent()
    return written


def feed(core, said, cut):
    step = None
    for piece in pieces(said, cut):
        step = core.receive(piece) or step
    return step


def codes(finished):
    return [(answer.reply.code, answer.theirs) for answer in finished.answers]


OPTIONS = Options("home.test", "mx.far.test[192.0.2.1]:25")

DIALOGUES = {
    "pipelined": (
        transfer(),
        [*HELLO, b"250 ok\r\n250 ok\r\n354 go\r\n", b"250 2.0.0 taken\r\n", b"221 bye\r\n"],
        [
            b"EHLO home.test\r\n",
            b"MAIL FROM:<alice@home.test> SIZE=100\r\nRCPT TO:<bob@far.test>\r\nDATA\r\n",
            b"<CONTENT>",
            b"QUIT\r\n",
        ],
        [(250, True)],
    ),
    "one at a time after HELO": (
        transfer("a@x.test", "b@x.test", sender=None),
        [
            b"220-hello\r\n220 x\r\n",
            b"502 what?\r\n",
            *[b"250 ok\r\n"] * 3,
            b"550-5.1.1 not\r\n550 5.1.1 here\r\n",
            b"354 go\r\n",
            b"250 ok\r\n",
            b"221 bye\r\n",
        ],
        [
            b"EHLO home.test\r\n",
            b"HELO home.test\r\n",
            b"MAIL FROM:<>\r\n",
            b"RCPT TO:<a@x.test>\r\n",
            b"RCPT TO:<b@x.test>\r\n",
            b"DATA\r\n",
            b"<CONTENT>",
            b"QUIT\r\n",
        ],
        [(250, True), (550, True)],
    ),
    "all refused, yet asked for the message": (
        transfer(),
        [*HELLO, b"250 ok\r\n450 4.2.0 later\r\n354 go\r\n", b"554 no\r\n", b"221 bye\r\n"],
        [
            b"EHLO home.test\r\n",
            b"MAIL FROM:<alice@home.test> SIZE=100\r\nRCPT TO:<bob@far.test>\r\nDATA\r\n",
            b"<EMPTY>",
            b"QUIT\r\n",
        ],
        [(450, True)],
    ),
    "sender refused": (
        transfer("a@x.test", "b@x.test"),
        [*HELLO, b"553 5.7.1 no\r\n503 no\r\n503 no\r\n503 no\r\n", b"221 bye\r\n"],
        None,
        [(553, True), (553, True)],
    ),
    "message refused after the dot": (
        transfer("a@x.test", "b@x.test"),
        [*HELLO, b"250 a\r\n250 b\r\n450 c\r\n354 d\r\n", b"554 5.6.0 spam\r\n", b"221 bye\r\n"],
        None,
        [(554, True), (450, True)],
    ),
}


@pytest.mark.parametrize("name", DIALOGUES)
def test_dialogue_however_it_is_cut(name):
    job, script, expected, answers = DIALOGUES[name]
    longest = max(len(said) for said in script)
    for cut in ("whole", "octets", *range(1, longest)):
        written, finished = converse(ClientConnection(job, OPTIONS), script, cut)
        assert expected is None or written == expected, cut
        assert codes(finished) == answers, cut
        assert not finished.host_trouble


def finish(job, script, **options):
    fields = {"hello": "home.test", "peer": OPTIONS.peer, **options}
    return converse(ClientConnection(job, Options(**fields)), script)


def test_lmtp_answers_for_each():
    job = transfer("a@x.test", "b@x.test", "c@x.test", "d@x.test")
    script = [b"220 lmtp\r\n", b"250-x\r\n250 PIPELINING\r\n"]
    script += [b"250 m\r\n250 a\r\n550 b\r\n250 c\r\n250 d\r\n354 f\r\n"]
    script += [b"250 2.1.5 a\r\n452 4.2.2 c full\r\n", b"550 5.1.1 d\r\n", b"221 bye\r\n"]
    written, finished = finish(job, script, lmtp=True)
    assert written[0] == b"LHLO home.test\r\n"
    assert codes(finished) == [(250, True), (550, True), (452, True), (550, True)]


def test_lmtp_keeps_what_was_answered_before_the_end():
    job = transfer("a@x.test", "b@x.test")
    script = [b"220 lmtp\r\n", b"250-x\r\n250 PIPELINING\r\n"]
    script += [b"250 m\r\n250 a\r\n250 b\r\n354 f\r\n", b"250 2.1.5 a\r\n", DOWN]
    _, finished = finish(job, script, lmtp=True)
    assert codes(finished) == [(250, True), (451, False)]


LOST = {
    "at once": [DOWN],
    "after the greeting": [b"220 x\r\n", DOWN],
    "in the middle of a reply": [b"220 x\r\n", b"250-x\r\n250-PIPE", DOWN],
    "busy": [b"421 4.3.2 busy\r\n"],
    "refuses to talk": [b"554 5.3.2 nobody here\r\n", b"221 bye\r\n"],
    "refuses EHLO and HELO": [b"220 x\r\n", b"550 no\r\n", b"550 no\r\n", b"221 bye\r\n"],
    "no SMTP": [b"SSH-2.0-OpenSSH_9.2\r\n", DOWN],
    "endless line": [b"220 " + b"x" * 5000 + b"\r\n", DOWN],
    "endless reply": [b"220-x\r\n" * 300, DOWN],
}


@pytest.mark.parametrize("name", LOST)
def test_trouble_of_the_host(name):
    _, finished = finish(transfer(), LOST[name])
    assert finished.host_trouble
    assert finished.answers[0].reply.code in (421, 451, 550, 554)


def test_lost_in_the_middle_keeps_refusals():
    job = transfer("a@x.test", "b@x.test")
    _, finished = finish(job, [*HELLO, b"250 ok\r\n550 5.1.1 no\r\n", DOWN])
    assert codes(finished) == [(550, True), (451, False)]
    text = finished.answers[1].reply.text
    assert text.startswith("lost connection with mx.far.test[192.0.2.1]:25 while sending MAIL")
    assert not finished.host_trouble


def test_shut_down_in_the_middle_is_their_answer():
    job = transfer("a@x.test", "b@x.test")
    _, finished = finish(job, [*HELLO, b"250 ok\r\n421 4.3.2 going down\r\n", DOWN])
    assert codes(finished) == [(421, True), (421, True)]


def test_lost_after_the_dot_may_be_sent_again():
    _, finished = finish(transfer(), [*HELLO, b"250 a\r\n250 b\r\n354 c\r\n", DOWN])
    assert codes(finished) == [(451, False)]
    assert "message may be sent more than once" in finished.answers[0].reply.text


def test_lost_at_quit_changes_nothing():
    script = [*HELLO, b"250 a\r\n250 b\r\n354 c\r\n", b"250 d\r\n", DOWN]
    _, finished = finish(transfer(), script)
    assert codes(finished) == [(250, True)]


def test_an_odd_reply_defers():
    script = [*HELLO, b"250 a\r\n250 b\r\n354 c\r\n", b"354 again?\r\n", b"221 bye\r\n"]
    _, finished = finish(transfer(), script)
    assert codes(finished) == [(451, True)]


def test_too_big_is_not_tried():
    written, finished = finish(transfer(size=2_000_000), [*HELLO, b"221 bye\r\n"])
    assert codes(finished) == [(552, False)]
    assert written[-1] == b"QUIT\r\n"
    assert "exceeds size limit 1000000" in finished.answers[0].reply.text


def test_binary_is_not_sent():
    _, finished = finish(transfer(body=Body.BINARY), [*HELLO, b"221 bye\r\n"])
    assert finished.answers[0].reply.status == "5.6.3"


def test_eight_bit_is_said_where_it_is_offered():
    script = [*HELLO, b"250 a\r\n250 b\r\n354 c\r\n", b"250 d\r\n", b"221 bye\r\n"]
    written, _ = finish(transfer(body=Body.EIGHT_BIT), script)
    assert b" BODY=8BITMIME\r\n" in written[1]


def test_utf8():
    job = transfer("δοκιμή@παράδειγμα.test", needs_utf8=True)
    _, finished = finish(job, [*HELLO, b"221 bye\r\n"])
    assert finished.answers[0].reply.status == "5.6.7"
    script = [b"220 x\r\n", b"250-x\r\n250-PIPELINING\r\n250 SMTPUTF8\r\n"]
    script += [b"250 a\r\n250 b\r\n354 c\r\n", b"250 d\r\n", b"221 bye\r\n"]
    written, finished = finish(job, script)
    assert "SMTPUTF8\r\nRCPT TO:<δοκιμή@παράδειγμα.test>\r\n".encode() in written[1]
    written, _ = finish(transfer("bob@παράδειγμα.test"), script)
    assert b"RCPT TO:<bob@xn--hxajbheg2az3al.test>\r\n" in written[1]


def test_dsn_is_handed_over():
    job = transfer(
        recipient(
            "bob@far.test",
            notify=Notify.SUCCESS | Notify.FAILURE,
            original=OriginalRecipient("rfc822", "Bob+x@far.test"),
        ),
        recipient("carol@far.test", notify=Notify.NEVER),
        recipient("dave@far.test"),
        ret=Ret.HDRS,
        envelope_id="id=1 2",
    )
    script = [*HELLO, b"250 a\r\n" * 4 + b"354 c\r\n", b"250 d\r\n", b"221 bye\r\n"]
    written, finished = finish(job, script)
    assert written[1].split(b"\r\n")[:4] == [
        b"MAIL FROM:<alice@home.test> SIZE=100 RET=HDRS ENVID=id+3D1+202",
        b"RCPT TO:<bob@far.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Bob+2Bx@far.test",
        b"RCPT TO:<carol@far.test> NOTIFY=NEVER",
        b"RCPT TO:<dave@far.test>",
    ]
    assert finished.dsn


TLS_HELLO = b"250-x\r\n250 STARTTLS\r\n"


def test_tls_where_offered():
    script = [b"220 x\r\n", TLS_HELLO, b"220 go\r\n", EHLO, b"250 a\r\n250 b\r\n354 c\r\n"]
    written, finished = finish(transfer(), [*script, b"250 d\r\n", b"221 bye\r\n"])
    assert written[1:4] == [b"STARTTLS\r\n", b"<TLS>", b"EHLO home.test\r\n"]
    assert codes(finished) == [(250, True)]


def test_tls_none_does_not_ask():
    script = [b"220 x\r\n", TLS_HELLO, b"250 a\r\n", b"250 b\r\n", b"354 c\r\n", b"250 d\r\n"]
    written, _ = finish(transfer(), [*script, b"221 bye\r\n"], tls="none")
    assert b"STARTTLS\r\n" not in written


def test_tls_refused_goes_on_in_the_clear():
    script = [b"220 x\r\n", TLS_HELLO, b"454 4.7.0 not now\r\n"]
    script += [b"250 a\r\n", b"250 b\r\n", b"354 c\r\n", b"250 d\r\n", b"221 bye\r\n"]
    _, finished = finish(transfer(), script)
    assert codes(finished) == [(250, True)]


@pytest.mark.parametrize(
    "script",
    [
        [b"220 x\r\n", EHLO, b"221 bye\r\n"],
        [b"220 x\r\n", TLS_HELLO, b"454 4.7.0 not now\r\n", b"221 bye\r\n"],
        [b"220 x\r\n", TLS_HELLO, b"554 5.7.0 never\r\n", b"221 bye\r\n"],
    ],
)
def test_tls_that_must_be_defers(script):
    _, finished = finish(transfer(), script, tls="encrypt")
    assert finished.answers[0].reply.temporary
    assert finished.host_trouble


def test_octets_before_tls_are_refused():
    _, finished = finish(transfer(), [b"220 x\r\n", TLS_HELLO, b"220 go\r\n250 injected\r\n"])
    assert finished.answers[0].reply.temporary
    assert "octets before TLS" in finished.answers[0].reply.text


def test_a_handshake_that_fails_is_told():
    core = ClientConnection(transfer(), OPTIONS)
    core.receive(b"220 x\r\n")
    core.receive(TLS_HELLO)
    assert isinstance(core.receive(b"220 go\r\n"), StartTls)
    finished = core.lose("Cannot start TLS: handshake failure")
    assert finished.tls_failed
    assert finished.host_trouble


def test_timed_out():
    core = ClientConnection(transfer(), OPTIONS)
    text = core.lose("timed out").answers[0].reply.text
    expected = "timed out while receiving the initial server greeting"
    assert text == f"conversation with mx.far.test[192.0.2.1]:25 {expected}"


def test_xtext():
    assert xtext("a+b=c d\u00e9") == "a+2Bb+3Dc+20d+C3+A9"


AUTH = {"credentials": Credentials("alice", "secret"), "private": True}
SENT = [b"250 a\r\n", b"250 b\r\n", b"354 c\r\n", b"250 d\r\n", b"221 bye\r\n"]


def test_auth_plain():
    script = [b"220 x\r\n", b"250-x\r\n250-AUTH LOGIN PLAIN\r\n250 AUTH=LOGIN\r\n"]
    written, finished = finish(transfer(), [*script, b"235 2.7.0 ok\r\n", *SENT], **AUTH)
    assert written[1] == b"AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n"
    assert codes(finished) == [(250, True)]


def test_auth_login():
    script = [b"220 x\r\n", b"250-x\r\n250 AUTH LOGIN\r\n", b"334 VXNlcg==\r\n", b"334 UGFz\r\n"]
    written, finished = finish(transfer(), [*script, b"235 2.7.0 ok\r\n", *SENT], **AUTH)
    assert written[1:4] == [b"AUTH LOGIN\r\n", b"YWxpY2U=\r\n", b"c2VjcmV0\r\n"]
    assert codes(finished) == [(250, True)]


@pytest.mark.parametrize(
    ("offer", "says"),
    [
        (b"PLAIN", [b"535 5.7.8 wrong\r\n", b"221 bye\r\n"]),
        (b"LOGIN", [b"334 VXNlcg==\r\n", b"535 5.7.8 wrong\r\n", b"221 bye\r\n"]),
        (b"LOGIN", [b"334 a\r\n", b"334 b\r\n", b"334 again?\r\n", b"221 bye\r\n"]),
        (b"CRAM-MD5", [b"221 bye\r\n"]),
    ],
)
def test_auth_that_fails_waits(offer, says):
    script = [b"220 x\r\n", b"250-x\r\n250 AUTH " + offer + b"\r\n", *says]
    _, finished = finish(transfer(), script, **AUTH)
    (answer,) = finished.answers
    assert answer.reply.temporary
    assert finished.host_trouble
    assert "SASL authentication failed" in answer.reply.text
    assert "secret" not in answer.reply.text


def test_no_password_without_tls():
    script = [b"220 x\r\n", b"250-x\r\n250 AUTH PLAIN\r\n", b"221 bye\r\n"]
    written, finished = finish(transfer(), script, credentials=Credentials("alice", "secret"))
    assert not any(command.startswith(b"AUTH") for command in written)
    assert "not sent without TLS" in finished.answers[0].reply.text
    script = [b"220 x\r\n", TLS_HELLO, b"220 go\r\n", b"250-x\r\n250 AUTH PLAIN\r\n"]
    script += [b"235 ok\r\n", *SENT]
    _, finished = finish(transfer(), script, credentials=Credentials("alice", "secret"))
    assert codes(finished) == [(250, True)]


def test_an_address_cannot_bring_commands():
    hostile = Recipient(Address("bob>\r\nRSET\r\n", Domain.parse("far.test")))
    written, _ = finish(transfer(hostile), [*HELLO, b"250 a\r\n550 b\r\n503 c\r\n", b"221 d\r\n"])
    assert len(written[1].splitlines()) == 3


def test_the_rest_after_too_many_recipients():
    job = transfer("a@x.test", "b@x.test", "c@x.test", "d@x.test")
    first = b"250 m\r\n250 a\r\n452 4.5.3 too many\r\n552 too many\r\n450 4.2.0 d\r\n354 go\r\n"
    second = b"250 m\r\n250 b\r\n550 5.1.1 c\r\n354 go\r\n"
    script = [*HELLO, first, b"250 taken\r\n", second, b"250 too\r\n", b"221 bye\r\n"]
    for cut in ("whole", "octets"):
        written, finished = converse(ClientConnection(job, OPTIONS), script, cut)
        assert codes(finished) == [(250, True), (250, True), (550, True), (450, True)]
        rest = b"RCPT TO:<b@x.test>\r\nRCPT TO:<c@x.test>\r\nDATA\r\n"
        assert written[3].endswith(rest)
        assert written.count(b"<CONTENT>") == 2


@pytest.mark.parametrize(
    ("reply", "code"),
    [(b"452 4.5.3 too many", 452), (b"552 too many", 452), (b"552 5.2.2 full", 552)],
)
def test_too_many_without_any_taken_is_not_repeated(reply, code):
    script = [*HELLO, b"250 m\r\n" + reply + b"\r\n554 none\r\n", b"221 bye\r\n"]
    _, finished = finish(transfer(), script)
    assert codes(finished) == [(code, True)]


def test_too_many_is_not_repeated_when_the_message_was_refused():
    script = [*HELLO, b"250 m\r\n250 a\r\n452 4.5.3 b\r\n354 go\r\n", b"451 4.3.0 no\r\n"]
    _, finished = finish(transfer("a@x.test", "b@x.test"), [*script, b"221 bye\r\n"])
    assert codes(finished) == [(451, True), (452, True)]


def test_many_recipients_are_said_in_pieces():
    job = transfer(*(f"r{n}@x.test" for n in range(250)))
    script = [*HELLO, b"250 ok\r\n" * 101, b"250 ok\r\n" * 100, b"250 ok\r\n" * 50 + b"354 go\r\n"]
    written, finished = finish(job, [*script, b"250 taken\r\n", b"221 bye\r\n"])
    assert [data.count(b"RCPT") for data in written[1:4]] == [100, 100, 50]
    assert codes(finished) == [(250, True)] * 250


TAKEN = [b"250 a\r\n250 b\r\n354 c\r\n", b"250 d\r\n"]


def test_one_connection_takes_several_messages():
    script = [*HELLO, *TAKEN, *TAKEN, b"221 bye\r\n"]
    core = ClientConnection(transfer(), OPTIONS)
    written, ends = converse(core, script, jobs=[transfer("carol@far.test")])
    assert [codes(end) for end in ends] == [[(250, True)]] * 2
    assert b"RCPT TO:<carol@far.test>" in written[3]
    assert written.count(b"QUIT\r\n") == 1


def test_a_refused_message_is_left_before_the_next():
    refused = b"250 a\r\n550 b\r\n554 c\r\n"
    script = [*HELLO, refused, b"250 reset\r\n", *TAKEN, b"221 bye\r\n"]
    core = ClientConnection(transfer(), OPTIONS)
    written, ends = converse(core, script, jobs=[transfer("carol@far.test")])
    assert [codes(end) for end in ends] == [[(550, True)], [(250, True)]]
    assert b"RSET\r\n" in written


@pytest.mark.parametrize("end", [[DOWN], [b"421 4.4.2 idle for too long\r\n", DOWN]])
def test_a_connection_that_ended_while_it_was_not_needed(end):
    core = ClientConnection(transfer(), OPTIONS)
    _, ends = converse(core, [*HELLO, *TAKEN, *end], jobs=[transfer("carol@far.test")])
    assert [one.unused for one in ends] == [False, True]
    assert not ends[1].reusable


def test_a_connection_that_ends_after_a_reply_was_used():
    core = ClientConnection(transfer(), OPTIONS)
    script = [*HELLO, *TAKEN, b"250 a\r\n", DOWN]
    _, ends = converse(core, script, jobs=[transfer("carol@far.test")])
    assert not ends[1].unused


@pytest.mark.parametrize(
    ("body", "offers", "convert", "expected"),
    [
        (Body.EIGHT_BIT, b"PIPELINING", True, True),
        (Body.EIGHT_BIT, b"PIPELINING", False, False),
        (Body.EIGHT_BIT, b"8BITMIME", True, False),
        (Body.SEVEN_BIT, b"PIPELINING", True, False),
    ],
)
def test_eight_bit_for_a_server_that_does_not_take_it(body, offers, convert, expected):
    core = ClientConnection(transfer(body=body), replace(OPTIONS, convert=convert))
    core.receive(b"220 x\r\n")
    step = core.receive(b"250-x\r\n250 " + offers + b"\r\n")
    while not isinstance(step, SendContent):
        last = b"354 go\r\n" if step.data.endswith(b"DATA\r\n") else b"250 ok\r\n"
        step = core.receive(b"250 ok\r\n" * (step.count - 1) + last)
    assert step.seven_bit == expected
