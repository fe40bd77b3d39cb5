# SPDX-License-Identifier: MIT
r"""Mailboxes by what they are for: ``:specialuse``, ``specialuse_exists`` (RFC 8579)."""

from __future__ import annotations

import re
from dataclasses import replace

from homemail.sieve.action import Action, FileInto
from homemail.sieve.compiler import Compiler
from homemail.sieve.extension import Adjust, Extension, TagSpec, TestSpec
from homemail.sieve.extensions.fileinto import parse_mailbox
from homemail.sieve.interpret import Predicate, Run
from homemail.sieve.syntax import Kind
from homemail.sieve.validate import Bound

_ATTRIBUTE = re.compile(r"\\[!#$&'+,./0-9:;<=>?@A-Z^_`a-z|~-]{1,100}")
_LOOK = 100  # the work of one look at the mailboxes


def parse_attribute(text: str) -> str:
    r"""Return an attribute such as ``\Junk``.

    Raises:
        ValueError: it is none.
    """
    if not _ATTRIBUTE.fullmatch(text):
        raise ValueError(f'"{text[:60]}" is no attribute of a mailbox such as "\\\\Junk"')
    return text


def for_use(action: FileInto, attribute: str, run: Run) -> FileInto:
    """Return ``action`` on the mailbox that has the attribute; where none has it, as it is."""
    run.spend(_LOOK)
    found = run.surroundings.special_use(attribute)
    mailbox = found[0] if found else action.mailbox
    return replace(action, mailbox=mailbox, special_use=attribute)


def _special_use(bound: Bound, compiler: Compiler) -> Adjust:
    given = bound.tag_strings("specialuse")
    attribute = compiler.parsed(given.items[0], parse_attribute) if given else None

    def adjust(action: Action, run: Run) -> Action:
        if attribute is None or not isinstance(action, FileInto):
            return action
        return for_use(action, attribute(run), run)

    return adjust


def _exists(bound: Bound, compiler: Compiler) -> Predicate:
    attributes = [compiler.parsed(item, parse_attribute) for item in bound.strings(1).items]
    named = None if bound.arguments[0] is None else compiler.text(bound.string(0))

    def exists(run: Run) -> bool:
        run.spend(_LOOK * len(attributes))
        boxes = [run.surroundings.special_use(attribute(run)) for attribute in attributes]
        if named is None:
            return all(boxes)
        try:
            wanted = parse_mailbox(named.of(run))
        except ValueError:
            return False
        return all(wanted in found for found in boxes)

    return exists


SPECIAL_USE = Extension(
    name="special-use",
    tests={
        "specialuse_exists": TestSpec(
            (Kind.STRING, Kind.STRINGS), optional_first=True, build=_exists
        )
    },
    tags={"fileinto": {"specialuse": TagSpec(Kind.STRING, adjust=_special_use)}},
)
