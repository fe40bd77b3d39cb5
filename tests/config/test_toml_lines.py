# SPDX-License-Identifier: MIT
"""The lines of keys in TOML."""

from __future__ import annotations

import tomllib

import pytest

from homemail.config.toml_lines import key_lines, line_of

TEXT = '''\
# a = 1
a = 1

"b c" = """
d = 1
""\\"" e = 1 """
f = [ # ]
  "]", ']', """
]""", { g = "}" },
]
h.i = 1 ; h.j = 2
'''.replace(" ; ", "\n")


def test_keys_after_long_values():
    assert key_lines(TEXT) == {
        ("a",): 2,
        ("b c",): 4,
        ("f",): 7,
        ("h",): 11,
        ("h", "i"): 11,
        ("h", "j"): 12,
    }


def test_tables():
    text = 'a = 1\n[b]\nc = 1\n[ d . "e.f" ] # [x]\ng = 1\n[[h]]\ni = 1\n[[h]]\ni = 2\n'
    lines = key_lines(text)
    assert lines[("b", "c")] == 3
    assert lines[("d", "e.f")] == 4
    assert lines[("d", "e.f", "g")] == 5
    assert lines[("h",)] == 6


def test_a_key_in_an_inline_table_is_where_the_table_is():
    lines = key_lines("\nports = { smtp = 25, imap = 143 }\n")
    assert line_of(("ports", "imap"), lines) == 2
    assert line_of(("other",), lines) == 0


@pytest.mark.parametrize(
    "value",
    [
        '"""x"""',
        '""""x"" """',
        '"""x"""""',
        "'''x''''",
        "'''\n'x'\n'''",
        '"\\""',
        "'\\'",
        "[\n1, # ]\n[2]]",
        "2024-01-01 07:32:00",
        "{ a = [1, 2], b = '}' }",
        '"""\\\n  x\\\\"""',
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_the_end_of_every_kind_of_value_is_found(value, line_end):
    text = f"first = {value} # end\nlast = 1\n".replace("\n", line_end)
    assert list(tomllib.loads(text)) == ["first", "last"]
    lines = text.split("\n")
    assert key_lines(text)[("last",)] == lines.index(f"last = 1{line_end[:-1]}") + 1
