# SPDX-License-Identifier: MIT
"""The same tables, the same keys: what Postfix's own ``postmap`` and ``postalias`` say."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from homemail.lookup import open_table
from homemail.lookup.text import Form
from tests.lookup.conformance import look

pytestmark = [pytest.mark.real, pytest.mark.slow]

MAP = """\
# comment
alice one
Bob   two, three
\t four
  # inside
 five
user@Example.ORG	tabs	inside value
"john smith" js
@example.org catch
.example.org sub
dup first
"""
ALIASES = """\
MAILER-DAEMON: postmaster
root:alice
"j smith": js
sales:  alice,
        bob ,"|/bin/cat -u"
Owner-List : rich,
spaced   name: x
"""
REGEXP = r"""
/^postmaster@.*$/ OK
/^(.*)-outgoing@(.*)$/!/^owner-/ 550 Use ${1}@$(2) instead
|^/a|i slash
/^CASE$/i upper
!/[@\/A-Za-z]/ nothing
if /@lists\./
/^([a-z]+)-(request|help)@/ $2 of $1 $$
if !/^bob/
/^b/ b
endif
endif
/[[:digit:]]{3,4}$/ digits
/^x\w\W\w$/ words
/^y[\w]$/ backslash
/(a|ab)(c|bcd)(d*)\.$/ [$1][$2][$3]
"""
CIDR = """
192.0.2.7 host
192.0.2.0/24 net
!10.0.0.0/8 outside
2001:db8::/32 never
10.1.0.0/16 inner
if 10.2.0.0/16
10.2.3.0/24 nested
endif
"""
_WORDS = (
    "alice ALICE bob BOB Alice dup carol user@example.org USER@EXAMPLE.ORG @example.org "
    ".example.org example.org mailer-daemon root sales owner-list postmaster@x Postmaster@x "
    "web-postmaster@x list-outgoing@x owner-list-outgoing@x /a /A case CASE 123 a12345 99 "
    "news-request@lists.x bob-help@lists.x bill@lists.x bob@lists.x abcd. acd. abcdd. ac. "
    "xa-b xa_b xab yw y\\ "
    "192.0.2.7 192.0.2.8 10.1.2.3 10.2.3.4 10.2.4.4 10.9.9.9 172.16.0.1 2001:db8::1 "
)
KEYS = [*_WORDS.split(), "\\", "'", "%", "$1"]


def ask_postfix(program: str, table: str, keys: list[str], config: Path) -> dict[str, str]:
    """Return the value of each key that Postfix finds, all asked at once (so none with blanks)."""
    done = subprocess.run(
        [program, "-c", str(config), "-q", "-", table],
        input="".join(f"{key}\n" for key in keys),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "fatal" not in done.stderr, done.stderr
    pairs = (line.split("\t", 1) for line in done.stdout.splitlines())
    return {key.removesuffix(":").strip('"'): value for key, value in pairs}


@pytest.mark.parametrize(
    ("program", "kind", "text", "form"),
    [
        ("postmap", "hash", MAP, Form.MAP),
        ("postmap", "texthash", MAP, Form.MAP),
        ("postalias", "hash", ALIASES, Form.ALIASES),
        ("postmap", "regexp", REGEXP, Form.MAP),
        ("postmap", "cidr", CIDR, Form.MAP),
        ("postmap", "inline", "{ alice=one, {bob = two, three}, CASE=x }", Form.MAP),
        ("postmap", "static", "{two words}", Form.MAP),
    ],
)
def test_like_postfix(tmp_path: Path, program: str, kind: str, text: str, form: Form) -> None:
    if shutil.which(program, path="/usr/sbin:/usr/bin") is None:
        pytest.skip(f"{program} is not installed (.ci/peers installs postfix)")
    program = f"/usr/sbin/{program}"
    config = tmp_path / "config"
    config.mkdir()
    (config / "main.cf").write_text("compatibility_level = 3.6\nmyhostname = a.b.example\n")
    (config / "master.cf").write_text("")
    source = text
    if kind not in ("inline", "static"):
        file = tmp_path / "table"
        file.write_text(text)
        source = str(file)
    spec = f"{kind}:{source}"
    if kind == "hash":
        subprocess.run([program, "-c", str(config), spec], check=True, capture_output=True)
    theirs = ask_postfix(program, spec, KEYS, config)
    table = open_table(spec, form)
    ours = {key: found for key in KEYS if (found := look(table, key)) is not None}
    assert _without_blanks(ours) == _without_blanks(theirs)


def _without_blanks(values: Mapping[str, str]) -> dict[str, str]:
    """Return the values with blanks as one says them; postalias moves those beside commas."""
    return {key: re.sub(r" ?, ?", ",", " ".join(value.split())) for key, value in values.items()}
