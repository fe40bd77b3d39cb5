# SPDX-License-Identifier: MIT
r"""Reads ``NAME.sieve``: scripts, messages and what must come of them, in one text file.

::

    ==== coyote                     a message: the lines up to the next line of ====
    From: coyote@desert.example

    Hello
    ==== case: mail about ACME      a script; the lines of these forms say what is expected
    # envelope: <a@example.com> <alice@home.test>
    # set: date 2026-11-21T10:00:00+01:00      (or delimiter, exists, environment.NAME, use.\Junk,
                                               seen: what ``duplicate`` has seen, NUL written ~)
    # message: coyote               begins a run; more than one may follow each other
    # expect: fileinto "ACME"       every action of the outcome, in order
    # fails: 7:1 too many redirects            the run ends in this error
    # wrong: 7:7 unknown test      the script must not compile; line below the title, column, text
    # seen: ~header~message-id~<x@y>           what ``duplicate`` wants remembered, NUL written ~
    require "fileinto"; fileinto "ACME";
    ==== script: friends            a script that every case of the file may include

A case without ``# message:`` runs on the file's first message. Errors are compared by their
beginning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from homemail.model.address import Address
from homemail.model.mailbox import MailboxName
from homemail.model.message import MemoryContent
from homemail.sieve import (
    Action,
    ContentView,
    Discard,
    EnvelopeView,
    FileInto,
    Keep,
    Notification,
    Redirect,
    Reject,
    Script,
    ScriptError,
    ScriptErrors,
    Surroundings,
    Vacation,
    compile_script,
    run,
)
from homemail.sieve.scores import Scores

HERE = Path(__file__).parent
SCORES = Scores("X-Spam-Status", r"score=(-?[\d.]+)", 10, "X-Virus-Status", "^Clean", "^Infected")
ENVELOPE = EnvelopeView(Address.parse("sender@example.com"), Address.parse("alice@home.test"))


@dataclass
class Wanted:
    message: str | None
    actions: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    fails: str | None = None


@dataclass
class Case:
    path: Path
    line: int
    title: str
    script: str = ""
    envelope: EnvelopeView = ENVELOPE
    settings: dict[str, str] = field(default_factory=dict)
    runs: list[Wanted] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    messages: dict[str, bytes] = field(default_factory=dict)
    scripts: dict[str, bytes] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.path.stem}: {self.title}"


def read_cases(path: Path) -> list[Case]:
    messages: dict[str, bytes] = {}
    scripts: dict[str, bytes] = {}
    cases: list[Case] = []
    parts = re.split(r"^====[ ]*(.*)\n", path.read_text("utf-8"), flags=re.MULTILINE)
    line = parts[0].count("\n") + 1
    for title, text in zip(parts[1::2], parts[2::2], strict=True):
        if title.startswith("case: "):
            case = Case(path, line, title[6:], text, messages=messages, scripts=scripts)
            _read_expectations(case, text)
            cases.append(case)
        elif title.startswith("script: "):
            scripts[title[8:]] = text.encode()
        else:
            messages[title] = text.replace("\n", "\r\n").encode()
        line += 1 + text.count("\n")
    return cases


def _read_expectations(case: Case, text: str) -> None:
    current: Wanted | None = None
    for word, rest in re.findall(r"^# (\w+): *(.*)$", text, re.MULTILINE):
        if word == "message":
            current = Wanted(rest)
            case.runs.append(current)
        elif word in ("expect", "fails", "seen"):
            if current is None:
                current = Wanted(None)
                case.runs.append(current)
            if word == "expect":
                current.actions.append(rest)
            elif word == "seen":
                current.seen.append(rest)
            else:
                current.fails = rest
        elif word == "wrong":
            case.wrong.append(rest)
        elif word == "envelope":
            reverse, forward = re.findall("<(.*?)>", rest)
            reverse_path = Address.parse(reverse) if reverse else None
            case.envelope = EnvelopeView(reverse_path, Address.parse(forward))
        elif word == "set":
            name, _, value = rest.partition(" ")
            case.settings[name] = value


def all_cases() -> list[Case]:
    return [case for path in sorted(HERE.glob("*.sieve")) for case in read_cases(path)]


def _surroundings(case: Case) -> Surroundings:
    known = case.settings
    exists = {MailboxName.parse(name) for name in known.get("exists", "INBOX").split(",")}
    return Surroundings(
        now=datetime.fromisoformat(known.get("date", "2026-11-21T10:00:00+01:00")),
        delimiter=known.get("delimiter", "+"),
        mailbox_exists=exists.__contains__,
        environment={
            name.removeprefix("environment."): value
            for name, value in known.items()
            if name.startswith("environment.")
        },
        special_use=lambda use: [
            MailboxName.parse(name) for name in known.get(f"use.{use}", "").split(",") if name
        ],
        members=lambda name: known[f"list.{name}"].split(",") if f"list.{name}" in known else None,
        scores=SCORES,
        was_seen=lambda key, seconds: key.replace("\0", "~") == known.get("seen"),
    )


def check(case: Case) -> None:
    octets = case.script.encode("utf-8", "surrogateescape")
    script = compile_script(
        octets, load=lambda house, name: case.scripts.get(f"global/{name}" if house else name)
    )
    if isinstance(script, ScriptErrors):
        _check_errors(case, script.errors)
        return
    assert not case.wrong, f"{case.path}:{case.line}: must not compile"
    assert case.runs, f"{case.path}:{case.line}: expects nothing"
    for wanted in case.runs:
        _check_run(case, script, wanted)


def _check_errors(case: Case, errors: tuple[ScriptError, ...]) -> None:
    got = [_place(error) for error in errors]
    same = len(got) == len(case.wrong) and all(
        error.startswith(want) for error, want in zip(got, case.wrong, strict=True)
    )
    assert same, f"{case.path}:{case.line}: expected {case.wrong}, got {got}"


def _check_run(case: Case, script: Script, wanted: Wanted) -> None:
    name = wanted.message or next(iter(case.messages))
    view = ContentView(MemoryContent(case.messages[name]))
    outcome = run(script, view, case.envelope, _surroundings(case))
    where = f"{case.path}:{case.line}: {name}: "
    if wanted.fails is not None or outcome.error is not None:
        got = _place(outcome.error) if outcome.error else "no error"
        assert got.startswith(wanted.fails or "no error"), f"{where}{got}"
        assert outcome.actions == (Keep(),)
        return
    actions = [show(action) for action in outcome.actions]
    assert actions == wanted.actions, f"{where}expected {wanted.actions}, got {actions}"
    seen = [one.key.replace("\0", "~") for one in outcome.seen]
    assert seen == wanted.seen, f"{where}expected {wanted.seen}, got {seen}"


def _place(error: ScriptError) -> str:
    return f"{error.line}:{error.column} {error.text}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\r\n", "\\r\\n") + '"'


def show(action: Action) -> str:
    """Return an action as a script would write it."""
    words = [type(action).__name__.lower()]
    if isinstance(action, Keep | FileInto) and action.flags:
        words.append(":flags " + _quoted(" ".join(sorted(action.flags))))
    if isinstance(action, FileInto | Redirect) and action.copy:
        words.append(":copy")
    if isinstance(action, Keep | FileInto | Redirect) and action.header is not None:
        header = action.header.decode("utf-8", "replace").removesuffix("\r\n\r\n")
        words.append(":header " + _quoted(header.replace("\r\n", "|")))
    match action:
        case FileInto():
            words += [f":specialuse {_quoted(action.special_use)}"] * bool(action.special_use)
            words += [":create"] * action.create + [_quoted(str(action.mailbox))]
        case Redirect():
            words += [f":notify {action.notify}"] * (action.notify is not None)
            words += [f":ret {action.ret.value}"] if action.ret else []
            words.append(_quoted(str(action.address)))
        case Reject():
            words[0] = "ereject" if action.prefer_reply else "reject"
            words.append(_quoted(action.reason))
        case Vacation():
            words += _vacation(action)
        case Notification():
            words[0] = "notify"
            words += _notification(action)
        case Keep() | Discard():
            pass
    return " ".join(words)


def _notification(action: Notification) -> list[str]:
    words = [f":importance {action.importance}"] * (action.importance != 2)
    words += [f":from {_quoted(action.header_from)}"] if action.header_from else []
    words += [f":message {_quoted(action.text)}"] * bool(action.text)
    words += [f":fcc ({show(action.fcc)})"] if action.fcc else []
    words += [_quoted(",".join(map(str, action.to)))]
    return words + [_quoted(f"{name}={value}".replace("\n", "~")) for name, value in action.fields]


def _vacation(action: Vacation) -> list[str]:
    words = [f":seconds {action.seconds}"]
    if action.subject is not None:
        words.append(":subject " + _quoted(action.subject))
    if action.header_from is not None:
        words.append(":from " + _quoted(action.header_from))
    if action.addresses:
        words.append(":addresses " + _quoted(",".join(action.addresses)))
    words += [":mime"] * action.mime
    words += [f":fcc ({show(action.fcc)})"] if action.fcc else []
    if not action.handle.startswith("#"):
        words.append(":handle " + _quoted(action.handle))
    return [*words, _quoted(action.reason)]
