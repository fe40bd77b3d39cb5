# SPDX-License-Identifier: MIT
"""``mailbox_transport``, ``mailbox_command`` and ``forward_path``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from homemail.config.local import LocalSettings
from homemail.model.delivery import Deferred, Delivered, NeedsQueue, Rejected
from homemail.model.envelope import Envelope, Recipient
from homemail.model.message import MessageContent, read_all
from homemail.model.reply import Reply
from tests.mda.conftest import MESSAGE, House

SAVE = 'cat >"$HOME/got-${EXTENSION}"'


def with_command(home: Path, command: str) -> House:
    home.mkdir(exist_ok=True)
    return House(home, settings=LocalSettings(mailbox_command=command))


def test_command_takes_the_place_of_the_mailbox(tmp_path: Path) -> None:
    house = with_command(tmp_path, SAVE)
    waiting = house.delivery('"alice+a;b"@home.test', sender_waits=True)
    assert house.run(waiting) == NeedsQueue()
    assert isinstance(house.run(replace(waiting, sender_waits=False)), Delivered)
    got = (tmp_path / "got-a_b").read_bytes()
    assert got.startswith(b"From bob@x.org  Sat Nov 21")
    assert got.endswith(MESSAGE.replace(b"\r\n", b"\n"))
    assert house.filed() == []


def test_an_own_script_comes_before_the_command(tmp_path: Path) -> None:
    house = with_command(tmp_path, "exit 1")
    house.write(".homemail.sieve", "keep;")
    assert isinstance(house.run(), Delivered)
    assert len(house.filed()) == 1


def test_forward_comes_before_the_command(tmp_path: Path) -> None:
    house = with_command(tmp_path, SAVE)
    house.write(".forward", "carol, \\alice")
    waiting = house.delivery(sender_waits=True)
    assert house.run(waiting) == NeedsQueue()
    assert house.queue.sent == []
    assert isinstance(house.run(replace(waiting, sender_waits=False)), Delivered)
    assert house.queue.recipients() == ["carol@home.test"]
    assert (tmp_path / "got-").exists()


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("echo 'illegal option -- x' >&2; exit 64", Deferred),
        ("/no/such/mda -x", Deferred),
        ("echo 'illegal option -- x' >&2; exit 69", Rejected),
    ],
)
def test_broken_command(tmp_path: Path, command: str, kind: type[Deferred | Rejected]) -> None:
    result = with_command(tmp_path, command).run()
    assert isinstance(result, kind)
    assert ("not found" if "/no" in command else "illegal option -- x") in result.reply.text


def test_transport_takes_the_place_of_all(tmp_path: Path) -> None:
    handed: list[tuple[Envelope, Recipient, bytes]] = []
    replies = [Reply(250, "2.0.0", "Ok"), Reply(451, "4.0.0", "later"), Reply(550, "5.1.1", "no")]

    async def hand_over(envelope: Envelope, to: Recipient, content: MessageContent) -> Reply:
        handed.append((envelope, to, read_all(content)))
        return replies[len(handed) - 1]

    house = House(tmp_path, settings=LocalSettings(mailbox_command="exit 70"), hand_over=hand_over)
    house.write(".homemail.sieve", "discard;")
    assert house.run(house.delivery(sender_waits=True)) == NeedsQueue()
    assert [type(house.run()) for _ in replies] == [Delivered, Deferred, Rejected]
    assert handed[0][2] == MESSAGE
    assert str(handed[0][1].forward_path) == "alice@home.test"


def test_forward_path(tmp_path: Path) -> None:
    (tmp_path / "home" / "alice").mkdir(parents=True)
    (tmp_path / "all").mkdir()
    paths = (f"{tmp_path}/all/${{user}}${{extension?-}}$extension", "$home/$local/fwd", "$home/f")
    house = House(tmp_path / "home", settings=LocalSettings(forward_path=paths))
    (tmp_path / "all" / "alice-x").write_text("carol")
    house.write("f", "dave")
    house.write("alice/fwd", "eve")
    for to, expected in (("alice+x", "carol"), ("alice", "eve"), ("alice+y", "dave")):
        house.queue.sent.clear()
        house.run(house.delivery(f"{to}@home.test"))
        assert house.queue.recipients() == [f"{expected}@home.test"]
