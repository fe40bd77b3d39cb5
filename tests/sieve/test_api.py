# SPDX-License-Identifier: MIT
from __future__ import annotations

from homemail.config.sieve import SieveSettings
from homemail.model.message import MemoryContent
from homemail.sieve import (
    ContentView,
    Keep,
    Limits,
    Redirect,
    Script,
    ScriptErrors,
    Vacation,
    capabilities,
    compile_script,
    limits_of,
    run,
)
from tests.sieve.cases import ENVELOPE, HERE


def view(subject: str = "x") -> ContentView:
    return ContentView(MemoryContent(f"Subject: {subject}\r\n\r\nbody\r\n".encode()))


def compiled(script: str, limits: Limits | None = None) -> Script:
    result = compile_script(script.encode(), limits or Limits())
    assert isinstance(result, Script), result
    return result


def vacation(script: str, subject: str = "x") -> Vacation:
    (action, _) = run(
        compiled('require ["vacation", "variables"];' + script), view(subject), ENVELOPE
    ).actions
    assert isinstance(action, Vacation)
    return action


def test_answers_with_other_variables_count_as_one() -> None:
    script = 'if header :matches "subject" "*" { vacation :subject "Re: ${1}" "${1}"; }'
    one, two = vacation(script, "lunch"), vacation(script, "dinner")
    assert one.subject != two.subject
    assert one.handle == two.handle


def test_answers_with_other_words_count_as_two() -> None:
    scripts = [
        'vacation "a";',
        'vacation "b";',
        'vacation :subject "a" "";',
        'vacation :subject "b" "a";',
        'vacation :from "a@example.com" "a";',
        'vacation :mime "";',
        'vacation :handle "a" "a";',
    ]
    assert len({vacation(script).handle for script in scripts}) == len(scripts)


def test_the_settings_are_the_limits() -> None:
    limits = limits_of(SieveSettings())
    assert limits == Limits()
    small = limits_of(SieveSettings(sieve_max_script_size=10, sieve_max_redirects=1))
    assert isinstance(compile_script(b"#" * 11, small), ScriptErrors)
    script = compiled('redirect "a@example.com"; redirect "b@example.com";')
    assert run(script, view(), ENVELOPE, limits=small).error is not None
    few = limits_of(SieveSettings(sieve_max_actions=2))
    assert run(compiled("keep; discard;"), view(), ENVELOPE, limits=few).error is None
    three = compiled('keep; discard; redirect "a@example.com";')
    assert run(three, view(), ENVELOPE, limits=few).actions == (Keep(),)


def test_a_script_runs_again_and_again() -> None:
    script = compiled('if header :is "subject" "a" { redirect "a@example.com"; }')
    for _ in range(2):
        assert run(script, view("b"), ENVELOPE).actions == (Keep(),)
        assert isinstance(run(script, view("a"), ENVELOPE).actions[0], Redirect)


def test_a_mark_of_utf8_in_front_is_passed_over() -> None:
    compiled("\ufeffkeep;")


def test_line_ends_may_be_both() -> None:
    for end in ("\n", "\r\n"):
        result = compile_script(f"keep;{end}{end} foo;".encode())
        assert isinstance(result, ScriptErrors)
        (error,) = result.errors
        assert (error.line, error.column) == (3, 2)


def test_remarks() -> None:
    (warning,) = compiled("if true { stop; keep; } stop;").warnings
    assert str(warning) == 'line 1, column 17: "keep" is never reached'


def test_every_extension_is_documented() -> None:
    page = (HERE.parent.parent / "docs" / "sieve.md").read_text("utf-8")
    assert [name for name in capabilities() if f"`{name}`" not in page] == []


def test_the_script_of_the_page_is_right() -> None:
    page = (HERE.parent.parent / "docs" / "sieve.md").read_text("utf-8")
    compiled(page.partition("```sieve\n")[2].partition("```")[0])


def test_every_extension_has_tests() -> None:
    scripts = "".join(path.read_text("utf-8") for path in HERE.glob("*.sieve"))
    assert [name for name in capabilities() if f'"{name}"' not in scripts] == []
