# SPDX-License-Identifier: MIT
"""Sending a message to the targets of a ``.forward``; one that fails does not stop the others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import partial

from homemail.errors import MailError
from homemail.mda.append_file import append_mbox, drop_in_maildir
from homemail.mda.command import Commands
from homemail.mda.final_fields import from_line, lf_lines, with_final_fields
from homemail.mda.owner import Job, Owner, log, send_on
from homemail.mda.targets import Targets, file_path
from homemail.model.delivery import Deferred, Delivered, DeliveryResult, Rejected
from homemail.model.reply import Reply, reply_for

ToMailbox = Callable[[Job], Awaitable[DeliveryResult]]
"""Deliver as if there were no ``.forward``."""

_TROUBLE = Reply(451, "4.3.0", "Local trouble while delivering, try again later")


class Forwarding:
    """Carries out ``Targets`` for one owner."""

    def __init__(self, owner: Owner, commands: Commands, to_mailbox: ToMailbox) -> None:
        self._owner = owner
        self._commands = commands
        self._to_mailbox = to_mailbox

    async def deliver(self, job: Job, targets: Targets) -> DeliveryResult:
        """Serve every target; deferred as long as one of them may still come right.

        Refused only where every one refused.
        """
        replies = {name: await self._one(job, name, act) for name, act in self._acts(job, targets)}
        later = [reply for reply in replies.values() if reply and reply.temporary]
        served = [name for name, reply in replies.items() if reply is None]
        if later:
            return Deferred(later[0])
        if served:
            return Delivered("forwarded: " + ", ".join(served))
        return Rejected(next(reply for reply in replies.values() if reply))

    def _acts(
        self, job: Job, targets: Targets
    ) -> Iterator[tuple[str, Callable[[], Awaitable[Reply | None]]]]:
        # Mail that leaves comes first: what is queued is safe.
        if targets.addresses:
            names = ", ".join(map(str, targets.addresses))
            yield names, partial(send_on, self._owner, job, targets.addresses)
        if targets.to_owner:
            yield "own mailbox", partial(self._own_mailbox, job)
        for path in targets.files:
            yield path, partial(self._file, job, path)
        for command in targets.commands:
            yield f"|{command}", partial(self._commands.run, job, command)

    async def _one(
        self, job: Job, name: str, act: Callable[[], Awaitable[Reply | None]]
    ) -> Reply | None:
        """Serve one target, unless its end is known; return None when it is served."""
        key, why = f"target {name}", None
        if key in job.done:
            return job.done[key]
        try:
            reply = await act()
        except MailError as error:
            reply, why = reply_for(error), error.__cause__
        except Exception:
            log.exception("target failed", trace=job.trace, target=name)
            reply = _TROUBLE
        if reply is not None:
            log.warning("target failed", trace=job.trace, target=name, reply=reply, why=why)
        if reply is None or reply.permanent:
            job.done[key] = reply
        return reply

    async def _own_mailbox(self, job: Job) -> Reply | None:
        match await self._to_mailbox(job):
            case Deferred(reply=reply) | Rejected(reply=reply):
                return reply
            case _:
                return None

    async def _file(self, job: Job, text: str) -> None:
        if text == "/dev/null":
            return
        path = file_path(self._owner, text)
        content = with_final_fields(job.delivery, job.content)
        if text.endswith("/") or path.is_dir():
            await asyncio.to_thread(
                drop_in_maildir, path, self._owner.home, lambda: lf_lines(content)
            )
            return
        first = from_line(job.delivery.envelope.reverse_path, self._owner.now())
        await asyncio.to_thread(
            append_mbox, path, first, lambda: lf_lines(content), self._owner.uid
        )
