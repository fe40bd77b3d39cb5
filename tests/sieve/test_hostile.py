# SPDX-License-Identifier: MIT
"""Scripts and messages made to hurt: nothing raises, nothing takes long."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homemail.model.message import MemoryContent
from homemail.sieve import (
    ContentView,
    Keep,
    Limits,
    Script,
    ScriptErrors,
    capabilities,
    compile_script,
    run,
)
from homemail.sieve.core.wildcard import Wildcard
from homemail.sieve.diagnostic import MOST_ERRORS, Problems
from homemail.sieve.lexer import tokens
from homemail.sieve.parser import parse
from tests.sieve.cases import ENVELOPE

MESSAGE = ContentView(MemoryContent(b"Subject: " + b"a" * 5000 + b"\r\n\r\n" + b"a" * 200_000))
ALL = "require [" + ", ".join(f'"{name}"' for name in capabilities()) + "];\n"


def compiled(script: str) -> Script:
    result = compile_script(script.encode())
    assert isinstance(result, Script), result
    return result


def errors(script: bytes) -> list[str]:
    result = compile_script(script)
    assert isinstance(result, ScriptErrors)
    return [error.text for error in result.errors]


WORDS = st.sampled_from(
    [
        *("if", "elsif", "else", "require", "stop", "keep", "fileinto", "set", "vacation"),
        *("not", "allof", "anyof", "header", "address", "true", "size", "exists", "body", "date"),
        *(":is", ":contains", ":over", ":matches", ":comparator", ":value", ":count", ":flags"),
        *("[", "]", "(", ")", "{", "}", ",", ";", '"', "/*", "*/", "#", "\n", "text:", ".\n", "\\"),
        *("1K", "99999999999999999999999", '"a"', '"${a}"', '"${hex:41}"', '"i;octet"', "\0", "é"),
    ]
)


@settings(deadline=None, max_examples=300)
@given(st.lists(WORDS, max_size=60))
def test_words_in_any_order_are_a_script_or_errors(words: list[str]) -> None:
    result = compile_script((ALL + " ".join(words)).encode())
    if isinstance(result, Script):
        assert run(result, MESSAGE, ENVELOPE).actions
    else:
        assert result.errors


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=200))
def test_any_octets_are_a_script_or_errors(octets: bytes) -> None:
    result = compile_script(octets)
    assert isinstance(result, Script) or result.errors


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet='ab"\\{}[]();,:#*/.\n text', max_size=60))
def test_lexer_and_parser_never_raise(text: str) -> None:
    problems = Problems(text)
    found = tokens(text, problems)
    parse(found, problems)
    assert all(low.end <= high.at for low, high in pairwise(found))


def test_cut_anywhere_a_script_is_a_script_or_errors() -> None:
    script = (
        ALL + 'if header :is "a" ["b", "c"] { keep; } # x\nredirect text:\n..a\n.\n;'
    ).encode()
    for at in range(len(script)):
        result = compile_script(script[:at])
        assert isinstance(result, Script) or result.errors


@pytest.mark.slow
@pytest.mark.parametrize(
    "script",
    [
        "if true {" * 100_000,
        "if not " + "not " * 200_000 + "true { }",
        "if " + "anyof(" * 100_000,
        "keep " + "[" * 500_000,
        '"' * 500_001,
        "/*" * 400_000,
        "foo;" * 200_000,
        "}" * 900_000,
        "keep " * 190_000,
        "text:\n" * 150_000,
        "1" * 900_000,
        "\x01" * 900_000,
    ],
    ids=range(12),
)
def test_rubbish_of_a_megabyte_is_refused_soon(script: str) -> None:
    began = time.process_time()
    assert 1 <= len(errors(script.encode())) <= MOST_ERRORS
    assert time.process_time() - began < 15


def test_a_script_that_is_too_large() -> None:
    assert errors(b"#" * 1_000_001) == ["the script is larger than 1000000 octets"]


def test_octets_that_are_no_text() -> None:
    assert errors(b"keep;\n# \xff\n") == ["this is not UTF-8"]
    assert errors(b"keep;\0") == ['"U+0000" has no meaning here']


def test_fifteen_levels_of_nesting() -> None:
    compiled("if true {" * 15 + "keep;" + "}" * 15)
    compiled("if " + "not " * 15 + "true { }")
    compiled("if " + "anyof (" * 15 + "true" + ")" * 15 + "{ }")
    assert errors(b"if true {" * 40 + b"keep;" + b"}" * 40)


@pytest.mark.slow
@pytest.mark.parametrize(
    "script",
    [
        'keep; if header "a" "b" { stop; }\n' * 25_000,
        'if header :matches "subject" "*a*b?c*" { stop; }\n' * 18_000,
        "if not anyof (" + ", ".join(['body :contains "b"'] * 40_000) + ") { keep; }",
        'if header :contains "subject" [' + ", ".join(['"b"'] * 180_000) + "] { stop; }",
        'set "a" "${a}aaaaaaaaaaaaaaaaaa${a}";' * 25_000,
        "".join(f'set "v{n}" "${{subject}}";' for n in range(25_000)),
    ],
    ids=range(6),
)
def test_a_long_script_ends_soon(script: str) -> None:
    began = time.process_time()
    outcome = run(compiled(ALL + script), MESSAGE, ENVELOPE)
    assert Keep() in outcome.actions or outcome.error
    assert time.process_time() - began < 20


def test_work_is_counted() -> None:
    script = compiled('require "body";' + 'if body :contains "b" { stop; }' * 500)
    outcome = run(script, MESSAGE, ENVELOPE, limits=Limits(work=10_000))
    assert outcome.error is not None
    assert outcome.error.text == "the script takes too long"
    assert outcome.actions == (Keep(),)


@pytest.mark.parametrize(
    "pattern", ["*a" * 30 + "*b", "*?" * 30 + "b", "**" * 200 + "b", "a*" * 99]
)
def test_patterns_never_go_back(pattern: str) -> None:
    began = time.process_time()
    Wildcard(pattern).match("a" * 20_000)
    assert time.process_time() - began < 1


def test_a_pattern_that_is_too_long() -> None:
    assert errors(b'if header :matches "a" "' + b"*" * 9000 + b'" { }') == [
        "a pattern of more than 8192 characters"
    ]


GLOBS = st.text(alphabet="ab*?", max_size=8)


def _naive(pattern: str, text: str) -> list[str] | None:
    """Return the shortest texts for the wildcards from the left, by trying all of them."""
    if not pattern:
        return [] if not text else None
    if pattern[0] == "*":
        for length in range(len(text) + 1):
            rest = _naive(pattern[1:], text[length:])
            if rest is not None:
                return [text[:length], *rest]
        return None
    if not text or pattern[0] not in ("?", text[0]):
        return None
    rest = _naive(pattern[1:], text[1:])
    return None if rest is None else [text[0], *rest] if pattern[0] == "?" else rest


@settings(deadline=None, max_examples=500)
@given(GLOBS, st.text(alphabet="ab", max_size=10))
def test_wildcards_are_the_shortest_from_the_left(pattern: str, text: str) -> None:
    spans = Wildcard(pattern).match(text)
    found = None if spans is None else [text[low:high] for low, high in spans]
    assert found == _naive(pattern, text)


@pytest.mark.slow
def test_loops_in_loops_over_many_parts() -> None:
    parts = b"".join(b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n" for _ in range(3000))
    octets = b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + parts + b"--b--\r\n"
    text = 'require ["foreverypart", "mime", "fileinto"]; foreverypart { '
    text += 'if header :mime :anychild "content-type" "x" { discard; } } '
    text += 'if header :mime :anychild :contenttype "content-type" "text/plain" { fileinto "t"; }'
    script = compile_script(text.encode() + b" " + text.partition(";")[2].encode() * 20)
    assert not isinstance(script, ScriptErrors)
    outcome = run(script, ContentView(MemoryContent(octets)), ENVELOPE)
    assert outcome.error is not None
    assert "takes too long" in outcome.error.text


def test_what_is_included_counts_together() -> None:
    half = b"# " + b"x" * 600_000 + b"\nkeep;"
    script = compile_script(
        b'require "include"; include "a"; include "b";', load=lambda house, name: half
    )
    assert not isinstance(script, ScriptErrors)
    outcome = run(script, ContentView(MemoryContent(b"\r\n")), ENVELOPE)
    assert outcome.error is not None
    assert "too much is included" in outcome.error.text


@pytest.mark.slow
def test_many_edits_of_a_header() -> None:
    edits = b'addheader "X-A" "' + b"x" * 20_000 + b'"; '
    script = compile_script(b'require "editheader"; ' + edits * 45)
    assert not isinstance(script, ScriptErrors)
    outcome = run(script, ContentView(MemoryContent(b"\r\n")), ENVELOPE)
    assert outcome.error is None
    script = compile_script(b'require "editheader"; ' + edits * 49)
    assert not isinstance(script, ScriptErrors)
    octets = b"From: a\r\n" * 9000 + b"\r\n"
    outcome = run(script, ContentView(MemoryContent(octets)), ENVELOPE)
    assert outcome.error is not None
    assert "header is too long" in outcome.error.text
