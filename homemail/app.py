# SPDX-License-Identifier: MIT
"""The composition root: settings to objects to a running house, all roles in one process."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from homemail.auth.last_use import LastUses
from homemail.auth.service import LocalAuthenticator
from homemail.auth.sources import open_accounts
from homemail.config.settings import Settings
from homemail.durable import make_directory
from homemail.log import Log
from homemail.mda.alias_target import AliasTargets
from homemail.mta.addresses.resolve import Addressing
from homemail.mta.addresses.rewrite import Rewriter
from homemail.mta.alias_delivery import AliasDelivery, ExpandingSubmit
from homemail.mta.commit import Commit
from homemail.mta.policy.facilities import LEDGER, make_facilities
from homemail.mta.queue.runner import QueueRunner
from homemail.mta.queue.spooled import SpooledQueue, open_queue
from homemail.mta.route import Router
from homemail.mta.sending.fixed import FIXED
from homemail.mta.sending.generic import GenericTransport
from homemail.mta.sending.hosts import Myself
from homemail.mta.sending.mailboxes import hand_over_to
from homemail.mta.sending.mta_sts import HttpsFetch, StsPolicies
from homemail.mta.sending.pipe import open_pipes
from homemail.mta.sending.sender import SmtpSender
from homemail.mta.sending.transport import Transport
from homemail.mta.transaction import Transactions
from homemail.resolve import DnsResolver, Resolver
from homemail.roles.control import Control
from homemail.roles.frontend import Doors, Frontend
from homemail.roles.listeners import Listener, is_own_address
from homemail.roles.queue_care import care as queue_care
from homemail.roles.tls import load_contexts
from homemail.roles.worker import MailboxWorker

log = Log("supervisor")


class House:
    """A whole server. ``start`` once, ``stop`` once.

    ``programs_as_root``: whether programs in ``.forward`` and aliases run where the server is root.
    """

    def __init__(self, settings: Settings, *, programs_as_root: bool) -> None:
        """Take the settings; nothing is opened but the certificate.

        Raises:
            ConfigError: a setting cannot be used.
        """
        self._settings = settings
        self._tls = load_contexts(settings.tls)
        self._may_run_programs = programs_as_root or os.geteuid() != 0

    async def start(self, listeners: Sequence[Listener]) -> None:
        """Start every role; connections are taken when this returns.

        Raises:
            ConfigError: settings do not fit together.
            Temporary: a directory cannot be used now, or another server uses it.
        """
        settings, site = self._settings, self._settings.site
        make_directory(site.data_directory)
        accounts = open_accounts(settings.auth, site.mydestination)
        self._last_uses = LastUses(site.data_directory / "app-passwords.json", time.time)
        self._authenticator = LocalAuthenticator(
            accounts,
            settings.auth,
            server_name=site.myhostname,
            note_use=self._last_uses.note,
        )
        router = Router(
            site,
            accounts,
            settings.sending,
            addresses=settings.addresses,
            postmaster=settings.smtp.postmaster,
            is_own_address=partial(is_own_address, listeners),
        )
        self._tables = router.tables
        addressing = Addressing(router, settings.local)
        resolver = DnsResolver(site.nameservers)
        self._sender = self._make_sender(listeners, resolver)
        hand_over = hand_over_to(settings.local.mailbox_transport, self._sender)
        self._queue = await open_queue(site.queue_directory)
        submit = ExpandingSubmit(addressing, self._queue.add)
        self._worker = MailboxWorker(
            accounts,
            self._authenticator.redeem,
            submit,
            settings,
            may_run_programs=self._may_run_programs,
            hand_over=hand_over,
        )
        self._facilities = make_facilities(
            settings.policy,
            site,
            addressing,
            resolver,
            ledger=site.data_directory.joinpath(*LEDGER),
        )
        self._runner = self._make_runner(self._queue, addressing, submit)
        transactions = Transactions(
            settings.smtp,
            site,
            router=router,
            commit=Commit(self._queue, self._worker.deliver),
            facilities=self._facilities,
            now=_now,
            addressing=addressing,
            has_room=self._worker.has_room,
        )
        doors = Doors(
            self._authenticator, self._worker.open_mail, self._worker.open_scripts, transactions
        )
        self._frontend = Frontend(settings, doors, self._tls)
        self._control = Control(
            site.data_directory,
            {"mailbox": self._worker.care, "queue": partial(queue_care, self._queue)},
        )
        self._runner.start()
        await self._control.start()
        await self._frontend.listen(listeners)

    async def stop(self) -> None:
        """Take nothing more, finish what was accepted, give everything up."""
        # At the same time: each waits 1.5 s for those who do not end by themselves.
        await asyncio.gather(self._frontend.shutdown(), self._runner.close(), self._control.close())
        await self._worker.close()
        await self._queue.close()
        await self._sender.close()
        self._facilities.policy_clients.close()
        self._facilities.ledger.close()
        self._authenticator.close()
        self._last_uses.close()
        self._tables.close()

    def _make_sender(self, listeners: Sequence[Listener], resolver: Resolver) -> SmtpSender:
        site = self._settings.site
        myself = Myself(
            names=frozenset({site.myhostname.lower()}),
            ports=frozenset(one.address[1] for one in listeners if one.service == "smtp"),
            is_my_address=partial(is_own_address, listeners),
        )
        sts = None
        if self._settings.sending.smtp_mta_sts:
            cache = site.data_directory / "mta-sts.json"
            sts = StsPolicies(resolver, HttpsFetch(resolver), cache)
        return SmtpSender(self._settings.sending, resolver, myself, sts)

    def _transports(self, rewriter: Rewriter) -> dict[str, Transport]:
        settings = self._settings
        delimiters = settings.site.recipient_delimiter
        seconds = settings.local.command_time_limit
        generic = GenericTransport(self._sender, rewriter)
        hosts: dict[str, Transport] = {"smtp": generic, "relay": generic, "lmtp": self._sender}
        pipes = open_pipes(settings.sending.pipe_transports, delimiters, seconds)
        return {**pipes, **hosts, **FIXED}

    def _make_runner(
        self, queue: SpooledQueue, addressing: Addressing, submit: ExpandingSubmit
    ) -> QueueRunner:
        settings, uid = self._settings, os.geteuid()
        targets = AliasTargets(
            settings.local,
            settings.site.data_directory,
            uid=uid,
            may_serve=self._may_run_programs,
            now=_now,
        )
        return QueueRunner(
            queue,
            addressing.router,
            self._worker.deliver,
            self._transports(addressing.rewriter),
            settings.queue,
            settings.site.myhostname,
            submit=submit,
            deliver_target=AliasDelivery(addressing, queue.add, targets, uid=uid),
        )


def _now() -> datetime:
    return datetime.now(UTC).astimezone()
