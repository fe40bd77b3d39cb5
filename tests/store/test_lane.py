# SPDX-License-Identifier: MIT
"""The lanes of an owner."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

from homemail.config.mailbox import MailboxSettings
from homemail.model.mailbox import INBOX, Added, Change
from homemail.store import open_store
from homemail.store.lane import OwnerMail
from tests.store.conformance import ALICE, MAIL


async def _wait_for_mail(home: Path) -> list[Change]:
    mail = OwnerMail(open_store(ALICE.account, home, MailboxSettings()))
    try:
        mailbox = await mail.change(mail.store.open, INBOX, ALICE)
        await mail.change(mailbox.snapshot)
        loop, heard = asyncio.get_running_loop(), asyncio.Queue[Change]()

        def hear(changes: Sequence[Change]) -> None:
            for change in changes:
                loop.call_soon_threadsafe(heard.put_nowait, change)

        mailbox.watch(hear)
        (home / "Maildir/tmp/1.x").write_bytes(MAIL)
        (home / "Maildir/tmp/1.x").rename(home / "Maildir/new/1.x")
        return [await asyncio.wait_for(heard.get(), 10)]
    finally:
        await mail.close()


def test_mail_by_another_program_is_told_without_being_asked(tmp_path: Path) -> None:
    (change,) = asyncio.run(_wait_for_mail(tmp_path))
    assert isinstance(change, Added)


async def _threads(home: Path) -> tuple[set[str], set[str]]:
    mail = OwnerMail(open_store(ALICE.account, home, MailboxSettings()))
    try:

        def who() -> str:
            return threading.current_thread().name

        changes = {await mail.change(who) for _ in range(3)}
        return changes, {await mail.read(who) for _ in range(3)}
    finally:
        await mail.close()


def test_each_lane_is_one_thread(tmp_path: Path) -> None:
    changes, reads = asyncio.run(_threads(tmp_path))
    assert len(changes) == len(reads) == 1
    assert changes != reads
