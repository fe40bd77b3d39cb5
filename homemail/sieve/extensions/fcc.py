# SPDX-License-Identifier: MIT
"""``:fcc``: a copy of what a script sends goes into a mailbox (RFC 8580).

With ``imap4flags``, ``mailbox`` and ``special-use`` the tags of ``fileinto`` say more of that
mailbox; here they stand behind the command that sends.
"""

from __future__ import annotations

from dataclasses import replace

from homemail.sieve.action import Action, FileInto, Notification, Vacation
from homemail.sieve.compiler import Compiler
from homemail.sieve.diagnostic import Wrong
from homemail.sieve.extension import Adjust, Extension, TagSpec
from homemail.sieve.extensions.fileinto import parse_mailbox
from homemail.sieve.extensions.imap4flags import split_flags, valid_flags
from homemail.sieve.extensions.special_use import for_use, parse_attribute
from homemail.sieve.interpret import Run
from homemail.sieve.syntax import Kind
from homemail.sieve.validate import Bound

_NEEDS = {"flags": "imap4flags", "create": "mailbox", "specialuse": "special-use"}


def _fcc(bound: Bound, compiler: Compiler) -> Adjust:
    for tag, extension in _NEEDS.items():
        if tag in bound.tags and extension not in compiler.required:
            raise Wrong(bound.at, f'":{tag}" needs: require "{extension}";')
    named = bound.tag_string("fcc")
    if named is None:
        return lambda action, run: action
    mailbox = compiler.parsed(named, parse_mailbox)
    flags = bound.tag_strings("flags")
    words = compiler.texts(flags) if flags else None
    used = bound.tag_string("specialuse")
    attribute = compiler.parsed(used, parse_attribute) if used else None
    create = "create" in bound.tags

    def adjust(action: Action, run: Run) -> Action:
        if not isinstance(action, Vacation | Notification):
            return action
        given = valid_flags(split_flags(words.of(run))) if words else frozenset()
        copy = FileInto(mailbox(run), given, copy=True, create=create)
        return replace(action, fcc=for_use(copy, attribute(run), run) if attribute else copy)

    return adjust


def _needs_fcc(bound: Bound, compiler: Compiler) -> Adjust:
    if "fcc" not in bound.tags:
        raise Wrong(
            bound.at, f'":flags", ":create" and ":specialuse" of "{bound.name}" need ":fcc"'
        )
    return lambda action, run: action


_TAGS = {
    "fcc": TagSpec(Kind.STRING, adjust=_fcc),
    "flags": TagSpec(Kind.STRINGS, adjust=_needs_fcc),
    "create": TagSpec(adjust=_needs_fcc),
    "specialuse": TagSpec(Kind.STRING, adjust=_needs_fcc),
}

FCC = Extension(name="fcc", tags={"vacation": _TAGS, "notify": _TAGS})
