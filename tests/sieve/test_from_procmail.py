# SPDX-License-Identifier: MIT
"""procmail's recipes as scripts: what comes out, that it compiles, what it says it lacks."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homemail.sieve import ScriptErrors, compile_script
from homemail.sieve.procmail import turn


def script(text: str, *missing: tuple[int, str]) -> str:
    """Return the script without its ``require``; it must compile and lack what is said."""
    turned = turn(text)
    assert turned.missing == missing
    compiled = compile_script(turned.script.encode())
    assert not isinstance(compiled, ScriptErrors), (turned.script, compiled)
    lines = turned.script.splitlines()
    return "\n".join(lines[2:] if lines and lines[0].startswith("require") else lines)


BOOK = """
:0 c
messages

:0
* ^From.*guitar-list
{
  :0 c
  ! rich@ispnet3.net
  :0
  guitars
}

:0 Whc: vacation.lock
* !^FROM_DAEMON
* !^X-Loop: rich@ispnet1\\.net
| (formail -rA"Precedence: junk"; echo "Out of the office until 1/4") | $SENDMAIL -oi -t

:0
* ^Subject.*network
/dev/null
"""


def test_the_sample_of_the_book() -> None:
    lines = script(BOOK).splitlines()
    assert lines[:6] == [
        'fileinto :create :copy "messages";',
        'if anyof (address :contains "from" "guitar-list", '
        'envelope :contains "from" "guitar-list") {',
        '    redirect :copy "rich@ispnet3.net";',
        '    fileinto :create "guitars";',
        "    stop;",
        "}",
    ]
    assert '    vacation :days 7 "Out of the office until 1/4";' in lines
    assert 'not header :matches "x-loop" "rich@ispnet1.net*"' in "\n".join(lines)
    assert lines[-4:] == [
        'if header :contains "subject" "network" {',
        "    discard;",
        "    stop;",
        "}",
    ]


@pytest.mark.parametrize(
    ("condition", "flags", "expected"),
    [
        ("^Subject:.*network", "", 'header :contains "subject" "network"'),
        ("! ^Subject:.*network", "", 'not header :contains "subject" "network"'),
        ("^Subject: network", "", 'header :matches "subject" "network*"'),
        ("^Subject: a*b", "", 'header :regex "subject" "^a*b"'),
        ("^Subject:.*make (money|fast)$", "", 'header :regex "subject" "make (money|fast)$"'),
        ("^Subject:.*\\[x\\]", "", 'header :contains "subject" "[x]"'),
        ("^X-Spam-Flag:", "", 'exists "x-spam-flag"'),
        ("^(To|Cc):.*a@x\\.org", "", 'address :contains ["to", "cc"] "a@x.org"'),
        ("^Subject:.*Net", "D", 'header :comparator "i;octet" :contains "subject" "Net"'),
        ("meeting", "B", 'body :contains "meeting"'),
        (
            "^Subject.*a",
            "HB",
            'anyof (header :contains "subject" "a", body :regex "^Subject.*a")',
        ),
        ("< 1000", "", "size :under 1000"),
        ("> 1000", "", "size :over 1000"),
        ("B ?? free", "", 'body :contains "free"'),
    ],
)
def test_conditions(condition: str, flags: str, expected: str) -> None:
    text = script(f":0 {flags}\n* {condition}\nbox\n")
    assert text.splitlines()[0] == f"if {expected} {{"


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("$MAILDIR/lists/x", 'fileinto :create "lists/x";'),
        (".Lists.Sieve/", 'fileinto :create "Lists/Sieve";'),
        ("$DEFAULT", "keep;"),
        ("/dev/null", "discard;"),
        ("! a@x.org b@x.org", 'redirect "a@x.org";\nredirect "b@x.org";'),
        ("$LISTS/x", 'fileinto :create "archive/x";'),
    ],
)
def test_actions(action: str, expected: str) -> None:
    assert script(f"LISTS=archive\n:0\n{action}\n") == f"{expected}\nstop;"


def test_formail_edits_fields() -> None:
    text = script(':0 fhw\n| formail -I "X-A: b c" -I "X-Gone:"\n')
    expected = 'deleteheader "X-A";\naddheader "X-A" "b c";\ndeleteheader "X-Gone";'
    assert text == expected


def test_duplicates() -> None:
    assert "if duplicate {" in script(":0 Whc: msgid.lock\n| formail -D 8192 msgid.cache\n")


def test_chains() -> None:
    text = script(
        ":0 c\n* ^Subject.*a\ncopies\n\n:0 A\n* ^Subject.*b\nboth\n\n"
        ":0\n* ^Subject.*c\nc\n:0 E\n* ^Subject.*d\nd\n:0 E\nrest\n"
    )
    assert text == (
        'if header :contains "subject" "a" {\n    fileinto :create :copy "copies";\n'
        '    if header :contains "subject" "b" {\n        fileinto :create "both";\n'
        "        stop;\n    }\n}\n"
        'if header :contains "subject" "c" {\n    fileinto :create "c";\n    stop;\n'
        '} elsif header :contains "subject" "d" {\n    fileinto :create "d";\n    stop;\n'
        '} else {\n    fileinto :create "rest";\n    stop;\n}'
    )


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        (":0 fw\n| spamc\n", 1, "it runs a program"),
        ("\n:0\n* ? test -f x\nbox\n", 2, "it asks a program"),
        (":0\n* -1^0 free\nbox\n", 1, "it counts points"),
        (":0 a\nbox\n", 1, "it asks whether the recipe before has worked"),
        (":0\n* $ ^To:.*$WHO\nbox\n", 1, "$WHO is not known here"),
        (":0\n/var/mail/other\n", 1, "/var/mail/other is no folder below the mail directory"),
        ("INCLUDERC=$HOME/.more\n", 1, "another file is read"),
        ("NOW=`date`\n", 1, "it runs a program"),
        (":0\n! bob\n", 1, '"bob" is not an address: an address needs a domain'),
        ("what is this\n", 1, "it is no recipe"),
    ],
)
def test_what_cannot_be_turned_is_told_and_kept_as_a_comment(text, line, why) -> None:
    shown = script(text, (line, why))
    assert f"# NOT TURNED, line {line}: {why}" in shown
    assert f"#   {text.strip().splitlines()[-1]}" in shown


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=":0cHBAEDa *!?<>^$|{}\n\\\"'`.#/=xS", max_size=80))
def test_any_text_becomes_a_script_that_compiles(text: str) -> None:
    turned = turn(text)
    assert not isinstance(compile_script(turned.script.encode()), ScriptErrors), turned.script
