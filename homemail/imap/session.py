# SPDX-License-Identifier: MIT
"""An authenticated IMAP session: commands, the selected mailbox, answers.

It is made of ``SessionStart``, the owner's mail and a stream, nothing else of the login, so that
it can live in the owner's worker; the tagged answer to the login is its first word.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

from homemail.errors import (
    BadContent,
    BadMailboxName,
    LockTimeout,
    MailboxExists,
    MailError,
    MessageTooBig,
    NoSuchMailbox,
    OverQuota,
    Permanent,
    Refused,
    StorageFull,
    TooManyKeywords,
)
from homemail.imap import response
from homemail.imap.connection import Bad, Connection, RawCommand, TooMuch, after_login
from homemail.imap.dialogue import Dialogue, Hangup
from homemail.imap.extension import Handle, Vocabulary
from homemail.imap.grammar import BadName, Scanner, SyntaxTrouble
from homemail.imap.response import Refusal, Tagged, bad, no
from homemail.imap.selected import Selected
from homemail.imap.spool import FileSpool
from homemail.log import Log
from homemail.model.mailbox import Change, MailboxName, Uid
from homemail.model.session import SessionStart
from homemail.store.api import Actor, Store, Watcher
from homemail.store.lane import OwnerMail
from homemail.stream import Stream, StreamEnd

C = TypeVar("C")

BAD_COMMANDS = 20
"""Wrong commands in a row after which a client is cut off."""

# RFC 3501 §7.4.1, RFC 5256 §3
_WITHOUT_EXPUNGE = frozenset({b"FETCH", b"STORE", b"SEARCH", b"SORT", b"THREAD"})

_CODES: tuple[tuple[type[MailError], bytes], ...] = (
    (NoSuchMailbox, b"NONEXISTENT"),
    (MailboxExists, b"ALREADYEXISTS"),
    (BadMailboxName, b"CANNOT"),
    (TooManyKeywords, b"LIMIT"),
    (MessageTooBig, b"TOOBIG"),
    (OverQuota, b"OVERQUOTA"),
    (StorageFull, b"UNAVAILABLE"),
    (LockTimeout, b"INUSE"),
    (BadContent, b"CLIENTBUG"),
    (Refused, b"NOPERM"),
    (Permanent, b"CANNOT"),
)

log = Log("imap")


def status_for(error: MailError) -> Tagged:
    """Return the answer that tells a client of ``error``.

    Source: RFC 5530 §3.
    """
    for kind, code in _CODES:
        if isinstance(error, kind):
            return no(error.text, code)
    return no(error.text, b"UNAVAILABLE")


class Session:
    """What a client that has authenticated may do; the handlers of commands work on it."""

    def __init__(
        self,
        start: SessionStart,
        mail: OwnerMail,
        stream: Stream,
        vocabulary: Vocabulary,
        *,
        append_limit: int,
        idle_timeout: float,
    ) -> None:
        self.mail = mail
        self.start = start
        self.actor = Actor(start.account, str(start.trace))
        self.vocabulary = vocabulary
        self.selected: Selected | None = None
        self.enabled: set[bytes] = set()
        self.finished = False
        self.logs_in_again = False
        self.then: Callable[[], None] | None = None
        """What is to be done as soon as the answer has left."""
        self.tag = start.tag
        limits = after_login(append_limit, vocabulary.message_commands)
        connection = Connection(limits, FileSpool, start.unread)
        self.dialogue = Dialogue(stream, connection, idle_timeout)
        self._loop = asyncio.get_running_loop()
        self.names_numbers = False
        """Whether a UID SEARCH asked for sequence numbers: they must not shift meanwhile."""
        self._bad = 0

    @property
    def store(self) -> Store:
        return self.mail.store

    @property
    def is_rev2(self) -> bool:
        """Whether the client speaks IMAP4rev2 (RFC 9051 §6.3.1)."""
        return b"IMAP4rev2" in self.enabled

    @property
    def utf8(self) -> bool:
        """Whether names of mailboxes are written in UTF-8."""
        return self.is_rev2 or b"UTF8=ACCEPT" in self.enabled

    @property
    def tells_mod_seq(self) -> bool:
        """Whether the client knows mod-sequences: then it is told them, and UIDs, unasked."""
        return b"CONDSTORE" in self.enabled

    def enable(self, words: Iterable[bytes]) -> None:
        """Take note of what the client understands."""
        self.enabled.update(words)
        if b"QRESYNC" in self.enabled:
            self.enabled.add(b"CONDSTORE")  # RFC 7162 §3.2.3
        if self.selected is not None:
            self.selected.tells_recent = not self.is_rev2

    def mailbox(self, name: MailboxName | str) -> bytes:
        """Return a mailbox's name as this client reads it."""
        return response.mailbox(name, utf8=self.utf8)

    def send(self, *lines: bytes) -> None:
        """Collect whole response lines; they leave before the tagged answer."""
        self.dialogue.send(*lines)

    def capability_list(self) -> bytes:
        return b" ".join((b"IMAP4rev1", *self.vocabulary.capabilities))

    # --- the life of a session

    async def run(self) -> bytes | None:
        """Serve the client until one of the two ends it; the connection is closed then.

        A client that wants to log in again keeps it: returns the octets that came already.
        """
        farewell = ""
        try:
            try:
                await self._serve()
            finally:
                await self.unselect()
        except StreamEnd as end:
            farewell = end.farewell
        except Exception:
            log.exception("failed", trace=self.start.trace, account=self.start.account)
            farewell = "Internal trouble"
        if not self.logs_in_again or farewell:
            self.dialogue.end(farewell)
            return None
        return self.dialogue.leave()

    async def _serve(self) -> None:
        code = b"CAPABILITY " + self.capability_list()
        self.send(Tagged(b"OK", "Logged in", code).line(self.start.tag))
        while not self.finished:
            event = await self.dialogue.next_event()
            match event:
                case RawCommand():
                    await self._answer(event)
                case TooMuch(tag, error):
                    self.send(status_for(error).line(tag))
                case Bad(tag, text):
                    self.send(bad(text).line(tag or b"*"))
                    self._count(bad(text))

    async def _answer(self, raw: RawCommand) -> None:
        self.tag = raw.tag
        answer = await self.execute(raw)
        holds = raw.name in _WITHOUT_EXPUNGE or self.names_numbers
        self.tell(expunge=not holds, uid=raw.name.startswith(b"UID "))
        self.names_numbers = False
        self.send(answer.line(raw.tag))
        then, self.then = self.then, None
        if then is not None:
            then()
        self._count(answer)

    def _count(self, answer: Tagged) -> None:
        self._bad = self._bad + 1 if answer.kind == b"BAD" else 0
        if self._bad > BAD_COMMANDS:
            raise Hangup("Too many wrong commands")

    async def execute(self, raw: RawCommand) -> Tagged:
        """Carry a command out and return its tagged answer; failures are answers, too."""
        parse = self.vocabulary.grammar.get(raw.name)
        if parse is None:
            return bad("Unknown command")
        try:
            scanner = Scanner(raw, self.vocabulary, utf8=self.utf8)
            command = parse(scanner)
            scanner.end()
            return await self.vocabulary.handlers[type(command)](self, command)
        except Refusal as refusal:
            return refusal.answer
        except BadName as trouble:
            return no(trouble.text, b"CANNOT")
        except SyntaxTrouble as trouble:
            return bad(trouble.text)
        except MailError as error:
            self._log_refusal(raw, error)
            return status_for(error)
        except StreamEnd:
            raise
        except Exception:
            log.exception("failed", trace=self.start.trace, command=raw.name)
            return no("Internal trouble; it was logged", b"SERVERBUG")

    def _log_refusal(self, raw: RawCommand, error: MailError) -> None:
        write = log.debug if isinstance(error, Permanent) else log.warning
        trace, cause = self.start.trace, error.__cause__
        write("refused", trace=trace, command=raw.name, text=error.text, cause=cause)

    # --- the selected mailbox

    async def select(self, name: MailboxName, *, read_only: bool) -> Selected:
        """Open a mailbox and make it the selected one."""

        def opened() -> Selected:
            mailbox = self.store.open(name, self.actor, read_only=read_only)
            try:
                view = Selected(mailbox, mailbox.snapshot())
            except BaseException:
                mailbox.close()
                raise
            view.tells_recent = not self.is_rev2
            mailbox.watch(self._watcher(view))
            return view

        self.selected = await self.mail.change(opened)
        return self.selected

    def _watcher(self, view: Selected) -> Watcher:
        def watcher(changes: Sequence[Change]) -> None:
            recent = view.mailbox.recent
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is to be told
                self._loop.call_soon_threadsafe(self._hear, view, tuple(changes), recent)

        return watcher

    def _hear(self, view: Selected, changes: Sequence[Change], recent: frozenset[Uid]) -> None:
        view.hear(changes, recent)
        if view is self.selected:
            self.dialogue.stream.poke()

    async def unselect(self) -> None:
        """Leave the selected mailbox, if there is one."""
        selected, self.selected = self.selected, None
        if selected is not None:
            await self.mail.change(selected.mailbox.close)

    async def refresh(self) -> None:
        """Look for changes that other programs made to the selected mailbox."""
        if self.selected is not None:
            await self.mail.change(self.selected.mailbox.refresh)

    def tell(self, *, expunge: bool = True, uid: bool = False) -> None:
        """Send what the client was not told of the selected mailbox."""
        if self.selected is not None and self.selected.has_news:
            lines = self.selected.tell(
                expunge=expunge,
                mod_seq=self.tells_mod_seq,
                uid=uid or self.tells_uid,
                vanished=b"QRESYNC" in self.enabled,
            )
            self.send(*lines)

    @property
    def tells_uid(self) -> bool:
        """Whether every FETCH response has the UID (RFC 7162 §3.2.4, RFC 9051 §7.5.2)."""
        return self.is_rev2 or self.tells_mod_seq


def selected(handle: Callable[[Session, Selected, C], Awaitable[Tagged]]) -> Handle:
    """Make a handler of a command that works on the selected mailbox."""

    async def checked(session: Session, command: C) -> Tagged:
        if session.selected is None:
            return bad("Select a mailbox first")
        return await handle(session, session.selected, command)

    return checked


def must_write(mailbox: Selected) -> None:
    """Refuse a change of a mailbox that was opened by EXAMINE."""
    if mailbox.read_only:
        raise Refusal(response.no("The mailbox is open read-only", b"CANNOT"))
