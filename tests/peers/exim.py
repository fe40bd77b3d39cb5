# SPDX-License-Identifier: MIT
"""An Exim of the test's own: hands one message to another server and ends."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.peers.daemon import find, need_root

_SETTINGS = """
primary_hostname = exim.example
spool_directory = {base}/spool
log_file_path = {base}/log-%slog
exim_path = {command}
keep_environment =
never_users =
trusted_users = root
smtputf8_advertise_hosts =
begin routers
out:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = out
begin transports
out:
  driver = smtp
  port = {port}
  hosts_try_chunking = *
  hosts_try_prdr =
  hosts_try_dane =
  dnssec_request_domains =
  tls_verify_hosts =
  tls_try_verify_hosts =
  allow_localhost
begin retry
* * F,1h,10m
"""


class Exim:
    """One Exim below ``base`` that sends everything to ``port``."""

    def __init__(self, base: Path, port: int) -> None:
        need_root("Exim")
        self._command = find("exim4")
        self.base = base
        (base / "spool").mkdir(parents=True)
        base.chmod(0o755)
        subprocess.run(["chown", "-R", "Debian-exim", base], check=True)
        self._settings = base / "exim.conf"
        self._settings.write_text(_SETTINGS.format(base=base, port=port, command=self._command))
        subprocess.run(["chown", "root:root", self._settings], check=True)
        self._settings.chmod(0o644)

    def send(
        self, message: bytes, sender: str, *recipients: str, words: tuple[str, ...] = ()
    ) -> str:
        """Send a message; return what Exim logged about its delivery."""
        done = subprocess.run(
            [self._command, "-C", self._settings, "-odf", "-f", sender, *words, "--", *recipients],
            input=message,
            capture_output=True,
            timeout=60,
            check=False,
        )
        log = self.base / "log-mainlog"
        said = log.read_text("utf-8", "replace") if log.exists() else ""
        return said + done.stderr.decode("utf-8", "replace")
