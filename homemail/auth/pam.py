# SPDX-License-Identifier: MIT
"""The scheme PAM: the system's own login rules check the password.

A secret is ``{PAM}SERVICE/USER``, SERVICE a file in ``/etc/pam.d``. It needs the package
``homemail[pam]``; without it no password matches.
"""

from __future__ import annotations

from typing import Any

from homemail.log import Log

log = Log("auth")

SCHEME = "PAM"


def secret_for(service: str, user: str) -> str:
    """Return the secret that lets ``user`` in as PAM's ``service`` does."""
    return f"{{{SCHEME}}}{service}/{user}"


def matches(password: bytes, value: str) -> bool:
    """Return whether PAM lets the user in and the account may be used now.

    Raises:
        ValueError: ``value`` is none, or PAM cannot be asked here.
    """
    service, slash, user = value.partition("/")
    if not (slash and service and user):
        raise ValueError("no {PAM}service/user")
    pamela = _library()
    try:
        pamela.authenticate(user, password.decode(), service=service, resetcred=0)
        pamela.check_account(user, service=service)
    except (pamela.PAMError, UnicodeDecodeError) as error:
        log.debug("PAM refused", user=user, why=error)
        return False
    return True


def _library() -> Any:
    try:
        import pamela
    except (ImportError, OSError) as error:  # the package, or the C library below it
        raise ValueError("homemail[pam] is not installed") from error
    return pamela
