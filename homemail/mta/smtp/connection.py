# SPDX-License-Identifier: MIT
"""One SMTP, submission or LMTP connection: a subclass of aiosmtpd's ``SMTP``.

aiosmtpd gives the place of the protocol in asyncio and its hooks; what it does with the octets is
replaced (docs/decisions/0002-own-protocol-cores.md): lines come out of a buffer with limits, DATA
goes to a spool in large pieces, all replies to pipelined commands leave in one write, each read
has its own time limit, and the end of the connection does not stop a commit that has begun.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, assert_never, cast

from aiosmtpd.smtp import SMTP

from homemail.errors import MailError
from homemail.log import Log
from homemail.message.to_text import to_text
from homemail.model.certificate import user_names
from homemail.model.message import view
from homemail.model.reply import Reply, reply_for
from homemail.model.session import Peer, TlsFacts
from homemail.mta.policy.check import is_in
from homemail.mta.smtp.content import ChunkChecker, DataDecoder, Flaw
from homemail.mta.smtp.early import Action
from homemail.mta.smtp.proxy import V2_LIMIT, parse_proxy
from homemail.mta.smtp.session import (
    Answer,
    BeginTls,
    Close,
    ReadChunk,
    ReadMessage,
    Say,
    Session,
    SkipChunk,
)
from homemail.mta.smtp.spool import Spool
from homemail.mta.transaction import Service
from homemail.wire import BareLineFeed, LineTooLong, WireBuffer

if TYPE_CHECKING:
    from homemail.mta.smtp.server import SmtpService

INPUT_LIMIT = 512 * 1024
"""Octets of a client that may wait here; beyond that it is not read from."""
REPLIES_AT_ONCE = 200
"""Replies that may wait for their write; after as many lines others get their turn."""
CLOSING_SECONDS = 5.0
"""How long a client that does not read, or goes on sending, may hold a connection we close."""

PROXY_SECONDS = 5.0
"""How long a proxy may take to say for whom it speaks."""

_log = Log("smtpd")


class _ConnectionEnded(Exception):
    """The client closed, or cannot be reached any more."""


class _ServerCloses(Exception):
    """The server goes down, and nothing is being accepted here."""


class SmtpConnection(SMTP):
    """One connection: moves octets between the client and its ``Session``."""

    def __init__(self, service: SmtpService) -> None:
        # aiosmtpd's own initializer looks at every member of itself and of its handler for each
        # connection (0.15 ms) to find hooks that are not used here.
        self.loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(loop=self.loop)
        asyncio.StreamReaderProtocol.__init__(self, reader, None, loop=self.loop)
        self._service = service
        self._input = WireBuffer()
        self._output: list[bytes] = []
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._deadline = 0.0
        self._ended = False
        self._reading_paused = False
        self._is_idle = False
        self._is_left = False
        self._is_lost = False
        self._spool: Spool | None = None
        self._chunks = ChunkChecker()
        self._writable = asyncio.Event()
        self._writable.set()
        self._conversation: asyncio.Task[None] | None = None

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        asyncio.StreamReaderProtocol.connection_made(self, transport)
        self._link = cast(asyncio.Transport, transport)
        self._peer = _peer(transport)
        if is_in(self._peer, self._service.settings.haproxy_trusted_networks):
            self._conversation = self.loop.create_task(self._handle_proxied())
        elif self._admit():
            self._conversation = self.loop.create_task(self._handle_client())

    def data_received(self, data: bytes) -> None:
        if self._is_left:
            return
        self._input.feed(data)
        if len(self._input) > INPUT_LIMIT and not self._reading_paused:
            self._reading_paused = True
            self._link.pause_reading()
        self._wake(None)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def eof_received(self) -> bool:
        """Keep our half open: the replies to what was sent are still due."""
        self._ended = True
        self._wake(None)
        return not self._is_left and self._link.get_extra_info("sslcontext") is None

    def connection_lost(self, error: Exception | None) -> None:
        # The conversation is not cancelled: a commit that has begun goes on to its end. What
        # waits in the buffer is not begun any more, as nobody would hear the answers.
        self._ended = self._is_lost = True
        self._writable.set()
        self._wake(None)
        if self._timer is not None:
            self._timer.cancel()
        asyncio.StreamReaderProtocol.connection_lost(self, error)

    # What the service calls.

    def ask_to_leave(self) -> None:
        """End the conversation, at once where the client is between two transactions."""
        if self._is_idle:
            self._wake(_ServerCloses())

    def break_off(self) -> None:
        """End the conversation where it waits for the client, also within a message."""
        self._wake(_ServerCloses())

    def cut(self) -> None:
        """End the connection whatever goes on."""
        if self._conversation is not None:
            self._conversation.cancel()
        self._link.abort()

    # The conversation.

    def _admit(self) -> bool:
        """Begin a session, where there are not too many already."""
        self._session = Session(
            self._service.kind,
            self._service.transactions,
            self._service.settings,
            self._peer,
            server_name=self._service.server_name,
            authenticator=self._service.authenticator,
            offers_tls=self._service.ssl_context is not None,
            tls_required=self._service.tls_required,
            tls=_tls_facts(self._link),
        )
        refusal = self._service.admit(self, self._peer)
        if refusal is None:
            return True
        self._link.write(render(refusal))
        self._link.close()
        return False

    async def _handle_proxied(self) -> None:
        """Learn from the proxy who the client is, then go on with that one."""
        deadline = self.loop.time() + PROXY_SECONDS
        try:
            while (header := parse_proxy(self._input.peek(V2_LIMIT))) is None:
                await self._more(deadline)
        except (ValueError, TimeoutError, _ConnectionEnded) as error:
            _log.warning("no PROXY header", client=self._peer, error=repr(error))
            self._link.abort()
            return
        self._input.take_some(header.size)
        self._peer = header.peer or self._peer
        if self._admit():
            await self._handle_client()

    async def _greet(self) -> bool:
        """Look at the client, and greet it; False: the connection ends."""
        early = self._service.transactions.early_checks
        greeting = self._session.greeting
        if self._service.kind is not Service.SMTP:  # members of the house are where they are
            self._say(greeting)
            return True
        if early.wait_for(self._peer):
            # A first line: what takes it for the whole greeting gives itself away.
            self._link.write(f"{greeting.code}-{greeting.text}\r\n".encode())
        finding = await early.look(self._peer, self._talks_within)
        if finding is not None and finding.talked:
            self._session.talks_before_greeting()
        if finding is not None and finding.action is Action.DROP:
            self._say(finding.reply)
            return False
        if finding is not None and finding.action is Action.ENFORCE:
            self._session.refusal = finding.reply
        self._say(greeting)
        return True

    async def _talks_within(self, seconds: float) -> bool:
        deadline = self.loop.time() + seconds
        while not len(self._input):
            try:
                await self._more(deadline)
            except TimeoutError:
                return False
        return True

    async def _handle_client(self) -> None:
        try:
            if await self._greet():
                await self._converse()
        except _ConnectionEnded:
            _log.debug("lost connection", client=self._peer)
        except _ServerCloses:
            self._say(self._session.farewell("4.3.2", "Service shutting down"))
        except TimeoutError:
            _log.info("timeout", client=self._peer)
            self._say(self._session.farewell("4.4.2", "Error: timeout exceeded"))
        except (ssl.SSLError, OSError) as error:
            _log.info("connection failed", client=self._peer, error=repr(error))
        except Exception:
            _log.exception("connection failed", client=self._peer)
            self._say(self._session.farewell("4.3.0", "Error: local trouble"))
        finally:
            self._finish()

    def _finish(self) -> None:
        if self._spool is not None:
            self._spool.close()
        if self._timer is not None:
            self._timer.cancel()
        self._write()
        self._service.leave(self, self._peer)
        if self._link.is_closing():
            return
        self._timer = self.loop.call_later(CLOSING_SECONDS, self._link.abort)
        if len(self._input) and not self._ended and self._link.can_write_eof():
            # Closing with octets unread would reset the connection, and the client might never
            # see our last reply: end our half and throw away what it still sends.
            self._is_left = True
            self._input.clear()
            self._link.write_eof()
            self._link.resume_reading()
        else:
            self._link.close()

    async def _converse(self) -> None:
        since_others = 0
        while True:
            answer = await self._next_answer()
            delay = self._session.delay_before(answer)
            if delay:
                await asyncio.sleep(delay)
            if await self._do(answer):
                return
            since_others += 1
            if since_others >= REPLIES_AT_ONCE:
                since_others = 0
                await self._flush()
                await asyncio.sleep(0)

    async def _next_answer(self) -> Answer:
        """Return the session's answer to the next line."""
        deadline = self.loop.time() + self._service.settings.smtpd_timeout
        while True:
            if self._is_lost:
                raise _ConnectionEnded
            try:
                line = self._input.take_line(self._session.line_limit, strict=True)
            except LineTooLong:
                return self._session.bad_line("line too long")
            except BareLineFeed:
                return self._session.bad_line(Flaw.BARE_LF.value)
            if line is not None:
                self._session.has_more = len(self._input) > 0
                return await self._session.line(line)
            await self._flush()
            self._is_idle = not self._session.is_accepting
            if self._is_idle and self._service.is_closing:
                raise _ServerCloses
            await self._more(deadline)
            self._is_idle = False

    async def _do(self, answer: Answer) -> bool:
        """Carry the answer out; return whether the conversation is over."""
        match answer:
            case Say(replies):
                self._say(*replies)
            case ReadMessage(reply):
                self._say(reply)
                await self._flush()
                await self._read_message()
            case ReadChunk():
                await self._read_chunk(answer)
            case SkipChunk():
                await self._skip_chunk(answer)
            case BeginTls(reply):
                await self._begin_tls(reply)
            case Close(reply):
                self._say(reply)
                return True
            case _:
                assert_never(answer)
        return False

    async def _read_message(self) -> None:
        """Read DATA to its true end and answer it."""
        spool, decoder = self._new_spool(), DataDecoder()
        pace = self._new_pace()
        while not decoder.finished:
            block = self._input.clear()
            if not block:
                await self._more(pace.deadline(self.loop.time()))
                continue
            pace.count(len(block))
            spool.add(decoder.feed(block))
            self._input.feed(decoder.rest)  # before any await: the order of octets is kept
            if spool.is_full:
                await spool.flush()
        await self._finish_message(spool, decoder.flaw)

    async def _read_chunk(self, chunk: ReadChunk) -> None:
        """Read the octets of BDAT and answer them."""
        spool = self._spool
        if spool is None or chunk.first:
            spool = self._new_spool()
        async for block in self._blocks(chunk.size):
            spool.add(block if chunk.binary else self._chunks.feed(block))
            if spool.is_full:
                await spool.flush()
        if chunk.last and chunk.binary:
            await self._finish_binary(spool)
        elif chunk.last:
            spool.add(self._chunks.finish())
            await self._finish_message(spool, self._chunks.flaw)
        elif spool.failure is not None or self._chunks.flaw is not None:
            refusal = _refusal(spool.failure, self._chunks.flaw)
            self._say(self._session.abandon(refusal))
            self._drop_spool()
        else:
            self._say(Reply(250, "2.0.0", f"Ok: {chunk.size} octets"))

    async def _skip_chunk(self, chunk: SkipChunk) -> None:
        """Read the octets of a BDAT that is refused, so that none is taken for a command."""
        async for _ in self._blocks(chunk.size):
            pass
        self._say(chunk.reply)

    async def _blocks(self, size: int) -> AsyncIterator[bytes]:
        """Yield the next ``size`` octets as they come."""
        pace = self._new_pace()
        while size:
            block = self._input.take_some(size)
            if not block:
                await self._flush()
                await self._more(pace.deadline(self.loop.time()))
                continue
            pace.count(len(block))
            size -= len(block)
            yield block

    async def _finish_binary(self, spool: Spool) -> None:
        """Make a message with binary parts text, then answer it as any other."""
        if spool.failure is not None:
            await self._finish_message(spool, None)
            return
        pieces = to_text(view(await spool.content()))
        text, checker = self._new_spool(0), self._chunks
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            text.add(checker.feed(piece))
            if text.is_full:
                await text.flush()
        text.add(checker.finish())
        await self._finish_message(text, checker.flaw)

    async def _finish_message(self, spool: Spool, flaw: Flaw | None) -> None:
        if self._is_lost:
            raise _ConnectionEnded
        try:
            content = await spool.content()
        except MailError as error:
            replies = await self._session.finish(_refusal(error, None))
        else:
            refusal = None if flaw is None else _refusal(None, flaw)
            replies = await self._session.finish(refusal or content)
        self._drop_spool()
        self._say(*replies)

    async def _begin_tls(self, reply: Reply) -> None:
        context = self._service.ssl_context
        if context is None:
            raise _ConnectionEnded
        self._link.pause_reading()
        self._say(reply)
        self._write()
        self._input.clear()  # what came in the clear must not run under TLS (CVE-2011-0411)
        transport = await self.loop.start_tls(
            self._link, self, context, server_side=True, ssl_handshake_timeout=60.0
        )
        if transport is None:
            raise _ConnectionEnded
        self._link = transport
        self._reading_paused = False
        facts = _tls_facts(transport)
        if facts is None:
            raise _ConnectionEnded
        self._session.begin_tls(facts)

    # Octets in and out.

    async def _more(self, deadline: float) -> None:
        """Wait until something came.

        Raises:
            TimeoutError: not before ``deadline``.
            _ConnectionEnded: nothing will come any more.
            _ServerCloses: the server goes down meanwhile.
        """
        if self._ended:
            raise _ConnectionEnded
        if self._reading_paused:
            self._reading_paused = False
            self._link.resume_reading()
        self._waiter = self.loop.create_future()
        self._deadline = deadline
        self._set_timer()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self, error: Exception | None) -> None:
        waiter = self._waiter
        if waiter is None or waiter.done():
            return
        if error is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(error)

    def _set_timer(self) -> None:
        """See that ``_on_timer`` is called by the deadline; one timer serves many reads."""
        if self._timer is not None:
            if self._timer_at <= self._deadline:
                return
            self._timer.cancel()
        self._timer_at = self._deadline  # uvloop's timers do not all tell when they end
        self._timer = self.loop.call_at(self._deadline, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._waiter is None:
            return
        if self.loop.time() >= self._deadline:
            self._wake(TimeoutError())
        else:
            self._set_timer()

    def _say(self, *replies: Reply) -> None:
        self._output += [render(reply) for reply in replies]

    def _write(self) -> None:
        if self._output and not self._link.is_closing():
            self._link.write(b"".join(self._output))
        self._output.clear()

    async def _flush(self) -> None:
        """Send the replies that wait, in one write, and wait for a client that reads slowly."""
        if not self._output:
            return
        self._write()
        if not self._writable.is_set():
            await asyncio.wait_for(self._writable.wait(), self._service.settings.smtpd_timeout)

    def _new_spool(self, limit: int | None = None) -> Spool:
        self._drop_spool()
        self._chunks = ChunkChecker()
        if limit is None:
            limit = self._service.settings.message_size_limit
        self._spool = Spool(self._service.transactions.spool_directory, limit)
        return self._spool

    def _drop_spool(self) -> None:
        if self._spool is not None:
            self._spool.close()
            self._spool = None

    def _new_pace(self) -> _Pace:
        settings = self._service.settings
        return _Pace(self.loop.time(), settings.smtpd_timeout, settings.smtpd_min_data_rate)


class _Pace:
    """The time that a message may take: the time limit at first, more as its octets come."""

    def __init__(self, now: float, seconds: float, octets_per_second: int) -> None:
        self._seconds = seconds
        self._rate = octets_per_second
        self._end = now + seconds

    def count(self, octets: int) -> None:
        self._end += octets / self._rate

    def deadline(self, now: float) -> float:
        """Return until when the next octets must come; never longer than the time limit."""
        self._end = min(self._end, now + self._seconds)
        return self._end


def render(reply: Reply) -> bytes:
    """Return the reply as it goes over the wire.

    Source: RFC 5321 §4.2, RFC 2034 §4.
    """
    status = f"{reply.status} " if reply.status else ""
    *first, last = reply.text.split("\n")
    lines = [f"{reply.code}-{status}{line}\r\n" for line in first]
    lines.append(f"{reply.code} {status}{last}\r\n")
    return "".join(lines).encode("utf-8", "replace")


def _refusal(failure: MailError | None, flaw: Flaw | None) -> Reply:
    if failure is not None:
        return reply_for(failure)
    return Reply(550, "5.5.2", f"Error: {flaw.value if flaw else 'bad message'}")


def _peer(transport: asyncio.BaseTransport) -> Peer:
    name = transport.get_extra_info("peername")
    if isinstance(name, tuple) and len(name) >= 2:
        return Peer(str(name[0]), int(name[1]))
    return Peer("0.0.0.0", 0)


def _tls_facts(transport: asyncio.BaseTransport) -> TlsFacts | None:
    ssl_object: Any = transport.get_extra_info("ssl_object")
    if ssl_object is None:
        return None
    cipher = ssl_object.cipher() or ("unknown",)
    end_point = getattr(ssl_object.context, "end_point", b"")
    certificate = ssl_object.getpeercert(binary_form=True)
    return TlsFacts(
        ssl_object.version() or "TLS",
        cipher[0],
        bindings={"tls-server-end-point": end_point} if end_point else {},
        client_names=user_names(certificate) if certificate else (),
    )
