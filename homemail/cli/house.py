# SPDX-License-Identifier: MIT
"""Doing something to mailboxes or the queue: by the server where one runs, else here."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Mapping

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
    answers = _asked(settings, {"job": "mailbox", **request})
    return _succeeding(_mailboxes_here(settings, request) if answers is None else answers)


def queue_events(settings: Settings, request: Mapping[str, object]) -> Iterator[Event]:
    """Yield what becomes of a request to ``roles.queue_care.care``.

    Raises:
        Failed: it cannot be done; the text says what would help.
    """
    answers = _asked(settings, {"job": "queue", **request})
    if answers is None and request["do"] == "flush":
        raise Failed("no server is running here; it tries what waits when it starts")
    return _succeeding(_queue_here(settings, request) if answers is None else answers)


def _asked(settings: Settings, request: Mapping[str, object]) -> Iterator[Event] | None:
    directory = settings.site.data_directory
    try:
        return ask(directory, request)
    except PermissionError:
        text = f"{directory} belongs to another user"
        raise Failed(f"{text}; run this as root or as that user") from None


def _succeeding(events: Iterator[Event]) -> Iterator[Event]:
    for event in events:
        if "failed" in event:
            raise Failed(str(event["failed"]))
        yield event


def account_names(settings: Settings) -> list[AccountId]:
    """Return the ids of all accounts."""
    accounts = open_accounts(settings.auth, settings.site.mydestination)
    return [account.id for account in asyncio.run(accounts.all())]


def _mailboxes_here(settings: Settings, request: Mapping[str, object]) -> Iterator[Event]:
    _become_the_server(settings)
    worker = MailboxWorker(
        open_accounts(settings.auth, settings.site.mydestination),
        lambda ticket, account: False,
        _sends_nothing,
        settings,
        may_run_programs=False,
    )
    with asyncio.Runner() as runner:
        try:
            yield from _all(runner, worker.care(request))
        finally:
            runner.run(worker.close())


def _queue_here(settings: Settings, request: Mapping[str, object]) -> Iterator[Event]:
    from homemail.mta.queue.spooled import open_queue
    from homemail.roles.queue_care import care

    _become_the_server(settings)
    with asyncio.Runner() as runner:
        queue = runner.run(open_queue(settings.site.queue_directory))
        try:
            yield from _all(runner, care(queue, request))
        finally:
            runner.run(queue.close())


def _become_the_server(settings: Settings) -> None:
    if os.geteuid() == 0 and settings.site.mail_owner:
        become(settings.site.mail_owner)


def _all(runner: asyncio.Runner, events: AsyncIterator[Event]) -> Iterator[Event]:
    async def next_event() -> Event | None:
        return await anext(events, None)

    while (event := runner.run(next_event())) is not None:
        yield event


async def _sends_nothing(envelope: Envelope, content: MessageContent) -> QueueId:
    raise Refused("Nothing is sent from here")
