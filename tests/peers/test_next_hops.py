# SPDX-License-Identifier: MIT
"""We hand mail to Postfix, Exim and smtp-sink: TLS, passwords, DSN, SMTPUTF8, refusals, faults."""

from __future__ import annotations

import asyncio
import os
import re

import pytest

from homemail.config.queue import SendingSettings
from homemail.model.envelope import Notify, OriginalRecipient, Ret
from homemail.model.message import MemoryContent, read_all
from homemail.mta.api import NextHop
from homemail.mta.sending.hosts import Myself
from homemail.mta.sending.sender import SmtpSender
from homemail.resolve import FakeResolver, Mx
from tests.mta.queue.samples import CONTENT, envelope, recipient
from tests.mta.sending.authority import Authority
from tests.mta.sending.scripted import ScriptedServer
from tests.peers.daemon import Daemon, find, free_port, listens, wait_for
from tests.peers.exim import EximServer
from tests.peers.postfix import Postfix

pytestmark = [pytest.mark.slow, pytest.mark.real]

MX = "mx.far.test"
MYSELF = Myself(frozenset({"home.test"}), frozenset(), lambda _: False)


def sender_of(**settings):
    resolver = FakeResolver(
        mxs={"far.test": (Mx(10, MX),)},
        hosts={MX: ("127.0.0.1",)},
        tlsas=settings.pop("tlsas", {}),
        signed=frozenset({"far.test"}),
    )
    return SmtpSender(SendingSettings(smtp_helo_name="home.test", **settings), resolver, MYSELF)


def send(port, *samples, content=CONTENT, **settings):
    """Send each sample to the domain whose host listens on ``port``; return all that was said."""

    async def run():
        sender = sender_of(**settings)
        said = []
        for sample in samples:
            hop = NextHop("smtp", "far.test", port)
            said += await sender(hop, sample, sample.recipients, content)
        await sender.close()
        return said

    return asyncio.run(run())


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def certified(authority, base):
    """Return a certificate for the host, and the file that a server reads."""
    issued = authority.issue(MX)
    path = base / "server.pem"
    path.write_bytes(issued.pem())
    return issued, path


@pytest.fixture
def postfix(base, certified, request):
    """A Postfix that takes mail for far.test and forgets it; the parameter has more settings."""
    path = certified[1]
    more = getattr(request, "param", ())
    peer = Postfix(
        base / "postfix",
        "mynetworks =",
        "relay_domains = far.test",
        "relay_transport = discard:",
        "smtpd_tls_security_level = may",
        f"smtpd_tls_cert_file = {path}",
        "smtpd_tls_loglevel = 1",
        *more,
    )
    yield peer
    peer.stop()


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"smtp_tls_security_level": "verify"},
        {"smtp_tls_security_level": "dane-only", "smtp_dns_support_level": "dnssec"},
    ],
)
def test_postfix_over_tls(postfix, authority, certified, settings):
    tlsas = {f"_{postfix.port}._tcp.{MX}": (certified[0].tlsa(),)}
    (sent,) = send(
        postfix.port,
        envelope("bob@far.test"),
        smtp_tls_cafile=authority.file,
        tlsas=tlsas,
        **settings,
    )
    assert re.fullmatch(r"Ok: queued as \w+", sent.reply.text)
    assert "TLS connection established" in postfix.log()
    assert "status=sent" in postfix.wait_log("to=<bob@far.test>")


def test_postfix_takes_several_by_one_connection(postfix):
    samples = [envelope(f"r{n}@far.test") for n in range(5)]
    assert [sent.reply.code for sent in send(postfix.port, *samples)] == [250] * 5
    postfix.wait_log("mail=5 rcpt=5 data=5 quit=1")


@pytest.mark.parametrize("postfix", [("smtpd_recipient_limit = 3",)], indirect=True)
def test_postfix_takes_so_many_at_once(postfix):
    sents = send(postfix.port, envelope(*(f"r{n}@far.test" for n in range(8))))
    assert [sent.reply.code for sent in sents] == [250] * 8
    wait_for("all", lambda: postfix.log().count("status=sent") == 8)
    assert postfix.log().count("nrcpt=") == 3


ACCESS = (
    "smtpd_recipient_restrictions = check_recipient_access inline:{ "
    "{ grey@far.test = 450 4.7.1 come again }, { gone@far.test = 550 5.1.6 moved } }, "
    "reject_unauth_destination",
)


@pytest.mark.parametrize("postfix", [ACCESS], indirect=True)
def test_postfix_answers_for_each(postfix):
    sample = envelope("grey@far.test", "bob@far.test", "gone@far.test", "x@elsewhere.test")
    sents = send(postfix.port, sample)
    assert [(sent.reply.code, sent.reply.status) for sent in sents] == [
        (450, "4.7.1"),
        (250, "2.0.0"),
        (550, "5.1.6"),
        (454, "4.7.1"),
    ]
    assert not any(sent.unreachable for sent in sents)


@pytest.mark.parametrize("postfix", [("message_size_limit = 5000",)], indirect=True)
def test_postfix_says_how_large(postfix):
    large = MemoryContent(b"Subject: x\r\n\r\n" + b"x" * 70 * 100 + b"\r\n")
    (sent,) = send(postfix.port, envelope("bob@far.test"), content=large)
    assert (sent.reply.status, sent.relay) == ("5.3.4", "")


def test_postfix_hands_on_what_we_hand_over(base, certified):
    """DSN, SMTPUTF8 and the octets, seen behind Postfix."""

    async def run():
        sink = ScriptedServer(offers=("PIPELINING", "8BITMIME", "DSN", "SMTPUTF8"))
        content = MemoryContent("Subject: grüße\r\n\r\nläuft\r\n..dots\r\n.\r\n".encode())
        async with sink:
            behind = (f"relayhost = [127.0.0.1]:{sink.port}", "relay_domains = far.test")
            behind += ("relay_transport = smtp",)
            peer = await asyncio.to_thread(Postfix, base / "postfix", *behind)
            original = OriginalRecipient("utf-8", "old@home.test")
            notify = Notify.SUCCESS | Notify.DELAY
            to = recipient("jörg@far.test", notify=notify, original=original)
            sample = envelope(to, utf8=True, ret=Ret.HDRS, envelope_id="QQ 1")
            sender = sender_of()
            hop = NextHop("smtp", "far.test", peer.port)
            (sent,) = await sender(hop, sample, sample.recipients, content)
            await asyncio.to_thread(peer.wait_log, "status=sent")
            await sender.close()
            await asyncio.to_thread(peer.stop)
        return sent, sink, read_all(content).partition(b"\r\n\r\n")[2]

    sent, sink, body = asyncio.run(run())
    assert sent.reply.positive
    assert sent.dsn
    assert sink.messages[0].endswith(b"\r\n\r\n" + body)
    mail = next(line for line in sink.commands if line.startswith("MAIL"))
    rcpt = next(line for line in sink.commands if line.startswith("RCPT"))
    assert "SMTPUTF8" in mail
    assert "RET=HDRS" in mail
    assert "ENVID=QQ+201" in mail
    assert "jörg@far.test" in rcpt
    assert "NOTIFY=SUCCESS,DELAY" in rcpt


@pytest.fixture
def exim(base, certified):
    started = []

    def start(rcpt):
        started.append(EximServer(base / "exim", certified[1], rcpt))
        return started[0]

    yield start
    for one in started:
        one.stop()


@pytest.mark.parametrize("password", ["right", "wrong", None])
def test_exim_with_a_password(exim, tmp_path, password):
    peer = exim("accept authenticated = *\n  deny message = log in first")
    passwords = tmp_path / "sasl_passwd"
    passwords.write_text(f"far.test alice:{password}\n" if password else "")
    passwords.chmod(0o600)
    (sent,) = send(
        peer.port,
        envelope("bob@far.test"),
        smtp_sasl_auth_enable=True,
        smtp_sasl_password_maps=passwords,
    )
    match password:
        case "right":
            assert sent.reply.positive, peer.log()
            assert "A=plain:alice" in peer.log()
            assert "X=TLS" in peer.log()
            assert peer.messages() == [b"Hello\n.dot\n"]
        case "wrong":
            assert "SASL authentication failed" in sent.reply.text
            assert (sent.reply.temporary, sent.unreachable) == (True, True)
        case _:
            assert (sent.reply.code, sent.unreachable) == (550, False)


def test_exim_puts_off_and_takes_later(exim, base):
    peer = exim(f"defer !condition = ${{if exists{{{base}/open}}}}\n  accept")
    (sent,) = send(peer.port, envelope("bob@far.test"))
    assert (sent.reply.code, sent.unreachable) == (451, False)
    assert peer.messages() == []
    (base / "open").touch()
    (sent,) = send(peer.port, envelope("bob@far.test"))
    assert sent.reply.positive
    assert peer.messages() == [b"Hello\n.dot\n"]


FAULTS = {
    "soft error at RCPT": (("-r", "rcpt"), "450"),
    "hard error at RCPT": (("-f", "rcpt"), "500"),
    "hard error at MAIL": (("-f", "mail"), "500"),
    "soft error at DATA": (("-r", "data"), "450"),
    "soft error after the dot": (("-r", "."), "450"),
    "hard error after the dot": (("-f", "."), "500"),
    "closes at the greeting": (("-q", "connect"), "451"),
    "closes at EHLO": (("-q", "ehlo"), "451"),
    "closes at MAIL": (("-q", "mail"), "451"),
    "closes at RCPT": (("-q", "rcpt"), "451"),
    "closes at DATA": (("-q", "data"), "451"),
    "closes after the dot": (("-q", "."), "451"),
    "closes after its answer to the dot": (("-Q", "."), "421"),
    "dies within the message": (("-A", "0"), "451"),
    "no ESMTP": (("-e",), "250"),
    "no pipelining": (("-p",), "250"),
    "slow": (("-w", "1"), "250"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_smtp_sink(tmp_path, name):
    words, expected = FAULTS[name]
    port = free_port()
    user = () if os.geteuid() else ("-u", "nobody")
    address = f"127.0.0.1:{port}"
    sink = Daemon(tmp_path / "log", find("smtp-sink"), *user, "-c", *words, address, "10")
    try:
        wait_for("smtp-sink", lambda: listens(port))
        content = MemoryContent(b"Subject: x\r\n\r\n" + (b"x" * 70 + b"\r\n") * 20_000)
        for _ in range(2):
            (sent,) = send(port, envelope("bob@far.test"), content=content)
            assert str(sent.reply.code) == expected, sent
    finally:
        sink.stop()
