# SPDX-License-Identifier: MIT
from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homemail.regex import Regex
from homemail.sieve.interpret import Limits, Run, RunError
from homemail.sieve.view import Surroundings
from tests.sieve.cases import ENVELOPE
from tests.sieve.test_hostile import MESSAGE


def free(work: int) -> None:
    """Spend nothing."""


def found(pattern: str, text: str) -> list[str] | None:
    regex = Regex(pattern)
    if not regex.matches(text, free):
        return None
    return [text[low:high] for low, high in regex.groups(text, free)]


@pytest.mark.parametrize(
    ("pattern", "text", "groups"),
    [
        ("", "abc", [""]),
        ("b+", "abbbc", ["bbb"]),
        ("^b", "ab", None),
        ("^a|c$", "xc", ["c"]),
        ("^$", "", [""]),
        ("^$", "x", None),
        ("a^b", "a^b", None),
        (r"\^\$\.\*\[\\", "x^$.*[\\", ["^$.*[\\"]),
        ("[]a]+", "x]a]", ["]a]"]),
        ("[^]a]", "]ab", ["b"]),
        ("[a-]+", "b-a", ["-a"]),
        ("[[:digit:][:upper:]_]+", "ab_A1é", ["_A1"]),
        ("(a|ab)(c|bcd)(d*)", "abcd", ["abcd", "a", "bcd", ""]),
        ("(a*)*b", "aab", ["aab", "aa"]),
        ("x{2}", "axxx", ["xx"]),
        ("x{2,}", "axxx", ["xxx"]),
        ("x{,2}y", "xxxy", ["xxy"]),
        ("(ab){1,2}c", "abababc", ["ababc", "ab"]),
        ("(a)|(b)", "b", ["b", "", "b"]),
        (".", "\r", ["\r"]),
        (r"^\[(.*)\] (.*)$", "[list] hello", ["[list] hello", "list", "hello"]),
        ("a]b}", "a]b}", ["a]b}"]),
        ("(|a)b", "ab", ["ab", "a"]),
    ],
)
def test_patterns(pattern: str, text: str, groups: list[str] | None) -> None:
    assert found(pattern, text) == groups


@pytest.mark.parametrize(
    "pattern",
    [
        *("(", ")", "a)", "[", "[a", "[b-a]", "[[:nope:]]", "[[.a.]]", "*", "a|*", "(+)", "\\"),
        *("\\d", "{2}", "a{", "a{2", "a{3,2}", "a{256}", "a{,}", "(" * 40 + ")" * 40, "a" * 2001),
        "((((a{50}){50}){50}){50})",
    ],
)
def test_what_is_no_pattern(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Regex(pattern)


ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "(a|b)", "(ab)", "(a*)", "(b|)", "^", "$"])
REPEATS = st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,2}"])
PATTERNS = st.lists(st.tuples(ATOMS, REPEATS), max_size=5).map(
    lambda parts: "".join(atom + ("" if atom in "^$" else repeat) for atom, repeat in parts)
)


@settings(deadline=None, max_examples=500)
@given(PATTERNS, st.text(alphabet="abc", max_size=8))
def test_it_finds_what_the_standard_library_finds(pattern: str, text: str) -> None:
    expected = re.search(pattern.replace("$", r"\Z"), text)
    mine = found(pattern, text)
    assert (mine is None) == (expected is None)
    if mine is not None and expected is not None:
        assert mine[0] == expected[0]


@settings(deadline=None, max_examples=300)
@given(st.text(alphabet="ab()[]{}|*+?.^$\\-,:12", max_size=20), st.text(alphabet="ab", max_size=5))
def test_any_pattern_is_one_or_an_error(pattern: str, text: str) -> None:
    try:
        regex = Regex(pattern)
    except ValueError:
        return
    if regex.matches(text, free):
        regex.groups(text, free)


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("HeLLo", "hello", True),
        ("[A-C]", "b", True),
        ("[^A-C]", "b", False),
        ("[^A-C]", "d", True),
        ("[[:upper:]]", "d", True),
        ("é", "É", False),
    ],
)
def test_case(pattern: str, text: str, matches: bool) -> None:
    assert Regex(pattern, ignore_case=True).matches(text, free) is matches


@pytest.mark.slow
@pytest.mark.parametrize(
    "pattern",
    [
        *("(a*)*b", "(a|a)*b", "(a|aa)+$b", "(.*)(.*)(.*)(.*)(.*)[^a]x", "(a?){200}b", "a{200}b"),
        *("(a|b|ab)*c" * 20, "[ab]*a[ab]{11}c", "(x+x+)+y"),
    ],
)
def test_no_pattern_is_slow(pattern: str) -> None:
    began = time.process_time()
    run = Run(MESSAGE, ENVELOPE, Surroundings(), Limits())
    regex = Regex(pattern)
    text = ("aab" * 5000) + "a" * 20_000
    try:
        regex.matches(text, run.spend)
        regex.groups(text, run.spend)
    except RunError as error:
        assert error.text == "the script takes too long"
    assert time.process_time() - began < 20


def perl_found(pattern: str, text: str) -> list[str] | None:
    regex = Regex(pattern, perl=True)
    if not regex.matches(text, free):
        return None
    return [text[low:high] for low, high in regex.groups(text, free)]


@pytest.mark.parametrize(
    ("pattern", "text", "groups"),
    [
        (r"^(\w+?)@\d+\.example\z", "alice@12.example", ["alice@12.example", "alice"]),
        (r"(a+?)(a*)", "aaa", ["aaa", "a", "aa"]),
        (r"(?:ab)+(c)", "ababc", ["ababc", "c"]),
        (r"[\w.-]+\s[^\s@]", "x a.b-c d", ["x a"]),
        (r"\x41\t\.\/\-", "A\t./-", ["A\t./-"]),
        (r"[\]\-x]+", "]-x", ["]-x"]),
        (r"a{,2}", "a{,2}", ["a"]),
        (r"x{a}", "x{a}", ["x{a}"]),
        (r"a??b", "ab", ["ab"]),
        (r"(a{1,3}?)(a*)", "aaa", ["aaa", "a", "aa"]),
        (r"\Ab", "ab", None),
        (r"\D\S\W", "a#!", ["a#!"]),
    ],
)
def test_perl(pattern: str, text: str, groups: list[str] | None) -> None:
    assert perl_found(pattern, text) == groups


@pytest.mark.parametrize(
    "pattern",
    [
        r"(?=a)",
        r"(?<!a)b",
        r"(a)\1",
        r"\bx",
        r"a++",
        r"(?>a)",
        r"(?P<n>a)",
        r"\K",
        r"(?i)a",
        r"a**",
    ],
)
def test_what_no_automaton_can_do_of_perl(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Regex(pattern, perl=True)


_ATOMS = st.sampled_from(
    ["a", "b", ".", r"\d", r"\w", r"[^a]", r"[a\d]", "(a)", "(?:ab)", "(a|b)", r"\."]
)
_PATTERNS = st.lists(
    st.tuples(_ATOMS, st.sampled_from(["", "*", "+", "?", "*?", "+?", "??", "{1,2}", "{2}?"])),
    max_size=5,
).map(lambda pairs: "".join(atom + repeat for atom, repeat in pairs))


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(_PATTERNS, st.text("ab1.\n", max_size=8))
def test_perl_finds_what_re_finds(pattern: str, text: str) -> None:
    expected = re.compile(pattern, re.DOTALL | re.ASCII).search(text)
    found = perl_found(pattern, text)
    assert (found is None) is (expected is None)
    if expected is not None and found is not None:
        assert found[0] == expected[0]
