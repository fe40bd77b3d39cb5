# SPDX-License-Identifier: MIT
"""postgrey as the policy service, rbldnsd as the list in DNS."""

from __future__ import annotations

import os
import socket
import subprocess
from dataclasses import replace

import pytest

from homemail.config.declare import Networks
from homemail.config.policy import PolicySettings
from homemail.resolve import DnsResolver
from tests.mta.smtp_server import SETTINGS
from tests.peers.daemon import UNPACKED, Daemon, find, free_port, listens, need_root, wait_for
from tests.transcript import SocketConnection

pytestmark = [pytest.mark.slow, pytest.mark.real]


def rcpt(
    port: int, recipient: str = "alice@home.test", sender: str = "a@mail.example", first: str = ""
) -> str:
    """Return the reply to RCPT; ``first`` is sent before everything else."""
    client = SocketConnection("127.0.0.1", port)
    client.send(first.encode())
    client.readline()
    for line in ("HELO client.example", f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>"):
        client.send(f"{line}\r\n".encode())
        reply = client.readline().decode()
    client.close()
    return reply.strip()


@pytest.fixture
def postgrey(base):
    need_root("postgrey")
    command = find("postgrey")
    subprocess.run(["chown", "-R", "nobody", base], check=True)
    whitelists = UNPACKED / "etc" / "postgrey"
    port = free_port()
    daemon = Daemon(
        base / "log",
        "perl", "-T", command, f"--inet=127.0.0.1:{port}", "--delay=1", f"--dbdir={base}",
        "--user=nobody", "--group=nogroup", f"--pidfile={base}/pid",
        f"--whitelist-clients={whitelists}/whitelist_clients",
        f"--whitelist-recipients={whitelists}/whitelist_recipients",
        env={**os.environ, "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    try:
        wait_for("postgrey", lambda: listens(port))
        yield port
    finally:
        daemon.stop()


def test_postgrey(postgrey, listening, house):
    lists = ("reject_unauth_destination", f"check_policy_service inet:127.0.0.1:{postgrey}")
    house.settings = replace(SETTINGS, smtpd_recipient_restrictions=lists)
    port = listening.listen()
    first = rcpt(port)
    assert first.startswith("450 4.2.0 <alice@home.test>: Recipient address rejected: Greylisted")
    # postgrey asks for at least one whole second; the same triplet passes when it is over.
    wait_for("postgrey to let it in", lambda: rcpt(port) == "250 2.1.5 Ok")
    assert rcpt(port, "bob@home.test").startswith("450 4.2.0 ")


@pytest.fixture
def rbldnsd(base):
    command = find("rbldnsd")
    port = free_port(socket.SOCK_DGRAM)
    (base / "ip").write_text(":127.0.0.2:Listed, see http://list.example/$\n192.0.2.9\n127.0.0.2\n")
    (base / "names").write_text(":127.0.0.2:Listed $\n.spam.example\n")
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    daemon = Daemon(
        base / "log",
        command, "-n", "-b", f"127.0.0.1/{port}", *user, "-w", base,
        "list.example:ip4set:ip", "domains.example:dnset:names",
    )  # fmt: skip
    try:
        wait_for("rbldnsd", lambda: "started" in (base / "log").read_text())
        yield port
    finally:
        daemon.stop()


def test_rbldnsd(rbldnsd, listening, house):
    house.resolver = DnsResolver([f"127.0.0.1:{rbldnsd}"], hosts=None)
    house.policy = PolicySettings(dnsbl_timeout=10.0)
    lists = ("reject_rbl_client list.example=127.0.0.2", "reject_rhsbl_sender domains.example")
    house.settings = replace(
        SETTINGS,
        smtpd_client_restrictions=lists,
        haproxy_trusted_networks=Networks().parse(["127.0.0.0/8"]),
    )
    port = listening.listen()

    def reply(client: str, sender: str = "a@mail.example") -> str:
        return rcpt(port, sender=sender, first=f"PROXY TCP4 {client} 127.0.0.1 1 25\r\n")

    blocked = "554 5.7.1 Service unavailable; {} blocked using {}; Listed"
    assert reply("192.0.2.9").startswith(blocked.format("Client host [192.0.2.9]", "list.example"))
    assert reply("192.0.2.10") == "250 2.1.5 Ok"
    sender = blocked.format("Sender address [a@x.spam.example]", "domains.example")
    assert reply("192.0.2.10", "a@x.spam.example").startswith(sender)
