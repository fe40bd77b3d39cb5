# SPDX-License-Identifier: MIT
"""What ``homemail queue`` asks of the queue, in the server or without one.

A request is ``{"do": WORD}``, for all but ``flush`` with ``"ids": [ID, ...]``; each entry is
answered by ``{"id": ID}`` when it is done, or by ``{"id": ID, "trouble": why not}``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from homemail.errors import MailError
from homemail.model.envelope import QueueId
from homemail.model.queue import QueueState
from homemail.mta.queue.spooled import SpooledQueue
from homemail.roles.control import Event

Change = Callable[[QueueId], Awaitable[None]]


async def care(queue: SpooledQueue, request: Mapping[str, object]) -> AsyncIterator[Event]:
    """Do what is asked and tell of each entry."""
    if request.get("do") == "flush":
        await queue.flush()
        return
    changes: dict[object, Change] = {
        "hold": queue.hold,
        "release": queue.release,
        "retry": queue.retry,
        "remove": queue.remove,
    }
    change, ids = changes.get(request.get("do")), request.get("ids")
    if change is None or not isinstance(ids, list):
        yield {"failed": "the queue does not know this request"}
        return
    for queue_id in ids:
        yield await _one(queue, change, QueueId(str(queue_id)))


async def _one(queue: SpooledQueue, change: Change, queue_id: QueueId) -> Event:
    entry = queue.entry(queue_id)
    if entry is None:
        return {"id": queue_id, "trouble": "no such message in the queue"}
    if change == queue.remove and entry.state in (QueueState.ACTIVE, QueueState.DORMANT):
        return {"id": queue_id, "trouble": "is being delivered now; hold it first, then remove it"}
    try:
        await change(queue_id)
    except MailError as error:
        return {"id": queue_id, "trouble": error.text}
    return {"id": queue_id}
