# SPDX-License-Identifier: MIT
"""What a redirected message's next host is asked to report (RFC 6009)."""

from __future__ import annotations

from dataclasses import replace

from homemail.model.envelope import Notify, Ret
from homemail.sieve.action import Action, Redirect
from homemail.sieve.compiler import Compiler
from homemail.sieve.extension import Adjust, Extension, TagSpec
from homemail.sieve.interpret import Run
from homemail.sieve.syntax import Kind
from homemail.sieve.validate import Bound

_WORDS = {"NEVER": Notify.NEVER, "SUCCESS": Notify.SUCCESS, "FAILURE": Notify.FAILURE}
_WORDS["DELAY"] = Notify.DELAY


def _parse_notify(text: str) -> Notify:
    words = [word.strip().upper() for word in text.split(",")]
    wrong = [word for word in words if word not in _WORDS]
    if wrong or ("NEVER" in words and len(words) > 1):
        raise ValueError(f'"{text[:60]}" is neither NEVER nor a list of SUCCESS, FAILURE, DELAY')
    found = Notify.NEVER
    for word in words:
        found |= _WORDS[word]
    return found


def _parse_ret(text: str) -> Ret:
    try:
        return Ret(text.upper())
    except ValueError:
        raise ValueError(f'"{text[:60]}" is neither FULL nor HDRS') from None


def _notify(bound: Bound, compiler: Compiler) -> Adjust:
    given = bound.tag_string("notify")
    notify = compiler.parsed(given, _parse_notify) if given else None

    def adjust(action: Action, run: Run) -> Action:
        if notify is None or not isinstance(action, Redirect):
            return action
        return replace(action, notify=notify(run))

    return adjust


def _ret(bound: Bound, compiler: Compiler) -> Adjust:
    given = bound.tag_string("ret")
    ret = compiler.parsed(given, _parse_ret) if given else None

    def adjust(action: Action, run: Run) -> Action:
        if ret is None or not isinstance(action, Redirect):
            return action
        return replace(action, ret=ret(run))

    return adjust


REDIRECT_DSN = Extension(
    name="redirect-dsn",
    tags={
        "redirect": {
            "notify": TagSpec(Kind.STRING, adjust=_notify),
            "ret": TagSpec(Kind.STRING, adjust=_ret),
        }
    },
)
