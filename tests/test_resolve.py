# SPDX-License-Identifier: MIT
from __future__ import annotations

import asyncio
import contextlib

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from homemail.errors import Permanent, Temporary
from homemail.resolve import DnsResolver, DnsUnavailable, FakeResolver, Mx, NoSuchName, Tlsa

ZONE = {
    ("far.test.", "MX"): ["10 mx.far.test.", "20 Backup.Far.test."],
    ("null.test.", "MX"): ["0 ."],
    ("mx.far.test.", "A"): ["192.0.2.1"],
    ("mx.far.test.", "AAAA"): ["2001:db8::1"],
    ("1.2.0.192.in-addr.arpa.", "PTR"): ["MX.far.test."],
    ("empty.test.", "TXT"): ['"nothing else"'],
    ("signed.test.", "MX"): ["10 mx.signed.test."],
    ("_25._tcp.mx.signed.test.", "TLSA"): ["3 1 1 " + "ab" * 32],
    ("_25._tcp.mx.far.test.", "TLSA"): ["3 1 1 " + "cd" * 32],
}


class NameServer(asyncio.DatagramProtocol):
    """Answers out of ``ZONE``; names below ``broken.test`` fail."""

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, peer):
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = question.name.to_text().lower(), question.rdtype.name
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if name.endswith("broken.test."):
            response.set_rcode(dns.rcode.SERVFAIL)
        elif (name, kind) in ZONE:
            response.answer = [dns.rrset.from_text(name, 60, "IN", kind, *ZONE[name, kind])]
            if name.endswith("signed.test.") and query.flags & dns.flags.AD:
                response.flags |= dns.flags.AD
        elif not any(known == name for known, _ in ZONE):
            response.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(response.to_wire(), peer)


def ask(question, hosts=None):
    async def run():
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(NameServer, ("127.0.0.1", 0))
        port = transport.get_extra_info("sockname")[1]
        resolver = DnsResolver([f"127.0.0.1:{port}"], hosts)
        with contextlib.closing(transport):
            return await question(resolver)

    return asyncio.run(run())


def test_mx():
    mxs = ask(lambda resolver: resolver.mx("far.test"))
    assert sorted(mxs) == [Mx(10, "mx.far.test"), Mx(20, "backup.far.test")]
    assert ask(lambda resolver: resolver.mx("null.test")) == (Mx(0, ""),)
    assert ask(lambda resolver: resolver.mx("empty.test")) == ()


def test_addresses():
    assert ask(lambda resolver: resolver.addresses("mx.far.test")) == ("2001:db8::1", "192.0.2.1")
    assert ask(lambda resolver: resolver.addresses("empty.test")) == ()
    assert ask(lambda resolver: resolver.addresses("192.0.2.9")) == ("192.0.2.9",)
    assert ask(lambda resolver: resolver.addresses("[::1]")) == ("::1",)


def test_names():
    assert ask(lambda resolver: resolver.names("192.0.2.1")) == ("mx.far.test",)


@pytest.mark.parametrize("name", ["nothing.test", "a..b", "x" * 300])
def test_no_such_name(name):
    with pytest.raises(NoSuchName) as caught:
        ask(lambda resolver: resolver.mx(name))
    assert isinstance(caught.value, Permanent)


def test_nobody_can_say():
    with pytest.raises(DnsUnavailable) as caught:
        ask(lambda resolver: resolver.mx("broken.test"))
    assert isinstance(caught.value, Temporary)


def test_the_hosts_file_comes_first(tmp_path):
    hosts = tmp_path / "hosts"
    hosts.write_text("# LAN\n192.168.1.9 Nas nas.lan # the disk\nfd00::9 nas\nrubbish here\n")

    async def questions(resolver):
        first = await resolver.addresses("nas"), await resolver.addresses("NAS.lan.")
        hosts.write_text("192.168.1.10 nas\n")
        return *first, await resolver.addresses("nas")

    assert ask(questions, hosts) == (
        ("192.168.1.9", "fd00::9"),
        ("192.168.1.9",),
        ("192.168.1.10",),
    )


def test_the_fake_is_like_the_real_one():
    fake = FakeResolver(
        mxs={"far.test": (Mx(10, "mx.far.test"),)},
        hosts={"mx.far.test": ("192.0.2.1",)},
        unavailable=frozenset({"broken.test"}),
    )
    run = asyncio.run
    assert run(fake.mx("far.test")) == (Mx(10, "mx.far.test"),)
    assert run(fake.addresses("far.test")) == ()
    assert run(fake.addresses("192.0.2.9")) == ("192.0.2.9",)
    with pytest.raises(NoSuchName):
        run(fake.mx("nothing.test"))
    with pytest.raises(DnsUnavailable):
        run(fake.mx("broken.test"))


def test_what_the_name_server_validated():
    assert ask(lambda resolver: resolver.is_signed_mx("signed.test"))
    assert not ask(lambda resolver: resolver.is_signed_mx("far.test"))
    (record,) = ask(lambda resolver: resolver.tlsa("_25._tcp.mx.signed.test"))
    assert record == Tlsa(3, 1, 1, b"\xab" * 32)
    assert ask(lambda resolver: resolver.tlsa("_25._tcp.mx.far.test")) == ()
    with pytest.raises(NoSuchName):
        ask(lambda resolver: resolver.tlsa("_25._tcp.nothing.signed.test"))
