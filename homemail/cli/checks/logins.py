# SPDX-License-Identifier: MIT
"""Where logins are checked beside the account file: the system, PAM, an issuer of tokens."""

from __future__ import annotations

import importlib.util
import stat
from collections.abc import Iterator
from pathlib import Path

from homemail.cli.finding import Finding, error, warning
from homemail.config.settings import Settings


def check_logins(settings: Settings) -> Iterator[Finding]:
    """Look at what the sources of accounts and access tokens need."""
    auth = settings.auth
    if "pam" in auth.auth_sources and importlib.util.find_spec("pamela") is None:
        yield error("auth_sources names pam, which is not there", "install homemail[pam]")
    if "pam" in auth.auth_sources and not (Path("/etc/pam.d") / auth.pam_service).exists():
        yield warning(
            f"there is no /etc/pam.d/{auth.pam_service}, so PAM does what /etc/pam.d/other says",
            "make it, or set pam_service",
        )
    if auth.oauth_introspection_url and auth.oauth_jwks_url:
        yield warning(
            "oauth_jwks_url does nothing beside oauth_introspection_url", "take one of them out"
        )
    if auth.oauth_jwks_url and not auth.oauth_audience:
        yield warning(
            "every access token of the issuer opens a mailbox, also one for another service",
            "set oauth_audience",
        )
    if auth.oauth_client_secret_file:
        yield from _check_secret(auth.oauth_client_secret_file)


def _check_secret(file: Path) -> Iterator[Finding]:
    try:
        mode = file.stat().st_mode
    except OSError as trouble:
        yield error(f"{file} cannot be read: {trouble.strerror}")
        return
    if mode & stat.S_IRWXO:
        yield error(f"the password in {file} is open to others", f"chmod 600 {file}")
