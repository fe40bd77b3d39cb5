# SPDX-License-Identifier: MIT
"""A Twisted connection's octets for a task that reads and writes in its own time.

Back-pressure both ways: what came and was not asked for is held up to ``READ_AHEAD`` octets, then
the transport is paused; ``drain`` waits until a slow client has taken what was written.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import Coroutine
from typing import Any, Protocol

from cryptography.hazmat.primitives.serialization import Encoding
from twisted.internet import protocol
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IHandshakeListener,
    IPushProducer,
    ISSLTransport,
)
from zope.interface import implementer

from homemail.model.certificate import user_names
from homemail.model.session import ChannelFacts, Peer, TlsFacts

READ_AHEAD = 64 * 1024
SLOW_CLIENT_SECONDS = 300.0
"""How long a client may take nothing of what it asked for."""
HANDSHAKE_SECONDS = 30.0
"""How long the handshake may take where TLS comes first."""
CLOSE_SECONDS = 10.0
"""How long a client may take to read the last of what was written."""
STOP_SECONDS = 1.5
"""How long a running command may take when the server ends."""


class StreamEnd(Exception):
    """The stream ends here; ``farewell`` is for the client, empty where it cannot hear it."""

    farewell = ""


class Disconnected(StreamEnd):
    """The client is gone."""


class NothingMore(StreamEnd):
    """The client has closed its direction; it may still read."""


class TimedOut(StreamEnd):
    """The client said nothing for too long."""

    farewell = "Autologout; idle for too long"


class ShuttingDown(StreamEnd):
    """The server ends."""

    farewell = "Server shutting down"


class Transport(Protocol):
    """What is used of Twisted's TCP transport."""

    def write(self, data: bytes) -> Any: ...

    def pauseProducing(self) -> Any: ...  # noqa: N802

    def resumeProducing(self) -> Any: ...  # noqa: N802

    def unregisterProducer(self) -> Any: ...  # noqa: N802

    def loseConnection(self) -> Any: ...  # noqa: N802

    def abortConnection(self) -> Any: ...  # noqa: N802


class Stream:
    """One connection. Used in the loop's thread only, ``poke`` included."""

    def __init__(self, transport: Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._received = bytearray()
        self._end: StreamEnd | None = None
        self._poked = False
        self._paused_reading = False
        self._deadline: float | None = None
        self._reader: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._closing: asyncio.TimerHandle | None = None

    # --- the transport's side

    def feed(self, data: bytes) -> None:
        self._received += data
        if len(self._received) > READ_AHEAD and not self._paused_reading:
            self._paused_reading = True
            self._transport.pauseProducing()
        self._wake()

    def lost(self) -> None:
        self._end = Disconnected()
        if self._closing is not None:
            self._closing.cancel()
        self._wake()
        self.resume_writing()

    def no_more_input(self) -> None:
        if self._end is None:
            self._end = NothingMore()
            self._wake()

    def pause_writing(self) -> None:
        if self._writable is None:
            self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        waiting, self._writable = self._writable, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    # --- the task's side

    def __len__(self) -> int:
        """Octets that came and were not read."""
        return len(self._received)

    async def read(self, seconds: float) -> bytes:
        """Return what came, at least one octet; nothing at all after ``poke``.

        Raises:
            StreamEnd: the client left, was silent for ``seconds``, or the server ends.
        """
        if not (self._received or self._poked or self._end):
            await self._wait(seconds)
        if isinstance(self._end, ShuttingDown):
            raise self._end
        if self._received:
            data = bytes(self._received)
            self._received.clear()
            self._resume_reading()
            return data
        if self._end:
            raise self._end
        self._poked = False
        return b""

    def set_deadline(self, seconds: float | None) -> None:
        """Let every ``read`` end ``seconds`` from now, whatever it asks for; None lifts it."""
        self._deadline = None if seconds is None else self._loop.time() + seconds

    async def _wait(self, seconds: float) -> None:
        if self._deadline is not None:
            seconds = min(seconds, self._deadline - self._loop.time())
        self._reader = self._loop.create_future()
        timer = self._loop.call_later(seconds, self._time_out, self._reader)
        try:
            await self._reader
        finally:
            timer.cancel()
            self._reader = None

    @staticmethod
    def _time_out(reader: asyncio.Future[None]) -> None:
        if not reader.done():
            reader.set_exception(TimedOut())

    def _resume_reading(self) -> None:
        if self._paused_reading:
            self._paused_reading = False
            self._transport.resumeProducing()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def poke(self) -> None:
        """Make a ``read`` that waits, or the next one, return."""
        self._poked = True
        self._wake()

    def write(self, data: bytes) -> None:
        if not isinstance(self._end, Disconnected):
            self._transport.write(data)

    async def drain(self) -> None:
        """Wait until the client has taken most of what was written.

        Raises:
            Disconnected: it left, or took nothing for ``SLOW_CLIENT_SECONDS``.
        """
        while self._writable is not None and not isinstance(self._end, Disconnected):
            done, _ = await asyncio.wait({self._writable}, timeout=SLOW_CLIENT_SECONDS)
            if not done:
                self.abort()
                raise Disconnected
        if isinstance(self._end, Disconnected):
            raise self._end

    def stop(self) -> None:
        """Let the task end with a farewell after the command that runs now."""
        if self._end is None or isinstance(self._end, NothingMore):
            self._end = ShuttingDown()
            self._wake()

    def close(self) -> None:
        """Close when everything written has been taken; after ``CLOSE_SECONDS`` anyhow."""
        if not isinstance(self._end, Disconnected):
            self._resume_reading()  # a paused transport would not notice the client's end
            self._transport.unregisterProducer()  # TLS waits for a producer, else for ever
            self._transport.loseConnection()
            self._closing = self._loop.call_later(CLOSE_SECONDS, self.abort)

    def abort(self) -> None:
        """Close now."""
        if not isinstance(self._end, Disconnected):
            self._transport.abortConnection()


def _watch_over(connection: Any) -> None:
    """Let the system notice within minutes that a client has vanished without a word.

    Else it would keep what it has open, a POP3 maildrop for one, until its time is over.
    """
    for level, name, value in (
        (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
        (socket.IPPROTO_TCP, "TCP_KEEPIDLE", 60),
        (socket.IPPROTO_TCP, "TCP_KEEPINTVL", 15),
        (socket.IPPROTO_TCP, "TCP_KEEPCNT", 4),
        (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", 120_000),
    ):
        if hasattr(socket, name):  # some systems lack one or the other
            with contextlib.suppress(OSError):  # the client has left already
                connection.setsockopt(level, getattr(socket, name), value)


@implementer(IHalfCloseableProtocol, IHandshakeListener, IPushProducer)
class StreamProtocol(protocol.Protocol):
    """A Twisted connection that is used through its ``stream``.

    ``begun`` is called when it is connected, under TLS after the handshake; ``ended`` when it is
    no more.
    """

    stream: Stream
    peer: Peer
    _is_begun = False
    _handshake: asyncio.Event
    _handshake_limit: asyncio.TimerHandle | None = None

    def begun(self) -> None:
        """Start whatever reads and writes ``stream``."""

    def ended(self) -> None:
        """Forget the connection; the stream knows already."""

    @property
    def tls(self) -> TlsFacts | None:
        """How the connection is protected; complete from the first octet received."""
        if not ISSLTransport.providedBy(self.transport):
            return None
        handle: Any = self.transport.getHandle()  # type: ignore[union-attr]
        name = handle.get_servername()
        certificate = handle.get_peer_certificate()
        return TlsFacts(
            handle.get_protocol_version_name(),
            handle.get_cipher_name() or "",
            name.decode("ascii", "replace") if name else None,
            _bindings(handle),
            _user_names(certificate) if certificate else (),
        )

    # --- Twisted calls these

    def connectionMade(self) -> None:  # noqa: N802
        transport: Any = self.transport
        transport.setTcpNoDelay(True)
        _watch_over(transport.socket)
        address = transport.getPeer()
        self.peer = Peer(address.host, address.port)
        self.stream = Stream(transport, asyncio.get_running_loop())
        transport.registerProducer(self, True)
        self._handshake = asyncio.Event()
        if ISSLTransport.providedBy(transport):
            # What a login may depend on, and so what is announced, is known after it only.
            loop = asyncio.get_running_loop()
            self._handshake_limit = loop.call_later(HANDSHAKE_SECONDS, transport.abortConnection)
        else:
            self._begin()

    def handshakeCompleted(self) -> None:  # noqa: N802
        self._handshake.set()
        if not self._is_begun:
            self._begin()

    def _begin(self) -> None:
        self._stop_handshake_limit()
        self._is_begun = True
        self.begun()

    def _stop_handshake_limit(self) -> None:
        if self._handshake_limit is not None:
            self._handshake_limit.cancel()

    async def tls_begun(self) -> None:
        """Wait until the handshake is over, or the client has left."""
        await self._handshake.wait()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        self.stream.feed(data)

    def connectionLost(self, reason: Any = None) -> None:  # noqa: N802
        self._stop_handshake_limit()
        self._handshake.set()
        if self._is_begun:
            self.ended()
        self.stream.lost()

    def readConnectionLost(self) -> None:  # noqa: N802
        self.stream.no_more_input()

    def writeConnectionLost(self) -> None:  # noqa: N802
        """Wait for ``connectionLost``: we close both directions together."""

    def pauseProducing(self) -> None:  # noqa: N802
        self.stream.pause_writing()

    def resumeProducing(self) -> None:  # noqa: N802
        self.stream.resume_writing()

    def stopProducing(self) -> None:  # noqa: N802
        self.stream.resume_writing()


def _user_names(certificate: Any) -> tuple[str, ...]:
    return user_names(certificate.to_cryptography().public_bytes(Encoding.DER))


def _bindings(handle: Any) -> dict[str, bytes]:
    """Return the channel binding data of a pyOpenSSL connection.

    Source: RFC 5929 §4, RFC 9266 §2.
    """
    found: dict[str, bytes] = {}
    if handle.get_finished() is None:  # the handshake is not over
        return found
    if end_point := getattr(handle.get_context(), "end_point", b""):
        found["tls-server-end-point"] = end_point
    # Before TLS 1.3 it would need an extension that cannot be asked about here.
    if handle.get_protocol_version_name() == "TLSv1.3":
        found["tls-exporter"] = handle.export_keying_material(b"EXPORTER-Channel-Binding", 32, b"")
    return found


class StreamFactory(protocol.Factory):
    """Keeps the tasks of an access protocol's connections.

    ``name`` is the protocol as ``ChannelFacts`` has it. ``tls_context`` is what
    ``transport.startTLS`` takes, or None where it is not offered. ``tls_required``: nobody logs in
    before TLS has begun.
    """

    noisy = False
    tls_required = False

    def __init__(self, name: str, tls_context: Any, most_per_client: int) -> None:
        self.name = name
        self.tls_context = tls_context
        self.most_per_client = most_per_client
        self.clients: Counter[str] = Counter()
        self._tasks: dict[asyncio.Task[None], ServedStream] = {}

    def start(self, connection: ServedStream) -> None:
        """Start the task of one connection."""
        task = asyncio.get_running_loop().create_task(connection.serve())
        self._tasks[task] = connection
        task.add_done_callback(self._tasks.pop)

    async def shutdown(self) -> None:
        """End every session when its running command is done; return when all are gone.

        What still runs after ``STOP_SECONDS`` is cut off: who waits for his turn to log in, and
        who is sent more than he reads.
        """
        for connection in self._tasks.values():
            connection.stream.stop()
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=STOP_SECONDS)
        late = dict(self._tasks)
        for task, connection in late.items():
            connection.stream.abort()
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


class ServedStream(StreamProtocol):
    """One connection of a ``StreamFactory``, with what a login asks of it."""

    def __init__(self, factory: StreamFactory) -> None:
        self._factory = factory

    def serve(self) -> Coroutine[Any, Any, None]:
        """Go through the states of the protocol and close."""
        raise NotImplementedError

    def begun(self) -> None:
        self._factory.clients[self.peer.host] += 1
        self._factory.start(self)

    def ended(self) -> None:
        self._factory.clients[self.peer.host] -= 1
        self._factory.clients += Counter()  # drops those at zero

    def is_one_too_many(self) -> bool:
        """Whether this client has more connections than one may have; this machine may."""
        count = self._factory.clients[self.peer.host]
        return count > self._factory.most_per_client and not self.peer.is_loopback

    def channel(self) -> ChannelFacts:
        return ChannelFacts(self._factory.name, self.peer, self.tls, self._factory.tls_required)

    @property
    def may_start_tls(self) -> bool:
        """Whether STARTTLS is offered: there is a certificate, and no TLS yet."""
        offered = self._factory.tls_context is not None
        return offered and not ISSLTransport.providedBy(self.transport)

    def start_tls(self) -> None:
        """Begin TLS with the next octet."""
        transport: Any = self.transport
        transport.startTLS(self._factory.tls_context)
