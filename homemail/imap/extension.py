# SPDX-License-Identifier: MIT
"""What an extension brings: its capability, its words, what they do.

The commands of IMAP4rev1 itself are given in the same form, without a capability. Nothing
registers itself: ``commands.COMMANDS`` and ``extensions.EXTENSIONS`` are written by hand and
``Vocabulary`` is made of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from homemail.imap.grammar import Scanner

if TYPE_CHECKING:
    from homemail.imap.commands.fetch import Fetch
    from homemail.imap.fetch_items import Item
    from homemail.imap.response import Tagged
    from homemail.imap.selected import Selected
    from homemail.imap.session import Session
    from homemail.imap.sort_keys import SortKey
    from homemail.model.search import SearchKey
    from homemail.store.api import MailboxStatus

Parse = Callable[[Scanner], Any]
"""Reads a command's arguments, the space before them included; returns its dataclass."""

Handle = Callable[["Session", Any], Awaitable["Tagged"]]
"""Carries a command out; may raise ``MailError``, ``Refusal`` and ``SyntaxTrouble``."""

FetchModifier = Callable[["Fetch"], "Fetch"]
"""What a word behind FETCH makes of the command."""


class SelectOption(Protocol):
    """A word in parentheses behind SELECT or EXAMINE."""

    def begin(self, session: Session) -> None:
        """Is called before the mailbox is opened. Raises ``Refusal``."""

    async def finish(self, session: Session, view: Selected) -> None:
        """Is called when the responses of SELECT have been given."""


_NOTHING: Mapping[Any, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Extension:
    """One extension of IMAP, or one family of commands.

    ``capability``: what is announced, a word or several; empty announces nothing.
    ``grammar`` maps a command's name (``b"UID MOVE"``) to its parser, ``handlers`` a command's
    class to what it does. ``fetch_items`` and ``search_keys`` map a word to the reader of what
    follows it, ``status_items`` a word to its value. ``select_options`` and ``fetch_modifiers``
    are the words in parentheses behind SELECT and FETCH, ``result_options`` those of SEARCH
    RETURN, ``sort_keys`` those of SORT. ``message_commands`` take literals of a message's size.
    ``enable`` are words that ENABLE knows. With ``before_login`` the capability is announced to
    those who have not authenticated, too.
    """

    capability: bytes = b""
    grammar: Mapping[bytes, Parse] = field(default_factory=lambda: _NOTHING)
    handlers: Mapping[type, Handle] = field(default_factory=lambda: _NOTHING)
    fetch_items: Mapping[bytes, Callable[[Scanner], Item]] = field(default_factory=lambda: _NOTHING)
    search_keys: Mapping[bytes, Callable[[Scanner], SearchKey]] = field(
        default_factory=lambda: _NOTHING
    )
    status_items: Mapping[bytes, Callable[[MailboxStatus], bytes]] = field(
        default_factory=lambda: _NOTHING
    )
    select_options: Mapping[bytes, Callable[[Scanner], SelectOption]] = field(
        default_factory=lambda: _NOTHING
    )
    fetch_modifiers: Mapping[bytes, Callable[[Scanner], FetchModifier]] = field(
        default_factory=lambda: _NOTHING
    )
    result_options: frozenset[bytes] = frozenset()
    sort_keys: Mapping[bytes, SortKey] = field(default_factory=lambda: _NOTHING)
    message_commands: frozenset[bytes] = frozenset()
    enable: frozenset[bytes] = frozenset()
    before_login: bool = False


class Vocabulary:
    """Everything that the server understands after login, put together from extensions."""

    def __init__(self, parts: Iterable[Extension]) -> None:
        parts = tuple(parts)
        self.capabilities = tuple(part.capability for part in parts if part.capability)
        self.early_capabilities = tuple(
            part.capability for part in parts if part.capability and part.before_login
        )
        self.grammar = {name: parse for part in parts for name, parse in part.grammar.items()}
        self.handlers = {kind: handle for part in parts for kind, handle in part.handlers.items()}
        self.fetch_items = {k: v for part in parts for k, v in part.fetch_items.items()}
        self.search_keys = {k: v for part in parts for k, v in part.search_keys.items()}
        self.status_items = {k: v for part in parts for k, v in part.status_items.items()}
        self.select_options = {k: v for part in parts for k, v in part.select_options.items()}
        self.fetch_modifiers = {k: v for part in parts for k, v in part.fetch_modifiers.items()}
        self.sort_keys = {k: v for part in parts for k, v in part.sort_keys.items()}
        self.result_options = frozenset().union(*(part.result_options for part in parts))
        self.message_commands = frozenset().union(*(part.message_commands for part in parts))
        self.enable = {word.upper(): word for part in parts for word in part.enable}
