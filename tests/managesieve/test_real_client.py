# SPDX-License-Identifier: MIT
"""sieve-connect against the server, over loopback with STARTTLS."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.managesieve.house import SieveHouse

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("sieve-connect"), reason="sieve-connect is not installed"),
]


def sieve_connect(house: SieveHouse, *arguments: str) -> subprocess.CompletedProcess[str]:
    reading, writing = os.pipe()
    os.write(writing, b"alice-secret\n")
    os.close(writing)
    words = ["sieve-connect", "--server", "127.0.0.1", "--port", str(house.port), "--user", "alice"]
    words += ["--notlsverify", "--passwordfd", str(reading), *arguments]
    try:
        return subprocess.run(
            words, pass_fds=[reading], capture_output=True, text=True, timeout=30, check=False
        )
    finally:
        os.close(reading)


def test_sieve_connect(make_house: Callable[..., SieveHouse], tmp_path: Path) -> None:
    house = make_house()
    script = tmp_path / "filter.sieve"
    script.write_text('require "fileinto";\nif header :contains "x" "y" { fileinto "z"; }\n')
    upload = ["--upload", "--localsieve", str(script), "--remotesieve", "filter"]
    assert sieve_connect(house, *upload).returncode == 0
    assert sieve_connect(house, "--activate", "--remotesieve", "filter").returncode == 0
    listed = sieve_connect(house, "--list").stdout
    assert "filter" in listed
    assert "ACTIVE" in listed
    (row,) = house.scripts("alice").all()
    assert row.active
    got = tmp_path / "got.sieve"
    down = ["--download", "--remotesieve", "filter", "--localsieve", str(got)]
    assert sieve_connect(house, *down).returncode == 0
    assert got.read_text().split() == script.read_text().split()
    script.write_text("kep;\n")
    wrong = sieve_connect(house, "--checkscript", "--localsieve", str(script))
    assert "did you mean" in wrong.stdout + wrong.stderr
    assert sieve_connect(house, "--deactivate").returncode == 0
    assert sieve_connect(house, "--delete", "--remotesieve", "filter").returncode == 0
    assert house.scripts("alice").all() == []
