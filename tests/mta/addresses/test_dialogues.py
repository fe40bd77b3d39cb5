# SPDX-License-Identifier: MIT
"""Dialogues with a house that has tables."""

from __future__ import annotations

import pytest

from homemail.config.addresses import AddressSettings
from homemail.mta.transaction import Service
from tests.mta.addresses.house import table
from tests.mta.smtp_server import House, Listening
from tests.transcript import SocketConnection, run_transcript, transcripts

SERVICES = {"smtp": Service.SMTP, "submission": Service.SUBMISSION, "lmtp": Service.LMTP}


@pytest.fixture
def plain(tmp_path, loop_thread, tls_context):
    addresses = AddressSettings(
        canonical_maps=(table({"alice": "Alice.Blum"}),),
        masquerade_domains=("home.test",),
        virtual_alias_maps=(
            table({"othercompany.example": "virtual", "mike@othercompany.example": "bob"}),
        ),
        alias_maps=(
            table(
                {
                    "alice.blum": "alice",
                    "team": "alice, bob",
                    "circle": "round",
                    "round": "circle",
                    "robot": "|/bin/false",
                    "club": "alice",
                    "owner-club": "bob",
                }
            ),
        ),
        relocated_maps=(
            table({"barbara": "barbara@newcompany.example. Please change your addressbook."}),
        ),
        transport_maps=(table({"closed.example": "error:closed", "later.example": "smtp:[a"}),),
        relay_domains=("back.example", "later.example"),
    )
    house = House(tmp_path, addresses=addresses, ssl_context=tls_context)
    listening = Listening(loop_thread, house)
    yield listening
    listening.close()


@pytest.mark.parametrize("path", transcripts("mta/addresses"), ids=lambda path: path.stem)
def test_dialogue(path, plain):
    house = plain.house
    ports: dict[str, int] = {}

    def connect(service: str) -> SocketConnection:
        if service not in ports:
            ports[service] = plain.listen(SERVICES[service])
        return SocketConnection("127.0.0.1", ports[service])

    def filed(*accounts: str) -> None:
        assert sorted(delivery.account for delivery, _ in house.deliver.filed) == sorted(accounts)

    def queued() -> tuple[list[tuple[str, str]], bytes]:
        kept = list(house.queue.kept.values())[-1]
        pairs = [(str(one.forward_path), one.target) for one in kept.envelope.recipients]
        return pairs, kept.octets

    def the_sender_is_hidden() -> None:
        senders = {str(delivery.envelope.reverse_path) for delivery, _ in house.deliver.filed}
        assert senders == {"rich@home.test"}

    def program_and_list_are_queued() -> None:
        assert queued()[0] == [("robot@home.test", "|/bin/false"), ("club@home.test", ":alias:")]

    def the_header_is_rewritten() -> None:
        header, _, body = queued()[1].partition(b"\r\n\r\n")
        assert b"\r\nFrom: Alice <Alice.Blum@home.test>\r\n" in header
        assert b"\r\nTo: ann@away.example, rich@home.test\r\n" in header
        assert body == b"alice@home.test\r\n"

    def the_header_is_as_it_came() -> None:
        assert all(b"\r\nFrom: rich@host.home.test\r\n" in octets for octets in house.messages)

    events = {
        "alice and bob have it": lambda: filed("alice", "bob"),
        "alice, bob and carol have it": lambda: filed("alice", "bob", "carol"),
        "bob has one more": lambda: filed("alice", "bob", "bob"),
        "the sender is rich@home.test": the_sender_is_hidden,
        "the header is as it came": the_header_is_as_it_came,
        "program and list are queued": program_and_list_are_queued,
        "the header is rewritten": the_header_is_rewritten,
    }
    run_transcript(path, connect, "smtp", events=events)
