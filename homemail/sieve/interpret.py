# SPDX-License-Identifier: MIT
"""A compiled script meets a message: actions, the implicit keep, conflicts, limits.

The actions are gathered first and carried out by somebody else, so a script that fails half way
has done nothing: its outcome is one keep, and the error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from homemail.model.mailbox import Flags
from homemail.sieve.action import (
    NO_FLAGS,
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
from homemail.sieve.diagnostic import ScriptError
from homemail.sieve.view import EnvelopeView, MessageView, PartView, Surroundings


@dataclass(frozen=True, slots=True)
class Limits:
    """What one script may cost.

    ``script_octets``: size of its text. ``work``: a rough count of comparisons, each one costing
    more for longer texts. ``variable_octets``: a longer value is cut (RFC 5229 §6).
    ``vacation_seconds``: shortest and longest time between two answers (RFC 5230 §4.1).
    """

    script_octets: int = 1_000_000
    redirects: int = 5
    actions: int = 32
    work: int = 2_000_000
    variable_octets: int = 65_536
    vacation_seconds: tuple[int, int] = (86_400, 90 * 86_400)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is to be done, in order; the implicit keep is written out.

    With an ``error`` the actions are a keep alone, and the owner should hear of it. ``seen`` is to
    be remembered once the actions are done. ``log`` tells which line wanted which action.
    """

    actions: tuple[Action, ...]
    error: ScriptError | None = None
    seen: tuple[Seen, ...] = ()
    log: tuple[tuple[int, Action], ...] = ()


class RunError(Exception):
    """Ends the script; ``at`` is an offset in its text."""

    def __init__(self, at: int, text: str) -> None:
        super().__init__(text)
        self.at = at
        self.text = text


class Stopped(Exception):
    """The command ``stop``."""


class Broken(Exception):
    """The command ``break`` (RFC 5703 §3): ends the loop of this number."""

    def __init__(self, loop: int) -> None:
        super().__init__(loop)
        self.loop = loop


class Returned(Exception):
    """The command ``return`` (RFC 6609 §3.3): ends one script of several."""


Step = Callable[["Run"], None]
Predicate = Callable[["Run"], bool]


class Run:
    """One script, one message: all that changes while it runs.

    ``flags`` is the internal variable of RFC 5232; ``match_values`` are those of RFC 5229 §3.2.
    ``globals``, ``shared`` and ``included`` are of RFC 6609: the variables that scripts share,
    which of them the running script uses, and the scripts that were included. ``edited_header`` as
    in ``Keep``, ``seen`` as in ``Outcome``. ``traced``: every action as it was asked for, with its
    place. ``kept`` are values of the header that several tests look at; they go when ``message`` is
    replaced. ``part`` is the one that ``foreverypart`` is at.
    """

    __slots__ = (
        "_work",
        "actions",
        "edited_header",
        "envelope",
        "flags",
        "globals",
        "implicit_keep",
        "included",
        "kept",
        "limits",
        "match_values",
        "message",
        "part",
        "seen",
        "shared",
        "surroundings",
        "traced",
        "variables",
    )

    def __init__(
        self,
        message: MessageView,
        envelope: EnvelopeView,
        surroundings: Surroundings,
        limits: Limits,
    ) -> None:
        self.message = message
        self.envelope = envelope
        self.surroundings = surroundings
        self.limits = limits
        self.actions: list[Action] = []
        self.implicit_keep = True
        self.flags: Flags = NO_FLAGS
        self.match_values: tuple[str, ...] = ()
        self.variables: dict[str, str] = {}
        self.globals: dict[str, str] = {}
        self.shared: set[str] = set()
        self.included: set[str] = set()
        self.kept: dict[object, Sequence[str]] = {}
        self.part: PartView | None = None
        self.edited_header: bytes | None = None
        self.seen: dict[str, Seen] = {}
        self.traced: list[tuple[int, Action]] = []
        self._work = limits.work

    def spend(self, work: int) -> None:
        """Count ``work``; raises ``RunError`` when there was too much of it."""
        self._work -= work
        if self._work < 0:
            raise RunError(0, "the script takes too long")

    def add(self, action: Action, at: int) -> None:
        """Take up an action, unless it is the same as one before or forbidden beside it."""
        if self.edited_header is not None and isinstance(action, Keep | FileInto | Redirect):
            action = replace(action, header=self.edited_header)
        self.traced.append((at, action))
        for number, earlier in enumerate(self.actions):
            same = _merged(earlier, action)
            if same is not None:
                self.actions[number] = same
                break
            if _conflict(earlier, action):
                names = f"{_name(action)} cannot be used together with {_name(earlier)}"
                raise RunError(at, names)
        else:
            self._append(action, at)
        if cancels_keep(action):
            self.implicit_keep = False

    def _append(self, action: Action, at: int) -> None:
        if len(self.actions) >= self.limits.actions:
            raise RunError(at, f"more than {self.limits.actions} actions")
        sent = sum(map(_copies_sent, (*self.actions, action)))
        if _copies_sent(action) and sent > self.limits.redirects:
            raise RunError(at, f"more than {self.limits.redirects} redirects")
        self.actions.append(action)


def _copies_sent(action: Action) -> int:
    """Return how many people get mail by an action that the owner wants, not an answer."""
    match action:
        case Redirect():
            return 1
        case Notification(to=to):
            return len(to)
        case _:
            return 0


def cancels_keep(action: Action) -> bool:
    """Return whether ``action`` cancels the implicit keep (RFC 5228 §2.10.2)."""
    match action:
        case FileInto(copy=copy) | Redirect(copy=copy):
            return not copy
        case Vacation() | Notification():
            return False
        case Keep() | Discard() | Reject():
            return True


def _conflict(earlier: Action, action: Action) -> bool:
    """Return whether two actions exclude each other.

    ``reject`` stands alone: a message is delivered or refused, not both (RFC 5429 §2.4), and
    ``discard`` beside it changes nothing. ``vacation`` comes once (RFC 5230 §4.7). ``notify`` goes
    with everything (RFC 5435 §3).
    """
    if isinstance(earlier, Notification) or isinstance(action, Notification):
        return False
    if isinstance(earlier, Reject) or isinstance(action, Reject):
        return not (isinstance(earlier, Discard) or isinstance(action, Discard))
    return isinstance(earlier, Vacation) and isinstance(action, Vacation)


def _merged(earlier: Action, action: Action) -> Action | None:
    """Return the one action that does what both ask for, or None where they are two.

    A message comes into a mailbox once, and to an address once (RFC 5228 §2.10.3); the last
    flags win (RFC 5232 §3).
    """
    match earlier, action:
        case Keep(), Keep():
            return action
        case FileInto(), FileInto() if earlier.mailbox == action.mailbox:
            return replace(
                earlier,
                flags=action.flags,
                header=action.header,
                copy=earlier.copy and action.copy,
                create=earlier.create or action.create,
            )
        case Redirect(), Redirect() if earlier.address == action.address:
            return replace(earlier, copy=earlier.copy and action.copy)
        case Discard(), Discard():
            return earlier
        case Notification(), Notification() if earlier == action:
            return earlier
        case _:
            return None


def _name(action: Action) -> str:
    return type(action).__name__.lower()


def perform(body: Step, run: Run, place: Callable[[int], tuple[int, int]]) -> Outcome:
    """Run a script to its end; ``place`` turns an offset into line and column."""
    try:
        body(run)
    except (Stopped, Returned):
        pass
    except RunError as error:
        return Outcome((Keep(),), ScriptError(*place(error.at), error.text))
    log = tuple((place(at)[0], action) for at, action in run.traced)
    actions = tuple(run.actions)
    if run.implicit_keep:
        actions += (Keep(run.flags, run.edited_header),)
    return Outcome(actions, seen=tuple(run.seen.values()), log=log)
