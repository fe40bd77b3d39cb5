# SPDX-License-Identifier: MIT
"""The ``smtp`` and ``lmtp`` transports: the hosts of a next hop, one after the other."""

from __future__ import annotations

import re
import socket
from dataclasses import replace
from ipaddress import ip_address

from homemail.config.queue import SendingSettings
from homemail.errors import MailError, NextHopUnreachable
from homemail.log import Log
from homemail.model.envelope import Envelope, Recipient
from homemail.model.message import MessageContent
from homemail.model.reply import reply_for
from homemail.mta.api import NextHop
from homemail.mta.sending.client import Finished, Options, Transfer
from homemail.mta.sending.connection import Connection, connect
from homemail.mta.sending.credentials import PasswordMap
from homemail.mta.sending.hosts import Myself, Target, find_targets
from homemail.mta.sending.idle import IdleConnections
from homemail.mta.sending.mta_sts import StsPolicies
from homemail.mta.sending.tls import ClientTls
from homemail.mta.sending.tls_policy import TargetPolicy, TlsPolicies
from homemail.mta.sending.transport import Sent
from homemail.resolve import Resolver

_HEADER_LIMIT = 1024 * 1024

log = Log("smtp")


class SmtpSender:
    """A ``Transport`` that speaks SMTP, or LMTP where the next hop's transport says so.

    A connection is kept for ``smtp_connection_cache_time_limit``; close it at the end.
    """

    def __init__(
        self,
        settings: SendingSettings,
        resolver: Resolver,
        myself: Myself,
        sts: StsPolicies | None = None,
    ) -> None:
        """Take the settings; ``sts`` None: MTA-STS is not wanted.

        Raises:
            ConfigError: a table or the file of authorities cannot be used.
        """
        self._settings = settings
        self._resolver = resolver
        self._myself = myself
        path = settings.smtp_sasl_password_maps if settings.smtp_sasl_auth_enable else None
        self._passwords = PasswordMap(path) if path else None
        self._policies = TlsPolicies(settings, resolver, sts)
        self._tls = ClientTls(settings.smtp_tls_cafile)
        self._idle = IdleConnections(settings.smtp_connection_cache_time_limit)

    async def close(self) -> None:
        """Take leave of the hosts whose connections are still open."""
        await self._idle.close()

    async def __call__(
        self,
        next_hop: NextHop,
        envelope: Envelope,
        recipients: tuple[Recipient, ...],
        content: MessageContent,
    ) -> tuple[Sent, ...]:
        try:
            targets = await find_targets(next_hop, self._resolver, self._myself)
            by_sender = self._settings.smtp_sender_dependent_authentication
            sender = envelope.reverse_path if by_sender else None
            credentials = self._passwords.find(next_hop, sender) if self._passwords else None
            policy = await self._policies.of_hop(next_hop)
        except MailError as error:
            return (Sent(reply_for(error), unreachable=True),) * len(recipients)
        needs = needs_utf8(envelope, recipients, content)
        transfer = Transfer(envelope, recipients, content.size, needs)
        options = Options(
            hello=self._settings.smtp_helo_name,
            peer=next_hop.host,
            lmtp=next_hop.transport == "lmtp",
            credentials=credentials,
            convert=not self._settings.disable_mime_output_conversion,
        )
        tries, trouble = [], None
        for target in targets[: self._settings.smtp_mx_address_limit]:
            try:
                tls = await self._policies.of_target(next_hop, policy, target)
                tries.append((target, _at(options, target, tls)))
            except MailError as error:
                trouble = (Sent(reply_for(error), unreachable=True),) * len(recipients)
        return await self._try_each(tries, transfer, content) or trouble or ()

    async def _try_each(
        self,
        tries: list[tuple[Target, Options]],
        transfer: Transfer,
        content: MessageContent,
    ) -> tuple[Sent, ...]:
        worst: tuple[Sent, ...] = ()
        # Stable: a host with an open connection comes before those that it was taken before.
        for target, of_target in sorted(tries, key=lambda one: not self._idle.has(one)):
            sent = await self._try_one(target, transfer, of_target, content)
            if not any(one.unreachable for one in sent):
                return sent
            log.info("host in trouble", trace=transfer.envelope.trace, reason=sent[0].reply)
            if not worst or sent[0].reply.temporary:
                worst = sent
        return worst

    async def _try_one(
        self, target: Target, transfer: Transfer, options: Options, content: MessageContent
    ) -> tuple[Sent, ...]:
        try:
            finished = await self._hand_over(target, transfer, options, content)
            if finished.host_trouble and finished.tls_failed and options.tls == "may":
                # Opportunistic: a host whose TLS is broken gets its mail in the clear.
                options = replace(options, tls="none")
                finished = await self._hand_over(target, transfer, options, content)
        except NextHopUnreachable as error:
            return (Sent(reply_for(error), unreachable=True),) * len(transfer.recipients)
        return _sent(finished, target)

    async def _hand_over(
        self, target: Target, transfer: Transfer, options: Options, content: MessageContent
    ) -> Finished:
        """Hand over by a connection that is open, or by a new one."""
        connection = self._idle.take((target, options))
        if connection is not None:
            finished = await self._by(connection, target, transfer, options, content)
            if not finished.unused:
                return finished
        seconds = self._settings.smtp_connect_timeout
        connection = await connect(target, options, seconds, self._tls)
        return await self._by(connection, target, transfer, options, content)

    async def _by(
        self,
        connection: Connection,
        target: Target,
        transfer: Transfer,
        options: Options,
        content: MessageContent,
    ) -> Finished:
        try:
            finished = await connection.hand_over(transfer, content)
        except BaseException:
            connection.close()
            raise
        limit = self._settings.smtp_connection_reuse_count_limit
        if finished.reusable and (not limit or connection.messages < limit):
            self._idle.keep((target, options), connection)
        else:
            self._idle.leave(connection)
        return finished


def _at(options: Options, target: Target, tls: TargetPolicy) -> Options:
    private = target.is_socket or ip_address(target.address.partition("%")[0]).is_loopback
    return replace(options, peer=str(target), private=private, tls=tls.tls, proof=tls.proof)


def _sent(finished: Finished, target: Target) -> tuple[Sent, ...]:
    return tuple(
        Sent(
            answer.reply,
            str(target) if answer.theirs else "",
            finished.dsn,
            finished.host_trouble,
        )
        for answer in finished.answers
    )


def needs_utf8(
    envelope: Envelope, recipients: tuple[Recipient, ...], content: MessageContent
) -> bool:
    """Whether the message cannot be sent on without SMTPUTF8.

    A domain alone can be sent in its A-label form; a local part or a header cannot.

    Source: RFC 6531 §3.4.
    """
    paths = [recipient.forward_path for recipient in recipients]
    if envelope.reverse_path is not None:
        paths.append(envelope.reverse_path)
    if not all(path.local_part.isascii() for path in paths):
        return True
    return envelope.utf8 and not _header(content).isascii()


def _header(content: MessageContent) -> bytes:
    with content.open() as reader:
        return re.split(rb"\r\n\r\n", reader.read(_HEADER_LIMIT), maxsplit=1)[0]


def is_address_of_this_machine(address: str) -> bool:
    """Whether a service here could listen on ``address``: the system is asked by binding."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True
