# SPDX-License-Identifier: MIT
"""QUOTA: one quota root, the account (RFC 9208 §4)."""

from __future__ import annotations

from dataclasses import dataclass

from homemail.imap.extension import Extension
from homemail.imap.grammar import Scanner
from homemail.imap.response import Tagged, no, ok
from homemail.imap.session import Session
from homemail.model.mailbox import MailboxName
from homemail.store.api import Quota

ROOT = b'"account"'


@dataclass(frozen=True, slots=True)
class GetQuota:
    """GETQUOTA."""

    root: bytes


@dataclass(frozen=True, slots=True)
class GetQuotaRoot:
    """GETQUOTAROOT."""

    name: MailboxName


@dataclass(frozen=True, slots=True)
class SetQuota:
    """SETQUOTA: not for the account's owner to do."""


async def _get_quota(session: Session, command: GetQuota) -> Tagged:
    if command.root != ROOT.strip(b'"'):
        return no("There is no such quota root", b"NONEXISTENT")
    session.send(_line(await session.mail.change(session.store.quota)))
    return ok("Quota told")


async def _get_quota_root(session: Session, command: GetQuotaRoot) -> Tagged:
    await session.mail.change(session.store.status, command.name, session.actor)  # exists?
    name = session.mailbox(command.name)
    session.send(b"* QUOTAROOT %b %b\r\n" % (name, ROOT))
    session.send(_line(await session.mail.change(session.store.quota)))
    return ok("Quota told")


async def _set_quota(session: Session, command: SetQuota) -> Tagged:
    return no("Only the administrator sets quotas", b"NOPERM")


def _line(quota: Quota) -> bytes:
    """Return a QUOTA response; STORAGE counts units of 1024 octets (RFC 9208 §5.1)."""
    resources = []
    if quota.octets_limit:
        used, limit = -(-quota.octets_used // 1024), quota.octets_limit // 1024
        resources.append(b"STORAGE %d %d" % (used, limit))
    if quota.messages_limit:
        resources.append(b"MESSAGE %d %d" % (quota.messages_used, quota.messages_limit))
    return b"* QUOTA %b (%b)\r\n" % (ROOT, b" ".join(resources))


def _parse_get(scanner: Scanner) -> GetQuota:
    scanner.space()
    return GetQuota(scanner.astring())


def _parse_root(scanner: Scanner) -> GetQuotaRoot:
    scanner.space()
    return GetQuotaRoot(scanner.mailbox())


def _parse_set(scanner: Scanner) -> SetQuota:
    scanner.skip_all()
    return SetQuota()


QUOTA = Extension(
    capability=b"QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE",
    grammar={b"GETQUOTA": _parse_get, b"GETQUOTAROOT": _parse_root, b"SETQUOTA": _parse_set},
    handlers={GetQuota: _get_quota, GetQuotaRoot: _get_quota_root, SetQuota: _set_quota},
)
