# SPDX-License-Identifier: MIT
"""The mailbox worker: delivers into its owners' mailboxes and opens them for their sessions.

Today one worker serves every account; an owner's mailboxes are opened when they are first wanted
and stay open until the worker ends, so a second login or delivery finds them as they are.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from homemail.auth.api import Account, Accounts
from homemail.config.account_options import QuotaLimits, inbox_of, limits_of_account
from homemail.config.settings import Settings
from homemail.config.sieve import SieveSettings
from homemail.errors import LockTimeout, MailError, NoSuchUser, OverQuota, Refused, Temporary
from homemail.log import Log
from homemail.mda.deliver import OwnerDelivery
from homemail.mda.outside import HandOver
from homemail.mda.script import HouseScripts, ScriptFile
from homemail.model.address import AccountId, account_id
from homemail.model.delivery import Deferred, Delivery, DeliveryResult
from homemail.model.envelope import Submit
from homemail.model.message import MessageContent
from homemail.model.reply import Reply, reply_for
from homemail.model.session import SessionStart
from homemail.roles.care import Event, care
from homemail.roles.homes import Homes
from homemail.sieve import Scores, limits_of
from homemail.sieve.scripts import ScriptDirectory, quota_of
from homemail.store import open_store
from homemail.store.api import Store
from homemail.store.lane import OwnerMail

log = Log("worker")

ROOM_SECONDS = 5.0
"""How long a client waits at RCPT for a mailbox to be counted."""

Redeem = Callable[[str, AccountId], bool]


@dataclass(frozen=True, slots=True)
class _Owner:
    account: Account
    mail: OwnerMail
    deliver: OwnerDelivery

    def limit(self, limits: QuotaLimits) -> None:
        self.mail.store.limit(limits.octets, limits.messages)


class MailboxWorker:
    """Fulfils ``Deliver``, ``OpenMail`` and ``OpenScripts`` for every account.

    ``redeem`` tells whether a ticket opens an account; ``submit`` hands on what Sieve and
    ``.forward`` send; ``hand_over`` is where the mailboxes are when they are not here.
    """

    def __init__(
        self,
        accounts: Accounts,
        redeem: Redeem,
        submit: Submit,
        settings: Settings,
        *,
        may_run_programs: bool,
        hand_over: HandOver | None = None,
    ) -> None:
        self._accounts = accounts
        self._redeem = redeem
        self._submit = submit
        self._settings = settings
        self._may_run_programs = may_run_programs
        self._hand_over = hand_over
        self._limits = limits_of(settings.sieve)
        self._house_scripts = _house_scripts(settings.sieve)
        self._homes = Homes(
            settings.auth.home_base,
            settings.site.data_directory / "inboxes",
        )
        self._owners: dict[tuple[AccountId, Path], asyncio.Task[_Owner]] = {}

    async def deliver(self, delivery: Delivery, content: MessageContent) -> DeliveryResult:
        try:
            owner = await self._owner(delivery.account)
            return await owner.deliver(delivery, content)
        except MailError as error:
            trouble = error.__cause__ or error.text
            log.warning("not delivered", trace=delivery.envelope.trace, trouble=trouble)
            return Deferred(reply_for(error, permanent=451))
        except Exception:
            log.exception("delivery failed", trace=delivery.envelope.trace)
            return Deferred(Reply(451, "4.3.0", "Local trouble, try again later"))

    async def has_room(self, id: AccountId, size: int) -> Reply | None:
        """Return why a message of ``size`` octets would not be filed, as far as is known by now.

        Delivery looks again. Where mail is forwarded it may need no room here.
        """
        try:
            account = await self._accounts.find(id)
            if account is None or self._limits_of(account) == QuotaLimits():
                return None
            if await asyncio.to_thread((account.home / ".forward").exists):
                return None
            mail = (await self._owner(id)).mail
            async with asyncio.timeout(ROOM_SECONDS):
                await mail.change(mail.store.must_fit, [size])
        except OverQuota as error:
            return reply_for(error)
        except (MailError, TimeoutError):
            pass  # delivery will tell
        return None

    async def mail_of(self, id: AccountId) -> OwnerMail:
        """Return an owner's mail for the house itself, which needs no ticket."""
        return (await self._owner(id)).mail

    async def care(self, request: Mapping[str, object]) -> AsyncIterator[Event]:
        """Do what ``homemail mailbox`` asks for; see ``roles.care``."""
        try:
            mail = await self.mail_of(account_id(str(request.get("account"))))
        except LockTimeout:
            text = "has the mailboxes open and does not answer here: use it, or stop it first"
            yield {"failed": f"{request.get('account')}: another program {text}"}
            return
        except MailError as error:
            cause = f" ({error.__cause__})" if error.__cause__ else ""
            yield {"failed": f"{request.get('account')}: {error.text}{cause}"}
            return
        async for event in care(mail, str(request.get("do")), request):
            yield event

    async def open_mail(self, start: SessionStart) -> OwnerMail:
        self._admit(start)
        return (await self._owner(start.account)).mail

    async def open_scripts(self, start: SessionStart) -> ScriptDirectory:
        self._admit(start)
        owner = await self._owner(start.account)
        return ScriptDirectory(owner.account.home, quota_of(self._settings.sieve))

    async def close(self) -> None:
        """Finish what was begun and give every owner up."""
        tasks = list(self._owners.values())
        opened = await asyncio.gather(*tasks, return_exceptions=True)
        owners = [owner for owner in opened if isinstance(owner, _Owner)]
        await asyncio.gather(*(owner.deliver.close() for owner in owners))
        await asyncio.gather(*(owner.mail.close() for owner in owners))

    def _admit(self, start: SessionStart) -> None:
        if not self._redeem(start.ticket, start.account):
            raise Refused("The login is no longer valid")

    async def _owner(self, id: AccountId) -> _Owner:
        account = await self._accounts.find(id)
        if account is None:
            raise NoSuchUser("No such user here")
        key = (account.id, account.home)  # an account that moved is opened where it is now
        task = self._owners.get(key)
        if task is None or (task.done() and (task.cancelled() or task.exception())):
            task = asyncio.create_task(self._open(account))
            self._owners[key] = task
        owner = await asyncio.shield(task)
        owner.limit(self._limits_of(account))  # they may have changed
        return owner

    def _limits_of(self, account: Account) -> QuotaLimits:
        try:
            return limits_of_account(account.options, self._settings.mailbox)
        except ValueError as error:
            log.warning("an account's quota cannot be read", account=account.id, trouble=error)
            return QuotaLimits(self._settings.mailbox.quota)

    async def _close_former(self, account: Account) -> None:
        """Close the mailboxes of whoever had this home before: the account has a new name."""
        for former, home in list(self._owners):
            if home != account.home or former == account.id:
                continue
            known = await self._accounts.find(former)
            task = self._owners.get((former, home))
            if task is None or (known is not None and known.home == home):
                continue
            del self._owners[former, home]
            with contextlib.suppress(MailError):
                owner = await asyncio.shield(task)
                await owner.deliver.close()
                await owner.mail.close()

    async def _open(self, account: Account) -> _Owner:
        await self._close_former(account)
        mail = OwnerMail(await asyncio.to_thread(self._open_store, account))
        deliver = OwnerDelivery(
            account,
            mail,
            self._submit,
            self._settings.local,
            may_run_programs=self._may_run_programs,
            delimiter=self._settings.site.recipient_delimiter,
            limits=self._limits,
            house_scripts=self._house_scripts,
            hand_over=self._hand_over,
            hostname=self._settings.site.myhostname,
        )
        return _Owner(account, mail, deliver)

    def _open_store(self, account: Account) -> Store:
        try:
            inbox = inbox_of(account.options, self._settings.mailbox)
        except ValueError as error:  # somewhere else would be a second mailbox
            raise Temporary("The mailboxes cannot be opened now") from error
        self._homes.prepare(account, inbox)
        settings = replace(self._settings.mailbox, home_mailbox=inbox)
        try:
            store = open_store(account.id, account.home, settings)
        except OSError as error:
            raise Temporary("The mailboxes cannot be opened now") from error
        self._homes.opened(account, inbox)
        return store


def _house_scripts(settings: SieveSettings) -> HouseScripts:
    directory = settings.sieve_global_directory
    before, after = (
        tuple(ScriptFile(path, limits_of(settings), house=directory) for path in paths)
        for paths in (settings.sieve_before, settings.sieve_after)
    )
    scores = Scores(
        settings.sieve_spamtest_header,
        settings.sieve_spamtest_pattern,
        settings.sieve_spamtest_max_value,
        settings.sieve_virustest_header,
        settings.sieve_virustest_clean_pattern,
        settings.sieve_virustest_infected_pattern,
    )
    return HouseScripts(before, after, directory, scores)
