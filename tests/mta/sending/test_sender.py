# SPDX-License-Identifier: MIT
from __future__ import annotations

import asyncio
import ssl

import pytest
from aiosmtpd.smtp import SMTP, AuthResult

from homemail.config.queue import SendingSettings
from homemail.model.envelope import Body, Notify
from homemail.model.message import MemoryContent, read_all
from homemail.mta.api import NextHop
from homemail.mta.sending import client, connection
from homemail.mta.sending.hosts import Myself
from homemail.mta.sending.sender import SmtpSender, is_address_of_this_machine, needs_utf8
from homemail.resolve import FakeResolver, Mx
from tests.mta.queue.samples import CONTENT, envelope, recipient
from tests.mta.sending.scripted import CLOSE, SILENT, ScriptedServer

MYSELF = Myself(frozenset({"home.test"}), frozenset({25}), is_address_of_this_machine)
RESOLVER = FakeResolver(
    mxs={"far.test": (Mx(10, "first.far.test"), Mx(20, "second.far.test"))},
    hosts={"first.far.test": ("127.0.0.1",), "second.far.test": ("127.0.0.1",)},
)


def send(server, *recipients, content=CONTENT, transport="smtp", settings=None, **fields):
    """Send through ``server``; return what became of each recipient."""
    settings = settings or SendingSettings(smtp_helo_name="home.test")
    sender = SmtpSender(settings, RESOLVER, MYSELF)
    sample = envelope(*(recipients or ("bob@far.test",)), **fields)

    async def run():
        async with server:
            hop = NextHop(transport, "127.0.0.1", server.port, bracketed=True)
            sents = await sender(hop, sample, sample.recipients, content)
            await sender.close()
            return sents

    return asyncio.run(run())


def test_sent():
    server = ScriptedServer()
    (sent,) = send(server)
    assert (sent.reply.code, sent.unreachable) == (250, False)
    assert sent.relay == f"127.0.0.1[127.0.0.1]:{server.port}"
    assert server.messages == [read_all(CONTENT)]
    assert server.commands[0] == "EHLO home.test"
    assert server.commands[-1] == "QUIT"


@pytest.mark.parametrize("offers", [("PIPELINING",), ("SIZE",)])
def test_each_recipient_has_its_own_reply(offers):
    says = {"b@x.test": "550 5.1.1 no", "c@x.test": "450 4.2.0 later"}
    server = ScriptedServer(says, offers=offers)
    sents = send(server, "a@x.test", "b@x.test", "c@x.test")
    assert [sent.reply.code for sent in sents] == [250, 550, 450]
    assert len(server.messages) == 1


def test_large_and_stuffed():
    content = MemoryContent(b"Subject: x\r\n\r\n" + b".line\r\n" * 50_000)
    server = ScriptedServer(offers=("PIPELINING",))
    (sent,) = send(server, content=content)
    assert sent.reply.code == 250
    assert server.messages == [read_all(content)]


FAULTS = {
    "closes at once": ScriptedServer({"greeting": CLOSE}),
    "greets with 554": ScriptedServer({"greeting": "554 5.7.1 not you"}),
    "greets with 421": ScriptedServer({"greeting": "421 4.3.2 busy"}),
    "closes at EHLO": ScriptedServer({"EHLO": CLOSE}),
    "closes at MAIL": ScriptedServer({"MAIL": CLOSE}),
    "closes at RCPT": ScriptedServer({"RCPT": CLOSE}),
    "closes at DATA": ScriptedServer({"DATA": CLOSE}),
    "closes in the middle of DATA": ScriptedServer(close_after=100_000),
    "closes after the dot": ScriptedServer({"dot": CLOSE}),
    "refuses MAIL": ScriptedServer({"MAIL": "451 4.3.0 no"}),
    "refuses the message": ScriptedServer({"dot": "554 5.6.0 no"}),
    "says nonsense": ScriptedServer({"EHLO": "hello there"}),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults(name):
    server = FAULTS[name]
    content = MemoryContent(b"x" * 70 + b"\r\n" + b"y" * 998 + b"\r\n" * 150_000)
    (sent,) = send(server, content=content)
    permanent = {"greets with 554", "refuses the message"}
    assert sent.reply.permanent == (name in permanent), sent
    assert not sent.reply.positive
    at_host = {
        "closes at once",
        "greets with 554",
        "greets with 421",
        "closes at EHLO",
        "says nonsense",
    }
    assert sent.unreachable == (name in at_host)


def test_slow(monkeypatch):
    monkeypatch.setattr(client, "COMMAND_SECONDS", 0.05)
    monkeypatch.setattr(connection, "_MORE_SECONDS", 0.0)
    (sent,) = send(ScriptedServer({"MAIL": SILENT}))
    assert sent.reply.temporary
    assert "timed out while sending MAIL FROM" in sent.reply.text


def test_a_reader_that_stops(monkeypatch):
    monkeypatch.setattr(client.SendContent, "__init__", _hasty_content)
    content = MemoryContent(b"x" * 70 + b"\r\n" * 5_000_000)

    class Stuck(ScriptedServer):
        async def _data(self, reader, writer, accepted):
            await asyncio.Event().wait()

    (sent,) = send(Stuck(), content=content)
    assert "timed out while sending message body" in sent.reply.text


def _hasty_content(self, empty=False, seven_bit=False, seconds=0.1):
    object.__setattr__(self, "empty", empty)
    object.__setattr__(self, "seven_bit", seven_bit)
    object.__setattr__(self, "seconds", 0.1)


def test_lmtp():
    server = ScriptedServer({"dot1": "452 4.2.2 full"}, lmtp=True)
    sents = send(server, "a@x.test", "b@x.test", transport="lmtp")
    assert [sent.reply.code for sent in sents] == [250, 452]
    assert server.commands[0] == "LHLO home.test"


def through(first, second, tls="may"):
    """Send by MX: ``first`` answers on the first port tried, ``second`` on the other."""
    settings = SendingSettings(smtp_helo_name="home.test", smtp_tls_security_level=tls)

    async def run():
        async with first, second:
            hosts = {"first.far.test": ("127.0.0.1",), "second.far.test": ("127.0.0.2",)}
            resolver = FakeResolver(RESOLVER.mxs, hosts)
            second_too = await asyncio.start_server(second._talk, "127.0.0.2", first.port)
            sender = SmtpSender(settings, resolver, MYSELF)
            sample = envelope("bob@far.test")
            hop = NextHop("smtp", "far.test", first.port)
            try:
                return await sender(hop, sample, sample.recipients, CONTENT)
            finally:
                second_too.close()

    return asyncio.run(run())


@pytest.mark.parametrize("greeting", [CLOSE, "421 busy", "554 no"])
def test_the_next_host_is_tried(greeting):
    second = ScriptedServer()
    (sent,) = through(ScriptedServer({"greeting": greeting}), second)
    assert sent.relay.startswith("second.far.test[127.0.0.2]")
    assert len(second.messages) == 1


def test_a_refusal_is_final():
    second = ScriptedServer()
    (sent,) = through(ScriptedServer({"RCPT": "550 5.1.1 no"}), second)
    assert sent.reply.code == 550
    assert second.messages == []


def test_trouble_that_may_pass_hides_one_that_lasts():
    first = ScriptedServer({"greeting": "421 4.3.2 busy"})
    (sent,) = through(first, ScriptedServer({"greeting": "554 5.7.1 no"}))
    assert sent.reply.code == 421


def test_nobody_listens():
    async def run():
        server = ScriptedServer()
        async with server:
            pass
        sender = SmtpSender(SendingSettings(), RESOLVER, MYSELF)
        sample = envelope("bob@far.test")
        hop = NextHop("smtp", "127.0.0.1", server.port, bracketed=True)
        return server.port, await sender(hop, sample, sample.recipients, CONTENT)

    port, (sent,) = asyncio.run(run())
    assert sent.unreachable
    assert sent.reply.status == "4.4.1"
    assert sent.reply.text == f"connect to 127.0.0.1[127.0.0.1]:{port}: Connection refused"


def test_a_name_that_does_not_exist_fails():
    async def run():
        sender = SmtpSender(SendingSettings(), RESOLVER, MYSELF)
        sample = envelope("bob@nowhere.test")
        hop = NextHop("smtp", "nowhere.test")
        return await sender(hop, sample, sample.recipients, CONTENT)

    (sent,) = asyncio.run(run())
    assert (sent.reply.permanent, sent.reply.status) == (True, "5.4.4")


@pytest.fixture(scope="module")
def server_tls(tmp_path_factory):
    from tests.mta.sending.certificate import make_certificate

    path = make_certificate(tmp_path_factory.mktemp("tls"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)
    return context


@pytest.mark.parametrize("level", ["may", "encrypt"])
def test_tls(server_tls, level):
    server = ScriptedServer(tls=server_tls)
    settings = SendingSettings(smtp_helo_name="home.test", smtp_tls_security_level=level)
    (sent,) = send(server, settings=settings)
    assert sent.reply.code == 250
    assert [command.split()[0] for command in server.commands[:3]] == ["EHLO", "STARTTLS", "EHLO"]


def test_broken_tls_goes_in_the_clear_at_may_only():
    broken = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # no certificate: every handshake fails
    (sent,) = send(ScriptedServer(tls=broken))
    assert sent.reply.code == 250
    (sent,) = send(
        ScriptedServer(tls=broken), settings=SendingSettings(smtp_tls_security_level="encrypt")
    )
    assert sent.reply.temporary
    assert "performing the STARTTLS handshake" in sent.reply.text


def test_needs_utf8():
    plain = envelope("bob@far.test", utf8=True)
    assert not needs_utf8(plain, plain.recipients, CONTENT)
    header = MemoryContent("Subject: Grüße\r\n\r\n".encode())
    assert needs_utf8(plain, plain.recipients, header)
    assert not needs_utf8(plain, plain.recipients, MemoryContent("A: b\r\n\r\nü".encode()))
    other = envelope("δοκιμή@far.test")
    assert needs_utf8(other, other.recipients, CONTENT)
    domain = envelope("bob@παράδειγμα.test")
    assert not needs_utf8(domain, domain.recipients, CONTENT)


def test_addresses_of_this_machine():
    assert is_address_of_this_machine("127.0.0.1")
    assert not is_address_of_this_machine("192.0.2.1")
    assert not is_address_of_this_machine("rubbish")


class Collected:
    def __init__(self):
        self.envelopes = []

    async def handle_DATA(self, server, session, received):
        self.envelopes.append(received)
        return "250 2.0.0 collected"


def test_aiosmtpd_as_the_peer():
    collected = Collected()

    async def run():
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: SMTP(collected, hostname="far.test", enable_SMTPUTF8=True), "127.0.0.1", 0
        )
        port = server.sockets[0].getsockname()[1]
        sender = SmtpSender(SendingSettings(smtp_helo_name="home.test"), RESOLVER, MYSELF)
        sample = envelope(recipient("bob@far.test", notify=Notify.NEVER), "δοκιμή@far.test")
        hop = NextHop("smtp", "127.0.0.1", port, bracketed=True)
        try:
            return await sender(hop, sample, sample.recipients, CONTENT)
        finally:
            server.close()

    sents = asyncio.run(run())
    assert [sent.reply.text for sent in sents] == ["collected", "collected"]
    (received,) = collected.envelopes
    assert received.rcpt_tos == ["bob@far.test", "δοκιμή@far.test"]
    assert received.content == read_all(CONTENT)


@pytest.mark.parametrize("password", ["right", "wrong", None])
def test_a_relayhost_with_a_password(tmp_path, server_tls, password):
    collected, file = Collected(), tmp_path / "sasl_passwd"
    if password:
        file.write_text(f"[127.0.0.1] alice:{password}\n")
        file.chmod(0o600)

    def authenticate(server, session, sample, mechanism, data):
        right = (data.login, data.password) == (b"alice", b"right")
        return AuthResult(success=right, handled=False)

    async def run():
        loop = asyncio.get_running_loop()
        options = {
            "tls_context": server_tls,
            "authenticator": authenticate,
            "auth_required": True,
            "auth_require_tls": True,
        }
        server = await loop.create_server(lambda: SMTP(collected, **options), "127.0.0.1", 0)
        hop = NextHop("smtp", "127.0.0.1", server.sockets[0].getsockname()[1], bracketed=True)
        settings = SendingSettings(
            smtp_helo_name="home.test", smtp_sasl_auth_enable=True, smtp_sasl_password_maps=file
        )
        sample = envelope("bob@far.test")
        try:
            sender = SmtpSender(settings, RESOLVER, MYSELF)
            return await sender(hop, sample, sample.recipients, CONTENT)
        finally:
            server.close()

    (sent,) = asyncio.run(run())
    assert sent.reply.positive == (password == "right")
    assert sent.reply.temporary == (password != "right")
    assert len(collected.envelopes) == (password == "right")


def send_each(server, count, between=None, **settings):
    """Send ``count`` messages one after the other; return the reply of each."""
    settings = SendingSettings(smtp_helo_name="home.test", **settings)
    sender = SmtpSender(settings, RESOLVER, MYSELF)

    async def run():
        async with server:
            hop = NextHop("smtp", "127.0.0.1", server.port, bracketed=True)
            codes = []
            for number in range(count):
                sample = envelope(f"r{number}@far.test")
                (sent,) = await sender(hop, sample, sample.recipients, CONTENT)
                codes.append(sent.reply.code)
                if between:
                    await between(server)
            await sender.close()
            return codes

    return asyncio.run(run())


def hellos(server):
    return [command.split()[0] for command in server.commands].count("EHLO")


@pytest.mark.parametrize(
    ("settings", "connections"),
    [
        ({}, 1),
        ({"smtp_connection_reuse_count_limit": 2}, 3),
        ({"smtp_connection_cache_time_limit": 0}, 5),
    ],
)
def test_a_connection_is_used_again(settings, connections):
    server = ScriptedServer()
    assert send_each(server, 5, **settings) == [250] * 5
    assert hellos(server) == connections
    assert server.commands.count("QUIT") == connections
    assert len(server.messages) == 5


def test_a_connection_after_trouble_is_not_used_again():
    server = ScriptedServer({"r1@far.test": "550 5.1.1 no", "r2@far.test": CLOSE})
    assert send_each(server, 4) == [250, 550, 451, 250]
    assert hellos(server) == 2


def test_a_connection_that_the_host_closed_is_replaced():
    async def between(server):
        for writer in server.writers:
            writer.close()

    server = ScriptedServer()
    assert send_each(server, 3, between) == [250] * 3
    assert len(server.messages) == 3


def test_a_unix_socket(tmp_path):
    path = tmp_path / "lmtp"
    server = ScriptedServer(lmtp=True)

    async def run():
        async with server:
            listening = await asyncio.start_unix_server(server._talk, path)
            sender = SmtpSender(SendingSettings(), RESOLVER, MYSELF)
            sample = envelope("bob@far.test")
            answers = []
            for where in (str(path), str(tmp_path / "dead")):
                hop = NextHop("lmtp", where, 0)
                answers += await sender(hop, sample, sample.recipients, CONTENT)
            await sender.close()
            listening.close()
            return answers

    good, dead = asyncio.run(run())
    assert good.reply.positive
    assert (dead.reply.temporary, dead.unreachable) == (True, True)
    assert "No such file" in dead.reply.text


def test_a_message_is_encoded_for_a_host_that_takes_seven_bits():
    octets = "Subject: x\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\n.\r\n".encode()
    server = ScriptedServer(offers=("PIPELINING",))
    (sent,) = send(server, content=MemoryContent(octets), body=Body.EIGHT_BIT)
    assert sent.reply.positive
    (came,) = server.messages
    assert came == (
        b"Subject: x\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        b"Gr=C3=BC=C3=9Fe\r\n=2E\r\n"
    )
