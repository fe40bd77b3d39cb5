# SPDX-License-Identifier: MIT
"""``mailboxexists`` and ``fileinto :create`` (RFC 5490 §3)."""

from __future__ import annotations

from dataclasses import replace

from homemail.sieve.action import Action, FileInto
from homemail.sieve.compiler import Compiler
from homemail.sieve.extension import Adjust, Extension, TagSpec, TestSpec
from homemail.sieve.extensions.fileinto import parse_mailbox
from homemail.sieve.interpret import Predicate, Run
from homemail.sieve.syntax import Kind
from homemail.sieve.validate import Bound


def _exists(text: str, run: Run) -> bool:
    try:
        mailbox = parse_mailbox(text)
    except ValueError:
        return False
    return run.surroundings.mailbox_exists(mailbox)


def _mailbox_exists(bound: Bound, compiler: Compiler) -> Predicate:
    names = compiler.texts(bound.strings(0))

    def mailbox_exists(run: Run) -> bool:
        texts = names.of(run)
        run.spend(len(texts) * 100)  # each may be a look at the disk
        return all(_exists(text, run) for text in texts)

    return mailbox_exists


def _create(bound: Bound, compiler: Compiler) -> Adjust:
    def adjust(action: Action, run: Run) -> Action:
        return replace(action, create=True) if isinstance(action, FileInto) else action

    return adjust


MAILBOX = Extension(
    name="mailbox",
    tests={"mailboxexists": TestSpec((Kind.STRINGS,), build=_mailbox_exists)},
    tags={"fileinto": {"create": TagSpec(adjust=_create)}},
)
