# SPDX-License-Identifier: MIT
"""Settings that only the parts they are for can judge: names of checks, next hops, open relays.

Before a server starts this is asked too, so that it stops with file and line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from homemail.auth.memory import MemoryAccounts
from homemail.config.load import Loaded, located
from homemail.config.settings import Settings
from homemail.errors import ConfigError, ConfigErrors
from homemail.mta.content_checks import ContentChecks
from homemail.mta.policy.restrictions import Restrictions
from homemail.mta.route import Router
from homemail.mta.sending.mailboxes import mailbox_hop
from homemail.mta.smtp.early import read_sites

_PARTS: tuple[Callable[[Settings], object], ...] = (
    lambda settings: Restrictions(settings.smtp, settings.site.mynetworks),
    lambda settings: ContentChecks(settings.policy),
    lambda settings: read_sites(settings.smtp),
    lambda settings: mailbox_hop(settings.local.mailbox_transport),
    lambda settings: Router(
        settings.site,
        MemoryAccounts(()),
        settings.sending,
        addresses=settings.addresses,
        postmaster=settings.smtp.postmaster,
    ),
)


def usable_settings(loaded: Loaded) -> Settings:
    """Return the settings, when every part can be made from them.

    Raises:
        ConfigErrors: what the parts cannot use, with its place in the files.
    """
    errors = [located(error, loaded.origins) for error in _refusals(loaded.settings)]
    if errors:
        raise ConfigErrors(errors)
    return loaded.settings


@contextmanager
def with_places(loaded: Loaded) -> Iterator[None]:
    """Let a ``ConfigError`` of what starts within say in which file and line the setting stands."""
    try:
        yield
    except ConfigError as error:
        raise located(error, loaded.origins) from None


def _refusals(settings: Settings) -> Iterator[ConfigError]:
    for make in _PARTS:
        try:
            make(settings)
        except ConfigError as error:
            yield error
