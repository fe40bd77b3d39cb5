# SPDX-License-Identifier: MIT
"""An SMTP, submission or LMTP session without IO: lines in, answers out.

The shell brings each line and does what the answer says: send replies, read the message, read a
chunk, begin TLS, close. It waits for each answer before it brings the next line.

Invariants:

* The octets that BDAT announces are always read, also when the chunk is refused: they are never
  taken for commands.
* After STARTTLS nothing that was said before counts (RFC 3207 §4.2).
* No text of an exception reaches the client.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from homemail.auth.api import Authenticator
from homemail.config.smtp import SmtpSettings
from homemail.log import Log
from homemail.model.address import AccountId, account_id
from homemail.model.message import MessageContent
from homemail.model.reply import Reply
from homemail.model.session import ChannelFacts, Peer, TlsFacts
from homemail.mta.commit import LOCAL_TROUBLE
from homemail.mta.path import parse_mail, parse_rcpt
from homemail.mta.policy.check import is_in
from homemail.mta.policy.client_host import UNKNOWN, ClientHost, HostNames
from homemail.mta.smtp.rates import Event
from homemail.mta.smtp.sasl import Dialogue
from homemail.mta.smtp.xclient import ATTRIBUTES, Xclient, parse_xclient
from homemail.mta.transaction import Client, Service, Transaction, Transactions

LINE_LIMIT = 2048
"""Octets of a command; RFC 5321 §4.5.3.1.4 wants 512, and more for extensions."""
AUTH_LINE_LIMIT = 12288
"""RFC 4954 §4."""
RECIPIENT_OVERSHOOT = 1000
"""Recipients past the limit that are asked to come later before that counts as an error."""

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_BDAT = re.compile(r"([0-9]{1,18})(?: (LAST))?", re.IGNORECASE)
_KNOWN_ELSEWHERE = frozenset({"EXPN", "ETRN", "ATRN", "TURN", "SEND", "SOML", "SAML"})

_log = Log("smtpd")


@dataclass(frozen=True, slots=True)
class Say:
    """Send the replies; bring the next line."""

    replies: tuple[Reply, ...]


@dataclass(frozen=True, slots=True)
class ReadMessage:
    """Send the reply, read up to the final dot, bring what came to ``finish``."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class ReadChunk:
    """Read ``size`` octets of a message. ``first``: nothing before them belongs to it.

    ``binary``: they need not be lines (RFC 3030 §3).
    """

    size: int
    first: bool
    last: bool
    binary: bool = False


@dataclass(frozen=True, slots=True)
class SkipChunk:
    """Read ``size`` octets, throw them away, send the reply."""

    size: int
    reply: Reply


@dataclass(frozen=True, slots=True)
class BeginTls:
    """Send the reply, drop what came in the clear behind the command, begin TLS."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Close:
    """Send the reply and close."""

    reply: Reply


Answer = Say | ReadMessage | ReadChunk | SkipChunk | BeginTls | Close
Command = Callable[[str], Awaitable[Answer]]


def _say(code: int, status: str, text: str) -> Say:
    return Say((Reply(code, status, text),))


def _said(reply: Reply) -> Answer:
    """Return the answer that is ``reply``; these two codes end the session (RFC 5321 §4.2.2)."""
    return Close(reply) if reply.code in (421, 521) else Say((reply,))


_OK = _say(250, "2.0.0", "Ok")
_NEED_RCPT = Reply(503, "5.5.1", "Error: need RCPT command")
_BEFORE_TLS = frozenset({"EHLO", "HELO", "LHLO", "STARTTLS", "NOOP", "QUIT"})  # RFC 3207 §4


class Session:
    """The state of one connection. ``offers_tls``: STARTTLS can be had; ``tls_required``: must."""

    def __init__(
        self,
        service: Service,
        transactions: Transactions,
        settings: SmtpSettings,
        peer: Peer,
        *,
        server_name: str,
        authenticator: Authenticator | None = None,
        offers_tls: bool = False,
        tls_required: bool = False,
        tls: TlsFacts | None = None,
    ) -> None:
        self._service = service
        self._transactions = transactions
        self._settings = settings
        self._server_name = server_name
        self._authenticator = authenticator if service is not Service.LMTP else None
        self._offers_tls = offers_tls
        self._tls_required = tls_required
        self._peer = peer
        self._host = ClientHost(peer, transactions.facilities.resolver)
        self._tls = tls
        self.refusal: Reply | None = None
        self.has_more = False
        """Whether more came behind the line that is being answered."""
        self._talked_ahead = False
        # Asked of the connection as it is: whoever is let in as another cannot let others in.
        self._may_xclient = is_in(peer, settings.smtpd_authorized_xclient_hosts)
        self._errors = 0
        self._junk = 0
        self._overshoot = 0
        self._forget()
        hello: dict[str, Command] = {"HELO": self._helo, "EHLO": self._ehlo}
        if service is Service.LMTP:
            hello = {"LHLO": self._ehlo}
        self._commands: dict[str, Command] = {
            **hello,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "BDAT": self._bdat,
            "RSET": self._rset,
            "NOOP": self._noop,
            "VRFY": self._vrfy,
            "HELP": self._help,
            "QUIT": self._quit,
            "STARTTLS": self._starttls,
            "AUTH": self._auth,
        }
        if self._may_xclient:
            self._commands["XCLIENT"] = self._xclient

    def _forget(self) -> None:
        self._helo_name = ""
        self._extended = False
        self._submitter: AccountId | None = None
        self._mechanism = ""
        self._dialogue: Dialogue | None = None
        self._transaction: Transaction | None = None
        self._in_chunks = False

    @property
    def greeting(self) -> Reply:
        if self._service is Service.LMTP:
            return Reply(220, "", f"{self._server_name} LMTP homemail")
        return Reply(220, "", self._settings.smtpd_banner)

    @property
    def line_limit(self) -> int:
        return LINE_LIMIT if self._dialogue is None else AUTH_LINE_LIMIT

    def delay_before(self, answer: Answer) -> float:
        """Return the seconds to wait: replies to errors come slowly when there are many."""
        if self._errors <= self._settings.smtpd_soft_error_limit or _refusal_in(answer) is None:
            return 0.0
        return self._settings.smtpd_error_sleep_time

    @property
    def is_accepting(self) -> bool:
        """Whether a message is on its way: chunks of it are here already."""
        return self._in_chunks

    def talks_before_greeting(self) -> None:
        """Remember that the client did not wait for its greeting."""
        self._talked_ahead = True

    def begin_tls(self, facts: TlsFacts) -> None:
        """Start anew, under TLS."""
        self._forget()
        self._tls = facts

    async def line(self, line: bytes) -> Answer:
        """Return what to do about a line, which comes without its line end."""
        before = self._errors
        try:
            answer = await self._line(line)
        except Exception:
            trace = self._transaction.trace if self._transaction else None
            _log.exception("command failed", client=self._peer, trace=trace)
            answer = Say((LOCAL_TROUBLE,))
        return self._count(answer, before)

    def bad_line(self, text: str) -> Answer:
        """Return what to do about a line that is none."""
        self._dialogue = None
        return self._count(_say(500, "5.5.2", f"Error: {text}"), self._errors)

    async def finish(self, content: MessageContent | Reply) -> tuple[Reply, ...]:
        """Return the replies to the message, or to one that came as something else."""
        transaction, self._transaction, self._in_chunks = self._transaction, None, False
        if transaction is None:
            return (_NEED_RCPT,)
        if isinstance(content, Reply):
            return tuple(transaction.refuse(content))
        self._junk = 0
        try:
            return tuple(await transaction.commit(content))
        except Exception:
            _log.exception("not accepted", client=self._peer, trace=transaction.trace)
            return tuple(transaction.refuse(LOCAL_TROUBLE))

    def abandon(self, refusal: Reply) -> Reply:
        """Forget the transaction whose chunk could not be taken; return the reply to the chunk."""
        self._reset()
        return refusal

    def _count(self, answer: Answer, before: int) -> Answer:
        """Return ``answer``, or the end of the session after too many errors."""
        refusal = _refusal_in(answer)
        if refusal is not None and not self._is_overshoot(refusal):
            self._errors += 1
        if self._errors == before or self._errors < self._settings.smtpd_hard_error_limit:
            return answer
        if isinstance(answer, SkipChunk | Close):  # a chunk's octets must be read first
            return answer
        _log.warning("too many errors", client=self._peer, helo=self._helo_name, reply=refusal)
        return Close(self.farewell("4.7.0", "Error: too many errors"))

    def _is_overshoot(self, refusal: Reply) -> bool:
        if refusal.status != "4.5.3":
            return False
        self._overshoot += 1
        return self._overshoot <= RECIPIENT_OVERSHOOT

    def farewell(self, status: str, text: str) -> Reply:
        """Return the 421 that ends a session."""
        return Reply(421, status, f"{self._server_name} {text}")

    async def _line(self, line: bytes) -> Answer:
        if self._dialogue is not None:
            return await self._continue_auth(line)
        try:
            text = line.decode()
        except UnicodeDecodeError:
            return _say(500, "5.5.2", "Error: bad UTF-8 syntax")
        if _CONTROL.search(text):
            return _say(500, "5.5.2", "Error: control character received")
        verb, _, argument = text.partition(" ")
        name = verb.upper()
        command = self._commands.get(name)
        if command is not None and self._channel().is_too_open and name not in _BEFORE_TLS:
            return _say(530, "5.7.0", "Must issue a STARTTLS command first")
        if command is not None:
            return await command(argument.strip())
        if name in _KNOWN_ELSEWHERE:
            return _say(502, "5.5.1", "Error: command not implemented")
        return _say(500, "5.5.2", "Error: command not recognized")

    # Commands, in the order of a session.

    async def _helo(self, argument: str) -> Answer:
        return self._greet(argument, extended=False)

    async def _ehlo(self, argument: str) -> Answer:
        return self._greet(argument, extended=True)

    def _greet(self, argument: str, *, extended: bool) -> Answer:
        if not argument:
            return _say(501, "", "Syntax: EHLO hostname")
        self._reset()
        self._talked_ahead = self._talked_ahead or self.has_more
        self._helo_name = argument.split()[0]
        self._extended = extended
        hostname = self._server_name
        return _say(250, "", "\n".join((hostname, *self._extensions())) if extended else hostname)

    def _extensions(self) -> list[str]:
        """Return the keywords of the reply to EHLO and LHLO.

        Source: RFC 1870 §3, RFC 2034 §3, RFC 2920 §3, RFC 3030 §2, RFC 3461 §3, RFC 6152 §2,
        RFC 6531 §3.1, RFC 9422 §3.
        """
        offered = ["PIPELINING", f"SIZE {self._settings.message_size_limit}"]
        if self._offers_tls and self._tls is None:
            offered.append("STARTTLS")
        if self._authenticator is not None and self._submitter is None:
            mechanisms = self._authenticator.mechanisms(self._channel())
            if mechanisms:
                offered.append("AUTH " + " ".join(mechanisms))
        offered += ["ENHANCEDSTATUSCODES", "8BITMIME", "SMTPUTF8"]
        if self._service is not Service.LMTP:  # there the client has every reply and notifies
            offered.append("DSN")
        if self._may_xclient:
            offered.append("XCLIENT " + " ".join(ATTRIBUTES))
        offered.append(f"LIMITS RCPTMAX={self._settings.smtpd_recipient_limit}")
        return [*offered, "BINARYMIME", "CHUNKING"]

    def _channel(self) -> ChannelFacts:
        return ChannelFacts("smtp", self._peer, self._tls, self._tls_required)

    async def _starttls(self, argument: str) -> Answer:
        if argument:
            return _say(501, "5.5.4", "Syntax: STARTTLS")
        if self._tls is not None:
            return _say(554, "5.5.1", "Error: TLS already active")
        if not self._offers_tls:
            return _say(502, "5.5.1", "Error: command not implemented")
        if self._transactions.rates.is_over(Event.TLS, self._peer):
            text = f"Error: too many new TLS sessions from {self._peer.host}"
            return Close(self.farewell("4.7.0", text))
        return BeginTls(Reply(220, "2.0.0", "Ready to start TLS"))

    async def _auth(self, argument: str) -> Answer:
        if self._authenticator is None:
            return _say(503, "5.5.1", "Error: authentication not enabled")
        if not self._extended:
            return _say(503, "5.5.1", "Error: send EHLO first")
        if self._submitter is not None:
            return _say(503, "5.5.1", "Error: already authenticated")
        if self._transaction is not None:
            return _say(503, "5.5.1", "Error: MAIL transaction in progress")
        if self._transactions.rates.is_over(Event.AUTH, self._peer):
            return _say(450, "4.7.1", f"Error: too many AUTH commands from {self._peer.host}")
        self._mechanism = argument.partition(" ")[0].upper()
        begun = Dialogue.begin(argument, self._authenticator, self._channel())
        if isinstance(begun, Reply):
            return Say((begun,))
        self._dialogue, initial = begun
        return await self._continue_auth(initial)

    async def _continue_auth(self, line: bytes | None) -> Answer:
        dialogue = self._dialogue
        if dialogue is None:
            return Say((LOCAL_TROUBLE,))
        self._dialogue = None  # also where the step below fails
        reply = await dialogue.line(line)
        if reply.code == 334:
            self._dialogue = dialogue
        self._submitter = dialogue.account
        return Say((reply,))

    async def _mail(self, argument: str) -> Answer:
        if not self._helo_name:
            hello = "LHLO" if self._service is Service.LMTP else "HELO/EHLO"
            return _say(503, "5.5.1", f"Error: send {hello} first")
        if self._transaction is not None:
            return _say(503, "5.5.1", "Error: nested MAIL command")
        arguments = parse_mail(argument, self._transactions.defaults)
        if isinstance(arguments, Reply):
            return Say((arguments,))
        if self._transactions.rates.is_over(Event.MESSAGE, self._peer):
            return _say(450, "4.7.1", f"Error: too much mail from {self._peer.host}")
        client = Client(
            self._service,
            self._peer,
            self._helo_name,
            self._extended,
            self._tls,
            self._submitter,
            self._host,
            self._mechanism if self._submitter else "",
            self.refusal,
        )
        begun = await self._transactions.begin(client, arguments)
        if isinstance(begun, Reply):
            return Say((begun,))
        self._transaction = begun
        return _say(250, "2.1.0", "Ok")

    async def _rcpt(self, argument: str) -> Answer:
        if self._transaction is None:
            return _say(503, "5.5.1", "Error: need MAIL command")
        if self._in_chunks:
            return _say(503, "5.5.1", "Error: RCPT after BDAT")
        defaults = self._transactions.defaults
        recipient = parse_rcpt(argument, defaults, utf8=self._transaction.utf8)
        if isinstance(recipient, Reply):
            return Say((recipient,))
        if self._transactions.rates.is_over(Event.RECIPIENT, self._peer):
            return _say(450, "4.7.1", f"Error: too many recipients from {self._peer.host}")
        ahead = self._talked_ahead or (self.has_more and not self._extended)
        return _said(await self._transaction.rcpt(recipient, talks_ahead=ahead))

    async def _data(self, argument: str) -> Answer:
        if self._transaction is None or not self._transaction.has_recipients:
            # RFC 2033 §4.2: 503 too where every RCPT of an LMTP transaction was refused.
            return Say((_NEED_RCPT,))
        if argument:
            return _say(501, "5.5.4", "Syntax: DATA")
        if self._in_chunks:
            return _say(503, "5.5.1", "Error: DATA after BDAT")
        if self._transaction.is_binary:  # RFC 3030 §3
            return _say(503, "5.5.1", "Error: BINARYMIME needs BDAT")
        ahead = self._talked_ahead or self.has_more
        refusal = await self._transaction.data(talks_ahead=ahead)
        if refusal is not None:
            return _said(refusal)
        return ReadMessage(Reply(354, "", "End data with <CR><LF>.<CR><LF>"))

    async def _bdat(self, argument: str) -> Answer:
        match = _BDAT.fullmatch(argument)
        if match is None:
            # What follows cannot be told from commands without its length.
            return Close(Reply(501, "5.5.4", "Syntax: BDAT count [LAST]"))
        size, last = int(match[1]), match[2] is not None
        if self._transaction is None or not self._transaction.has_recipients:
            return SkipChunk(size, _NEED_RCPT)
        if not self._in_chunks:
            refusal = await self._transaction.data(talks_ahead=self._talked_ahead)
            if refusal is not None:
                self._reset()
                return SkipChunk(size, refusal)
        first, self._in_chunks = not self._in_chunks, True
        return ReadChunk(size, first, last, self._transaction.is_binary)

    async def _rset(self, argument: str) -> Answer:
        if argument:
            return _say(501, "5.5.4", "Syntax: RSET")
        self._reset()
        return self._junked(_OK)

    async def _noop(self, _: str) -> Answer:
        return self._junked(_OK)

    async def _vrfy(self, argument: str) -> Answer:
        if not argument:
            return _say(501, "5.5.4", "Syntax: VRFY address")
        return self._junked(_say(252, "2.0.0", "Cannot VRFY user, send some mail to find out"))

    async def _help(self, _: str) -> Answer:
        known = " ".join(sorted(self._commands))
        return self._junked(_say(214, "2.0.0", f"{known}\nSee RFC 5321"))

    async def _xclient(self, argument: str) -> Answer:
        if self._transaction is not None:
            return _say(503, "5.5.1", "Error: MAIL transaction in progress")
        said = parse_xclient(argument)
        if isinstance(said, Reply):
            return Say((said,))
        _log.info("xclient", client=self._peer, says=argument)
        self._forget()
        self._become(said)
        return Say((self.greeting,))

    def _become(self, said: Xclient) -> None:
        """Speak from now on with whom the client says it speaks for."""
        host = self._peer.host if said.address is None else said.address or "0.0.0.0"
        self._peer = Peer(host, self._peer.port if said.port is None else said.port)
        known = None
        if said.name is not None or said.reverse_name is not None:
            name = said.name or UNKNOWN
            known = HostNames(name, name, said.reverse_name or name)
        self._host = ClientHost(self._peer, self._transactions.facilities.resolver, known)
        if said.helo:
            self._helo_name = said.helo
        if said.extended is not None:
            self._extended = said.extended
        if said.login:
            self._submitter = account_id(said.login)

    async def _quit(self, _: str) -> Answer:
        return Close(Reply(221, "2.0.0", "Bye"))

    def _reset(self) -> None:
        self._transaction = None
        self._in_chunks = False

    def _junked(self, answer: Answer) -> Answer:
        """Return ``answer``; past the limit a command without effect counts as an error."""
        self._junk += 1
        if self._junk > self._settings.smtpd_junk_command_limit:
            self._errors += 1
        return answer


def _refusal_in(answer: Answer) -> Reply | None:
    if isinstance(answer, Say):
        return next((reply for reply in answer.replies if not reply.positive), None)
    return answer.reply if isinstance(answer, SkipChunk) else None
