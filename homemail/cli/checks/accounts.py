# SPDX-License-Identifier: MIT
"""The accounts: the file's lines, the homes, and somebody who is postmaster."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from homemail.auth.api import Account
from homemail.auth.users_file import UsersFile
from homemail.cli.checks.places import check_directory, server_uid
from homemail.cli.finding import Finding, error, warning
from homemail.config.settings import Settings
from homemail.errors import ConfigError, TableUnavailable
from homemail.model.address import Address, Domain
from homemail.mta.api import Local
from homemail.mta.route import Router


def check_accounts(settings: Settings) -> Iterator[Finding]:
    """Look at the account file and at what its lines say."""
    file = settings.auth.users_file
    if not file.exists() and not file.is_symlink():
        yield warning(f"no account file {file}", '"homemail account add NAME" makes it')
        return
    domains = settings.site.mydestination
    users = UsersFile(file, local_domains=domains, default_home=settings.auth.home_base)
    try:
        problems = users.problems()
        accounts = asyncio.run(users.all())
        missing = asyncio.run(_without_postmaster(settings, users))
    except TableUnavailable as trouble:
        yield error(f"the account file {file} cannot be read: {_reason(trouble)}")
        return
    yield from (error(str(problem)) for problem in problems)
    if not accounts:
        yield warning(f"no account in {file}", '"homemail account add NAME" makes one')
    elif missing:
        yield warning(
            f"nobody gets mail for postmaster@{missing[0]}, where others write when mail fails",
            "give an account that address: addresses=postmaster@DOMAIN in its line",
        )
    local = {Domain.parse(domain) for domain in domains}
    for account in accounts:
        yield from _check_account(account, local, settings)


def _check_account(account: Account, local: set[Domain], settings: Settings) -> Iterator[Finding]:
    _, at, domain = account.id.rpartition("@")
    strange = {address.domain for address in account.addresses}
    if at:
        strange.add(Domain.parse(domain))
    for other in sorted(strange - local, key=str):
        yield warning(
            f"account {account.id} has an address in {other}, which is not in mydestination",
            "mail for it does not come here until it is",
        )
    uid = server_uid(settings) if account.uid is None else account.uid
    yield from check_directory(f"the home of {account.id}", account.home, uid, private=False)


async def _without_postmaster(settings: Settings, users: UsersFile) -> list[str]:
    """Return the local domains whose postmaster leads to nobody."""
    try:
        router = Router(settings.site, users, settings.sending, postmaster=settings.smtp.postmaster)
    except ConfigError:  # told of already
        return []
    domains = settings.site.mydestination
    routes = [await router.route(Address("postmaster", Domain.parse(name))) for name in domains]
    return [
        name for name, route in zip(domains, routes, strict=True) if not isinstance(route, Local)
    ]


def _reason(trouble: TableUnavailable) -> str:
    cause = trouble.__cause__
    return (isinstance(cause, OSError) and cause.strerror) or trouble.text
