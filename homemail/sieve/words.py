# SPDX-License-Identifier: MIT
"""Actions in the words of a script, for people."""

from __future__ import annotations

from typing import assert_never

from homemail.sieve.action import (
    Action,
    Discard,
    FileInto,
    Keep,
    Notification,
    Redirect,
    Reject,
    Vacation,
)


def in_words(action: Action) -> str:
    """Return what an action does, in one line."""
    match action:
        case Keep():
            return "keep" + _more(action)
        case FileInto(mailbox=mailbox, create=create):
            return f'fileinto{" :create" * create} "{mailbox}"' + _more(action)
        case Redirect(address=address):
            return f'redirect "{address}"' + _more(action)
        case Discard():
            return "discard"
        case Reject(reason=reason, prefer_reply=prefer_reply):
            return f'{"ereject" if prefer_reply else "reject"} "{_one_line(reason)}"'
        case Vacation(reason=reason, seconds=seconds):
            return f'vacation :seconds {seconds} "{_one_line(reason)}"'
        case Notification(to=to, text=text):
            return f'notify "mailto:{",".join(map(str, to))}" {_one_line(text)}'.rstrip()
        case _:
            assert_never(action)


def _more(action: Keep | FileInto | Redirect) -> str:
    words = []
    if isinstance(action, Keep | FileInto) and action.flags:
        words.append(f"flags {' '.join(sorted(action.flags))}")
    if isinstance(action, FileInto | Redirect) and action.copy:
        words.append("copy")
    if action.header is not None:
        words.append("edited header")
    return f" ({', '.join(words)})" if words else ""


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:57] + "..."
