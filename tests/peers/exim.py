# SPDX-License-Identifier: MIT
"""An Exim of the test's own: hands one message to another server and ends."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.peers.daemon import Daemon, find, free_port, listens, need_root, wait_for

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


def _own_copy(base: Path) -> Path:
    """Copy the program into ``base``: without root it could not start itself below /root."""
    return Path(shutil.copy(find("exim4"), base / "exim4"))


class Exim:
    """One Exim below ``base`` that sends everything to ``port``."""

    def __init__(self, base: Path, port: int) -> None:
        need_root("Exim")
        self.base = base
        (base / "spool").mkdir(parents=True)
        self._command = _own_copy(base)
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


_SERVER = """
primary_hostname = mx.far.test
spool_directory = {base}/spool
log_file_path = {base}/log-%slog
exim_path = {command}
exim_user = Debian-exim
keep_environment =
never_users =
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
pid_file_path =
smtputf8_advertise_hosts = *
dsn_advertise_hosts = *
chunking_advertise_hosts =
tls_advertise_hosts = *
tls_certificate = {pem}
acl_smtp_rcpt = rcpt
acl_smtp_data = accept
auth_advertise_hosts = *
queue_only
begin acl
rcpt:
  {rcpt}
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{alice}}}}{{eq{{$auth3}}{{right}}}}}}}}
  server_set_id = $auth2
"""


class EximServer:
    """An Exim that takes mail and keeps it in its queue below ``base``; ``rcpt`` is the ACL."""

    def __init__(self, base: Path, pem: Path, rcpt: str = "accept") -> None:
        need_root("Exim")
        self.base, self.port = base, free_port()
        (base / "spool").mkdir(parents=True)
        command = _own_copy(base)
        base.chmod(0o755)
        shutil.copy(pem, base / "server.pem")
        subprocess.run(["chown", "-R", "Debian-exim", base], check=True)
        settings = base / "exim.conf"
        settings.write_text(
            _SERVER.format(
                base=base, port=self.port, command=command, pem=base / "server.pem", rcpt=rcpt
            )
        )
        settings.chmod(0o644)
        self._daemon = Daemon(base / "out", command, "-C", settings, "-bdf")
        wait_for("Exim", lambda: listens(self.port))

    def log(self) -> str:
        log = self.base / "log-mainlog"
        return log.read_text("utf-8", "replace") if log.exists() else ""

    def messages(self) -> list[bytes]:
        """Return the bodies that it keeps."""
        found = sorted((self.base / "spool" / "input").rglob("*-D"))
        return [path.read_bytes().partition(b"\n")[2] for path in found]

    def stop(self) -> None:
        self._daemon.stop()
