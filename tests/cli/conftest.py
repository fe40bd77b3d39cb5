# SPDX-License-Identifier: MIT
"""Commands run in this process, on an installation of their own."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from homemail.cli import main


@dataclass(frozen=True)
class Result:
    status: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def homemail(capsys, monkeypatch) -> Run:
    """``homemail("queue", "list", stdin="")`` runs a command."""

    def run(*words: object, stdin: str = "") -> Result:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        status = main([str(word) for word in words])
        captured = capsys.readouterr()
        return Result(status, captured.out, captured.err)

    return run


@pytest.fixture
def directory(tmp_path) -> Path:
    """The directory of an installation as ``homemail try`` makes it."""
    made = tmp_path / "made"
    made.mkdir(mode=0o700)
    off = "\n".join(
        f"{name} = 0"
        for name in ("smtp lmtp submission submissions imap imaps pop3 pop3s managesieve".split())
    )
    (made / "homemail.toml").write_text(
        'myhostname = "mail.home.test"\nmydomain = "home.test"\nmydestination = ["home.test"]\n'
        'users_file = "users"\nhome_base = "home"\nqueue_directory = "queue"\n'
        f'data_directory = "data"\ninet_interfaces = ["127.0.0.1"]\n[ports]\n{off}\n'
    )
    return made
