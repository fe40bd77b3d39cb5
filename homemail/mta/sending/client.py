# SPDX-License-Identifier: MIT
"""The client of SMTP and LMTP, without IO: messages over one connection, one after the other.

The shell does the ``Step`` that it is given and tells what came: ``receive``, ``content_sent``,
``tls_started``, ``lose``. Each answers with the next step, or None when more must come first.
After ``Finished`` comes ``again`` with the next message, or ``quit``. The dialogue itself is one
generator, read from top to bottom.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Generator
from dataclasses import dataclass

from homemail.errors import PeerError
from homemail.model.address import Address, ReversePath
from homemail.model.envelope import Body, Envelope, Notify, Recipient
from homemail.model.reply import Reply
from homemail.mta.sending.credentials import Credentials
from homemail.mta.sending.replies import ReplyReader
from homemail.mta.sending.tls import Proof

# RFC 5321 §4.5.3.2, in seconds
GREETING_SECONDS = 300.0
COMMAND_SECONDS = 300.0
DATA_SECONDS = 120.0
BLOCK_SECONDS = 180.0
FINAL_SECONDS = 600.0
QUIT_SECONDS = 5.0  # everything is done by then

_AT_ONCE = 100  # RCPT commands in one write: their replies must fit into what TCP holds


@dataclass(frozen=True, slots=True)
class Options:
    """How to speak. ``peer`` names the other end in texts; ``tls`` is none, may or encrypt.

    ``private``: nobody can listen, so a password may be sent without TLS. ``proof`` is for the
    shell: what must be true of the certificate. ``convert``: encode 8-bit messages for a server
    that does not take them.
    """

    hello: str
    peer: str
    lmtp: bool = False
    tls: str = "may"
    credentials: Credentials | None = None
    private: bool = False
    proof: Proof = None
    convert: bool = True


@dataclass(frozen=True, slots=True)
class Transfer:
    """What to hand over. ``needs_utf8``: it cannot go to a server without SMTPUTF8."""

    envelope: Envelope
    recipients: tuple[Recipient, ...]
    size: int
    needs_utf8: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """Write ``data``, then pass on what comes; a reply must come within ``seconds``."""

    data: bytes
    seconds: float
    count: int = 1


@dataclass(frozen=True, slots=True)
class StartTls:
    """Begin TLS, then call ``tls_started``, or ``distrust`` where the certificate will not do."""


@dataclass(frozen=True, slots=True)
class SendContent:
    """Write the message, stuffed, and the final dot; then call ``content_sent``.

    ``empty``: the dot alone, as the server waits for a message that has no recipient.
    ``seven_bit``: what is beyond ASCII is encoded first.
    """

    empty: bool = False
    seven_bit: bool = False
    seconds: float = BLOCK_SECONDS


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a recipient. ``theirs``: the server said it, else the words are ours."""

    reply: Reply
    theirs: bool


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of a transfer: an answer for each recipient, in order.

    ``host_trouble``: it was not about the message, so another host may do better;
    ``tls_failed``: TLS began and did not work. ``dsn``: the server took over the notifications.
    ``reusable``: the server is ready for another message. ``unused``: the connection was lost
    before the server said anything of this message.
    """

    answers: tuple[Answer, ...]
    host_trouble: bool
    dsn: bool
    tls_failed: bool = False
    reusable: bool = False
    unused: bool = False


Step = Ask | StartTls | SendContent | Finished
_Talk = Generator[Step, tuple[Reply, ...], None]


class _Ended(Exception):
    """Nothing more can be done here; ``answer`` is for every recipient without one."""

    def __init__(self, answer: Answer, *, host_trouble: bool) -> None:
        self.answer = answer
        self.host_trouble = host_trouble


class _Lost(Exception):
    """The connection is gone; ``replies`` came before."""

    def __init__(self, why: str, replies: tuple[Reply, ...]) -> None:
        self.why = why
        self.replies = replies


class ClientConnection:
    """One session.

    Source: RFC 5321 §3, RFC 2033 §4, RFC 2920 §3.1, RFC 3207 §4, RFC 4954 §4.
    """

    def __init__(self, transfer: Transfer, options: Options) -> None:
        self._transfer = transfer
        self._options = options
        self._reader = ReplyReader()
        self._replies: list[Reply] = []
        self._step: Step = Ask(b"", GREETING_SECONDS)
        self._answers: dict[int, Answer] = {}
        self._indexes = tuple(range(len(transfer.recipients)))  # those of this transaction
        self._too_many: list[int] = []
        self._offers: dict[str, str] = {}
        self._starting_tls = False
        self._private = options.private
        self._ending = False
        self._in_transaction = False  # the server waits for more of it
        self._heard = True
        self._doing = "receiving the initial server greeting"
        self._talk = self._dialogue()
        self._step = next(self._talk)

    @property
    def step(self) -> Step:
        """What is to be done now."""
        return self._step

    def receive(self, data: bytes) -> Step | None:
        """Take octets of the server; call it with none after writing an ``Ask``."""
        self._reader.feed(data)
        if not isinstance(self._step, Ask):
            return None
        try:
            while len(self._replies) < self._step.count and (reply := self._reader.take()):
                self._replies.append(reply)
        except PeerError as error:
            return self.lose(f"protocol error: {error.text}")
        if len(self._replies) < self._step.count:
            return None
        replies, self._replies = tuple(self._replies), []
        return self._go_on(replies)

    def content_sent(self) -> Step:
        return self._go_on(())

    def tls_started(self) -> Step:
        return self._go_on(())

    def again(self, transfer: Transfer) -> Step:
        """Begin with another message; only after a ``Finished`` that is reusable."""
        self._transfer = transfer
        self._answers = {}
        self._heard = False
        return self._go_on(())

    def quit(self) -> Step:
        """Take leave after ``Finished``; the last step is ``Finished`` again."""
        self._ending = True
        return self._go_on(())

    def distrust(self, why: str) -> Step:
        """TLS began, but not with the host that it should be."""
        text = f"{why} ({self._options.peer})"
        self._step = self._talk.throw(_Ended(_ours(451, "4.7.5", text), host_trouble=True))
        return self._step

    def lose(self, why: str = "lost connection") -> Step:
        """The connection ended or timed out: ``lost connection``, ``timed out``."""
        replies, self._replies = tuple(self._replies), []
        try:
            self._step = self._talk.throw(_Lost(why, replies))
        except (StopIteration, _Lost):  # lost while nothing was asked
            pass
        return self._step

    def _go_on(self, replies: tuple[Reply, ...]) -> Step:
        try:
            self._step = self._talk.send(replies)
        except StopIteration:
            pass
        return self._step

    def _dialogue(self) -> _Talk:
        opened = False
        try:
            yield from self._greet()
            yield from self._authenticate()
            opened = True
            while not self._ending:
                yield (yield from self._transfer_once())
        except _Ended as end:
            self._answer_rest(end.answer)
            trouble = end.host_trouble or not opened
            yield self._finished(host_trouble=trouble, unused=not self._heard)
            if end.answer.reply.code == 421:
                return
        except _Lost as lost:
            self._answer_rest(self._lost_answer(lost))
            self._step = self._finished(host_trouble=not opened, unused=not self._heard)
            return
        finished = self._step
        try:
            yield Ask(b"QUIT\r\n", QUIT_SECONDS)
        except _Lost:
            pass
        self._step = finished

    def _transfer_once(self) -> Generator[Step, tuple[Reply, ...], Finished]:
        """Hand the message over; a refusal of it leaves the connection as it is."""
        try:
            yield from self._reset()
            yield from self._hand_over_all()
        except _Ended as end:
            if end.answer.reply.code == 421 or end.host_trouble:
                raise
            self._answer_rest(end.answer)
        return self._finished(host_trouble=False, reusable=True)

    def _reset(self) -> _Talk:
        """Leave the transaction of the message before, where it did not come to its end."""
        if self._in_transaction:
            self._doing = "sending RSET"
            (reply,) = yield Ask(b"RSET\r\n", COMMAND_SECONDS)
            self._need(reply, 250, host_trouble=True)
            self._in_transaction = False

    def _finished(
        self, *, host_trouble: bool, reusable: bool = False, unused: bool = False
    ) -> Finished:
        answers = tuple(self._answers[at] for at in range(len(self._transfer.recipients)))
        dsn = "DSN" in self._offers
        return Finished(answers, host_trouble, dsn, self._starting_tls, reusable, unused)

    def _greet(self) -> _Talk:
        (greeting,) = yield Ask(b"", GREETING_SECONDS)
        self._need(greeting, 220, host_trouble=True)
        yield from self._hello()
        if self._options.tls == "none":
            return
        if "STARTTLS" in self._offers:
            yield from self._start_tls()
        elif self._options.tls == "encrypt":
            text = f"TLS is required, but was not offered by host {self._options.peer}"
            raise _Ended(_ours(451, "4.7.4", text), host_trouble=True)

    def _hello(self) -> _Talk:
        verb = b"LHLO" if self._options.lmtp else b"EHLO"
        name = self._options.hello.encode("ascii", "replace")
        self._doing = f"performing the {verb.decode()} handshake"
        (reply,) = yield Ask(b"%s %s\r\n" % (verb, name), COMMAND_SECONDS)
        if reply.permanent and not self._options.lmtp:
            self._doing = "performing the HELO handshake"
            (reply,) = yield Ask(b"HELO %s\r\n" % name, COMMAND_SECONDS)
            self._need(reply, 250, host_trouble=True)
            self._offers = {}
            return
        self._need(reply, 250, host_trouble=True)
        self._offers = _parse_offers(reply)

    def _start_tls(self) -> _Talk:
        self._doing = "performing the STARTTLS handshake"
        (reply,) = yield Ask(b"STARTTLS\r\n", COMMAND_SECONDS)
        if reply.code != 220:
            if self._options.tls == "encrypt" or reply.code == 421:
                raise _Ended(_deferred(reply), host_trouble=True)
            return
        if len(self._reader):
            # Octets before TLS would be taken for replies inside it.
            raise _Lost("protocol error: octets before TLS", ())
        self._starting_tls = True
        yield StartTls()
        yield from self._hello()
        self._starting_tls = False
        self._private = True

    def _authenticate(self) -> _Talk:
        credentials = self._options.credentials
        if credentials is None:
            return
        self._doing = "performing SASL authentication"
        if not self._private:
            text = f"the password for {self._options.peer} is not sent without TLS"
            raise _Ended(_ours(451, "4.7.11", text), host_trouble=True)
        user, password = credentials.user.encode(), credentials.password.encode()
        mechanisms = self._offers.get("AUTH", "").upper().split()
        if "PLAIN" in mechanisms:
            steps = [b"AUTH PLAIN " + b64encode(b"\0".join((b"", user, password)))]
        elif "LOGIN" in mechanisms:
            steps = [b"AUTH LOGIN", b64encode(user), b64encode(password)]
        else:
            text = (
                f"SASL authentication failed; {self._options.peer} offers neither PLAIN nor LOGIN"
            )
            raise _Ended(_ours(451, "4.7.0", text), host_trouble=True)
        for step in steps:
            (reply,) = yield Ask(step + b"\r\n", COMMAND_SECONDS)
            if reply.code != 334:
                break
        if reply.code != 235:
            # A wrong password is ours to mend, not the sender's: the mail waits.
            text = f"SASL authentication failed; server {self._options.peer} said: {reply}"
            raise _Ended(_ours(451, "4.7.8", text), host_trouble=True)

    def _hand_over_all(self) -> _Talk:
        """Hand over as many times as the server needs that takes only so many at once.

        Source: RFC 5321 §4.5.3.1.10.
        """
        self._indexes = tuple(range(len(self._transfer.recipients)))
        while self._indexes:
            self._too_many = []
            yield from self._hand_over()
            took_some = any(self._answers[index].reply.positive for index in self._indexes)
            self._indexes = tuple(self._too_many) if took_some else ()
            for index in self._indexes:
                del self._answers[index]

    def _hand_over(self) -> _Talk:
        mail = self._mail()
        recipients = [self._rcpt(self._transfer.recipients[index]) for index in self._indexes]
        if "PIPELINING" in self._offers:
            go_ahead = yield from self._pipelined(mail, recipients)
        else:
            go_ahead = yield from self._stepwise(mail, recipients)
        if go_ahead is None:
            return
        self._doing = "sending message body"
        if self._none_left():
            yield SendContent(empty=True)
            yield Ask(b"", FINAL_SECONDS)
        else:
            yield SendContent(seven_bit=self._must_convert())
            self._doing = "sending end of data -- message may be sent more than once"
            yield from self._final_replies()
        self._in_transaction = False

    def _must_convert(self) -> bool:
        has_eight_bit = self._transfer.envelope.body is Body.EIGHT_BIT
        return has_eight_bit and self._options.convert and "8BITMIME" not in self._offers

    def _none_left(self) -> bool:
        return all(index in self._answers for index in self._indexes)

    def _stepwise(self, mail: bytes, recipients: list[bytes]) -> _TalkGoAhead:
        self._doing = "sending MAIL FROM"
        (reply,) = yield Ask(mail, COMMAND_SECONDS)
        self._take_mail(reply)
        self._doing = "sending RCPT TO"
        for index, command in zip(self._indexes, recipients, strict=True):
            (reply,) = yield Ask(command, COMMAND_SECONDS)
            self._take_rcpt(index, reply)
        if self._none_left():
            return None
        self._doing = "sending DATA command"
        (reply,) = yield Ask(b"DATA\r\n", DATA_SECONDS)
        self._need(reply, 354)
        return reply

    def _pipelined(self, mail: bytes, recipients: list[bytes]) -> _TalkGoAhead:
        self._doing = "sending MAIL FROM, RCPT TO and DATA"
        mail_refused: Reply | None = None
        for start in range(0, len(recipients), _AT_ONCE):
            some = recipients[start : start + _AT_ONCE]
            before = [] if start else [mail]
            last = start + _AT_ONCE >= len(recipients)
            commands = [*before, *some, *([b"DATA\r\n"] if last else [])]
            replies = yield from self._ask_all(commands, start, len(before))
            if before:
                mail_refused = self._mail_refused(replies.pop(0))
            for index, reply in zip(self._indexes[start:], replies[: len(some)], strict=False):
                self._take_rcpt(index, reply)
        if replies[-1].code == 354:
            return replies[-1]
        if mail_refused is None and not self._none_left():
            self._need(replies[-1], 354)
        return None

    def _ask_all(
        self, commands: list[bytes], start: int, before: int
    ) -> Generator[Step, tuple[Reply, ...], list[Reply]]:
        """Ask for all replies at once; when the connection is lost, refusals so far count."""
        try:
            return list((yield Ask(b"".join(commands), COMMAND_SECONDS, len(commands))))
        except _Lost as lost:
            self._heard = self._heard or any(reply.code != 421 for reply in lost.replies)
            for index, reply in zip(self._indexes[start:], lost.replies[before:], strict=False):
                if reply.permanent:
                    self._answers[index] = Answer(reply, theirs=True)
            raise

    def _mail_refused(self, reply: Reply) -> Reply | None:
        if reply.code == 421:
            raise _Ended(Answer(reply, theirs=True), host_trouble=True)
        self._heard = True
        if reply.code == 250:
            self._in_transaction = True
            return None
        for index in self._indexes:
            self._answers.setdefault(index, _checked(reply))
        return reply

    def _take_mail(self, reply: Reply) -> None:
        self._heard = reply.code != 421
        self._need(reply, 250)
        self._in_transaction = True

    def _take_rcpt(self, index: int, reply: Reply) -> None:
        if reply.code == 421:
            raise _Ended(Answer(reply, theirs=True), host_trouble=False)
        if index in self._answers or 200 <= reply.code < 300:
            return
        if _says_too_many(reply):
            self._too_many.append(index)
            reply = Reply(452, "4.5.3", reply.text) if reply.permanent else reply
        self._answers[index] = _checked(reply)

    def _final_replies(self) -> _Talk:
        waiting = [index for index in self._indexes if index not in self._answers]
        count = len(waiting) if self._options.lmtp else 1
        try:
            replies = yield Ask(b"", FINAL_SECONDS, count)
        except _Lost as lost:
            for index, reply in zip(waiting, lost.replies, strict=False):
                self._answers[index] = _checked_final(reply)
            raise
        for place, index in enumerate(waiting):
            reply = replies[place if self._options.lmtp else 0]
            self._answers[index] = _checked_final(reply)

    def _mail(self) -> bytes:
        envelope = self._transfer.envelope
        words = [f"MAIL FROM:<{self._path(envelope.reverse_path)}>"]
        if "SIZE" in self._offers:
            self._check_size()
            words.append(f"SIZE={self._transfer.size}")
        if envelope.body is Body.BINARY:
            text = f"{self._options.peer} is not sent binary messages; they need another form"
            raise _Ended(_ours(554, "5.6.3", text), host_trouble=False)
        if envelope.body is Body.EIGHT_BIT and "8BITMIME" in self._offers:
            words.append("BODY=8BITMIME")
        if self._transfer.needs_utf8:
            self._check_utf8()
            words.append("SMTPUTF8")
        if "DSN" in self._offers and envelope.ret is not None:
            words.append(f"RET={envelope.ret.value}")
        if "DSN" in self._offers and envelope.envelope_id is not None:
            words.append(f"ENVID={xtext(envelope.envelope_id)}")
        return _command(words)

    def _rcpt(self, recipient: Recipient) -> bytes:
        words = [f"RCPT TO:<{self._path(recipient.forward_path)}>"]
        if "DSN" in self._offers:
            words += _dsn_words(recipient)
        return _command(words)

    def _path(self, address: ReversePath) -> str:
        if address is None:
            return ""
        if self._transfer.needs_utf8 or address.domain.text.isascii():
            return str(address)
        return str(Address(address.local_part, type(address.domain).parse(address.domain.name)))

    def _check_size(self) -> None:
        limit = self._offers["SIZE"].strip()
        if limit.isdecimal() and 0 < int(limit) < self._transfer.size:
            text = (
                f"message size {self._transfer.size} exceeds size limit {limit}"
                f" of server {self._options.peer}"
            )
            raise _Ended(_ours(552, "5.3.4", text), host_trouble=False)

    def _check_utf8(self) -> None:
        if "SMTPUTF8" not in self._offers:
            text = f"SMTPUTF8 is required, but was not offered by host {self._options.peer}"
            raise _Ended(_ours(553, "5.6.7", text), host_trouble=False)

    def _need(self, reply: Reply, code: int, *, host_trouble: bool = False) -> None:
        if reply.code != code:
            raise _Ended(_checked(reply), host_trouble=host_trouble or reply.code == 421)

    def _answer_rest(self, answer: Answer) -> None:
        for index in range(len(self._transfer.recipients)):
            self._answers.setdefault(index, answer)

    def _lost_answer(self, lost: _Lost) -> Answer:
        for reply in lost.replies:
            if reply.code == 421:
                return Answer(reply, theirs=True)
        if lost.why == "timed out":
            text = f"conversation with {self._options.peer} timed out while {self._doing}"
        else:
            text = f"{lost.why} with {self._options.peer} while {self._doing}"
        return _ours(451, "4.4.2", text)


_TalkGoAhead = Generator[Step, tuple[Reply, ...], Reply | None]


def _says_too_many(reply: Reply) -> bool:
    """Whether RCPT was refused for the number of recipients, not for this one.

    A full mailbox has the same codes with a status of its own.
    """
    if reply.code == 552:  # RFC 5321 §4.5.3.1.10: what old servers say
        return reply.status in ("5.5.3", "5.0.0")
    return reply.code == 452 and not reply.status.startswith("4.2.")


def xtext(text: str) -> str:
    """Return ``text`` as the value of an ESMTP parameter.

    Source: RFC 3461 §4.
    """
    data = text.encode("utf-8", "replace")
    return "".join(chr(o) if 33 <= o <= 126 and o not in b"+=" else f"+{o:02X}" for o in data)


def _command(words: list[str]) -> bytes:
    """Return a line; whatever an address holds, it stays one line."""
    line = re.sub(r"[\x00-\x1f\x7f]", "?", " ".join(words))
    return line.encode("utf-8", "replace") + b"\r\n"


def _dsn_words(recipient: Recipient) -> list[str]:
    words = []
    if recipient.notify != Notify.FAILURE | Notify.DELAY:
        kinds = ",".join(str(kind.name) for kind in recipient.notify)
        words.append(f"NOTIFY={kinds or 'NEVER'}")
    if recipient.original is not None:
        original = recipient.original
        words.append(f"ORCPT={original.address_type};{xtext(original.text)}")
    return words


def _parse_offers(reply: Reply) -> dict[str, str]:
    offers: dict[str, str] = {}
    for line in reply.text.split("\n")[1:]:
        keyword, _, parameters = re.sub("=", " ", line.strip(), count=1).partition(" ")
        # Old servers say AUTH= too, with other mechanisms.
        offers[keyword.upper()] = f"{offers.get(keyword.upper(), '')} {parameters}".strip()
    return offers


def _ours(code: int, status: str, text: str) -> Answer:
    return Answer(Reply(code, status, text), theirs=False)


def _checked(reply: Reply) -> Answer:
    """Return a refusal as it is; anything else where a refusal or a go-ahead belongs defers."""
    if reply.code >= 400:
        return Answer(reply, theirs=True)
    return _deferred(reply)


def _checked_final(reply: Reply) -> Answer:
    return Answer(reply, theirs=True) if reply.code // 100 == 2 else _checked(reply)


def _deferred(reply: Reply) -> Answer:
    if reply.temporary:
        return Answer(reply, theirs=True)
    return Answer(Reply(451, "4.5.0", f"unexpected reply: {reply}"), theirs=True)
