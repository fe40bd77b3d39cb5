# SPDX-License-Identifier: MIT
"""The commit order: what is queued, filed and answered, whatever fails."""

from __future__ import annotations

import asyncio

import pytest

from homemail.errors import StorageFull
from homemail.model.address import Address, account_id
from homemail.model.delivery import Deferred, NeedsQueue, Rejected
from homemail.model.envelope import Envelope, Notify, Origin, Recipient, TraceId
from homemail.model.message import MemoryContent
from homemail.model.queue import RecipientStatus
from homemail.model.reply import Reply
from homemail.mta.api import Local, NextHop, Relay
from homemail.mta.commit import Accepted, Commit
from tests.mta.smtp_server import Deliver, Queue

OK = "250 2.0.0 Ok: queued as T"
FULL = Reply(552, "5.2.2", "Over quota")
LATER = Reply(451, "4.3.0", "Locked")


def here(name: str, notify: Notify = Notify.FAILURE) -> Accepted:
    address = Address.parse(f"{name}@home.test")
    return Accepted(Recipient(address, notify=notify), Local(account_id(name), None, address))


AWAY = Accepted(Recipient(Address.parse("x@example.net")), Relay(NextHop("smtp", "example.net")))


class Scene:
    """One message for some recipients."""

    def __init__(self, *accepted: Accepted, seconds: float = 5.0) -> None:
        self.accepted = accepted
        self.queue, self.deliver = Queue(), Deliver()
        self.commit = Commit(self.queue, self.deliver, delivery_seconds=seconds)
        recipients = tuple(one.recipient for one in accepted)
        self.envelope = Envelope(None, recipients, TraceId("T"), Origin.SMTP)

    def together(self) -> str:
        content = MemoryContent(b"x\r\n")
        return str(asyncio.run(self.commit.together(self.envelope, self.accepted, content)))

    def each(self) -> list[str]:
        content = MemoryContent(b"x\r\n")
        replies = asyncio.run(self.commit.each(self.envelope, self.accepted, content))
        return [str(reply) for reply in replies]

    @property
    def statuses(self) -> list[tuple[RecipientStatus, Reply | None]]:
        return [(one.status, one.last_reply) for one in self.queue.kept["T"].recipients]


def test_a_lone_recipient_needs_no_queue():
    scene = Scene(here("alice"))
    assert scene.together() == OK
    assert scene.queue.kept == {}
    ((delivery, _),) = scene.deliver.filed
    assert (delivery.id, delivery.alone, delivery.sender_waits) == ("T/alice@home.test", True, True)


@pytest.mark.parametrize("reply", [FULL, LATER])
def test_a_lone_recipients_result_is_the_reply(reply):
    scene = Scene(here("alice"))
    scene.deliver.answers["alice"] = Rejected(reply) if reply.permanent else Deferred(reply)
    assert scene.together() == str(reply)
    assert scene.queue.kept == {}


def test_a_lone_recipient_that_needs_the_queue():
    scene = Scene(here("alice"))
    scene.deliver.answers["alice"] = NeedsQueue()
    assert scene.together() == OK
    assert scene.queue.kept["T"].dormant is False


def test_a_lone_recipient_that_needs_a_queue_that_is_full():
    scene = Scene(here("alice"))
    scene.deliver.answers["alice"] = NeedsQueue()
    scene.queue.failure = StorageFull("Insufficient storage")
    assert scene.together() == "452 4.3.1 Insufficient storage"


def test_success_is_reported_by_the_queue():
    scene = Scene(here("alice", Notify.SUCCESS))
    assert scene.together() == OK
    assert scene.statuses == [(RecipientStatus.DELIVERED, None)]
    scene = Scene(here("alice", Notify.SUCCESS))
    scene.queue.failure = StorageFull("Insufficient storage")
    assert scene.together() == OK
    assert len(scene.deliver.filed) == 1


def test_what_leaves_alone_is_active_at_once():
    scene = Scene(AWAY)
    assert scene.together() == OK
    assert scene.queue.kept["T"].dormant is False
    assert scene.deliver.tries == []


def test_several_are_queued_before_the_first_is_filed():
    scene = Scene(here("alice"), here("bob"), AWAY)
    scene.queue.failure = StorageFull("Insufficient storage")
    assert scene.together() == "452 4.3.1 Insufficient storage"
    assert scene.deliver.tries == []


def test_the_entry_learns_what_became_of_each():
    scene = Scene(here("alice"), AWAY, here("bob"), here("carol"), here("dave"), here("eve"))
    scene.deliver.answers |= {
        "bob": Rejected(FULL),
        "carol": Deferred(LATER),
        "dave": NeedsQueue(),
        "eve": RuntimeError("crash"),
    }
    assert scene.together() == OK
    assert not scene.queue.kept["T"].dormant
    assert [status for status, _ in scene.statuses] == [
        RecipientStatus.DELIVERED,
        RecipientStatus.PENDING,
        RecipientStatus.FAILED,
        RecipientStatus.PENDING,
        RecipientStatus.PENDING,
        RecipientStatus.PENDING,
    ]
    assert scene.statuses[2][1] == FULL
    assert scene.statuses[3][1] == LATER
    assert not any(delivery.alone for delivery in scene.deliver.tries)


def test_an_entry_that_cannot_be_activated_is_still_accepted():
    scene = Scene(here("alice"), here("bob"))

    async def fail(*_: object) -> None:
        raise RuntimeError("crash")

    scene.queue.activate = fail  # type: ignore[method-assign]
    assert scene.together() == OK
    assert len(scene.deliver.filed) == 2


def test_late_deliveries_go_on_and_are_queued():
    scene = Scene(here("alice"), here("bob"), seconds=0.01)

    async def never() -> None:
        await asyncio.Event().wait()

    scene.deliver.answers["bob"] = never
    assert scene.together() == OK
    assert [status for status, _ in scene.statuses] == [
        RecipientStatus.DELIVERED,
        RecipientStatus.PENDING,
    ]


def test_each_has_a_reply_of_its_own():
    scene = Scene(here("alice"), here("bob"), here("carol"), here("dave"))
    scene.deliver.answers |= {
        "bob": Rejected(FULL),
        "carol": NeedsQueue(),
        "dave": RuntimeError("crash"),
    }
    trouble = "451 4.3.0 Local trouble, try again later"
    assert scene.each() == [OK, str(FULL), OK, trouble]
    carol = scene.accepted[2].recipient
    assert scene.queue.kept["T"].envelope.recipients == (carol,)
    assert all(delivery.alone for delivery in scene.deliver.tries)
