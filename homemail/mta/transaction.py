# SPDX-License-Identifier: MIT
"""One message from MAIL to the reply after its final dot: the decisions.

Invariants:

* RCPT answers 250 only for a recipient with a route that policy allows this client.
* Content from port 25 and LMTP is only prepended to; submission alone mends it.
* The trace is given at MAIL, stands in the Received field, in the reply and on every log line.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from homemail.config.site import SiteSettings
from homemail.config.smtp import SmtpSettings
from homemail.errors import LoopDetected, MailError, TableUnavailable
from homemail.log import Log
from homemail.model.address import AccountId, Address, Domain, ReversePath
from homemail.model.envelope import (
    CONTENT_FILTER,
    Body,
    Envelope,
    Notify,
    Origin,
    Recipient,
    TraceId,
    new_trace,
)
from homemail.model.message import MessageContent, PrefixedContent
from homemail.model.reply import Reply, reply_for
from homemail.model.session import Peer, TlsFacts
from homemail.mta import submission
from homemail.mta.addresses.resolve import Addressing
from homemail.mta.api import Accepted, Local, Reject, Route, RouteRefused
from homemail.mta.commit import LOCAL_TROUBLE, Commit
from homemail.mta.content_checks import ContentChecks
from homemail.mta.effect import Effects
from homemail.mta.header_rewrite import rewrite_header
from homemail.mta.path import MailArguments
from homemail.mta.policy.check import Facilities, SmtpContext
from homemail.mta.policy.client_host import ClientHost
from homemail.mta.policy.restrictions import Refusal, Restrictions, Ruling
from homemail.mta.received import format_received, transmission_type
from homemail.mta.route import Router
from homemail.mta.smtp.early import EarlyChecks
from homemail.mta.smtp.rates import ClientRates

HEAD = 64 * 1024
"""Where Received fields are counted: fifty of them fit in many times over."""

_RECEIVED = re.compile(rb"^received[ \t]*:", re.IGNORECASE | re.MULTILINE)
_FIRST_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:|\r\n")

HasRoom = Callable[[AccountId, int], Awaitable[Reply | None]]
"""Why an account has no room for a message of so many octets (0: not known), None if it may."""

_log = Log("smtpd")


class Service(Enum):
    """The three things that SMTP is spoken for."""

    SMTP = Origin.SMTP
    SUBMISSION = Origin.SUBMISSION
    LMTP = Origin.LMTP


@dataclass(frozen=True, slots=True)
class Client:
    """The other side, as it stands at MAIL. ``extended``: it said EHLO or LHLO.

    ``mechanism`` is how it logged in; ``refusal`` is what each RCPT is answered where a look at the
    client before its first word found against it.
    """

    service: Service
    peer: Peer
    helo: str
    extended: bool = True
    tls: TlsFacts | None = None
    submitter: AccountId | None = None
    host: ClientHost | None = None
    mechanism: str = ""
    refusal: Reply | None = None


class Transactions:
    """What all transactions of the house share."""

    def __init__(
        self,
        settings: SmtpSettings,
        site: SiteSettings,
        *,
        router: Router,
        commit: Commit,
        facilities: Facilities,
        now: Callable[[], datetime],
        trace: Callable[[], TraceId] = new_trace,
        addressing: Addressing | None = None,
        has_room: HasRoom | None = None,
    ) -> None:
        """Read the restriction lists, and open the tables that policy names.

        Raises:
            ConfigError: an unknown check, or settings that make an open relay.
        """
        self.settings = settings
        self.hostname = site.myhostname
        self.spool_directory = site.queue_directory
        self.router = router
        self.commit = commit
        self.now = now
        self.new_trace = trace
        self.facilities = facilities
        self.restrictions = Restrictions(settings, site.mynetworks)
        self.content_checks = ContentChecks(facilities.settings)
        self.rates = ClientRates(settings, site.mynetworks)
        self.early_checks = EarlyChecks(settings, site.mynetworks, facilities.dns_lists)
        self.addressing = addressing or Addressing(router)
        self.defaults = self.addressing.defaults
        self.has_room = has_room

    async def begin(self, client: Client, arguments: MailArguments) -> Transaction | Reply:
        """Return a new transaction, or the reply that refuses this MAIL."""
        if client.service is Service.SUBMISSION and client.submitter is None:
            return Reply(530, "5.7.0", "Authentication required")
        if 0 < self.settings.message_size_limit < arguments.size:
            return Reply(552, "5.3.4", "Message size exceeds fixed limit")
        refusal = await self._refuse_sender(client, arguments.reverse_path)
        if refusal is not None:
            return refusal
        try:
            sender = await self.addressing.rewriter.sender(arguments.reverse_path)
        except TableUnavailable:
            return _lookup_failure(arguments.reverse_path)
        return Transaction(self, client, arguments, sender)

    async def _refuse_sender(self, client: Client, reverse_path: ReversePath) -> Reply | None:
        """Return why the client may not use this address: whoever logs in sends as himself."""
        if client.submitter is None or reverse_path is None:
            return None
        try:
            owner = await self.router.owner(reverse_path)
        except TableUnavailable:
            return _lookup_failure(reverse_path)
        if owner is not None and owner.id == client.submitter:
            return None
        text = f"<{reverse_path}>: Sender address rejected: not owned by user {client.submitter}"
        _log.info("refused", client=client.peer, sender=reverse_path, user=client.submitter)
        return Reply(553, "5.7.1", text)


class Transaction:
    """A message that is being announced; ``begin`` of ``Transactions`` makes it.

    ``sender`` is the reverse-path as the tables have rewritten it.
    """

    def __init__(
        self,
        house: Transactions,
        client: Client,
        arguments: MailArguments,
        sender: ReversePath,
    ) -> None:
        self.trace = house.new_trace()
        self._house = house
        self._client = client
        self._mail = arguments
        self._sender = sender
        self._accepted: dict[tuple[str, Domain], tuple[Accepted, ...]] = {}
        self._rcpts: list[tuple[str, Domain]] = []
        self._said: list[Address] = []
        self._effects = Effects()

    @property
    def has_recipients(self) -> bool:
        return bool(self._rcpts)

    @property
    def is_binary(self) -> bool:
        """Whether the content may hold what is no text; it is made text before ``commit``."""
        return self._mail.body is Body.BINARY

    @property
    def utf8(self) -> bool:
        return self._mail.utf8

    async def rcpt(self, recipient: Recipient, *, talks_ahead: bool = False) -> Reply:
        """Take or refuse one recipient. ``talks_ahead``: the client did so without leave."""
        if len(self._rcpts) >= self._house.settings.smtpd_recipient_limit:
            return Reply(452, "4.5.3", "Error: too many recipients")
        path = recipient.forward_path
        key = (path.local_part.casefold(), path.domain)
        if key not in self._accepted:
            accepted = await self._decide(recipient, talks_ahead=talks_ahead)
            if isinstance(accepted, Reply):
                return accepted
            self._accepted[key] = accepted
            self._said.append(path)
        self._rcpts.append(key)
        return Reply(250, "2.1.5", "Ok")

    async def data(self, *, talks_ahead: bool = False) -> Reply | None:
        """Return why the content need not come, if it need not."""
        asked = self._house.restrictions.asks_at_data
        if not asked or self._client.service is not Service.SMTP:
            return None
        ruling = await self._house.restrictions.at_data(self._context(talks_ahead=talks_ahead))
        return self._take(ruling, None)

    async def _decide(
        self, recipient: Recipient, *, talks_ahead: bool
    ) -> tuple[Accepted, ...] | Reply:
        resolved = await self._house.addressing.resolve(recipient, self._sender)
        context = self._context(recipient, resolved.route, talks_ahead=talks_ahead)
        reply = self._take(await self._rule(context), recipient)
        if reply is not None:
            return reply
        if resolved.refusal is not None:
            return self._refused(resolved.refusal, "route", recipient)
        full = await self._full(resolved.accepted)
        return self._refused(full, "quota", recipient) if full else resolved.accepted

    async def _full(self, accepted: tuple[Accepted, ...]) -> Reply | None:
        """Return why there is no room for the one account that the recipient stands for."""
        if len(accepted) != 1 or self._house.has_room is None:
            return None
        route = accepted[0].route
        return (
            await self._house.has_room(route.account, self._mail.size)
            if isinstance(route, Local)
            else None
        )

    async def _rule(self, context: SmtpContext) -> Ruling:
        service, restrictions = self._client.service, self._house.restrictions
        if service is Service.LMTP and context.is_for_elsewhere:
            # LMTP is final delivery: whoever may speak it may not relay through it.
            denied = Reply(550, "5.7.1", f"<{context.forward_path}>: Relay access denied")
            return Ruling(Refusal(Reject(denied), "lmtp"))
        if service is Service.LMTP:
            return Ruling(None)
        if service is Service.SUBMISSION:
            return await restrictions.at_submission(context)
        if self._client.refusal is not None:
            return Ruling(Refusal(Reject(self._client.refusal), "postscreen"))
        return await restrictions.at_rcpt(context)

    def _take(self, ruling: Ruling, recipient: Recipient | None) -> Reply | None:
        """Return the refusal in ``ruling``, if any; else remember what is to be done beside."""
        if ruling.refusal is not None:
            return self._refused(ruling.refusal.decision.reply, ruling.refusal.check, recipient)
        if ruling.effects:
            self._effects = self._effects.with_(ruling.effects)
        return None

    def _refused(self, reply: Reply, check: str, recipient: Recipient | None) -> Reply:
        reply = self._soft(reply)
        self._log_refusal(recipient, reply, check)
        return reply

    def _soft(self, reply: Reply) -> Reply:
        """Return ``reply``, under ``soft_bounce`` as one that lasts for now only."""
        if not reply.permanent or not self._house.facilities.settings.soft_bounce:
            return reply
        return Reply(reply.code - 100, f"4{reply.status[1:]}", reply.text)

    def _context(
        self,
        recipient: Recipient | None = None,
        route: Route | None = None,
        *,
        size: int = 0,
        talks_ahead: bool = False,
    ) -> SmtpContext:
        house, client = self._house, self._client
        return SmtpContext(
            client.peer,
            client.helo,
            client.submitter,
            self._mail.reverse_path,
            recipient,
            route,
            house.restrictions.mynetworks,
            house.facilities,
            client.host or ClientHost(client.peer, house.facilities.resolver),
            extended=client.extended,
            tls=client.tls,
            trace=self.trace,
            size=size or self._mail.size,
            recipient_count=len(self._accepted),
            talks_ahead=talks_ahead,
            mechanism=client.mechanism,
        )

    def _log_refusal(self, recipient: Recipient | None, reply: Reply, check: str) -> None:
        _log.info(
            "refused",
            trace=self.trace,
            client=self._client.peer,
            sender=self._mail.reverse_path or "<>",
            recipient=None if recipient is None else recipient.forward_path,
            helo=self._client.helo,
            check=check,
            reply=reply,
        )

    async def commit(self, content: MessageContent) -> list[Reply]:
        """Return the reply to the message; for LMTP one for each RCPT that was accepted.

        What was answered 250 is on stable storage.
        """
        accepted = self._distinct()
        try:
            replies = await self._decide_content(content, accepted)
        except MailError as error:
            replies = [reply_for(error)] * len(accepted)
        except OSError:
            _log.exception("cannot read a message back", trace=self.trace)
            replies = [LOCAL_TROUBLE] * len(accepted)
        replies = [self._soft(reply) for reply in replies]
        for one, reply in zip(accepted, replies, strict=True):
            self._log_reply(content, one, reply)
        if self._client.service is not Service.LMTP:
            return replies[:1]
        known = dict(zip(map(_identity, accepted), replies, strict=True))
        return [
            _of_all([known[_identity(one)] for one in self._accepted[key]]) for key in self._rcpts
        ]

    def _distinct(self) -> list[Accepted]:
        """Return every recipient that the RCPTs led to, each once."""
        found: dict[tuple[str, Domain, str], Accepted] = {}
        for group in self._accepted.values():
            for one in group:
                found.setdefault(_identity(one), one)
        return list(found.values())

    async def _decide_content(
        self, content: MessageContent, accepted: list[Accepted]
    ) -> list[Reply]:
        """Look at the content as a whole, then commit it."""
        refusal = await self._refuse_content(content)
        if isinstance(refusal, Reply):
            return [refusal] * len(accepted)
        content = await self._dress(refusal)
        if self._effects:
            reply = await self._commit_otherwise(self._effects, content, accepted)
            if reply is not None:
                return [reply] * len(accepted)
        return await self._commit(content, accepted)

    async def _refuse_content(self, content: MessageContent) -> MessageContent | Reply:
        """Return the content as it goes on, or the reply that refuses it."""
        house = self._house
        asked = house.restrictions.asks_at_end_of_data
        if asked and self._client.service is Service.SMTP:
            ruling = await house.restrictions.at_end_of_data(self._context(size=content.size))
            if (reply := self._take(ruling, None)) is not None:
                return reply
        if not house.content_checks:
            return content
        seen = await house.content_checks.look(content, self.trace, house.spool_directory)
        if isinstance(seen, Reply):
            return seen
        self._effects = self._effects.with_(seen.effects)
        return seen.content

    async def _commit_otherwise(
        self, effects: Effects, content: MessageContent, accepted: list[Accepted]
    ) -> Reply | None:
        """Do with the message what policy wants; None: commit it as it is."""
        if effects.discard is not None:
            _log.warning("discarded", trace=self.trace, reason=effects.discard.reason)
            return Reply(250, "2.0.0", f"Ok: queued as {self.trace}")
        for address in effects.bcc:
            if effects.redirect is None:
                await self._add_hidden(address, accepted)
        envelope = self._envelope(accepted)
        if effects.redirect is not None:
            _log.info("redirected", trace=self.trace, to=effects.redirect.to)
            instead = Recipient(effects.redirect.to)
            resolved = await self._house.addressing.resolve(instead, self._sender)
            recipients = tuple(one.recipient for one in resolved.accepted) or (instead,)
            envelope = replace(envelope, recipients=recipients)
        if effects.filter is not None:
            extra = {**envelope.extra, CONTENT_FILTER: effects.filter.destination}
            envelope = replace(envelope, extra=extra)
        if effects.hold is not None:
            _log.warning("on hold", trace=self.trace, reason=effects.hold.reason)
        if effects.hold is None and effects.redirect is None and effects.filter is None:
            return None
        return await self._house.commit.queue(envelope, content, hold=effects.hold is not None)

    async def _add_hidden(self, address: Address, accepted: list[Accepted]) -> None:
        """Add a recipient that the sender is told nothing of."""
        hidden = Recipient(address, notify=Notify.NEVER)
        resolved = await self._house.addressing.resolve(hidden, self._sender)
        if isinstance(resolved.route, RouteRefused):
            reply = resolved.route.reply
            _log.error("cannot copy to", trace=self.trace, recipient=address, reply=reply)
            return
        known = set(map(_identity, accepted))
        accepted += [one for one in resolved.accepted if _identity(one) not in known]

    async def _commit(self, content: MessageContent, accepted: list[Accepted]) -> list[Reply]:
        envelope = self._envelope(accepted)
        if self._client.service is Service.LMTP:
            return await self._commit_each(envelope, accepted, content)
        return [await self._house.commit.together(envelope, accepted, content)] * len(accepted)

    async def _commit_each(
        self, envelope: Envelope, accepted: list[Accepted], content: MessageContent
    ) -> list[Reply]:
        """Return a reply for each recipient; those that share a RCPT go together, as one message.

        Otherwise a client that hears of the one that must wait would bring the others again.
        """
        commit = self._house.commit
        shared = {
            _identity(one) for group in self._accepted.values() if len(group) > 1 for one in group
        }
        several = [one for one in accepted if _identity(one) in shared]
        alone = [one for one in accepted if _identity(one) not in shared]
        known: dict[tuple[str, Domain, str], Reply] = {}
        if alone:
            replies = await commit.each(_for(envelope, alone), alone, content)
            known |= zip(map(_identity, alone), replies, strict=True)
        if several:
            child = replace(envelope, trace=self._house.new_trace(), parent=envelope.trace)
            reply = await commit.together(_for(child, several), several, content)
            known |= dict.fromkeys(map(_identity, several), reply)
        return [known[_identity(one)] for one in accepted]

    def refuse(self, reply: Reply) -> list[Reply]:
        """Return the replies to a message that cannot be taken, as many as are due."""
        due = len(self._rcpts) if self._client.service is Service.LMTP else 1
        _log.info("refused", trace=self.trace, client=self._client.peer, reply=reply)
        return [reply] * due

    def _envelope(self, accepted: list[Accepted]) -> Envelope:
        mail = self._mail
        return Envelope(
            self._sender,
            tuple(one.recipient for one in accepted),
            self.trace,
            self._client.service.value,
            mail.ret,
            mail.envelope_id,
            Body.EIGHT_BIT if self.is_binary else mail.body,
            mail.utf8,
            self._client.submitter,
        )

    async def _dress(self, content: MessageContent) -> MessageContent:
        """Return the message with its Received field, mended where it was submitted.

        Raises:
            LoopDetected: it has been through too many hosts.
            MessageTooBig: the header of a submitted message is too long to be read.
        """
        house, now = self._house, self._house.now()
        with content.open() as reader:
            head = reader.read(HEAD)
        header = head[: head.find(b"\r\n\r\n") + 2] if b"\r\n\r\n" in head else head
        if len(_RECEIVED.findall(header)) > house.settings.hopcount_limit:
            raise LoopDetected("Error: too many hops")
        # Fields that policy adds stand above ours, as it does not come from where ours tell of.
        added = "".join(f"{field}\r\n" for field in self._effects.prepend)
        prefix = added.encode() + self._received(now)
        if self._client.service is Service.SUBMISSION:
            mended = submission.mend(
                content,
                reverse_path=self._mail.reverse_path,
                origin=house.defaults.origin,
                hostname=house.hostname,
                trace=self.trace,
                at=now,
            )
            rewritten = await rewrite_header(mended, house.addressing.rewriter)
            return PrefixedContent(prefix, rewritten)
        return PrefixedContent(prefix + lead_in(head), content)

    def _received(self, at: datetime) -> bytes:
        client = self._client
        protocol = transmission_type(
            lmtp=client.service is Service.LMTP,
            extended=client.extended,
            tls=client.tls is not None,
            authenticated=client.submitter is not None,
            utf8=self._mail.utf8,
        )
        return format_received(
            helo=client.helo,
            peer=client.peer,
            tls=client.tls,
            by=self._house.hostname,
            protocol=protocol,
            trace=self.trace,
            only_recipient=self._only_recipient(),
            at=at,
        )

    def _only_recipient(self) -> Address | None:
        return self._said[0] if len(self._said) == 1 else None

    def _log_reply(self, content: MessageContent, one: Accepted, reply: Reply) -> None:
        _log.info(
            "accepted" if reply.positive else "refused",
            trace=self.trace,
            client=self._client.peer,
            sender=self._mail.reverse_path or "<>",
            recipient=one.recipient.forward_path,
            size=content.size,
            user=self._client.submitter,
            reply=reply,
        )


def _lookup_failure(path: ReversePath) -> Reply:
    return Reply(451, "4.3.0", f"<{path}>: Temporary lookup failure")


def _identity(one: Accepted) -> tuple[str, Domain, str]:
    path = one.recipient.forward_path
    return path.local_part.casefold(), path.domain, one.recipient.target


def _for(envelope: Envelope, accepted: list[Accepted]) -> Envelope:
    return replace(envelope, recipients=tuple(one.recipient for one in accepted))


def _of_all(replies: list[Reply]) -> Reply:
    """Return the reply to a RCPT that led to several recipients: the first that is not good."""
    return next((reply for reply in replies if not reply.positive), replies[0])


def lead_in(head: bytes) -> bytes:
    """Return what must stand between our fields and a message that begins with no field.

    An mbox separator becomes a field of its own, as Postfix makes it; before a body without a
    header comes the empty line that it lacks.
    """
    if head.startswith((b"From ", b">From ")):
        return b"X-Mailbox-Line: "
    return b"" if not head or _FIRST_FIELD.match(head) else b"\r\n"
