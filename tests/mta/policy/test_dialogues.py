# SPDX-License-Identifier: MIT
"""Policy through the real shell."""

from __future__ import annotations

import socket
import struct
from dataclasses import replace

import pytest

from homemail.config.declare import Networks
from homemail.config.policy import PolicySettings
from homemail.config.smtp import SmtpSettings
from homemail.model.delivery import Rejected
from homemail.model.reply import Reply
from homemail.mta.transaction import Service
from homemail.resolve import FakeResolver
from tests.mta.policy.world import RESOLVER
from tests.mta.smtp_server import SETTINGS, House, Listening
from tests.transcript import SocketConnection, run_transcript, transcripts

ACCESS = """
hold@mail.example HOLD
discard@mail.example DISCARD
redirect@mail.example REDIRECT bob@home.test
filter@mail.example FILTER smtp:[127.0.0.1]:10025
prepend@mail.example PREPEND X-Policy: seen
bcc@mail.example BCC bob@home.test
buyme@spammer2.ispnet2.net 550 Take that, spammer!
bye@spammer2.ispnet2.net 421 4.7.0 go away
"""
LOOPBACK = Networks().parse(["127.0.0.0/8"])


@pytest.fixture
def tables(tmp_path):
    """Each table's name by what it is for."""
    texts = {
        "access": ACCESS,
        "data": "nodata@mail.example 550 not at DATA\n",
        "end": "noend@mail.example 550 not at the end\n",
        "header": "/^subject: more money$/ REJECT\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    kinds = {name: "regexp" if name == "header" else "hash" for name in texts}
    return {name: f"{kind}:{tmp_path / name}" for name, kind in kinds.items()}


def settings_of(name: str, tables) -> tuple[SmtpSettings, PolicySettings]:
    """Return the settings that the transcript ``name`` is about."""
    sender = ("check_sender_access", tables["access"])
    match name:
        case "delayed":
            smtp = {
                "smtpd_helo_restrictions": ("reject_non_fqdn_helo_hostname",),
                "smtpd_sender_restrictions": (*sender, "reject_unknown_sender_domain"),
            }
        case "effects":
            smtp = {
                "smtpd_sender_restrictions": sender,
                "smtpd_data_restrictions": ("check_sender_access", tables["data"]),
                "smtpd_end_of_data_restrictions": ("check_sender_access", tables["end"]),
            }
            return replace(SETTINGS, **smtp), PolicySettings(header_checks=(tables["header"],))
        case "soft":
            return SETTINGS, PolicySettings(soft_bounce=True)
        case "xclient":
            smtp = {
                "smtpd_authorized_xclient_hosts": LOOPBACK,
                "smtpd_client_restrictions": ("reject_rbl_client bl.test",),
            }
        case _:
            smtp = {
                "smtpd_client_message_rate_limit": 2,
                "smtpd_client_recipient_rate_limit": 2,
                "smtpd_client_auth_rate_limit": 1,
                "smtpd_client_connection_rate_limit": 2,
            }
    return replace(SETTINGS, **smtp), PolicySettings()


@pytest.fixture
def open_house(tmp_path, loop_thread):
    """A function that serves SMTP with these settings."""
    made: list[Listening] = []

    def open_(smtp: SmtpSettings, policy: PolicySettings, resolver: FakeResolver = RESOLVER):
        house = House(tmp_path, smtp, policy=policy, resolver=resolver)
        made.append(Listening(loop_thread, house))
        return made[-1], made[-1].listen()

    yield open_
    for listening in made:
        listening.close()


@pytest.mark.parametrize("path", transcripts("mta/policy"), ids=lambda path: path.stem)
def test_dialogue(path, open_house, tables):
    listening, port = open_house(*settings_of(path.stem, tables))
    house = listening.house

    def last():
        return list(house.queue.kept.values())[-1]

    def recipients() -> list[str]:
        return [str(one.forward_path) for one in last().envelope.recipients]

    def set_over_quota() -> None:
        house.deliver.answers["alice"] = Rejected(Reply(552, "5.2.2", "Over quota"))

    def check(holds: bool) -> None:
        assert holds, house.queue.kept

    events = {
        "nothing is filed": lambda: check(not house.deliver.filed),
        "it is on hold": lambda: check(last().hold),
        "nothing more is queued": lambda: check(len(house.queue.kept) == 1),
        "it goes to bob alone": lambda: check(recipients() == ["bob@home.test"]),
        "it goes to the filter": lambda: check(
            dict(last().envelope.extra) == {"content_filter": "smtp:[127.0.0.1]:10025"}
        ),
        "it begins with X-Policy": lambda: check(
            house.messages[-1].startswith(b"X-Policy: seen\r\nReceived:")
        ),
        "bob has it, too": lambda: check(
            {one.account for one, _ in house.deliver.filed[-2:]} == {"alice", "bob"}
        ),
        "alice is over quota": set_over_quota,
    }
    run_transcript(path, lambda _: SocketConnection("127.0.0.1", port), "smtp", events=events)


def talk(port: int, data: bytes) -> bytes:
    """Send ``data`` at once and return everything the server says until it closes."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(data)
        got = b""
        while piece := connection.recv(10_000):
            got += piece
        return got


MAIL = b"EHLO x.example\r\nMAIL FROM:<a@mail.example>\r\nRCPT TO:<alice@home.test>\r\nQUIT\r\n"
V2 = b"\r\n\r\n\x00\r\nQUIT\n"


@pytest.mark.parametrize(
    ("header", "reply"),
    [
        (b"PROXY TCP4 198.51.100.2 192.0.2.1 4000 25\r\n", b"554 5.7.1 Service unavailable"),
        (b"PROXY TCP4 198.51.100.1 192.0.2.1 4000 25\r\n", b"250 2.1.5 Ok"),
        (b"PROXY UNKNOWN\r\n", b"250 2.1.5 Ok"),
        (V2 + b"\x21\x11" + struct.pack("!H", 12) + bytes([198, 51, 100, 2, 192, 0, 2, 1])
         + struct.pack("!HH", 4000, 25), b"554 5.7.1 Service unavailable"),
        (V2 + b"\x20\x00" + struct.pack("!H", 0), b"250 2.1.5 Ok"),
    ],
)  # fmt: skip
def test_proxy(header, reply, open_house):
    smtp = replace(
        SETTINGS,
        haproxy_trusted_networks=LOOPBACK,
        smtpd_client_restrictions=("reject_rbl_client bl.test",),
    )
    _, port = open_house(smtp, PolicySettings())
    said = talk(port, header + MAIL)
    assert said.startswith(b"220 mail.home.test")
    assert reply in said


@pytest.mark.parametrize("data", [b"EHLO x\r\n", b"PROXY TCP4 x\r\n", V2 + b"\x31\x11\x00\x0c"])
def test_without_its_header_a_proxy_is_not_served(data, open_house):
    smtp = replace(SETTINGS, haproxy_trusted_networks=LOOPBACK)
    _, port = open_house(smtp, PolicySettings())
    try:
        said = talk(port, data)
    except ConnectionResetError:
        said = b""
    assert said == b""


EARLY = replace(SETTINGS, postscreen_greet_wait=0.05)


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("ignore", b"250 2.1.5 Ok"),
        ("enforce", b"550 5.5.1 Protocol error"),
        ("drop", b"521 5.5.1 Protocol error"),
    ],
)
def test_who_talks_before_the_greeting(action, expected, open_house, caplog):
    _, port = open_house(replace(EARLY, postscreen_greet_action=action), PolicySettings())
    said = talk(port, MAIL)
    assert said.startswith(b"220-mail.home.test")
    assert expected in said
    assert "PREGREET" in caplog.text


def test_who_waits_need_not_wait_again(open_house):
    _, port = open_house(EARLY, PolicySettings())
    for greeting in (b"220-mail.home.test ESMTP homemail\r\n220 mail.home.test", b"220 mail"):
        connection = SocketConnection("127.0.0.1", port)
        said = connection.readline()
        if said.startswith(b"220-"):
            said += connection.readline()
        assert said.startswith(greeting)
        connection.close()


def test_who_talks_ahead_without_leave(open_house):
    smtp = replace(SETTINGS, smtpd_recipient_restrictions=("reject_unauth_pipelining",))
    _, port = open_house(smtp, PolicySettings())
    assert b"503 5.5.0 <alice@home.test>: Recipient address rejected: Improper" in talk(port, MAIL)


@pytest.mark.parametrize(
    ("sites", "expected"),
    [
        (("bl.test",), b"550 5.7.1 Service unavailable; client [127.0.0.9] blocked using bl.test"),
        (("bl.test*2", "good.test*-2"), b"250 2.1.5 Ok"),
        (("none.test",), b"250 2.1.5 Ok"),
    ],
)
def test_lists_before_the_greeting(sites, expected, open_house):
    smtp = replace(
        SETTINGS,
        postscreen_dnsbl_sites=sites,
        postscreen_dnsbl_action="enforce",
        haproxy_trusted_networks=LOOPBACK,
    )
    resolver = FakeResolver(
        hosts={"9.0.0.127.bl.test": ("127.0.0.2",), "9.0.0.127.good.test": ("127.0.0.2",)}
    )
    _, port = open_house(smtp, PolicySettings(), resolver)
    assert expected in talk(port, b"PROXY TCP4 127.0.0.9 127.0.0.1 1 25\r\n" + MAIL)


def test_members_of_the_house_need_not_wait(open_house):
    listening, _ = open_house(replace(EARLY, postscreen_greet_wait=30.0), PolicySettings())
    port = listening.listen(Service.SUBMISSION)
    connection = SocketConnection("127.0.0.1", port)
    assert connection.readline() == b"220 mail.home.test ESMTP homemail\r\n"
    connection.close()
