# SPDX-License-Identifier: MIT
"""The transaction and update states: the owner's INBOX for a client that has logged in.

Invariants: nothing is removed or marked before QUIT, and its answer comes when that is durable;
a failure of ours is ``-ERR [SYS/TEMP]``, never the text of an exception.

Source: RFC 1939 §5, RFC 1939 §6.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from homemail.errors import MailError, Permanent
from homemail.log import Log
from homemail.model.mailbox import INBOX, SEEN, FlagChange
from homemail.model.message import MemoryContent, chunks
from homemail.model.session import SessionStart
from homemail.pop3.bulletins import Bulletins
from homemail.pop3.capabilities import Announced, capabilities
from homemail.pop3.connection import Command, parse_number
from homemail.pop3.dialogue import Dialogue, TooManyErrors
from homemail.pop3.dots import stuffed, top
from homemail.pop3.language import answer_anywhere
from homemail.pop3.maildrop import Maildrop, Message, NoSuchMessage
from homemail.pop3.policy import Keeping
from homemail.pop3.unique_ids import UidlFormat, given_in, unique_ids
from homemail.store.api import Actor, Mailbox, NewMessage, Snapshot, Store, Wanted
from homemail.store.lane import OwnerMail
from homemail.stream import Disconnected, StreamEnd

log = Log("pop3")

_PIECE = 64 * 1024
_AHEAD_OCTETS = 256 * 1024
_AHEAD_MESSAGES = 32
_END = b""

Answer = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class HouseRules:
    """What is the same in every session."""

    keeping: Keeping
    announced: Announced
    form: UidlFormat
    reuse_xuidl: bool
    mark_seen: bool
    bulletins: Bulletins | None


class Session:
    """One session on an owner's INBOX, from login to QUIT."""

    def __init__(
        self,
        dialogue: Dialogue,
        start: SessionStart,
        mail: OwnerMail,
        house: HouseRules,
        *,
        mechanisms: Sequence[str],
        timeout: float,
    ) -> None:
        self._dialogue = dialogue
        self._start = start
        self._mail = mail
        self._mechanisms = mechanisms
        self._house = house
        self._timeout = timeout
        self._actor = Actor(start.account, start.trace)
        self._mailbox: Mailbox
        self._drop: Maildrop
        self._ids: list[str] | None = None
        self._ahead: dict[int, bytes] = {}
        self._last_retrieved = 0
        self._commands: dict[str, Answer] = {
            "STAT": self._stat,
            "LIST": self._list,
            "RETR": self._retr,
            "DELE": self._dele,
            "NOOP": self._noop,
            "RSET": self._rset,
            "TOP": self._top,
            "UIDL": self._uidl,
            "LAST": self._last,
            "CAPA": self._capa,
        }

    async def run(self) -> None:
        """Open the INBOX, answer the login, serve until QUIT.

        Raises:
            MailError: the INBOX cannot be opened; nothing was answered yet.
            StreamEnd: the client left; nothing was removed.
        """
        self._mailbox, snapshot = await self._mail.change(self._open, self._mail.store)
        try:
            self._drop = await self._mail.read(self._read_drop, snapshot)
            self._dialogue.ok(f"{self._drop.count()} messages ({self._drop.size()} octets)")
            while (command := await self._next()).keyword != "QUIT":
                await self._carry_out(command)
            await self._quit()
        finally:
            await self._mail.change(self._mailbox.close)

    def _read_drop(self, snapshot: Snapshot) -> Maildrop:
        return Maildrop(snapshot.uid_validity, self._mailbox.read_sizes(snapshot.uids))

    async def _unique_ids(self) -> list[str]:
        """Return the unique-id of each message; made when it is first asked for."""
        if self._ids is None:
            self._ids = await self._mail.read(self._read_unique_ids)
        return self._ids

    def _read_unique_ids(self) -> list[str]:
        mailbox, form, uids = self._mailbox, self._house.form, self._drop.uids
        given = mailbox.read_former_ids()
        if self._house.reuse_xuidl:
            headers = mailbox.read_cached(uids, Wanted(header=True))
            given = {one.uid: given_in(one.header) for one in headers} | given
        files = mailbox.read_file_names() if form.wants_file else {}
        return unique_ids(uids, self._drop.uid_validity, form, files, given)

    def _open(self, store: Store) -> tuple[Mailbox, Snapshot]:
        self._file_bulletins(store)
        # Read-only, so that this session does not take \Recent away from IMAP's.
        mailbox = store.open(INBOX, self._actor, read_only=True)
        try:
            return mailbox, mailbox.snapshot()
        except BaseException:
            mailbox.close()
            raise

    def _file_bulletins(self, store: Store) -> None:
        bulletins = self._house.bulletins
        new = bulletins.for_account(self._start.account) if bulletins else []
        if not (bulletins and new):
            return
        messages = [NewMessage(MemoryContent(one.octets)) for one in new]
        try:
            store.append(INBOX, messages, self._actor)
            bulletins.filed(self._start.account, new[-1].number)
        except MailError as error:  # a full mailbox must not keep its owner from emptying it
            log.warning("bulletins were not filed", user=self._start.account, why=error)

    async def _next(self) -> Command:
        return await self._dialogue.next_command(self._timeout)

    async def _carry_out(self, command: Command) -> None:
        answer = self._commands.get(command.keyword)
        if command.keyword == "LANG":
            answer_anywhere(command, self._dialogue)
            return
        if answer is None:
            self._dialogue.refuse("Unknown command")
            return
        try:
            await answer(command.argument or b"")
        except NoSuchMessage as error:
            self._dialogue.err(error.text)
        except MailError as error:
            log.warning("refused", trace=self._start.trace, why=error.__cause__ or error)
            self._dialogue.err(error.text, code_for(error))
        except (StreamEnd, TooManyErrors):
            raise
        except Exception:
            log.exception("a command failed", trace=self._start.trace, command=command.keyword)
            self._dialogue.err("Internal trouble, try again later", "SYS/TEMP")

    async def _stat(self, argument: bytes) -> None:
        self._dialogue.ok(f"{self._drop.count()} {self._drop.size()}")

    async def _list(self, argument: bytes) -> None:
        if argument.strip():
            message = self._drop.get(argument.strip())
            self._dialogue.ok(f"{message.number} {message.size}")
            return
        self._dialogue.lines(
            f"{self._drop.count()} messages ({self._drop.size()} octets)",
            [f"{number} {size}" for number, size in self._drop.sizes()],
        )

    async def _uidl(self, argument: bytes) -> None:
        if argument.strip():
            message = self._drop.get(argument.strip())
            ids = await self._unique_ids()
            self._dialogue.ok(f"{message.number} {ids[message.number - 1]}")
            return
        pairs = self._drop.numbered(await self._unique_ids())
        self._dialogue.lines("Unique-ids follow", [f"{number} {one}" for number, one in pairs])

    async def _dele(self, argument: bytes) -> None:
        message = self._drop.get(argument.strip())
        self._drop.delete(message)
        self._dialogue.ok(f"Message {message.number} marked as deleted")

    async def _noop(self, argument: bytes) -> None:
        self._dialogue.ok("Nothing done")

    async def _rset(self, argument: bytes) -> None:
        self._drop.reset()
        self._dialogue.ok(f"{self._drop.count()} messages ({self._drop.size()} octets)")

    async def _last(self, argument: bytes) -> None:
        self._dialogue.ok(str(self._drop.last()))

    async def _capa(self, argument: bytes) -> None:
        self._dialogue.lines(
            "Capabilities follow",
            capabilities(self._mechanisms, self._house.announced, logged_in=True),
        )

    async def _retr(self, argument: bytes) -> None:
        message = self._drop.get(argument.strip())
        if message.number not in self._ahead:
            self._ahead = await self._mail.read(self._read_ahead, message)
        whole = self._ahead.pop(message.number, None)
        if whole is not None:
            self._dialogue.stream.write(b"+OK %d octets\r\n%b" % (message.size, whole))
        else:
            content = await self._mail.read(self._mailbox.read_content, message.uid)
            if content is None:
                raise _gone(message)
            await self._send(f"{message.size} octets", stuffed(chunks(content, _PIECE)))
        self._last_retrieved = message.number
        self._drop.retrieved(message)

    def _read_ahead(self, message: Message) -> dict[int, bytes]:
        """Return small messages as they go out: this one, and those behind it in a row of RETRs.

        One journey to the reading thread then serves many. Runs there.
        """
        wanted: Message | None = message
        ready: dict[int, bytes] = {}
        octets, in_a_row = 0, message.number == self._last_retrieved + 1
        while wanted and octets + wanted.size <= _AHEAD_OCTETS and len(ready) < _AHEAD_MESSAGES:
            content = self._mailbox.read_content(wanted.uid)
            if content is not None:
                ready[wanted.number] = b"".join(stuffed(chunks(content)))
            octets += wanted.size
            wanted = self._drop.after(wanted) if in_a_row else None
        return ready

    async def _top(self, argument: bytes) -> None:
        words = argument.split()
        lines = parse_number(words[1]) if len(words) == 2 else None
        if lines is None:
            self._dialogue.refuse("TOP needs a message number and a number of lines")
            return
        message = self._drop.get(words[0])
        content = await self._mail.read(self._mailbox.read_content, message.uid)
        if content is None:
            raise _gone(message)
        with content.open() as reader:
            await self._send("Top follows", _joined(stuffed(top(reader, lines))))

    async def _send(self, text: str, pieces: Iterator[bytes]) -> None:
        """Send a multi-line answer, each piece when the client has taken those before it."""
        stream, piece = self._dialogue.stream, await self._mail.read(next, pieces, _END)
        self._dialogue.ok(text)
        while piece:
            stream.write(piece)
            await stream.drain()
            try:
                piece = await self._mail.read(next, pieces, _END)
            except Exception:
                # An answer that has begun can only be taken back by ending the connection.
                log.exception("a message cannot be read on", trace=self._start.trace)
                stream.abort()
                raise Disconnected from None

    async def _quit(self) -> None:
        try:
            removed = await self._mail.change(self._update, self._mail.store)
        except Exception:
            # Whatever it was: some messages may still be there, and the client has to know.
            log.exception("messages were not removed", trace=self._start.trace)
            self._dialogue.err("Some deleted messages were not removed", "SYS/TEMP")
            return
        log.info("quit", trace=self._start.trace, user=self._start.account, removed=removed)
        self._dialogue.ok("Goodbye")

    def _update(self, store: Store) -> int:
        """Remove what is marked and flag what was read; return how many were removed."""
        keeping = self._house.keeping
        remove = self._drop.to_remove(retrieved=not keeping.after_retrieval)
        seen = self._drop.to_mark_seen() if self._house.mark_seen else []
        if not remove and not seen and not keeping.days:
            return 0
        if store.status(INBOX, self._actor).uid_validity != self._drop.uid_validity:
            raise Permanent("The mailbox was made anew meanwhile")  # its UIDs are other messages
        mailbox = store.open(INBOX, self._actor)
        try:
            removed = mailbox.remove(remove) if remove else ()
            if seen:
                mailbox.store(seen, FlagChange.ADD, frozenset({SEEN}))
            if keeping.days:
                facts = mailbox.read_facts(mailbox.snapshot().uids)
                removed += mailbox.remove(keeping.expired(facts, datetime.now(UTC)))
            return len(removed)
        finally:
            mailbox.close()


def code_for(error: MailError) -> str:
    """Return the response code for ``error``.

    Source: RFC 3206 §4.
    """
    return "SYS/PERM" if isinstance(error, Permanent) else "SYS/TEMP"


def _gone(message: Message) -> NoSuchMessage:
    return NoSuchMessage(f"Message {message.number} was removed by another session")


def _joined(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield ``pieces`` in larger ones: lines are too small to be sent one by one."""
    held = bytearray()
    for piece in pieces:
        held += piece
        if len(held) >= _PIECE:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)
