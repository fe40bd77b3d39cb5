# SPDX-License-Identifier: MIT
"""Transports that give the message to a program: Postfix's pipe(8), as master.cf writes it.

``name: flags=DRhu user=vmail directory=/srv argv=/usr/bin/program -f ${sender} ${recipient}``

No shell is between: what an address holds stays within its argument. An argument with a name of
the recipient's is repeated for each recipient. One that would begin with a dash because of an
address fails instead, for a program would take it for an option.

Flags: ``D`` Delivered-To, ``O`` X-Original-To, ``R`` Return-Path, ``F`` the line ``From sender
date``, ``B`` an empty line at the end, ``.`` dots at the start of lines doubled, ``>`` a ``>``
before lines that begin with ``From``, ``h`` domains and ``u`` local parts in lower case. With ``D``
or ``O`` the program runs for each recipient alone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from homemail.config.expand import expand
from homemail.config.queue import PIPE_NAMES
from homemail.errors import ConfigError
from homemail.log import Log
from homemail.mda.final_fields import from_line, lf_lines
from homemail.mda.program import PATH, Program, run_program
from homemail.model.address import Address
from homemail.model.envelope import Envelope, Recipient
from homemail.model.message import MessageContent
from homemail.model.reply import Reply
from homemail.mta.api import NextHop
from homemail.mta.sending.transport import Sent, Transport

_LINE = re.compile(
    r"(?P<name>[A-Za-z0-9_-]+):\s+(?P<options>(?:[a-z_]+=\S*\s+)*)argv=(?P<argv>\S.*)"
)
_OPTIONS = ("flags", "user", "directory", "null_sender", "size")
_FLAGS = "DORFB.>hu"
_OF_RECIPIENT = PIPE_NAMES[:6]

log = Log("pipe")


@dataclass(frozen=True, slots=True)
class Pipe:
    """One line of ``pipe_transports``. ``size_limit`` in octets, 0 for none."""

    name: str
    argv: tuple[str, ...]
    flags: str = ""
    user: str = ""
    directory: Path = Path("/")
    null_sender: str = "MAILER-DAEMON"
    size_limit: int = 0


def parse_pipe(line: str) -> Pipe:
    """Return what a line of ``pipe_transports`` says.

    Raises:
        ConfigError: it cannot be read.
    """
    match = _LINE.fullmatch(line.strip())
    if match is None:
        raise _wrong('expected "name: flags=.. user=.. argv=/program arguments"', line)
    options = dict(word.split("=", 1) for word in match["options"].split())
    for name in options.keys() - set(_OPTIONS):
        raise _wrong(f'"{name}" is not one of {", ".join(_OPTIONS)}', line)
    flags = options.get("flags", "")
    if set(flags) - set(_FLAGS):
        raise _wrong(f'expected flags out of "{_FLAGS}"', line)
    size = options.get("size", "0")
    if not size.isdecimal():
        raise _wrong("expected a number of octets in size=", line)
    argv = tuple(match["argv"].split())
    _check(argv, line)
    return Pipe(
        match["name"],
        argv,
        flags,
        options.get("user", "").partition(":")[0],
        Path(options.get("directory", "/")),
        options.get("null_sender", "MAILER-DAEMON"),
        int(size),
    )


def open_pipes(
    lines: Sequence[str], delimiters: str, seconds: float, *, as_root: bool | None = None
) -> dict[str, Transport]:
    """Return the transports of ``pipe_transports`` by their names.

    ``seconds`` is the time that a program may take. ``as_root``: whether this server is root, so
    that a program needs another user.

    Raises:
        ConfigError: a line cannot be read, or a program would run as root.
    """
    root = os.geteuid() == 0 if as_root is None else as_root
    pipes: dict[str, Transport] = {}
    for line in lines:
        pipe = parse_pipe(line)
        if root and pipe.user in ("", "root"):
            raise _wrong("the server is root, so user= must name another user", line)
        pipes[pipe.name] = PipeSender(pipe if root else replace(pipe, user=""), delimiters, seconds)
    return pipes


class PipeSender:
    """A ``Transport`` that runs a program."""

    def __init__(self, pipe: Pipe, delimiters: str, seconds: float) -> None:
        self._pipe = pipe
        self._delimiters = delimiters
        self._seconds = seconds

    async def __call__(
        self,
        next_hop: NextHop,
        envelope: Envelope,
        recipients: tuple[Recipient, ...],
        content: MessageContent,
    ) -> tuple[Sent, ...]:
        if 0 < self._pipe.size_limit < content.size:
            text = f"message size {content.size} exceeds the limit of {self._pipe.name}"
            return (Sent(Reply(552, "5.3.4", text)),) * len(recipients)
        if not set("DO") & set(self._pipe.flags):
            return await self._run(next_hop, envelope, recipients, content)
        sents: tuple[Sent, ...] = ()
        for recipient in recipients:
            sents += await self._run(next_hop, envelope, (recipient,), content)
        return sents

    async def _run(
        self,
        next_hop: NextHop,
        envelope: Envelope,
        recipients: tuple[Recipient, ...],
        content: MessageContent,
    ) -> tuple[Sent, ...]:
        pipe = self._pipe
        argv = self._argv(next_hop, envelope, recipients, content)
        if isinstance(argv, Reply):
            return (Sent(argv),) * len(recipients)
        home = pipe.directory
        program = Program(
            argv[0], {"PATH": PATH}, home, self._seconds, arguments=argv, user=pipe.user
        )
        try:
            reply = await run_program(program, self._message(envelope, recipients[0], content))
        except (OSError, KeyError, ValueError) as error:
            log.error("program cannot be run", trace=envelope.trace, command=argv[0], reason=error)
            reply = Reply(451, "4.3.5", f"the program of transport {pipe.name} cannot be run")
        reply = reply or Reply(250, "2.0.0", f"delivered via {pipe.name} service")
        return (Sent(reply),) * len(recipients)

    def _argv(
        self,
        next_hop: NextHop,
        envelope: Envelope,
        recipients: Sequence[Recipient],
        content: MessageContent,
    ) -> tuple[str, ...] | Reply:
        """Return the program and its arguments, or why they cannot be made."""
        sender = envelope.reverse_path
        common = {
            "sender": self._pipe.null_sender if sender is None else str(self._cased(sender)),
            "nexthop": next_hop.host,
            "queue_id": envelope.trace,
            "size": str(content.size),
        }
        each = [{**common, **self._values(recipient)} for recipient in recipients]
        argv: list[str] = []
        for word in self._pipe.argv:
            for values in each if _repeats(word) else each[:1]:
                text = expand(word, values.get).replace("\0", "?")
                if text.startswith("-") and not word.startswith("-"):
                    return Reply(553, "5.1.3", f'an address that begins with "-": {text}')
                argv.append(text)
        return tuple(argv)

    def _values(self, recipient: Recipient) -> dict[str, str]:
        address = self._cased(recipient.forward_path)
        at = next(
            (at for at, x in enumerate(address.local_part) if at and x in self._delimiters), -1
        )
        user = address.local_part if at < 0 else address.local_part[:at]
        original = recipient.original
        return {
            "recipient": str(address),
            "original_recipient": original.text if original else str(address),
            "user": user,
            "extension": "" if at < 0 else address.local_part[at + 1 :],
            "mailbox": address.local_part,
            "domain": address.domain.name,
        }

    def _cased(self, address: Address) -> Address:
        local = address.local_part.lower() if "u" in self._pipe.flags else address.local_part
        domain = address.domain
        if "h" in self._pipe.flags:
            domain = type(domain).parse(str(domain).lower())
        return Address(local, domain)

    def _message(
        self, envelope: Envelope, recipient: Recipient, content: MessageContent
    ) -> Iterator[bytes]:
        flags = self._pipe.flags
        if "F" in flags:
            line = from_line(envelope.reverse_path, datetime.now(UTC))
            yield b">" + line if ">" in flags else line
        yield "".join(self._fields(envelope, recipient)).encode("utf-8", "replace")
        pieces = lf_lines(content)
        yield from _marked(pieces, flags) if set(".>") & set(flags) else pieces
        if "B" in flags:
            yield b"\n"

    def _fields(self, envelope: Envelope, recipient: Recipient) -> Iterator[str]:
        flags, sender = self._pipe.flags, envelope.reverse_path
        if "R" in flags:
            yield f"Return-Path: <{'' if sender is None else sender}>\n"
        if "O" in flags:
            text = recipient.original.text if recipient.original else str(recipient.forward_path)
            yield f"X-Original-To: {''.join(x if x.isprintable() else '?' for x in text)}\n"
        if "D" in flags:
            yield f"Delivered-To: {self._cased(recipient.forward_path)}\n"


def _marked(pieces: Iterator[bytes], flags: str) -> Iterator[bytes]:
    """Yield the message with its lines marked as ``.`` and ``>`` ask for."""
    held = b"\n"  # so that the first line is seen as one; taken off again
    first = True
    for piece in pieces:
        joined = held + piece
        # What may be the beginning of a mark waits for the next piece.
        cut = joined.rfind(b"\n")
        cut = len(joined) if len(joined) - cut > 6 else cut
        out, held = joined[:cut], joined[cut:]
        yield _mark(out, flags)[1 if first and out else 0 :]
        first = first and not out
    yield _mark(held, flags)[1 if first else 0 :]


def _mark(data: bytes, flags: str) -> bytes:
    if "." in flags:
        data = data.replace(b"\n.", b"\n..")
    return data.replace(b"\nFrom ", b"\n>From ") if ">" in flags else data


def _repeats(word: str) -> bool:
    return re.search(rf"\$[({{]?(?:{'|'.join(_OF_RECIPIENT)})\b", word) is not None


def _check(argv: tuple[str, ...], line: str) -> None:
    if not argv[0].startswith("/") or "$" in argv[0]:
        raise _wrong("expected the path of a program after argv=", line)
    for word in argv:
        try:
            expand(word, dict.fromkeys(PIPE_NAMES, "").get)
        except ValueError as error:
            raise _wrong(str(error), line) from None


def _wrong(text: str, line: str) -> ConfigError:
    return ConfigError(f'{text}, got "{line}"', parameter="pipe_transports")
