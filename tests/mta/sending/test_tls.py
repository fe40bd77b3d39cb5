# SPDX-License-Identifier: MIT
from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace

import pytest

from homemail.config.queue import SendingSettings
from homemail.errors import ConfigError, TableUnavailable, Temporary
from homemail.mta.api import NextHop
from homemail.mta.sending.hosts import Myself, Target
from homemail.mta.sending.mta_sts import HttpsFetch, StsPolicies, StsPolicy, parse_policy
from homemail.mta.sending.sender import SmtpSender
from homemail.mta.sending.tls import ClientTls, Named, Pinned
from homemail.mta.sending.tls_policy import HopPolicy, TargetPolicy, TlsPolicies
from homemail.resolve import FakeResolver, Mx, Tlsa
from tests.mta.queue.samples import CONTENT, envelope
from tests.mta.sending.authority import Authority
from tests.mta.sending.scripted import ScriptedServer

MYSELF = Myself(frozenset({"home.test"}), frozenset(), lambda _: False)
HOST = "mx.far.test"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


def resolver(port=25, **fields):
    return FakeResolver(
        mxs={"far.test": (Mx(10, HOST),)},
        hosts={HOST: ("127.0.0.1",), "mta-sts.far.test": ("127.0.0.1",)},
        **fields,
    )


def send(server, authority, *, tlsa=(), signed=True, sts=None, domain="far.test", **settings):
    """Send a message to ``domain``; return what became of it."""
    settings = SendingSettings(
        smtp_helo_name="home.test", smtp_tls_cafile=authority.file, **settings
    )

    async def run():
        async with server:
            names = frozenset({"far.test"} if signed else ())
            tlsas = {f"_{server.port}._tcp.{HOST}": tuple(tlsa)} if tlsa else {}
            fake = resolver(tlsas=tlsas, signed=names)
            sender = SmtpSender(settings, fake, MYSELF, sts)
            sample = envelope("bob@far.test")
            hop = NextHop("smtp", domain, server.port)
            (sent,) = await sender(hop, sample, sample.recipients, CONTENT)
            await sender.close()
            return sent

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("level", "names", "delivered"),
    [
        ("verify", (HOST,), True),
        ("verify", ("*.far.test",), True),
        ("verify", ("far.test",), False),
        ("verify", ("*.test",), False),
        ("secure", ("far.test",), True),
        ("secure", (HOST,), True),
        ("secure", ("mx.near.test",), False),
    ],
)
def test_names(authority, level, names, delivered):
    context, _ = authority.context(*names)
    sent = send(ScriptedServer(tls=context), authority, smtp_tls_security_level=level)
    assert sent.reply.positive == delivered
    if not delivered:
        assert (sent.reply.status, sent.unreachable) == ("4.7.5", True)
        assert "Server certificate not verified (mx.far.test[127.0.0.1]" in sent.reply.text


def test_an_unknown_authority_or_none_at_all(authority, tmp_path):
    context, _ = Authority(tmp_path).context(HOST)
    for server in (ScriptedServer(tls=context), ScriptedServer()):
        sent = send(server, authority, smtp_tls_security_level="verify")
        assert sent.reply.temporary
        assert server.messages == []
    expired, _ = authority.context(HOST, expired=True)
    sent = send(ScriptedServer(tls=expired), authority, smtp_tls_security_level="verify")
    assert "certificate has expired" in sent.reply.text


def test_a_file_of_authorities_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match="smtp_tls_cafile"):
        ClientTls(tmp_path / "nothing")


DANE = {"smtp_tls_security_level": "dane", "smtp_dns_support_level": "dnssec"}


@pytest.mark.parametrize("usage", [2, 3])
@pytest.mark.parametrize("selector", [0, 1])
def test_dane(authority, tmp_path, usage, selector):
    private = Authority(tmp_path)  # nobody knows it: DNS vouches
    context, issued = private.context(HOST)
    pinned = (private.root if usage == 2 else issued).tlsa(usage, selector)
    sent = send(ScriptedServer(tls=context), authority, tlsa=[pinned], **DANE)
    assert sent.reply.positive
    other = replace(pinned, data=b"\0" * 32)
    server = ScriptedServer(tls=context)
    sent = send(server, authority, tlsa=[other], **DANE)
    assert "no TLSA record matches" in sent.reply.text
    assert server.messages == []
    sent = send(ScriptedServer(tls=context), authority, tlsa=[other, pinned], **DANE)
    assert sent.reply.positive


def test_dane_of_an_authority_asks_for_the_name_and_the_dates(authority):
    anchor = authority.root.tlsa(2)
    for names, expired in ((("mx.near.test",), False), ((HOST,), True)):
        context, _ = authority.context(*names, expired=expired)
        sent = send(ScriptedServer(tls=context), authority, tlsa=[anchor], **DANE)
        assert sent.reply.temporary
    # of the certificate itself it asks for neither
    context, issued = authority.context("mx.near.test", expired=True)
    sent = send(ScriptedServer(tls=context), authority, tlsa=[issued.tlsa()], **DANE)
    assert sent.reply.positive


def test_dane_does_not_go_in_the_clear(authority):
    server = ScriptedServer()
    sent = send(server, authority, tlsa=[authority.root.tlsa()], **DANE)
    assert sent.reply.status == "4.7.4"
    assert server.messages == []


def test_dane_that_is_not_signed_or_not_published_is_may(authority):
    wrong = [Tlsa(3, 1, 1, b"\0" * 32)]
    assert send(ScriptedServer(), authority, **DANE).reply.positive
    assert send(ScriptedServer(), authority, tlsa=wrong, signed=False, **DANE).reply.positive
    enabled = {**DANE, "smtp_dns_support_level": "enabled"}
    assert send(ScriptedServer(), authority, tlsa=wrong, **enabled).reply.positive
    only = {**DANE, "smtp_tls_security_level": "dane-only"}
    sent = send(ScriptedServer(), authority, **only)
    assert "the policy is dane-only" in sent.reply.text


def test_dane_with_records_that_nobody_can_use_is_encrypt(authority):
    context, _ = authority.context("mx.near.test")
    odd = [Tlsa(1, 1, 1, b"\0" * 32), Tlsa(3, 1, 9, b"\0")]
    assert send(ScriptedServer(tls=context), authority, tlsa=odd, **DANE).reply.positive
    assert send(ScriptedServer(), authority, tlsa=odd, **DANE).reply.temporary


def policy_of(settings, hop, target="mx.far.test"):
    policies = TlsPolicies(settings, resolver())

    async def run():
        policy = await policies.of_hop(hop)
        return await policies.of_target(hop, policy, Target(target, "127.0.0.1", 25))

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("hop", "expected"),
    [
        (NextHop("smtp", "far.test"), TargetPolicy("encrypt")),
        (NextHop("smtp", "far.test", 587), TargetPolicy("none")),
        (NextHop("smtp", "x.sub.test"), TargetPolicy("encrypt", Named((".isp.test", "isp.test")))),
        (NextHop("smtp", "a.b.test", 25, bracketed=True), TargetPolicy("encrypt", Named((HOST,)))),
        (NextHop("smtp", "other.test"), TargetPolicy("may")),
        (NextHop("lmtp", "/run/lmtp", 0), TargetPolicy("none")),
    ],
)
def test_policy_maps(tmp_path, hop, expected):
    table = tmp_path / "policy"
    table.write_text(
        "far.test encrypt\nfar.test:587 none\n.sub.test secure match=.isp.test:isp.test\n"
        "[a.b.test] verify\nbad.test whatever\n"
    )
    settings = SendingSettings(smtp_tls_policy_maps=(f"hash:{table}",))
    assert policy_of(settings, hop) == expected
    with pytest.raises(TableUnavailable):
        policy_of(settings, NextHop("smtp", "bad.test"))


POLICY = "version: STSv1\r\nmode: enforce\r\nmx: mx.far.test\r\nmx: *.far.test\r\nmax_age: 1000\r\n"


def test_parse_policy():
    policy = parse_policy(POLICY, "1", 50.0)
    assert policy == StsPolicy("1", "enforce", ("mx.far.test", "*.far.test"), 1050.0)
    assert policy.allows("MX.far.test.")
    assert policy.allows("b.far.test")
    assert not policy.allows("a.b.far.test")
    assert not policy.allows("far.test")


@pytest.mark.parametrize(
    "text",
    [
        "",
        POLICY.replace("STSv1", "STSv2"),
        POLICY.replace("enforce", "maybe"),
        POLICY.replace("1000", "-1"),
        "version: STSv1\nmode: enforce\nmax_age: 5\n",
    ],
)
def test_policies_that_cannot_be_used(text):
    with pytest.raises(ValueError, match=r"policy|number|named"):
        parse_policy(text, "1", 0.0)


class Published:
    """A domain that publishes; counts how often it is asked."""

    def __init__(self, text=POLICY, policy_id="1"):
        self.text, self.id, self.asked, self.time = text, policy_id, 0, 100.0

    def policies(self, path=None):
        record = {"_mta-sts.far.test": (f"v=STSv1; id={self.id};",)} if self.id else {}
        return StsPolicies(resolver(notes=record), self.fetch, path, lambda: self.time)

    async def fetch(self, domain):
        self.asked += 1
        if self.text is None:
            raise Temporary("nobody there")
        return self.text


def find(policies):
    return asyncio.run(policies.find("far.test"))


def test_a_policy_is_fetched_once_and_kept(tmp_path):
    published, path = Published(), tmp_path / "mta-sts.json"
    policies = published.policies(path)
    assert find(policies).mode == "enforce"
    assert find(policies).mode == "enforce"
    published.id = None  # somebody takes the record away
    assert find(published.policies(path)).mode == "enforce"
    assert published.asked == 1
    published.time = 1101.0
    assert find(published.policies(path)) is None
    path.write_text('{"far.test": {"odd": 1}}')
    assert find(published.policies(path)) is None


def test_a_new_policy_replaces_the_old(tmp_path):
    published, path = Published(), tmp_path / "mta-sts.json"
    find(published.policies(path))
    published.id, published.text = "2", None
    again = published.policies(path)
    assert find(again).id == "1"
    assert find(again).id == "1"
    assert published.asked == 2, "not asked again at once"
    published.text, published.time = POLICY.replace("enforce", "none"), 500.0
    assert find(again).mode == "none"


def test_no_policy():
    assert find(Published(policy_id=None).policies()) is None
    published = Published("rubbish")
    assert find(published.policies()) is None


@pytest.mark.parametrize(
    ("policy", "names", "delivered"),
    [
        (POLICY, (HOST,), True),
        (POLICY, ("mx.near.test",), False),
        (POLICY.replace("far.test", "near.test"), (HOST,), False),
        (POLICY.replace("enforce", "testing"), ("mx.near.test",), True),
        (POLICY.replace("enforce", "none"), ("mx.near.test",), True),
    ],
)
def test_a_policy_counts(authority, policy, names, delivered):
    context, _ = authority.context(*names)
    server = ScriptedServer(tls=context)
    sent = send(server, authority, sts=Published(policy).policies())
    assert sent.reply.positive == delivered
    assert sent.reply.positive or sent.reply.status == "4.7.5"
    assert len(server.messages) == delivered


def test_dane_comes_before_a_policy():
    policies = TlsPolicies(
        SendingSettings(**DANE),
        resolver(
            tlsas={f"_25._tcp.{HOST}": (Tlsa(3, 1, 1, b"\0" * 32),)}, signed=frozenset({"far.test"})
        ),
    )
    hop = NextHop("smtp", "far.test")
    enforced = HopPolicy("dane", (), parse_policy(POLICY, "1", 0.0), is_signed=True)
    target = Target(HOST, "127.0.0.1", 25)
    policy = asyncio.run(policies.of_target(hop, enforced, target))
    assert isinstance(policy.proof, Pinned)


@pytest.mark.parametrize(
    ("answer", "fetched"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + POLICY.encode(), True),
        (b"HTTP/1.1 301 Moved\r\nLocation: https://elsewhere.test/\r\n\r\n", False),
        (b"HTTP/1.1 404 Not found\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 70_000, False),
        (b"rubbish\r\n\r\n", False),
        (b"", False),
    ],
)
def test_a_policy_host(authority, answer, fetched):
    context, _ = authority.context("mta-sts.far.test")
    trusting = ssl.create_default_context(cafile=authority.file)
    asked = []

    async def serve(reader, writer):
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        writer.close()

    async def run():
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        try:
            return await HttpsFetch(resolver(), port, trusting)("far.test")
        finally:
            server.close()

    if fetched:
        assert asyncio.run(run()) == POLICY
        assert asked[0].startswith(b"GET /.well-known/mta-sts.txt HTTP/1.1\r\n")
        assert b"Host: mta-sts.far.test\r\n" in asked[0]
    else:
        with pytest.raises(Temporary):
            asyncio.run(run())


def test_a_policy_host_with_the_wrong_certificate(authority):
    context, _ = authority.context("far.test")
    trusting = ssl.create_default_context(cafile=authority.file)

    async def run():
        server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        try:
            with pytest.raises(Temporary):
                await HttpsFetch(resolver(), port, trusting)("far.test")
        finally:
            server.close()

    asyncio.run(run())
