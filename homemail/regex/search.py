# SPDX-License-Identifier: MIT
"""Whether and where a pattern is found in a text.

Whether: by an automaton whose states are made when they are first reached and then remembered, so
that most characters cost one look into a dictionary. Where: once more with all ways in order of
preference, only for a text that matches. Both are linear in the text; ``spend`` counts the work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from homemail.regex.program import Jump, Match, Save, Split, Take, translate
from homemail.regex.syntax import End, Start

MOST_REMEMBERED = 20_000
"""Transitions; when there are more all are forgotten, so that memory has an end."""

Spend = Callable[[int], None]
_Slots = tuple[int, ...]


class _State:
    """A set of instructions that wait for a character or for the end of the text."""

    __slots__ = ("counters", "matches", "next")

    def __init__(self, counters: tuple[int, ...], *, matches: bool) -> None:
        self.counters = counters
        self.matches = matches
        self.next: dict[str, _State] = {}


class Regex:
    """One pattern, compiled. With ``ignore_case``, texts must come in lower case (ASCII).

    ``perl``: the pattern is one of Perl's; there "." stands for line ends, too.

    Raises:
        ValueError: the pattern is not right or too large.
    """

    def __init__(self, pattern: str, *, ignore_case: bool = False, perl: bool = False) -> None:
        program = translate(pattern, perl=perl)
        self._code = program.code
        self._slots = program.slots
        self._ignore_case = ignore_case
        self._forget()

    def _forget(self) -> None:
        self._states: dict[tuple[int, ...], _State] = {}
        self._remembered = 0
        self._first: _State | None = None

    def matches(self, text: str, spend: Spend) -> bool:
        """Return whether the pattern is found anywhere in ``text``."""
        spend(1 + (len(text) >> 4))
        state = self._first
        if state is None:
            state = self._first = self._state([0], at_start=True)
        for letter in text:
            if state.matches:
                return True
            following = state.next.get(letter)
            if following is None:
                spend(1 + (len(state.counters) >> 2))
                following = self._follow(state, letter)
            state = following
        return state.matches or self._matches_at_end(state, at_start=not text)

    def _follow(self, state: _State, letter: str) -> _State:
        # 0 again: the pattern may begin at every place.
        following = self._state([*self._taken(state.counters, letter), 0], at_start=False)
        self._remembered += 1
        if self._remembered > MOST_REMEMBERED:
            self._forget()
        else:
            state.next[letter] = following
        return following

    def _taken(self, counters: Iterable[int], letter: str) -> list[int]:
        return [counter + 1 for counter in counters if self._takes(counter, letter)]

    def _takes(self, counter: int, letter: str) -> bool:
        instruction = self._code[counter]
        if not isinstance(instruction, Take):
            return False
        letters = instruction.letters
        if not self._ignore_case or not letter.isascii() or not letter.isalpha():
            return letters.has(letter)
        if letters.negated:
            return letters.has(letter) and letters.has(letter.upper())
        return letters.has(letter) or letters.has(letter.upper())

    def _state(self, counters: Iterable[int], *, at_start: bool) -> _State:
        reached = self._reach(counters, at_start=at_start, at_end=False)
        key = tuple(sorted(reached))
        state = None if at_start else self._states.get(key)
        if state is None:
            matches = any(isinstance(self._code[counter], Match) for counter in key)
            state = _State(key, matches=matches)
            if not at_start:
                self._states[key] = state
        return state

    def _matches_at_end(self, state: _State, *, at_start: bool) -> bool:
        reached = self._reach(state.counters, at_start=at_start, at_end=True)
        return any(isinstance(self._code[counter], Match) for counter in reached)

    def _reach(self, counters: Iterable[int], *, at_start: bool, at_end: bool) -> set[int]:
        """Return where the program waits when it goes on from ``counters`` without a character."""
        waiting: set[int] = set()
        seen: set[int] = set()
        todo = list(counters)
        while todo:
            counter = todo.pop()
            if counter in seen:
                continue
            seen.add(counter)
            match self._code[counter]:
                case Jump(to):
                    todo.append(to)
                case Split(first, second):
                    todo += (first, second)
                case Save():
                    todo.append(counter + 1)
                case Start():
                    if at_start:
                        todo.append(counter + 1)
                case End():
                    waiting.add(counter)
                    if at_end:
                        todo.append(counter + 1)
                case _:
                    waiting.add(counter)
        return waiting

    def groups(self, text: str, spend: Spend) -> list[tuple[int, int]]:
        """Return the places of the whole match and of each group; (0, 0) for one not taken part.

        ``text`` is known to match. The leftmost match; of those, the one that is preferred.
        """
        ways: list[tuple[int, _Slots]] = []
        best: _Slots | None = None
        for at in range(len(text) + 1):
            spend(1 + 2 * len(ways))
            if best is None:
                ways.append((0, (-1,) * self._slots))
            elif not ways:
                break
            following: list[tuple[int, _Slots]] = []
            for counter, slots in self._ordered(ways, at, len(text)):
                if isinstance(self._code[counter], Match):
                    best = slots
                    break  # what is left are ways of lower preference
                if at < len(text) and self._takes(counter, text[at]):
                    following.append((counter + 1, slots))
            ways = following
        return _pairs(best or (0, 0) * (self._slots // 2))

    def _ordered(
        self, ways: list[tuple[int, _Slots]], at: int, end: int
    ) -> Iterable[tuple[int, _Slots]]:
        """Yield where each way waits, the preferred ones first, each place once."""
        seen: set[int] = set()
        todo = ways[::-1]
        while todo:
            counter, slots = todo.pop()
            if counter in seen:
                continue
            seen.add(counter)
            match self._code[counter]:
                case Jump(to):
                    todo.append((to, slots))
                case Split(first, second):
                    todo += ((second, slots), (first, slots))
                case Save(slot):
                    todo.append((counter + 1, (*slots[:slot], at, *slots[slot + 1 :])))
                case Start():
                    if at == 0:
                        todo.append((counter + 1, slots))
                case End():
                    if at == end:
                        todo.append((counter + 1, slots))
                case _:
                    yield counter, slots


def _pairs(slots: _Slots) -> list[tuple[int, int]]:
    pairs = zip(slots[::2], slots[1::2], strict=True)
    return [(low, high) if low >= 0 <= high else (0, 0) for low, high in pairs]
