# SPDX-License-Identifier: MIT
"""MULTIAPPEND: several messages in one APPEND, all or none (RFC 3502 §6.3.11)."""

from __future__ import annotations

from homemail.imap.commands.append import Append, parse_append, parse_message
from homemail.imap.extension import Extension
from homemail.imap.grammar import Scanner


def _parse(scanner: Scanner) -> Append:
    first = parse_append(scanner)
    messages, binary = list(first.messages), first.binary
    while not scanner.at_end():
        message, is_binary = parse_message(scanner)
        messages.append(message)
        binary = binary or is_binary
    return Append(first.name, tuple(messages), binary)


MULTIAPPEND = Extension(capability=b"MULTIAPPEND", grammar={b"APPEND": _parse})
