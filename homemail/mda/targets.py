# SPDX-License-Identifier: MIT
"""Where an owner's ``.forward`` sends a message: read, its lists opened, his own name found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
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
from homemail.mda.list_file import read_list
from homemail.mda.mailing_list import MailingList, list_of
from homemail.mda.owner import Job, Owner, log, own_addresses
from homemail.mda.owner_file import read_owner_file
from homemail.mda.owner_note import ONCE, Note, tell_owner
from homemail.model.address import Address, account_id

_DEEPEST_INCLUDE = 5


@dataclass(frozen=True, slots=True)
class Targets:
    """What to do. ``to_owner``: go on as if there were no ``.forward``.

    ``mailing_list``: these are its people, and the message goes on as the list's.
    """

    to_owner: bool = False
    addresses: tuple[Address, ...] = ()
    files: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    mailing_list: MailingList | None = None

    @property
    def is_empty(self) -> bool:
        return not (self.to_owner or self.addresses or self.files or self.commands)


@dataclass(frozen=True, slots=True)
class ListRequest:
    """Mail to ``user+list-request``. ``path`` is the list's forwarding file."""

    mailing_list: MailingList
    path: Path


def read_targets(owner: Owner, job: Job) -> Targets | ListRequest | None:
    """Return what the owner's forwarding file says; None where there is none that counts.

    A file without a single target that can be used does not count.

    Raises:
        Temporary: whether there is such a file cannot be told.
    """
    detail = (job.delivery.detail or "").lower()
    found = _forward_file(owner, job, detail)
    is_for_detail = found is not None and found.by_extension
    if detail.endswith("-request") and not is_for_detail:
        request = _list_request(owner, job, detail.removesuffix("-request"))
        if request is not None:
            return request
    if found is None:
        return None
    domain = str(job.delivery.recipient.forward_path.domain)
    targets = _Reader(owner, job, domain).read(found.path, found.text)
    if targets.is_empty:
        log.warning(
            "no target that can be used, file passed over", trace=job.trace, file=found.path
        )
        return None
    facts = read_list(found.text, domain) if is_for_detail else None
    return targets if facts is None else replace(targets, mailing_list=list_of(job, detail, facts))


def _list_request(owner: Owner, job: Job, name: str) -> ListRequest | None:
    found = _forward_file(owner, job, name) if name else None
    if found is None or not found.by_extension:
        return None
    facts = read_list(found.text, str(job.delivery.recipient.forward_path.domain))
    if facts is None or not facts.is_open:
        return None
    return ListRequest(list_of(job, name, facts), found.path)


@dataclass(frozen=True, slots=True)
class _Found:
    """A forwarding file; ``by_extension``: it is for this extension alone."""

    path: Path
    text: str
    by_extension: bool


def _forward_file(owner: Owner, job: Job, detail: str) -> _Found | None:
    for path, by_extension in forward_paths(owner, job.delivery.recipient.forward_path, detail):
        if not path.parent.is_dir() and owner.home.is_dir():
            continue  # a home that is not there must not look like one without a file
        if file := read_owner_file(path, owner.uid):
            return _Found(path, file.octets.decode("utf-8", "surrogateescape"), by_extension)
    return None


def forward_paths(owner: Owner, recipient: Address, detail: str) -> Iterator[tuple[Path, bool]]:
    """Yield where the setting ``forward_path`` looks, and whether it is for the extension alone.

    Values from outside that could lead elsewhere (a slash) name no file.
    """
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
        yield owner.home / path, "extension" in used


class _Reader:
    def __init__(self, owner: Owner, job: Job, domain: str) -> None:
        self._owner = owner
        self._job = job
        self._domain = domain
        self._own = own_addresses(owner, job)
        self._included: set[Path] = set()
        self._mistakes: list[str] = []

    def read(self, path: Path, text: str) -> Targets:
        targets = list(self._expanded(path, text, 0))[:MOST_TARGETS]
        if self._mistakes:
            tell_owner(self._owner, self._job, _about_mistakes(self._mistakes))
        addresses = [t.address for t in targets if isinstance(t, ToAddress)]
        own = [address for address in addresses if self._is_own(address)]
        others = {
            str(account_id(str(address))): address
            for address in reversed(addresses)
            if not self._is_own(address)
        }
        return Targets(
            bool(own),
            tuple(reversed(others.values())),
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
        self._mistakes.append(f"{path}: {reason}")
        log.warning("target passed over", trace=self._job.trace, file=path, reason=reason)


def _about_mistakes(mistakes: list[str]) -> Note:
    text = (
        "Some of what your forwarding file says cannot be used:\n\n"
        + "\n".join(mistakes)
        + "\n\nThe rest of it counts. You get this note once for these mistakes.\n"
    )
    key = ("forward", *sorted(mistakes))
    return Note("Your forwarding file has mistakes", text, key, ONCE)


def _at_home(path: str) -> str:
    return path.removeprefix("~/")


def file_path(owner: Owner, text: str) -> Path:
    """Return the path that a file target names."""
    return owner.home / _at_home(text)
