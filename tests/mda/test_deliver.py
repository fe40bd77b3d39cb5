# SPDX-License-Identifier: MIT
"""Final delivery: INBOX, ``.forward`` with all kinds of targets, joining, retrying."""

from __future__ import annotations

import asyncio
import mailbox
import os
from pathlib import Path

import pytest

from homemail.config.local import LocalSettings
from homemail.errors import StorageFull, Temporary
from homemail.mda import deliver as module
from homemail.model.address import Address
from homemail.model.delivery import Deferred, Delivered, NeedsQueue, Rejected
from homemail.model.envelope import Notify, Origin, OriginalRecipient, Recipient
from homemail.model.message import MemoryContent
from homemail.store.memory import MemoryStore
from tests.mda.conftest import ALICE, MESSAGE, House


def test_inbox_with_fields_in_front(house: House) -> None:
    assert house.run() == Delivered("filed in INBOX")
    assert house.filed() == [
        b"Return-Path: <bob@x.org>\r\nDelivered-To: alice@home.test\r\n" + MESSAGE
    ]


def test_extension_goes_to_inbox_too(house: House) -> None:
    assert isinstance(house.run(house.delivery("Alice+Lists@home.test", sender=None)), Delivered)
    (message,) = house.filed()
    fields = b"Return-Path: <>\r\nDelivered-To: alice+lists@home.test\r\n"
    assert message == fields + MESSAGE


def test_original_recipient(house: House) -> None:
    delivery = house.delivery()
    for text, shown in (("info@home.test", True), ("ALICE@home.test", False), ("a\nb", False)):
        original = OriginalRecipient("rfc822", text)
        recipient = Recipient(delivery.recipient.forward_path, original)
        other = type(delivery)(text, ALICE, None, recipient, delivery.envelope)
        house.run(other)
        assert (b"X-Original-To: info@home.test\r\n" in house.filed()[-1]) is shown


def test_loop_is_refused(house: House) -> None:
    message = b"Received: x\r\ndelivered-to: ALICE@home.test\r\n" + MESSAGE
    result = house.run(message=message)
    assert isinstance(result, Rejected)
    assert result.reply.status == "5.4.6"
    assert house.filed() == []
    other = b"Delivered-To: bob@home.test\r\n" + MESSAGE
    assert isinstance(house.run(message=other), Delivered)


def test_errors_of_the_store(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for failure, code in ((StorageFull("full"), 452), (KeyError("a fault of ours"), 451)):

        def append(*_: object, failure: Exception = failure) -> None:
            raise failure

        monkeypatch.setattr(MemoryStore, "append", append)
        result = house.run()
        assert isinstance(result, Deferred)
        assert result.reply.code == code


def test_over_quota(tmp_path: Path) -> None:
    small = House(tmp_path, store=MemoryStore(ALICE, octets_limit=10))
    result = small.run()
    assert isinstance(result, Rejected)
    assert (result.reply.code, result.reply.status) == (552, "5.2.2")


def test_home_that_is_not_mounted_waits(tmp_path: Path) -> None:
    away = House(tmp_path / "away")
    assert isinstance(away.run(), Deferred)
    assert away.filed() == []


def test_forward_to_addresses(house: House) -> None:
    house.write(".forward", "carol, dave@x.org\n")
    delivery = house.delivery()
    assert isinstance(house.run(delivery), Delivered)
    assert house.filed() == []
    ((envelope, octets),) = house.queue.sent
    assert house.queue.recipients() == ["carol@home.test", "dave@x.org"]
    assert octets == b"Delivered-To: alice@home.test\r\n" + MESSAGE
    assert envelope.reverse_path == Address.parse("bob@x.org")
    assert envelope.origin is Origin.REDIRECT
    assert envelope.parent == delivery.envelope.trace != envelope.trace
    assert envelope.recipients[0].notify == Notify.FAILURE | Notify.DELAY


@pytest.mark.parametrize(
    "own", ["alice", "\\alice", "ALICE@home.test", "a.smith@home.test", '"\\alice"']
)
def test_own_name_keeps_a_copy(house: House, own: str) -> None:
    house.write(".forward", f"{own}\ncarol")
    assert isinstance(house.run(house.delivery("alice+x@home.test")), Delivered)
    assert len(house.filed()) == 1
    assert house.queue.recipients() == ["carol@home.test"]


def test_forward_for_an_extension(house: House) -> None:
    house.write(".forward", "carol")
    house.write(".forward+cats", "dave")
    house.run(house.delivery("alice+Cats@home.test"))
    house.run(house.delivery("alice+dogs@home.test"))
    house.run(house.delivery("alice@home.test"))
    expected = ["dave@home.test", "carol@home.test", "carol@home.test"]
    assert house.queue.recipients() == expected
    (house.home / "sub").mkdir()
    house.write("sub/.forward+x", "eve")
    assert isinstance(house.run(house.delivery('"alice+/../sub/x"@home.test')), Delivered)


@pytest.mark.parametrize("text", ["", "# nothing\n", ":include:/no/such/list", "a@-x-"])
def test_forward_without_a_target_does_not_count(house: House, text: str) -> None:
    house.write(".forward", text)
    assert isinstance(house.run(), Delivered)
    assert sum(mail.endswith(MESSAGE) for mail in house.filed()) == 1


def test_owner_hears_once_of_a_line_that_means_nothing(house: House) -> None:
    house.write(".forward", "carol\na@-x-\n")
    house.run()
    house.run()
    (note,) = house.filed()
    assert b"Subject: Your forwarding file has mistakes" in note
    assert b".forward: line 2: a@-x-" in note
    assert house.queue.recipients() == ["carol@home.test"] * 2


def test_forward_that_others_may_write_does_not_count(house: House) -> None:
    house.write(".forward", "carol", 0o666)
    assert house.run() == Delivered("filed in INBOX")


def test_queue_in_trouble_defers(house: House) -> None:
    house.write(".forward", "alice, carol")
    house.queue.failure = StorageFull("full")
    delivery = house.delivery()
    result = house.run(delivery)
    assert isinstance(result, Deferred)
    assert result.reply.code == 452
    assert len(house.filed()) == 1  # the other target had its copy
    house.queue.failure = None
    assert isinstance(house.run(delivery), Delivered)
    assert len(house.filed()) == 1  # and no second one
    assert house.queue.recipients() == ["carol@home.test"]


def test_files(house: House) -> None:
    house.write(".forward", f"{house.home}/box\n~/Copy/\n/dev/null")
    assert isinstance(house.run(), Delivered)
    text = (house.home / "box").read_bytes()
    assert text.startswith(b"From bob@x.org  Sat Nov 21 ")
    assert b"\nReturn-Path: <bob@x.org>\nDelivered-To: alice@home.test\n" in text
    assert text.endswith(b"\n\nHello\n\n")
    (new,) = (house.home / "Copy" / "new").iterdir()
    assert b"Hello\n" in new.read_bytes()


def test_one_failing_target_does_not_stop_the_others(house: House) -> None:
    (house.home / "pipe").symlink_to("/dev/null")
    house.write(".forward", f"{house.home}/pipe, carol, /tmp/")
    assert isinstance(house.run(), Delivered)
    assert house.queue.recipients() == ["carol@home.test"]
    house.write(".forward", f"{house.home}/pipe")
    result = house.run()
    assert isinstance(result, Rejected)
    assert result.reply.status == "5.7.1"


def test_lists(house: House) -> None:
    house.write("list", "carol, :include:~/more\n/no/file\n|prog\n:include:~/list")
    house.write("more", "dave")
    house.write(".forward", f"eve, :include:{house.home}/list")
    assert isinstance(house.run(), Delivered)
    names = ["eve@home.test", "carol@home.test", "dave@home.test"]
    assert house.queue.recipients() == names


def test_program(house: House) -> None:
    house.write(".forward", '"|cat >got; env >env"')
    delivery = house.delivery('"alice+a;b"@home.test', sender="o'hara$x@x.org")
    assert house.run(delivery) == Delivered("forwarded: |cat >got; env >env")
    got = (house.home / "got").read_text()
    assert got.startswith("From o'hara$x@x.org  Sat Nov 21 ")
    assert "\nReturn-Path: <o'hara$x@x.org>\n" in got
    assert got.endswith("\nSubject: hi\n\nHello\n")
    env = dict(line.split("=", 1) for line in (house.home / "env").read_text().splitlines())
    assert env["USER"] == env["LOGNAME"] == "alice"
    assert env["EXTENSION"] == "a_b"
    assert env["DOMAIN"] == "home.test"
    assert env["SENDER"] == "o_hara_x@x.org"
    assert env["HOME"] == str(house.home)
    assert "USERNAME" not in env


def test_program_waits_for_the_queue(house: House) -> None:
    house.write(".forward", "carol, |cat >>got")
    delivery = house.delivery(sender_waits=True)
    assert house.run(delivery) == NeedsQueue()
    assert house.queue.sent == []
    again = type(delivery)(
        delivery.id, ALICE, None, delivery.recipient, delivery.envelope, sender_waits=False
    )
    assert isinstance(house.run(again), Delivered)
    assert house.queue.recipients() == ["carol@home.test"]
    assert (house.home / "got").exists()


def test_program_that_fails(house: House) -> None:
    house.write(".forward", "carol, |exit $(cat status)")
    house.write("status", "75")
    delivery = house.delivery()
    assert isinstance(house.run(delivery), Deferred)
    house.write("status", "0")
    assert isinstance(house.run(delivery), Delivered)
    assert house.queue.recipients() == ["carol@home.test"]
    house.write(".forward", "|echo x >>ran; exit 67\n|exit 75")
    delivery = house.delivery()
    assert isinstance(house.run(delivery), Deferred)
    assert isinstance(house.run(delivery), Deferred)
    assert (house.home / "ran").read_text() == "x\n"  # its end is known: not run again
    house.write(".forward", "|echo no such user; exit 67")
    result = house.run()
    assert isinstance(result, Rejected)
    assert result.reply.code == 550
    assert result.reply.text.endswith("Command output: no such user")


@pytest.mark.real
@pytest.mark.slow
def test_procmail(house: House) -> None:
    if not Path("/usr/bin/procmail").exists():
        pytest.skip("procmail is not installed")
    # By absolute names: procmail takes the home from the system's list of users.
    rules = f"DEFAULT={house.home}/mine\n:0:\n* ^Subject: two\n{house.home}/two\n"
    file = house.write("rules", rules)
    house.write(".forward", f'"|/usr/bin/procmail -t -a \\"$EXTENSION\\" {file}"')
    assert isinstance(house.run(), Delivered)
    assert isinstance(house.run(message=MESSAGE.replace(b"hi", b"two")), Delivered)
    assert [m["subject"] for m in mailbox.mbox(house.home / "mine")] == ["hi"]
    assert [m["delivered-to"] for m in mailbox.mbox(house.home / "two")] == ["alice@home.test"]


def test_programs_may_be_forbidden(tmp_path: Path) -> None:
    strict = House(tmp_path, may_run_programs=False)
    strict.write(".forward", "|touch ran")
    assert isinstance(strict.run(), Deferred)
    careful = House(tmp_path, settings=LocalSettings(allow_mail_to_commands=("alias",)))
    careful.write(".forward", "|touch ran")
    assert careful.run() == Delivered("filed in INBOX")
    assert not (tmp_path / "ran").exists()


def test_repeated_delivery_joins(house: House) -> None:
    delivery = house.delivery()

    async def several() -> list[object]:
        content = MemoryContent(MESSAGE)
        return list(await asyncio.gather(*(house.deliver(delivery, content) for _ in range(5))))

    assert asyncio.run(several()) == [Delivered("filed in INBOX")] * 5
    assert house.run(delivery) == Delivered("filed in INBOX")
    assert len(house.filed()) == 1


def test_caller_that_leaves_does_not_stop_it(house: House) -> None:
    house.write(".forward", "carol")
    delivery, content = house.delivery(), MemoryContent(MESSAGE)

    async def leave_and_ask_again() -> object:
        first = asyncio.ensure_future(house.deliver(delivery, content))
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return await house.deliver(delivery, content)

    assert isinstance(asyncio.run(leave_and_ask_again()), Delivered)
    assert house.queue.recipients() == ["carol@home.test"]


def test_close_waits_for_what_runs(house: House) -> None:
    async def close_at_once() -> None:
        task = asyncio.ensure_future(house.deliver(house.delivery(), MemoryContent(MESSAGE)))
        await asyncio.sleep(0)
        await house.deliver.close()
        assert house.filed()
        await task

    asyncio.run(close_at_once())


def test_close_stops_a_program_that_takes_long(house: House) -> None:
    os.mkfifo(house.home / "began")
    house.write(".forward", "|echo yes >began; exec sleep 1000")

    async def close_soon() -> object:
        task = asyncio.ensure_future(house.deliver(house.delivery(), MemoryContent(MESSAGE)))
        await asyncio.to_thread((house.home / "began").read_text)
        await house.deliver.close(grace_seconds=0)
        return await task

    result = asyncio.run(close_soon())
    assert isinstance(result, Deferred)
    assert result.reply.status == "4.3.2"


def test_memory_of_deliveries_is_bounded(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_REMEMBERED", 3)
    first = house.delivery()
    house.run(first)
    for _ in range(3):
        house.run()
    house.run(first)
    assert len(house.filed()) == 5


def test_forward_that_cannot_be_read_defers(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.write(".forward", "carol")
    real = os.open

    def fail(path: object, *rest: int, **more: int) -> int:
        if str(path).endswith(".forward"):
            raise OSError(5, "Input/output error")
        return real(path, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", fail)
    assert isinstance(house.run(), Deferred)
    assert (house.filed(), house.queue.sent) == ([], [])


def test_submit_that_refuses_for_good(house: House) -> None:
    house.write(".forward", "carol")
    house.queue.failure = Temporary("later")
    assert isinstance(house.run(), Deferred)


def test_steps_of_a_deferred_delivery_outlive_the_worker(house: House) -> None:
    house.write(".forward", "\\alice, carol, |exit 75")
    delivery = house.delivery()
    assert isinstance(house.run(delivery), Deferred)
    (kept,) = (house.home / ".homemail/ledger/steps").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    house.rebuild()
    assert isinstance(house.run(delivery), Deferred)
    house.rebuild()
    house.write(".forward", "\\alice, carol, |exit 0")
    assert isinstance(house.run(delivery), Delivered)
    assert len(house.filed()) == 1
    assert house.queue.recipients() == ["carol@home.test"]
    assert list((house.home / ".homemail/ledger/steps").iterdir()) == []


def test_damaged_steps_cost_a_duplicate_at_most(house: House) -> None:
    house.write(".forward", "carol, |exit 75")
    delivery = house.delivery()
    house.run(delivery)
    (kept,) = (house.home / ".homemail/ledger/steps").iterdir()
    for text in ("{", "[]", '{"format": "homemail steps 9", "id": "x", "done": []}'):
        kept.write_text(text)
        house.rebuild()
        assert isinstance(house.run(delivery), Deferred)
    assert house.queue.recipients() == ["carol@home.test"] * 4
