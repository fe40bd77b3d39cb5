# SPDX-License-Identifier: MIT
"""Settings of accounts and passwords."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from homemail.config.declare import FilePath, Number, Switch, Text, Time, Url, Words, setting

ALL_MECHANISMS = (
    "EXTERNAL",
    "SCRAM-SHA-256-PLUS",
    "SCRAM-SHA-256",
    "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-1",
    "OAUTHBEARER",
    "XOAUTH2",
    "CRAM-MD5",
    "PLAIN",
    "LOGIN",
    "APOP",
)


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """Who has an account, and how patiently passwords are checked."""

    auth_sources: tuple[str, ...] = setting(
        ("users",),
        Words(("users", "system", "pam")),
        "Where accounts are looked for, in order: users_file; the system's users with the "
        "passwords in shadow, or as PAM checks them.",
    )
    users_file: Path = setting(
        Path("/etc/homemail/users"),
        FilePath(),
        "The account file, one account per line as in Dovecot's passwd-file.",
    )
    home_base: Path = setting(
        Path("/var/lib/homemail/home"),
        FilePath(),
        "Has a directory per account, the home of those whose line names none.",
    )
    system_users_first_uid: int = setting(
        1000, Number(1, 2**32 - 2), "The lowest uid of a system user that is an account."
    )
    system_users_last_uid: int = setting(
        59_999, Number(1, 2**32 - 2), "The highest uid of a system user that is an account."
    )
    pam_service: str = setting(
        "homemail", Text(), "The file in /etc/pam.d that says how PAM checks a password."
    )
    auth_fold_case: bool = setting(
        True, Switch(), "Take login names in upper case for the same; else as accounts are listed."
    )
    auth_mechanisms: tuple[str, ...] = setting(
        tuple(name for name in ALL_MECHANISMS if not name.endswith("-PLUS")),
        Words(ALL_MECHANISMS),
        "The ways to log in that may be offered, where accounts and connection allow them.",
    )
    auth_upgrade_hashes: bool = setting(
        True, Switch(), "Replace a weak hash in users_file when its owner logs in."
    )
    auth_allow_cleartext: bool = setting(
        False,
        Switch(),
        "Take passwords over a network without TLS; this machine itself always may.",
    )
    auth_cache_time: float = setting(
        300.0, Time(), "How long a password that was right is remembered; 0 is not at all."
    )
    auth_failure_delay: float = setting(
        2.0,
        Time(),
        "How long a client waits for its next try after a wrong password; doubles each time.",
    )
    auth_failure_delay_max: float = setting(15.0, Time(), "The longest that such a wait grows to.")
    auth_failure_memory: float = setting(
        600.0, Time(), "How long after its last wrong password a client's failures count."
    )
    auth_max_failures: int = setting(
        20,
        Number(1, 1_000_000),
        "Wrong passwords within that time after which a client address is locked out for as long.",
    )
    auth_worker_threads: int = setting(
        2, Number(1, 64), "How many passwords are checked at the same time."
    )
    oauth_introspection_url: str = setting(
        "", Url(), "Where the issuer of access tokens tells whose a token is (RFC 7662)."
    )
    oauth_client_id: str = setting(
        "", Text(), "The name that this server has at oauth_introspection_url."
    )
    oauth_client_secret_file: Path | None = setting(
        None, FilePath(optional=True), "A file with the password that goes with oauth_client_id."
    )
    oauth_jwks_url: str = setting(
        "", Url(), "The keys that sign the access tokens, where these are JSON Web Tokens."
    )
    oauth_issuer: str = setting("", Text(), "Who must have issued an access token; empty: any.")
    oauth_audience: str = setting("", Text(), "Whom an access token must be for; empty: any.")
    oauth_scope: str = setting("", Text(), "What an access token must allow; empty: any.")
    oauth_username_claim: str = setting(
        "email", Text(), "What of an access token is the login name."
    )
