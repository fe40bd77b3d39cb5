# SPDX-License-Identifier: MIT
"""Where an owner's ``.forward`` sends a message: read, its lists opened, his own name found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from homemail.config.expand import expand
from homemail.mda.forward import (
    MOST_TARGETS,
    Include,
    Target,
    ToAddress,
    ToCommand,
    ToFile,
    Unreadable,
    parse_forward,
)
from homemail.mda.owner import Job, Owner, log, own_addresses
from homemail.mda.owner_file import OwnerFile, read_owner_file
from homemail.model.address import Address, account_id

_DEEPEST_INCLUDE = 5


@dataclass(frozen=True, slots=True)
class Targets:
    """What to do. ``to_owner``: go on as if there were no ``.forward``."""

    to_owner: bool = False
    addresses: tuple[Address, ...] = ()
    files: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.to_owner or self.addresses or self.files or self.commands)


def read_targets(owner: Owner, job: Job) -> Targets | None:
    """Return what the owner's forwarding file says; None where there is none that counts.

    A file without a single target that can be used does not count.

    Raises:
        Temporary: whether there is such a file cannot be told.
    """
    found = _forward_file(owner, job)
    if found is None:
        return None
    path, file = found
    text = file.octets.decode("utf-8", "surrogateescape")
    domain = str(job.delivery.recipient.forward_path.domain)
    targets = _Reader(owner, job, domain).read(path, text)
    if targets.is_empty:
        log.warning("no target that can be used, file passed over", trace=job.trace, file=path)
        return None
    return targets


def _forward_file(owner: Owner, job: Job) -> tuple[Path, OwnerFile] | None:
    for path in forward_paths(owner, job):
        if not path.parent.is_dir() and owner.home.is_dir():
            continue  # a home that is not there must not look like one without a file
        if file := read_owner_file(path, owner.uid):
            return path, file
    return None


def forward_paths(owner: Owner, job: Job) -> Iterator[Path]:
    """Yield where the setting ``forward_path`` looks for this recipient's file.

    Values from outside that could lead elsewhere (a slash) name no file.
    """
    recipient, detail = job.delivery.recipient.forward_path, (job.delivery.detail or "").lower()
    values = {
        "user": owner.name,
        "home": str(owner.home),
        "extension": detail,
        "recipient_delimiter": owner.delimiter[:1] if detail else "",
        "local": recipient.local_part.lower(),
        "domain": recipient.domain.name,
        "recipient": str(recipient).lower(),
    }
    for template in owner.settings.forward_path:
        used: set[str] = set()

        def value_of(name: str, used: set[str] = used) -> str | None:
            used.add(name)
            return values.get(name)

        path = expand(template, value_of)
        outside = [values[name] for name in used - {"home", "user"} if name in values]
        if "extension" in used and not detail:
            continue
        if any("/" in value or "\0" in value or len(value) >= 200 for value in outside):
            continue
        yield owner.home / path


class _Reader:
    def __init__(self, owner: Owner, job: Job, domain: str) -> None:
        self._owner = owner
        self._job = job
        self._domain = domain
        self._own = own_addresses(owner, job)
        self._included: set[Path] = set()

    def read(self, path: Path, text: str) -> Targets:
        targets = list(self._expanded(path, text, 0))[:MOST_TARGETS]
        addresses = [t.address for t in targets if isinstance(t, ToAddress)]
        own = [address for address in addresses if self._is_own(address)]
        others = dict.fromkeys(address for address in addresses if not self._is_own(address))
        return Targets(
            bool(own),
            tuple(others),
            tuple(dict.fromkeys(t.path for t in targets if isinstance(t, ToFile))),
            tuple(dict.fromkeys(t.command for t in targets if isinstance(t, ToCommand))),
        )

    def _is_own(self, address: Address) -> bool:
        return str(account_id(str(address))) in self._own

    def _expanded(self, path: Path, text: str, depth: int) -> Iterator[Target]:
        """Yield the targets that may be used; the others are logged."""
        for target in parse_forward(text, self._domain):
            match target:
                case Include():
                    yield from self._include(self._owner.home / _at_home(target.path), depth + 1)
                case Unreadable():
                    self._refused(path, f"line {target.line}: {target.text}")
                case ToCommand() if not self._may(depth, commands=True):
                    self._refused(path, "programs are not allowed here")
                case ToFile() if not self._may(depth, commands=False):
                    self._refused(path, "files are not allowed here")
                case _:
                    yield target

    def _may(self, depth: int, *, commands: bool) -> bool:
        settings = self._owner.settings
        allowed = settings.allow_mail_to_commands if commands else settings.allow_mail_to_files
        return ("include" if depth else "forward") in allowed

    def _include(self, path: Path, depth: int) -> Iterator[Target]:
        if depth > _DEEPEST_INCLUDE or path in self._included:
            return self._refused(path, "lists include each other")
        self._included.add(path)
        # Only the home must be there: one wrong line must not hold up the other targets.
        file = read_owner_file(path, self._owner.uid) if path.parent.is_dir() else None
        if file is None:
            return self._refused(path, "no list that can be used")
        yield from self._expanded(path, file.octets.decode("utf-8", "surrogateescape"), depth)
        return None

    def _refused(self, path: Path, reason: str) -> None:
        log.warning("target passed over", trace=self._job.trace, file=path, reason=reason)


def _at_home(path: str) -> str:
    return path.removeprefix("~/")


def file_path(owner: Owner, text: str) -> Path:
    """Return the path that a file target names."""
    return owner.home / _at_home(text)
