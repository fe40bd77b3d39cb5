# SPDX-License-Identifier: MIT
r"""Runs protocol dialogues written down as text: ``NAME.transcript``.

A line of a transcript is one of these; anything else is an error::

    # a comment, or an empty line
    == alice imap            open connection "alice" to service "imap"
    == alice                 go on with connection "alice"
    C: a LOGIN alice pw      send the line and CRLF
    C~ 'raw \x00 octets'     send a Python string or bytes literal as it is
    S: + OK                  expect exactly this line
    S~ 250 queued as (?P<id>.+)   expect a line that matches whole; $id is known from here on
    S...a OK .*              pass over lines until one matches whole
    .. starttls              begin TLS on this connection (no certificate check)
    .. eof                   expect the server to close
    .. close                 close from our side
    .. anything else         call the event of this name, passed in by the test

Where no connection was opened, the first line opens one named after the service. ``$name`` in a
line is put in where ``name`` is known (captured before, or passed in); else it is left alone.

A test runs them like this::

    @pytest.mark.parametrize("path", transcripts("imap"), ids=lambda p: p.stem)
    def test_dialogue(path, server):
        run_transcript(path, lambda service: SocketConnection("127.0.0.1", server.port), "imap")

Failures read ``tests/imap/move.transcript:43: expected 'a4 OK Fetch done', got 'a4 OK Fetched'``.
"""

from __future__ import annotations

import ast
import re
import socket
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

HERE = Path(__file__).parent
TIMEOUT_SECONDS = 20.0


class Connection(Protocol):
    """A client's end of a line to a server."""

    def send(self, data: bytes) -> None: ...

    def readline(self) -> bytes:
        """Return the next line with its line end; empty at the end of the stream."""

    def starttls(self) -> None: ...

    def close(self) -> None: ...


class SocketConnection:
    """A TCP connection; ``tls`` begins with a TLS handshake."""

    def __init__(self, host: str, port: int, *, tls: bool = False) -> None:
        self._socket: socket.socket = socket.create_connection((host, port), TIMEOUT_SECONDS)
        self._file = self._socket.makefile("rb")
        if tls:
            self.starttls()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def readline(self) -> bytes:
        try:
            return self._file.readline()
        except ConnectionResetError:
            return b""

    def starttls(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._file.close()
        self._socket = context.wrap_socket(self._socket, server_hostname="home.test")
        self._file = self._socket.makefile("rb")

    def close(self) -> None:
        self._file.close()
        self._socket.close()


def transcripts(package: str) -> list[Path]:
    """Return the transcripts below ``tests/package``."""
    return sorted((HERE / package).glob("**/*.transcript"))


def run_transcript(
    path: Path,
    connect: Callable[[str], Connection],
    service: str,
    *,
    events: Mapping[str, Callable[[], None]] | None = None,
    variables: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Play the dialogue in ``path``; return what its named groups caught.

    Raises:
        AssertionError: the server said something else; names file and line.
    """
    player = _Player(path, connect, service, events or {}, dict(variables or {}))
    try:
        for number, line in enumerate(path.read_text("utf-8").split("\n"), 1):
            player.play(number, line)
    finally:
        player.close()
    return player.known


class _Player:
    def __init__(
        self,
        path: Path,
        connect: Callable[[str], Connection],
        service: str,
        events: Mapping[str, Callable[[], None]],
        known: dict[str, str],
    ) -> None:
        self.path, self.connect, self.service = path, connect, service
        self.events, self.known = events, known
        self.open: dict[str, Connection] = {}
        self.name = service
        self.where = ""

    def play(self, number: int, line: str) -> None:
        self.where = f"{self.path.relative_to(HERE.parent)}:{number}"
        if not line.strip() or line.startswith("#"):
            return
        verb, rest = (line[:4], line[4:]) if line.startswith("S...") else (line[:2], line[2:])
        rest = rest[1:] if rest.startswith(" ") and verb != "S..." else rest.lstrip(" ")
        actions: dict[str, Callable[[str], None]] = {
            "==": self.switch,
            "C:": lambda text: self.line().send(self.fill(text).encode() + b"\r\n"),
            "C~": self.send_raw,
            "S:": self.expect_exact,
            "S~": self.expect_pattern,
            "S...": self.skip_to,
            "..": self.event,
        }
        assert verb in actions, f"{self.where}: not a line of a transcript: {line!r}"
        try:
            actions[verb](rest)
        except TimeoutError:
            raise AssertionError(f"{self.where}: nothing came while waiting for {rest!r}") from None

    def switch(self, text: str) -> None:
        self.name, _, service = text.strip().partition(" ")
        if service:
            self.open[self.name] = self.connect(service.strip())
        assert self.name in self.open, f"{self.where}: no connection {self.name!r} is open"

    def line(self) -> Connection:
        if self.name not in self.open:
            self.open[self.name] = self.connect(self.service)
        return self.open[self.name]

    def fill(self, text: str) -> str:
        return re.sub(r"\$([A-Za-z_]\w*)", lambda m: self.known.get(m[1], m[0]), text)

    def send_raw(self, text: str) -> None:
        value = ast.literal_eval(text.strip())
        self.line().send(value if isinstance(value, bytes) else self.fill(value).encode())

    def read(self, wanted: str) -> str:
        line = self.line().readline()
        assert line, f"{self.where}: expected {wanted!r}, but the server closed"
        return line.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", "surrogateescape")

    def expect_exact(self, text: str) -> None:
        wanted = self.fill(text)
        got = self.read(wanted)
        assert got == wanted, f"{self.where}: expected {wanted!r}, got {got!r}"

    def match(self, wanted: str, got: str) -> bool:
        found = re.fullmatch(wanted, got)
        if found:
            self.known.update({k: v for k, v in found.groupdict().items() if v is not None})
        return bool(found)

    def expect_pattern(self, text: str) -> None:
        wanted = self.fill(text)
        got = self.read(wanted)
        assert self.match(wanted, got), f"{self.where}: expected /{wanted}/, got {got!r}"

    def skip_to(self, text: str) -> None:
        wanted = self.fill(text)
        while not self.match(wanted, self.read(wanted)):
            pass

    def event(self, text: str) -> None:
        name = text.strip()
        if name == "starttls":
            self.line().starttls()
        elif name == "eof":
            got = self.line().readline()
            assert got == b"", f"{self.where}: expected the server to close, got {got!r}"
        elif name == "close":
            self.line().close()
            del self.open[self.name]
        else:
            assert name in self.events, f"{self.where}: no event {name!r}"
            self.events[name]()

    def close(self) -> None:
        for connection in self.open.values():
            connection.close()
