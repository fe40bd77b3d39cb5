# SPDX-License-Identifier: MIT
"""Tokens as a tree (RFC 5228 §8.2); goes on behind an error to find the next ones."""

from __future__ import annotations

from homemail.sieve.diagnostic import Problems, Wrong
from homemail.sieve.lexer import Token, TokenKind
from homemail.sieve.syntax import Argument, Command, Number, String, Strings, Tag, Test

DEEPEST_NESTING = 32
"""Blocks in blocks, and tests in tests; RFC 5228 §2.10.5 asks for 15 of each."""


def parse(tokens: list[Token], problems: Problems) -> tuple[Command, ...]:
    """Return the commands of a script; what could not be read is in ``problems``."""
    return _Parser(tokens, problems).script()


class _Parser:
    def __init__(self, tokens: list[Token], problems: Problems) -> None:
        self._tokens = tokens
        self._problems = problems
        self._next = 0
        self._depth = 0

    def script(self) -> tuple[Command, ...]:
        commands = self._commands()
        while self._see.kind is not TokenKind.END and not self._problems.full:
            self._problems.add(self._see.at, 'a "}" without its "{"')
            self._take()
            commands += self._commands()
        return tuple(commands)

    @property
    def _see(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._tokens[self._next]
        if token.kind is not TokenKind.END:
            self._next += 1
        return token

    def _sees(self, *marks: str) -> bool:
        return self._see.kind is TokenKind.MARK and self._see.text in marks

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST_NESTING:
            raise Wrong(self._see.at, f"more than {DEEPEST_NESTING} levels of nesting")

    def _commands(self) -> list[Command]:
        commands: list[Command] = []
        while not self._problems.full and self._see.kind is not TokenKind.END:
            if self._sees("}"):
                break
            depth = self._depth
            try:
                commands.append(self._command())
            except Wrong as wrong:
                self._problems.note(wrong)
                self._depth = depth
                self._recover()
        return commands

    def _recover(self) -> None:
        """Go behind the command that could not be read; look into its block all the same."""
        while self._see.kind is not TokenKind.END and not self._sees("}"):
            if self._sees("{") and self._depth < DEEPEST_NESTING:
                self._depth += 1
                self._take()
                self._commands()
                if self._sees("}"):
                    self._take()
                self._depth -= 1
                return
            if self._take().text == ";" and self._tokens[self._next - 1].kind is TokenKind.MARK:
                return

    def _command(self) -> Command:
        name = self._take()
        if name.kind is not TokenKind.IDENTIFIER:
            raise Wrong(name.at, f"expected a command, not {name}")
        arguments, tests = self._arguments()
        end = self._tokens[self._next - 1].end
        if self._sees(";"):
            self._take()
            return Command(name.text, arguments, tests, None, name.at, end)
        if self._sees("{"):
            return Command(name.text, arguments, tests, self._block(), name.at, end)
        if self._sees("}") or self._see.kind is TokenKind.END:
            self._problems.add(end, f'expected ";" after "{name.text[:60]}"')
            return Command(name.text, arguments, tests, None, name.at, end)
        raise Wrong(self._see.at, f'expected ";" or a block, not {self._see}')

    def _block(self) -> tuple[Command, ...]:
        self._deeper()
        opening = self._take()
        commands = self._commands()
        if self._sees("}"):
            self._take()
        elif not self._problems.full:
            self._problems.add(opening.at, 'the block that begins here lacks its "}"')
        self._depth -= 1
        return tuple(commands)

    def _arguments(self) -> tuple[tuple[Argument, ...], tuple[Test, ...]]:
        arguments: list[Argument] = []
        while (argument := self._argument()) is not None:
            arguments.append(argument)
        if self._see.kind is TokenKind.IDENTIFIER:
            return tuple(arguments), (self._test(),)
        if self._sees("("):
            return tuple(arguments), self._test_list()
        return tuple(arguments), ()

    def _argument(self) -> Argument | None:
        token = self._see
        match token.kind:
            case TokenKind.TAG:
                return Tag(self._take().text, token.at)
            case TokenKind.NUMBER:
                return Number(self._take().number, token.at)
            case TokenKind.STRING:
                return Strings((String(self._take().text, token.at),), token.at, single=True)
            case _:
                return self._string_list() if self._sees("[") else None

    def _string_list(self) -> Strings:
        opening = self._take()
        items: list[String] = []
        while True:
            item = self._take()
            if item.kind is not TokenKind.STRING:
                raise Wrong(item.at, f"expected a string in the list, not {item}")
            items.append(String(item.text, item.at))
            if not self._sees(","):
                break
            self._take()
        if not self._sees("]"):
            raise Wrong(self._see.at, f'expected "," or "]" in the list, not {self._see}')
        self._take()
        return Strings(tuple(items), opening.at, single=False)

    def _test(self) -> Test:
        self._deeper()
        name = self._take()
        if name.kind is not TokenKind.IDENTIFIER:
            raise Wrong(name.at, f"expected a test, not {name}")
        arguments, tests = self._arguments()
        self._depth -= 1
        return Test(name.text, arguments, tests, name.at, self._tokens[self._next - 1].end)

    def _test_list(self) -> tuple[Test, ...]:
        self._take()
        found = [self._test()]
        while self._sees(","):
            self._take()
            found.append(self._test())
        if not self._sees(")"):
            raise Wrong(self._see.at, f'expected "," or ")" between tests, not {self._see}')
        self._take()
        return tuple(found)
