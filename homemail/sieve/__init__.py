# SPDX-License-Identifier: MIT
"""The Sieve language (RFC 5228): script and message to actions; one file per extension.

A script goes ``lexer`` → ``parser`` (a tree) → ``compiler`` (closures; ``validate`` puts the
arguments in their places) and meets the message in ``interpret``. No word of the language is known
to these: they come from ``core`` and, after ``require``, from ``extensions``.
"""

from __future__ import annotations

from homemail.sieve.action import (
    Action,
    Discard,
    FileInto,
    Keep,
    Notification,
    Redirect,
    Reject,
    Seen,
    Vacation,
)
from homemail.sieve.api import (
    Load,
    Script,
    Watch,
    Watched,
    capabilities,
    compile_script,
    limits_of,
    run,
)
from homemail.sieve.diagnostic import ScriptError, ScriptErrors
from homemail.sieve.interpret import Limits, Outcome
from homemail.sieve.message import ContentView
from homemail.sieve.scores import Scores
from homemail.sieve.view import EnvelopeView, MessageView, Surroundings

__all__ = [
    "Action",
    "ContentView",
    "Discard",
    "EnvelopeView",
    "FileInto",
    "Keep",
    "Limits",
    "Load",
    "MessageView",
    "Notification",
    "Outcome",
    "Redirect",
    "Reject",
    "Scores",
    "Script",
    "ScriptError",
    "ScriptErrors",
    "Seen",
    "Surroundings",
    "Vacation",
    "Watch",
    "Watched",
    "capabilities",
    "compile_script",
    "limits_of",
    "run",
]
