# SPDX-License-Identifier: MIT
from __future__ import annotations

import logging
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from homemail.auth.report import report_failure
from homemail.log import log_to
from homemail.model.session import ChannelFacts, Peer


@pytest.fixture
def log_file(tmp_path):
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    log_to(tmp_path / "log")
    yield tmp_path / "log"
    for handler in root.handlers[:]:
        handler.close()
    root.handlers[:] = before
    root.setLevel(level)


def fail(protocol: str, host: str, name: str = "bob", mechanism: str = "PLAIN") -> None:
    report_failure(name, mechanism, ChannelFacts(protocol, Peer(host, 1), None), "no match")


def test_the_lines(log_file):
    fail("imap", "192.0.2.1")
    fail("smtp", "192.0.2.1")
    lines = [line.partition(" homemail/")[2] for line in log_file.read_text().splitlines()]
    assert [line.partition("]: ")[2] for line in lines] == [
        "Disconnected (auth failed, 1 attempts): user=<bob>, method=PLAIN, rip=192.0.2.1",
        "warning: unknown[192.0.2.1]: SASL PLAIN authentication failed: no match,"
        " sasl_username=bob",
    ]


@pytest.mark.parametrize(
    "name", ["a>, rip=198.51.100.1", "a\nDisconnected", "\u2028", "a b", "x" * 1000, "\udcff", "a]"]
)
def test_a_name_cannot_forge_a_line(log_file, name):
    fail("imap", "192.0.2.1", name)
    fail("smtp", "192.0.2.1", name)
    first, second = log_file.read_text().splitlines()
    assert first.count(">") == first.count(" rip=") == 1
    assert second.count("[") == 2
    assert " " not in second.partition("sasl_username=")[2]
    assert max(len(first), len(second)) < 300


def fail2ban_regex() -> tuple[list[str], dict[str, str]]:
    """Return the command and its environment: as installed, or unpacked by ``.ci/peers``."""
    if installed := shutil.which("fail2ban-regex"):
        return [installed], {}
    root = Path(__file__).parents[2] / ".ci/samples"
    unpacked = root / "usr/bin/fail2ban-regex"
    if not unpacked.exists():
        pytest.skip("fail2ban is not installed")
    words = ["/usr/bin/python3", str(unpacked), "--config", str(root / "etc/fail2ban")]
    return words, {"PYTHONPATH": str(root / "usr/lib/python3/dist-packages")}


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize(
    ("jail", "protocols"),
    [("dovecot", ("imap", "pop3", "managesieve")), ("postfix[mode=auth]", ("smtp",))],
)
def test_fail2ban_finds_them(log_file, jail, protocols):
    regex, environment = fail2ban_regex()
    for protocol in protocols:
        fail(protocol, "192.0.2.1")
        fail(protocol, "2001:db8::1", "o'brien@home.test")
    found = subprocess.run(
        [*regex, str(log_file), jail],
        capture_output=True,
        text=True,
        timeout=30,
        env=os.environ | environment,
    )
    assert f"{2 * len(protocols)} matched, 0 missed" in found.stdout, found.stderr
