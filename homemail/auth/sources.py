# SPDX-License-Identifier: MIT
"""The sources of accounts that the settings name, put together."""

from __future__ import annotations

from collections.abc import Iterable

from homemail.auth.api import Accounts
from homemail.auth.chain import AccountChain
from homemail.auth.system_users import SystemUsers, UidRange
from homemail.auth.users_file import UsersFile
from homemail.config.auth import AuthSettings


def open_accounts(settings: AuthSettings, local_domains: Iterable[str]) -> Accounts:
    """Return the accounts of every source in ``auth_sources``, in that order."""
    domains = tuple(local_domains)
    sources = [open_source(name, settings, domains) for name in settings.auth_sources]
    return sources[0] if len(sources) == 1 else AccountChain(sources)


def open_source(name: str, settings: AuthSettings, domains: tuple[str, ...]) -> Accounts:
    """Return the accounts of the source ``name``."""
    if name == "users":
        return UsersFile(
            settings.users_file, local_domains=domains, default_home=settings.home_base
        )
    return SystemUsers(
        local_domains=domains,
        uids=UidRange(settings.system_users_first_uid, settings.system_users_last_uid),
        pam_service=settings.pam_service if name == "pam" else "",
    )
