# SPDX-License-Identifier: MIT
"""What ``homemail try`` makes in its directory: accounts, certificate, settings, the welcome.

::

    DIR/homemail.toml    the settings, written anew at each start
    DIR/settings.toml    a copy of the file given with --settings
    DIR/users            the account file
    DIR/home/NAME/       a home for each account, its mail in Maildir/
    DIR/tls/             a self-signed certificate and its key
    DIR/queue/  DIR/data/   mail that waits; what the server remembers
    DIR/homemail.log     the log
    DIR/ready.json       there while the server is ready; see ``ready``
    DIR/lock             held while a server uses the directory
"""

from __future__ import annotations

import json
import smtplib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import localtime
from pathlib import Path
from shlex import quote

from homemail.config.declare import toml_string
from homemail.durable import FileLock, make_directory, write_atomic
from homemail.errors import LockTimeout, MailError

DOMAIN = "home.test"
ACCOUNTS = ("alice", "bob", "carol")
STANDARD_PORTS = {
    "smtp": 25,
    "lmtp": 24,
    "submission": 587,
    "submissions": 465,
    "imap": 143,
    "imaps": 993,
    "pop3": 110,
    "pop3s": 995,
    "managesieve": 4190,
}
LARGEST_BASE = 65535 - max(STANDARD_PORTS.values())


class DirectoryTaken(Exception):
    """Another server uses the directory; the text names it."""


@dataclass(frozen=True, slots=True)
class Trial:
    """The directory of a trial."""

    directory: Path

    @property
    def certificate(self) -> Path:
        return self.directory / "tls" / "certificate.pem"

    @property
    def is_new(self) -> bool:
        """Whether alice was not welcomed here yet."""
        return not self._welcomed.exists()

    def remember_welcome(self) -> None:
        """Note that alice has her first message."""
        write_atomic(self._welcomed, b"")

    @property
    def _welcomed(self) -> Path:
        return self.directory / "data" / "welcomed"

    @property
    def ready_file(self) -> Path:
        return self.directory / "ready.json"

    def home(self, account: str) -> Path:
        return self.directory / "home" / account


def password(account: str) -> str:
    """Return the password of one of the accounts."""
    return f"{account}-secret"


def take(directory: Path) -> FileLock:
    """Make the directory and lock it.

    Raises:
        DirectoryTaken: another server has it.
        OSError: it cannot be made or written to.
    """
    try:
        make_directory(directory)
        return FileLock(directory / "lock")
    except LockTimeout:
        raise DirectoryTaken(_taken(directory)) from None
    except MailError as error:
        if isinstance(error.__cause__, OSError):
            raise error.__cause__ from None
        raise


def _taken(directory: Path) -> str:
    try:
        pid = json.loads((directory / "ready.json").read_text())["pid"]
    except (OSError, ValueError, KeyError):
        return f"another homemail uses {directory}"
    return f"another homemail uses {directory}: process {pid}"


def furnish(directory: Path, port_base: int, *, hold_outside_mail: bool) -> Trial:
    """Make what is missing in ``directory`` and write its settings; mail is left as it is."""
    # Here and not above: to lock the directory must not wait for all that these need.
    from homemail.auth.schemes import new_secrets
    from homemail.auth.users_edit import add_accounts
    from homemail.auth.users_line import UserLine
    from homemail.roles.tls import make_self_signed

    users = directory / "users"
    trial = Trial(directory)
    make_directory(directory / "data")
    make_self_signed(directory / "tls", (DOMAIN, "localhost", "127.0.0.1", "::1"))
    for account in ACCOUNTS:
        make_directory(trial.home(account))
    text = _settings(port_base, hold_outside_mail=hold_outside_mail)
    write_atomic(directory / "homemail.toml", text.encode())
    if not users.exists():
        lines = [
            UserLine(name, new_secrets(password(name)), home=trial.home(name)) for name in ACCOUNTS
        ]
        add_accounts(users, lines)
    return trial


def _settings(port_base: int, *, hold_outside_mail: bool) -> str:
    lines = [
        '# Written by "homemail try" at each start. Settings of your own go into another file:',
        "# homemail try --settings FILE",
        f"myhostname = {toml_string(DOMAIN)}",
        f"mydomain = {toml_string(DOMAIN)}",
        f'mydestination = [{toml_string(DOMAIN)}, "localhost"]',
        "mynetworks = []",
        'inet_interfaces = ["127.0.0.1", "::1"]',
        'users_file = "users"',
        'home_base = "home"',
        'queue_directory = "queue"',
        'data_directory = "data"',
        'tls_certificate_file = "tls/certificate.pem"',
        'tls_key_file = "tls/key.pem"',
    ]
    if hold_outside_mail:
        lines += [
            "# Mail for elsewhere waits: a made-up domain should not write to the world.",
            'defer_transports = ["smtp"]',
        ]
    lines += ["", "[ports]"]
    lines += [f"{service} = {port_base + port}" for service, port in STANDARD_PORTS.items()]
    return "\n".join(lines) + "\n"


def send_welcome(host: str, port: int) -> None:
    """Send alice her first message through the server's own port; filed when this returns.

    Raises:
        smtplib.SMTPException: the server's own settings refuse it.
        OSError: it cannot be reached.
    """
    message = EmailMessage(policy=SMTP_POLICY)
    message["From"] = f"homemail <postmaster@{DOMAIN}>"
    message["To"] = f"alice@{DOMAIN}"
    message["Subject"] = "Welcome to homemail"
    message["Date"] = localtime()
    message["Message-ID"] = f"<welcome@{DOMAIN}>"
    message.set_content(_WELCOME)
    with smtplib.SMTP(host, port, local_hostname=DOMAIN, timeout=30) as client:
        client.send_message(message)


_WELCOME = f"""\
Hello Alice,

this message came in through the SMTP port of your own mail server, was filed
as a plain file in Maildir/ in your home, and you read it over IMAP, over
POP3, or by opening the file.

Things to try:

- Write to bob@{DOMAIN} or carol@{DOMAIN}; they are on this server too.
- Write to alice+shopping@{DOMAIN}: whatever stands behind the + reaches you.
- Put an address into the file .forward in your home: your mail goes there.
- Keep Sieve scripts with a ManageSieve client.
- Write to somebody elsewhere: it waits, and "homemail queue list" shows it.

Your postmaster
"""


def ready(trial: Trial, pid: int, host: str, ports: Mapping[str, int]) -> bytes:
    """Return the content of ``ready.json``."""
    accounts = {
        name: {"password": password(name), "home": str(trial.home(name))} for name in ACCOUNTS
    }
    facts = {
        "pid": pid,
        "host": host,
        "domain": DOMAIN,
        "ports": dict(ports),
        "accounts": accounts,
        "certificate": str(trial.certificate),
    }
    return json.dumps(facts, indent=2).encode() + b"\n"


def screen(trial: Trial, host: str, ports: Mapping[str, int]) -> Sequence[tuple[str, str]]:
    """Return what a person needs now, as (heading, line); a heading of "" goes on the one above."""
    alice = f"alice:{password('alice')}"
    rows = [("Accounts", f"{name}@{DOMAIN}, password {password(name)}") for name in ACCOUNTS]
    if "smtp" in ports:
        words = f"swaks --server {host}:{ports['smtp']} --from you@example.org --to alice@{DOMAIN}"
        rows.append(("Send", words))
        words = f"curl smtp://{host}:{ports['smtp']} --mail-from you@example.org"
        rows.append(("", f"{words} --mail-rcpt alice@{DOMAIN} --crlf -T FILE"))
    if "imap" in ports:
        rows.append(("Read", f"curl -u {alice} 'imap://{host}:{ports['imap']}/INBOX;MAILINDEX=*'"))
    if "pop3" in ports:
        rows.append(("", f"curl -u {alice} pop3://{host}:{ports['pop3']}/1"))
    for kind, services in _CLIENT.items():
        ways = [f"{ports[s]} ({how})" for s, how in services.items() if s in ports]
        if ways:
            rows.append((kind, f"{host}, port {' or '.join(ways)}"))
    rows += [
        ("Mailboxes", f"{trial.directory}/home/NAME/Maildir/"),
        ("Log", f"{trial.directory}/homemail.log"),
        ("Certificate", f"{trial.certificate} (self-signed)"),
        ("Waiting mail", f"{_command()} queue list --directory {quote(str(trial.directory))}"),
    ]
    return [(_once(rows, number), line) for number, (_, line) in enumerate(rows)]


def _command() -> str:
    """Return how this program is called from here: it need not be on the PATH."""
    if Path(sys.argv[0]).name == "__main__.py":
        return f"{sys.executable} -m homemail"
    return sys.argv[0]


def _once(rows: Sequence[tuple[str, str]], number: int) -> str:
    heading = rows[number][0]
    return "" if number and rows[number - 1][0] == heading else heading


_CLIENT: Mapping[str, Mapping[str, str]] = {
    "IMAP": {"imaps": "TLS", "imap": "STARTTLS"},
    "POP3": {"pop3s": "TLS", "pop3": "STLS"},
    "SMTP, login": {"submissions": "TLS", "submission": "STARTTLS"},
    "ManageSieve": {"managesieve": "STARTTLS"},
}
