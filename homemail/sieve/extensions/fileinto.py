# SPDX-License-Identifier: MIT
"""``fileinto`` (RFC 5228 §4.1)."""

from __future__ import annotations

from homemail.model.mailbox import MailboxName
from homemail.sieve.action import FileInto
from homemail.sieve.compiler import Compiler
from homemail.sieve.core.actions import acting
from homemail.sieve.extension import CommandSpec, Extension
from homemail.sieve.interpret import Step
from homemail.sieve.syntax import Kind
from homemail.sieve.validate import Bound


def parse_mailbox(text: str) -> MailboxName:
    """Return the mailbox of a name in UTF-8 whose parts ``/`` separates.

    Raises:
        ValueError: it cannot be the name of one.
    """
    try:
        return MailboxName.parse(text, "/")
    except ValueError as error:
        raise ValueError(f'"{text[:100]}" is not the name of a mailbox: {error}') from None


def _file_into(bound: Bound, compiler: Compiler) -> Step:
    mailbox = compiler.parsed(bound.string(0), parse_mailbox)
    return acting(bound, compiler, lambda run: FileInto(mailbox(run), run.flags))


FILEINTO = Extension(
    name="fileinto", commands={"fileinto": CommandSpec((Kind.STRING,), build=_file_into)}
)
