# SPDX-License-Identifier: MIT
"""The comparators and match types that every script may use (RFC 5228 §2.7)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from homemail.sieve.core.wildcard import Wildcard
from homemail.sieve.diagnostic import Wrong
from homemail.sieve.extension import Comparator, Extension, Matcher, MatchParts, MatchType
from homemail.sieve.interpret import Run, RunError

T = TypeVar("T")


def fold_ascii(text: str) -> str:
    """Return ``text`` with A to Z in lower case and all else as it is (RFC 4790 §9.2.1)."""
    if text.isascii():
        return text.lower()
    # Octets know the case of ASCII letters only, which is what is wanted.
    return text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")


def _same(text: str) -> str:
    return text


OCTET = Comparator("i;octet", key=_same, fold=_same)
ASCII_CASEMAP = Comparator("i;ascii-casemap", key=fold_ascii, fold=fold_ascii)


def cost(values: Sequence[str], keys: int) -> int:
    """Return the work of comparing every value with every key."""
    total = 0
    for value in values:
        total += 1 + (len(value) >> 8)
    return 1 + keys * total


def substring_fold(parts: MatchParts, match_type: str) -> Callable[[str], str]:
    """Return the fold of a comparator for a match type that looks inside texts.

    Raises:
        Wrong: the comparator knows whole texts only.
    """
    if parts.comparator.fold is None:
        raise Wrong(parts.at, f'":{match_type}" cannot be used with {parts.comparator.name}')
    return parts.comparator.fold


def parsed_now(parse: Callable[[Sequence[str]], T], keys: Sequence[str], at: int) -> T:
    """Return ``parse(keys)``; a ``ValueError`` becomes an error of the script."""
    try:
        return parse(keys)
    except ValueError as error:
        raise Wrong(at, str(error)) from None


def parsed_later(parse: Callable[[Sequence[str]], T], keys: Sequence[str], at: int) -> T:
    """Return ``parse(keys)``; a ``ValueError`` becomes the end of the run."""
    try:
        return parse(keys)
    except ValueError as error:
        raise RunError(at, str(error)) from None


def _is(parts: MatchParts) -> Matcher:
    key, keys = parts.comparator.key, parts.keys
    if keys.constant is not None:
        wanted = frozenset(key(text) for text in keys.constant)

        def equals_constant(run: Run, values: Sequence[str]) -> bool:
            run.spend(cost(values, 1))
            return any(key(value) in wanted for value in values)

        return equals_constant

    def equals(run: Run, values: Sequence[str]) -> bool:
        texts = keys.of(run)
        run.spend(cost(values, len(texts)))
        current = {key(text) for text in texts}
        return any(key(value) in current for value in values)

    return equals


def _contains(parts: MatchParts) -> Matcher:
    fold, keys = substring_fold(parts, "contains"), parts.keys
    constant = None if keys.constant is None else tuple(fold(text) for text in keys.constant)

    def contains(run: Run, values: Sequence[str]) -> bool:
        wanted = constant if constant is not None else [fold(text) for text in keys.of(run)]
        run.spend(cost(values, len(wanted)))
        for value in values:
            folded = fold(value)
            for text in wanted:
                if text in folded:
                    return True
        return False

    return contains


def _matches(parts: MatchParts) -> Matcher:
    fold, keys, captures = substring_fold(parts, "matches"), parts.keys, parts.captures

    def wildcards(texts: Sequence[str]) -> list[Wildcard]:
        return [Wildcard(fold(text)) for text in texts]

    constant = None if keys.constant is None else parsed_now(wildcards, keys.constant, parts.at)

    def matches(run: Run, values: Sequence[str]) -> bool:
        wanted = constant
        if wanted is None:
            wanted = parsed_later(wildcards, keys.of(run), parts.at)
        run.spend(cost(values, len(wanted)))
        for value in values:
            folded = fold(value)
            for wildcard in wanted:
                spans = wildcard.match(folded)
                if spans is None:
                    continue
                if captures:
                    run.match_values = (value, *(value[low:high] for low, high in spans))
                return True
        return False

    return matches


MATCH = Extension(
    name="",
    comparators={OCTET.name: OCTET, ASCII_CASEMAP.name: ASCII_CASEMAP},
    match_types={
        "is": MatchType(_is),
        "contains": MatchType(_contains),
        "matches": MatchType(_matches),
    },
)
