# SPDX-License-Identifier: MIT
"""Doing something to mailboxes: by the server where one runs, else here."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping

from homemail.auth.sources import open_accounts
from homemail.cli.failures import Failed
from homemail.config.settings import Settings
from homemail.errors import Refused
from homemail.model.address import AccountId
from homemail.model.envelope import Envelope, QueueId
from homemail.model.message import MessageContent
from homemail.roles.control import Event, ask
from homemail.roles.identity import become
from homemail.roles.worker import MailboxWorker


def mailbox_events(settings: Settings, request: Mapping[str, object]) -> Iterator[Event]:
    """Yield what becomes of a request to ``MailboxWorker.care``.

    Raises:
        Failed: it cannot be done; the text says what would help.
    """
    directory = settings.site.data_directory
    try:
        answers = ask(directory, {"job": "mailbox", **request})
    except PermissionError:
        text = f"{directory} belongs to another user"
        raise Failed(f"{text}; run this as root or as that user") from None
    for event in _here(settings, request) if answers is None else answers:
        if "failed" in event:
            raise Failed(str(event["failed"]))
        yield event


def account_names(settings: Settings) -> list[AccountId]:
    """Return the ids of all accounts."""
    accounts = open_accounts(settings.auth, settings.site.mydestination)
    return [account.id for account in asyncio.run(accounts.all())]


def _here(settings: Settings, request: Mapping[str, object]) -> Iterator[Event]:
    """Do it in this process, as the user that the server would be."""
    if os.geteuid() == 0 and settings.site.mail_owner:
        become(settings.site.mail_owner)
    worker = MailboxWorker(
        open_accounts(settings.auth, settings.site.mydestination),
        lambda ticket, account: False,
        _sends_nothing,
        settings,
        may_run_programs=False,
    )
    loop = asyncio.new_event_loop()
    events = worker.care(request)
    try:
        while True:
            try:
                yield loop.run_until_complete(anext(events))
            except StopAsyncIteration:
                return
    finally:
        loop.run_until_complete(worker.close())
        loop.close()


async def _sends_nothing(envelope: Envelope, content: MessageContent) -> QueueId:
    raise Refused("Nothing is sent from here")
