# SPDX-License-Identifier: MIT
"""A script's text as tokens (RFC 5228 §8.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from homemail.sieve.diagnostic import Problems

LARGEST_NUMBER = 2**63 - 1
_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30}


class TokenKind(Enum):
    """What a token is; a MARK is one of ``( ) [ ] { } , ;``."""

    IDENTIFIER = "a word"
    TAG = "a tag"
    NUMBER = "a number"
    STRING = "a string"
    MARK = "a mark"
    END = "the end of the script"


@dataclass(frozen=True, slots=True)
class Token:
    """One token with its offsets; words and tags are in lower case, tags without their colon."""

    kind: TokenKind
    text: str
    at: int
    end: int
    number: int = 0

    def __str__(self) -> str:
        match self.kind:
            case TokenKind.IDENTIFIER | TokenKind.MARK:
                return f'"{self.text[:60]}"'
            case TokenKind.TAG:
                return f'":{self.text[:60]}"'
            case _:
                return str(self.kind.value)


_TOKEN = re.compile(
    r"""
      (?P<space>    [ \t\n]+ | \#[^\n]* | /\*.*?\*/ )
    | (?P<multi>    [Tt][Ee][Xx][Tt]:[ \t]*(?:\#[^\n]*)?\n )
    | (?P<quoted>   "[^"\\]*(?:\\.[^"\\]*)*" )
    | (?P<tag>      :[A-Za-z_][A-Za-z0-9_]* )
    | (?P<word>     [A-Za-z_][A-Za-z0-9_]* )
    | (?P<number>   [0-9]+[KkMmGg]?(?![A-Za-z0-9_]) )
    | (?P<mark>     [()\[\]{},;] )
    """,
    re.VERBOSE | re.DOTALL,
)
_LAST_LINE = re.compile(r"^\.(?:\n|\Z)", re.MULTILINE)


def tokens(text: str, problems: Problems) -> list[Token]:
    r"""Return the tokens of ``text`` (lines end in ``\n``), closed by one of kind END.

    What is no token is noted in ``problems`` and passed over.
    """
    found: list[Token] = []
    at = 0
    while at < len(text) and not problems.full:
        match = _TOKEN.match(text, at)
        if match is None:
            at = _pass_over(text, at, problems)
        elif match.lastgroup == "multi":
            at = _multi_line(text, match, found, problems)
        else:
            at = match.end()
            if match.lastgroup != "space":
                found.append(_token(match, problems))
    found.append(Token(TokenKind.END, "", len(text), len(text)))
    return found


def _token(match: re.Match[str], problems: Problems) -> Token:
    text, at, end = match[0], match.start(), match.end()
    match match.lastgroup:
        case "quoted":
            return Token(TokenKind.STRING, _unquote(text), at, end)
        case "tag":
            return Token(TokenKind.TAG, text[1:].lower(), at, end)
        case "word":
            return Token(TokenKind.IDENTIFIER, text.lower(), at, end)
        case "number":
            return Token(TokenKind.NUMBER, "", at, end, _number(text, at, problems))
        case _:
            return Token(TokenKind.MARK, text, at, end)


def _number(text: str, at: int, problems: Problems) -> int:
    digits = text.rstrip("KkMmGg")
    # int() of very many digits is slow on purpose, and none of them fits.
    number = int(digits) if len(digits) < 20 else LARGEST_NUMBER + 1
    number *= _UNITS.get(text[len(digits) :].upper(), 1)
    if number > LARGEST_NUMBER:
        problems.add(at, "a number that is too large")
        return LARGEST_NUMBER
    return number


def _unquote(text: str) -> str:
    inner = text[1:-1]
    if "\\" in inner:
        inner = re.sub(r"\\(.)", r"\1", inner, flags=re.DOTALL)
    return inner.replace("\n", "\r\n")


def _multi_line(text: str, match: re.Match[str], found: list[Token], problems: Problems) -> int:
    last = _LAST_LINE.search(text, match.end())
    if last is None:
        problems.add(match.start(), 'the text that begins here lacks its last line "."')
        return len(text)
    lines = text[match.end() : last.start()]
    if "." in lines:
        lines = re.sub(r"^\.\.", ".", lines, flags=re.MULTILINE)
    value = lines.replace("\n", "\r\n")
    found.append(Token(TokenKind.STRING, value, match.start(), last.end()))
    return last.end()


def _pass_over(text: str, at: int, problems: Problems) -> int:
    if text[at] == '"':
        problems.add(at, "the string that begins here is not closed")
        return len(text)
    if text.startswith("/*", at):
        problems.add(at, "the comment that begins here is not closed")
        return len(text)
    number = re.compile("[0-9]+[A-Za-z0-9_]*").match(text, at)
    if number:
        problems.add(at, f'"{number[0][:20]}" is neither a number nor a word')
        return number.end()
    shown = text[at] if text[at].isprintable() else f"U+{ord(text[at]):04X}"
    problems.add(at, f'"{shown}" has no meaning here')
    return at + 1
