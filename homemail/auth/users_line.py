# SPDX-License-Identifier: MIT
"""The account file's grammar, line by line, and changes of its text. No IO.

A line is Dovecot's passwd-file form, ``name:password:uid:gid:gecos:home:shell:key=value …``; see
docs/formats/users.md. Changes keep every other line as it is, broken ones and comments included.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from homemail.auth.api import Account
from homemail.errors import NoSuchUser, Permanent
from homemail.model.address import Address, account_id, parse_local_part

_NAME_OCTETS = 255
_KEY = re.compile(r"[A-Za-z0-9_.-]+")

APP_PASSWORD = "app_password."
"""Begins the options that hold the password of one program: ``app_password.LABEL={SCHEME}…``."""


@dataclass(frozen=True, slots=True)
class UserLine:
    """One account as the file has it; ``home`` None where the line gives none."""

    name: str
    secrets: tuple[str, ...] = ()
    uid: int | None = None
    gid: int | None = None
    gecos: str = ""
    home: Path | None = None
    shell: str = ""
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def enabled(self) -> bool:
        """May log in: neither ``disabled`` nor Dovecot's ``nologin`` says otherwise."""
        return not any(
            self.options.get(key, "no").lower() not in ("no", "n", "false", "0")
            for key in ("disabled", "nologin")
        )

    @property
    def app_passwords(self) -> dict[str, str]:
        """The secrets that one program each logs in with, by its label."""
        return {
            key.removeprefix(APP_PASSWORD): value
            for key, value in self.options.items()
            if key.startswith(APP_PASSWORD)
        }

    @property
    def addresses(self) -> tuple[Address, ...]:
        """The extra addresses; parsed without trouble before."""
        return _addresses(self.options.get("addresses", ""))


def parse_line(text: str) -> UserLine:
    """Return the account in one line of the file.

    Raises:
        ValueError: with what is wrong and was expected; it shows no secret.
    """
    name, *fields = text.split(":", 7)
    secrets, uid, gid, gecos, home, shell, options = fields + [""] * (7 - len(fields))
    line = UserLine(
        check_name(name),
        tuple(secrets.split()),
        _number("uid", uid),
        _number("gid", gid),
        gecos,
        _home(home),
        shell,
        _options(options),
    )
    _addresses(line.options.get("addresses", ""))
    return line


def format_line(line: UserLine) -> str:
    """Return ``line`` as it stands in the file, without line end.

    Raises:
        ValueError: a value cannot stand in the file.
    """
    check_name(line.name)
    fields = [
        line.name,
        " ".join(line.secrets),
        "" if line.uid is None else str(line.uid),
        "" if line.gid is None else str(line.gid),
        line.gecos,
        "" if line.home is None else str(line.home),
        line.shell,
        " ".join(f"{key}={value}" for key, value in line.options.items()),
    ]
    text = ":".join(fields)
    if parse_line(text) != line or any(ord(letter) < 32 for letter in text):
        raise ValueError("a value that cannot stand in the account file")
    return text


def check_name(name: str) -> str:
    """Return ``name`` where it can be an account's; raises ``ValueError`` with the reason."""
    if len(name.encode("utf-8", "surrogatepass")) > _NAME_OCTETS:
        raise ValueError("a name that is too long")
    if "/" in name or ":" in name or name.startswith("#"):
        raise ValueError('a name with "/", ":" or "#" in a place where it cannot be')
    if "@" in name:
        Address.parse(name)
    else:
        try:
            parse_local_part(name)
        except ValueError:
            raise ValueError("a name that cannot be the local part of an address") from None
    return name


def accounts_in(data: bytes) -> Iterator[tuple[int, UserLine | ValueError]]:
    """Yield each account, or what is wrong with its line, with the number of the line."""
    for number, octets in enumerate(data.split(b"\n"), 1):
        if not octets.strip() or octets.lstrip().startswith(b"#"):
            continue
        try:
            yield number, parse_line(octets.decode().rstrip("\r"))
        except UnicodeDecodeError:
            yield number, ValueError("octets that are not UTF-8")
        except ValueError as error:
            yield number, error


def with_added(data: bytes, lines: tuple[UserLine, ...]) -> bytes:
    """Return the file with ``lines`` at its end.

    Raises:
        Permanent: one of the names is there already.
        ValueError: a value cannot stand in the file.
    """
    known = {account_id(line.name) for _, line in accounts_in(data) if isinstance(line, UserLine)}
    if data and not data.endswith(b"\n"):
        data += b"\n"
    added = bytearray()
    for line in lines:
        if account_id(line.name) in known:
            raise Permanent(f"there is an account {line.name} already")
        known.add(account_id(line.name))
        added += format_line(line).encode() + b"\n"
    return data + added


def with_changed(data: bytes, name: str, change: Callable[[UserLine], UserLine | None]) -> bytes:
    """Return the file with the account ``name`` changed, or taken out for ``None``.

    Raises:
        NoSuchUser: it is not in the file.
        ValueError: a value cannot stand in the file.
    """
    wanted = account_id(name)
    for number, line in accounts_in(data):
        if isinstance(line, UserLine) and account_id(line.name) == wanted:
            changed = change(line)
            lines = data.split(b"\n")
            lines[number - 1 : number] = [] if changed is None else [format_line(changed).encode()]
            return b"\n".join(lines)
    raise NoSuchUser(f"there is no account {name}")


def account_of(line: UserLine, default_home: Path) -> Account:
    """Return the account that a line of the file describes."""
    name = account_id(line.name)
    return Account(
        id=name,
        home=line.home or default_home / name,
        uid=line.uid,
        gid=line.gid,
        addresses=line.addresses,
        enabled=line.enabled,
        options={k: v for k, v in line.options.items() if not k.startswith(APP_PASSWORD)},
    )


def _number(what: str, text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or int(text) >= 2**32 - 1:
        raise ValueError(f"{what}: expected a number or nothing")
    return int(text)


def _home(text: str) -> Path | None:
    if not text:
        return None
    if not text.startswith("/") or "\0" in text or ".." in text.split("/"):
        raise ValueError('home: expected an absolute path without ".."')
    return Path(text)


def _options(text: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for word in text.split():
        key, equals, value = word.partition("=")
        if not _KEY.fullmatch(key):
            raise ValueError("options: expected key=value, parted by spaces")
        options[key.removeprefix("userdb_")] = value if equals else "yes"
    return options


def _addresses(text: str) -> tuple[Address, ...]:
    try:
        return tuple(Address.parse(word) for word in text.split(",") if word)
    except ValueError as error:
        raise ValueError(f"addresses: expected a@b,c@d ({error})") from None
