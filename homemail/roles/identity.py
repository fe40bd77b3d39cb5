# SPDX-License-Identifier: MIT
"""Giving up root."""

from __future__ import annotations

import os
import pwd

from homemail.errors import ConfigError


def become(name: str) -> None:
    """Become the system user ``name`` for good: uid, gid, and its groups only.

    Raises:
        ConfigError: there is no such user.
    """
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        text = f'there is no user "{name}" (make one: useradd --system {name})'
        raise ConfigError(text, parameter="mail_owner") from None
    os.initgroups(name, user.pw_gid)
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    os.umask(0o077)
    os.environ["HOME"] = user.pw_dir
