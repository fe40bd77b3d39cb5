# SPDX-License-Identifier: MIT
"""``:regex`` (draft-ietf-sieve-regex): POSIX extended regular expressions."""

from __future__ import annotations

from collections.abc import Sequence

from homemail.regex import Regex
from homemail.sieve.core.match import OCTET, parsed_later, parsed_now, substring_fold
from homemail.sieve.extension import Extension, Matcher, MatchParts, MatchType
from homemail.sieve.interpret import Run


def _by_regex(parts: MatchParts) -> Matcher:
    fold, keys, captures = substring_fold(parts, "regex"), parts.keys, parts.captures
    ignore_case = parts.comparator is not OCTET

    def compiled(texts: Sequence[str]) -> list[Regex]:
        return [Regex(text, ignore_case=ignore_case) for text in texts]

    constant = None if keys.constant is None else parsed_now(compiled, keys.constant, parts.at)

    def by_regex(run: Run, values: Sequence[str]) -> bool:
        wanted = constant
        if wanted is None:
            run.spend(sum(map(len, keys.of(run))))
            wanted = parsed_later(compiled, keys.of(run), parts.at)
        for value in values:
            folded = fold(value)
            for regex in wanted:
                if not regex.matches(folded, run.spend):
                    continue
                if captures:
                    places = regex.groups(folded, run.spend)
                    run.match_values = tuple(value[low:high] for low, high in places)
                return True
        return False

    return by_regex


REGEX = Extension(name="regex", match_types={"regex": MatchType(_by_regex)})
