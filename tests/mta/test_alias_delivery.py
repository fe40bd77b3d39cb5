# SPDX-License-Identifier: MIT
"""What the queue does with what aliases name: lists, programs, files; and what the house sends."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from homemail.config.local import LocalSettings
from homemail.errors import TableUnavailable
from homemail.mda.alias_target import AliasTargets
from homemail.model.address import Address
from homemail.model.delivery import Deferred, Delivered, Rejected
from homemail.model.envelope import Envelope, Notify, Origin, Recipient, TraceId
from homemail.model.message import MemoryContent, read_all
from homemail.mta.alias_delivery import AliasDelivery, ExpandingSubmit
from tests.mta.addresses.house import SENDER, addressing, table
from tests.mta.smtp_server import NOW

MESSAGE = b"Subject: x\r\n\r\nbody\r\n"


class Kept:
    """A ``Submit`` that remembers."""

    def __init__(self) -> None:
        self.kept: list[tuple[Envelope, bytes]] = []

    async def __call__(self, envelope, content):
        self.kept.append((envelope, read_all(content)))
        return envelope.trace


def deliver(made, target, *, tmp_path=Path("/"), message=MESSAGE, sender=SENDER, serve=True):
    kept = Kept()
    targets = AliasTargets(
        LocalSettings(), tmp_path, uid=os.geteuid(), may_serve=serve, now=lambda: NOW
    )
    recipient = Recipient(
        Address.parse("club@home.test"), notify=Notify.SUCCESS | Notify.FAILURE, target=target
    )
    envelope = Envelope(sender, (recipient,), TraceId("TRACE1"), Origin.SMTP, envelope_id="id")
    delivery = AliasDelivery(made, kept, targets, uid=os.geteuid())
    result = asyncio.run(delivery(target, recipient, envelope, MemoryContent(message)))
    return result, kept.kept


def test_a_list_with_an_owner():
    made = addressing(
        alias_maps=table({"club": 'alice, x@away.example, "|/bin/cat"', "owner-club": "carol"})
    )
    result, ((envelope, octets),) = deliver(made, ":alias:")
    assert isinstance(result, Delivered)
    assert str(envelope.reverse_path) == "owner-club@home.test"
    assert envelope.parent == "TRACE1"
    assert envelope.envelope_id is None
    assert [(str(one.forward_path), one.target) for one in envelope.recipients] == [
        ("alice@home.test", ""),
        ("x@away.example", ""),
        ("club@home.test", "|/bin/cat"),
    ]
    assert all(one.notify == Notify.FAILURE | Notify.DELAY for one in envelope.recipients)
    assert octets == b"Delivered-To: club@home.test\r\n" + MESSAGE


def test_a_list_file_is_read_at_each_delivery(tmp_path):
    made = addressing(alias_maps=table({"club": f":include:{tmp_path}/list"}))
    for text, expected in (("alice\n", 1), ("alice, bob\nx@away.example\n", 3)):
        (tmp_path / "list").write_text(text)
        (tmp_path / "list").chmod(0o644)
        _, ((envelope, _),) = deliver(made, f":include:{tmp_path}/list")
        assert len(envelope.recipients) == expected
        assert envelope.reverse_path == SENDER
        assert envelope.recipients[0].original.text == "club@home.test"


def test_a_list_file_that_cannot_be_used_waits(tmp_path):
    made = addressing()
    assert isinstance(deliver(made, f":include:{tmp_path}/list")[0], Deferred)
    (tmp_path / "list").write_text("alice\n")
    (tmp_path / "list").chmod(0o666)
    assert isinstance(deliver(made, f":include:{tmp_path}/list")[0], Deferred)


def test_an_empty_list_waits_for_somebody_to_mend_it(tmp_path):
    (tmp_path / "list").write_text("# nobody\n")
    (tmp_path / "list").chmod(0o644)
    result, kept = deliver(addressing(), f":include:{tmp_path}/list")
    assert isinstance(result, Deferred)
    assert kept == []


@pytest.mark.parametrize("target", [":alias:", "|/bin/cat", "/tmp/never"])
def test_a_message_that_comes_back_is_a_loop(target):
    made = addressing(alias_maps=table({"club": "alice", "owner-club": "bob"}))
    result, kept = deliver(made, target, message=b"Delivered-To: club@home.test\r\n" + MESSAGE)
    assert isinstance(result, Rejected)
    assert result.reply.status == "5.4.6"
    assert kept == []


def test_a_program(tmp_path):
    result, _ = deliver(addressing(), f"|cat > {tmp_path}/got; echo $RECIPIENT >> {tmp_path}/got")
    assert isinstance(result, Delivered)
    lines = (tmp_path / "got").read_text().splitlines()
    assert lines[0].startswith("From ann@elsewhere.example ")
    assert "Delivered-To: club@home.test" in lines
    assert lines[-2:] == ["body", "club@home.test"]


@pytest.mark.parametrize(("status", "kind"), [(67, Rejected), (75, Deferred)])
def test_a_program_that_fails(status, kind):
    assert isinstance(deliver(addressing(), f"|exit {status}")[0], kind)


def test_files(tmp_path):
    for _ in range(2):
        assert isinstance(deliver(addressing(), f"{tmp_path}/mbox")[0], Delivered)
    assert (tmp_path / "mbox").read_text().count("Delivered-To: club@home.test") == 2
    assert isinstance(deliver(addressing(), f"{tmp_path}/dir/")[0], Delivered)
    assert len(list((tmp_path / "dir/new").iterdir())) == 1
    assert isinstance(deliver(addressing(), "/dev/null")[0], Delivered)
    assert isinstance(deliver(addressing(), f"{tmp_path}/none/mbox")[0], Deferred)


def test_root_serves_nothing(tmp_path):
    for target in ("|true", f"{tmp_path}/mbox"):
        result, _ = deliver(addressing(), target, serve=False)
        assert isinstance(result, Deferred)
        assert result.reply.status == "4.3.5"
    assert not (tmp_path / "mbox").exists()


def submit(made, *recipients: str, sender=SENDER):
    kept = Kept()
    path = tuple(Recipient(Address.parse(text)) for text in recipients)
    envelope = Envelope(sender, path, TraceId("T"), Origin.REDIRECT)
    asyncio.run(ExpandingSubmit(made, kept)(envelope, MemoryContent(MESSAGE)))
    return [str(one.forward_path) for one in kept.kept[0][0].recipients]


def test_what_the_house_sends_is_expanded():
    made = addressing(alias_maps=table({"owner-club": "carol", "team": "alice, bob, carol"}))
    assert submit(made, "owner-club@home.test", sender=None) == ["carol@home.test"]
    everybody = ["alice@home.test", "bob@home.test", "carol@home.test"]
    assert submit(made, "team@home.test", "carol@home.test") == [*everybody, "carol@home.test"]
    assert submit(made, "nobody@home.test", "x@away.example") == [
        "nobody@home.test",
        "x@away.example",
    ]


def test_what_cannot_be_expanded_is_not_taken(tmp_path):
    with pytest.raises(TableUnavailable):
        submit(addressing(alias_maps=f"hash:{tmp_path}/none"), "a@home.test")
