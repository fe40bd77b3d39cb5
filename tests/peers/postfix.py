# SPDX-License-Identifier: MIT
"""A Postfix of the test's own: takes mail on loopback and hands it to another server."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path

from tests.peers.daemon import find, free_port, listens, need_root, wait_for

_MAIN = """
compatibility_level = 3.6
queue_directory = {base}/spool
data_directory = {base}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {base}/log
maillog_file_prefixes = {base}
myhostname = postfix.example
mydestination =
local_recipient_maps =
local_transport = error:no local mail here
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtp_tls_security_level = may
smtp_bind_address = 127.0.0.1
minimal_backoff_time = 300s
{more}
"""
_MASTER = """
{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
showq unix n - n - - showq
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """One Postfix below ``base``; ``main`` are further lines of main.cf."""

    def __init__(self, base: Path, *main: str) -> None:
        need_root("Postfix")
        self._command = find("postfix")
        self.base = base
        self.port = free_port()
        self._config = base / "etc"
        for directory in (base, self._config, base / "spool", base / "data"):
            directory.mkdir(mode=0o755, exist_ok=True)
        (self._config / "main.cf").write_text(_MAIN.format(base=base, more="\n".join(main)))
        (self._config / "master.cf").write_text(_MASTER.format(port=f"127.0.0.1:{self.port}"))
        subprocess.run(["chown", "-R", "postfix", base / "data"], check=True)
        self._run("start")
        try:
            wait_for("Postfix", lambda: listens(self.port))
        except BaseException:
            self.stop()
            raise

    def log(self) -> str:
        log = self.base / "log"
        return log.read_text() if log.exists() else ""

    def wait_log(self, text: str) -> str:
        """Wait until the log holds ``text``; return the line."""
        wait_for(f"{text!r} in Postfix's log", lambda: text in self.log())
        return next(line for line in self.log().splitlines() if text in line)

    def stop(self) -> None:
        """End it, by force where it does not end in time."""
        master = int((self.base / "spool" / "pid" / "master.pid").read_text())
        try:
            self._run("stop")
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(master, signal.SIGKILL)  # its children are in its group

    def _run(self, word: str) -> None:
        done = subprocess.run(
            [self._command, "-c", self._config, word],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr + self.log()
