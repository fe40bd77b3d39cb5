# SPDX-License-Identifier: MIT
"""Final delivery to one owner: ``.forward``, else his Sieve script, else INBOX.

``mailbox_transport`` and ``mailbox_command`` take the place of script and INBOX (``outside``).

Invariants:

- A delivery that comes again under its id joins the one that runs, or gets the answer of the one
  that ended; it never files twice. What a delivery did before it was deferred is remembered too,
  on the disk (``steps``). The first memory is bounded and does not outlive the worker: after a
  crash one duplicate is possible.
- The caller going away does not stop a delivery.
- Nothing is raised: what cannot be explained is temporary.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime

from homemail.auth.api import Account
from homemail.config.local import LocalSettings
from homemail.errors import MailError
from homemail.mda.carry_out import carry_out, file_in_lane, only_files
from homemail.mda.command import Commands
from homemail.mda.final_fields import has_been_here
from homemail.mda.forwarding import Forwarding
from homemail.mda.list_request import ListRequests
from homemail.mda.mailing_list import as_posted, is_for_the_owner, is_loop
from homemail.mda.outside import HandOver, OutsideMailbox
from homemail.mda.owner import Job, Owner, log
from homemail.mda.script import ActiveScript, Decision, HouseScripts
from homemail.mda.steps import StepsOnDisk
from homemail.mda.targets import ListRequest, Targets, read_targets
from homemail.model.delivery import (
    Deferred,
    Delivered,
    Delivery,
    DeliveryResult,
    NeedsQueue,
    Rejected,
)
from homemail.model.envelope import Submit
from homemail.model.message import MemoryContent, MessageContent, read_all
from homemail.model.reply import Reply, reply_for
from homemail.sieve import Limits
from homemail.store.arrivals import Filing
from homemail.store.lane import OwnerMail

MOST_REMEMBERED = 1000
SMALL = 256 * 1024
GRACE_SECONDS = 0.7
_TROUBLE = Reply(451, "4.3.0", "Local trouble while delivering, try again later")
_STOPPING = Reply(451, "4.3.2", "The server is stopping, try again later")


_Decided = Delivered | Decision | None
"""Filed already; to be carried out; for a mailbox that somebody else keeps."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class OwnerDelivery:
    """The ``Deliver`` of one owner; see ``model.delivery``."""

    def __init__(
        self,
        account: Account,
        mail: OwnerMail,
        submit: Submit,
        settings: LocalSettings,
        *,
        may_run_programs: bool,
        delimiter: str = "+",
        limits: Limits | None = None,
        now: Callable[[], datetime] = _utc_now,
        house_scripts: HouseScripts | None = None,
        hand_over: HandOver | None = None,
        hostname: str = "",
    ) -> None:
        self._owner = Owner(
            account,
            mail,
            submit,
            settings,
            limits or Limits(),
            delimiter,
            may_run_programs,
            hostname,
            now,
        )
        commands = Commands(self._owner)
        self._script = ActiveScript(self._owner, house_scripts or HouseScripts())
        self._outside = OutsideMailbox(self._owner, commands, hand_over)
        self._requests = ListRequests(self._owner)
        self._forwarding = Forwarding(self._owner, commands, self._to_mailbox)
        self._running: dict[str, asyncio.Task[DeliveryResult]] = {}
        self._ended: OrderedDict[str, DeliveryResult] = OrderedDict()
        self._done: OrderedDict[str, dict[str, Reply | None]] = OrderedDict()
        self._steps = StepsOnDisk(account.home)

    async def __call__(self, delivery: Delivery, content: MessageContent) -> DeliveryResult:
        if running := self._running.get(delivery.id):
            result = await asyncio.shield(running)
            if delivery.sender_waits or not isinstance(result, NeedsQueue):
                return result
        if ended := self._ended.get(delivery.id):
            return ended
        task = self._running.get(delivery.id)
        if task is None:
            task = asyncio.create_task(self._run(delivery, content))
            self._running[delivery.id] = task
        return await asyncio.shield(task)

    async def close(self, grace_seconds: float = GRACE_SECONDS) -> None:
        """Wait for the deliveries that run; stop those that take longer, which are deferred."""
        if running := tuple(self._running.values()):
            _, late = await asyncio.wait(running, timeout=grace_seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _run(self, delivery: Delivery, content: MessageContent) -> DeliveryResult:
        known = self._done.pop(delivery.id, None)
        job = Job(delivery, content, known or {})
        result: DeliveryResult = Deferred(_TROUBLE)
        try:
            if known is None and not delivery.sender_waits:
                steps = await self._owner.mail.change(self._steps.read, delivery.id)
                job.done.update(dict.fromkeys(steps))
            result = await self._deliver(job)
        except MailError as error:
            log.warning("delivery failed", trace=job.trace, error=error, why=error.__cause__)
            reply = reply_for(error)
            result = Rejected(reply) if reply.permanent else Deferred(reply)
        except asyncio.CancelledError:  # by close alone: the callers are shielded off
            result = Deferred(_STOPPING)
        except Exception:
            log.exception("delivery failed", trace=job.trace)
        finally:
            await self._keep_steps(job, result)
            self._running.pop(delivery.id, None)
            self._remember(job, result)
        self._log(job, result)
        return result

    async def _keep_steps(self, job: Job, result: DeliveryResult) -> None:
        """Write down what is done of a delivery that waits; trouble costs a duplicate at most."""
        delivery_id, served = job.delivery.id, [key for key, reply in job.done.items() if not reply]
        try:
            if isinstance(result, Deferred) and served:
                await self._owner.mail.change(self._steps.write, delivery_id, served)
            elif job.done and not job.delivery.sender_waits:
                await self._owner.mail.change(self._steps.forget, delivery_id)
        except (MailError, asyncio.CancelledError) as error:
            log.warning("steps not kept", trace=job.trace, error=error, why=error.__cause__)

    def _remember(self, job: Job, result: DeliveryResult) -> None:
        if isinstance(result, Delivered | Rejected):
            self._ended[job.delivery.id] = result
        elif job.done:
            self._done[job.delivery.id] = job.done
        for memory in (self._ended, self._done):
            while len(memory) > MOST_REMEMBERED:
                memory.popitem(last=False)

    def _log(self, job: Job, result: DeliveryResult) -> None:
        what = result.what if isinstance(result, Delivered) else None
        reply = result.reply if isinstance(result, Deferred | Rejected) else None
        event = type(result).__name__.lower()
        recipient = job.delivery.recipient.forward_path
        log.info(event, trace=job.trace, to=recipient, what=what, reply=reply)

    async def _deliver(self, job: Job) -> DeliveryResult:
        first = await self._owner.mail.file(lambda: self._begin(job))
        if isinstance(first, ListRequest):
            return await self._requests.deliver(job, first)
        if isinstance(first, Targets):
            if first.mailing_list is not None:
                job = as_posted(job, first.mailing_list)
            return await self._forwarding.deliver(job, first)
        if isinstance(first, Rejected | NeedsQueue):
            return first
        return await self._finish(job, first)

    def _begin(self, job: Job) -> Filing[Rejected | NeedsQueue | Targets | ListRequest | _Decided]:
        """Look where the message goes; where that is a mailbox, file it.

        All of it in one visit to the owner's lane, as it is for most messages.
        """
        if job.content.size <= SMALL:  # read several times: by the loop check, script and store
            job.content = MemoryContent(read_all(job.content))
        if has_been_here(job.delivery, job.content):
            recipient = job.delivery.recipient.forward_path
            return Rejected(Reply(554, "5.4.6", f"Mail forwarding loop for {recipient}"))
        targets = read_targets(self._owner, job)
        if isinstance(targets, ListRequest):
            return targets
        if targets is not None and (mailing_list := targets.mailing_list) is not None:
            if is_loop(job, mailing_list):
                return Rejected(Reply(554, "5.4.6", f"Mail loop at the list {mailing_list.post}"))
            if is_for_the_owner(job):
                targets = None
        if targets is not None:
            runs = targets.commands or (targets.to_owner and self._is_outside())
            return NeedsQueue() if runs and job.delivery.sender_waits else targets
        return (yield from self._decide_or_file(job))

    def _is_outside(self) -> bool:
        return self._outside.takes(has_script=self._script.is_there)

    def _decide_or_file(self, job: Job) -> Filing[_Decided]:
        if self._is_outside():
            return None
        decision = self._script.decide(job)
        if not only_files(decision):
            return decision
        return (yield from file_in_lane(self._owner, job, decision))

    async def _to_mailbox(self, job: Job) -> DeliveryResult:
        decided = await self._owner.mail.file(lambda: self._decide_or_file(job))
        return await self._finish(job, decided)

    async def _finish(self, job: Job, decided: _Decided) -> DeliveryResult:
        if decided is None:
            return await self._outside.deliver(job)
        if isinstance(decided, Delivered):
            return decided
        return await carry_out(self._owner, job, decided)
