# SPDX-License-Identifier: MIT
"""What the settings' values must be beside their kind, and what must go together.

Only the values are looked at: what is on the disk and on the network is asked by ``homemail check``
and when the server starts.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import fields

from homemail.config.declare import toml_string
from homemail.config.settings import Settings
from homemail.errors import ConfigError
from homemail.model.address import Domain


def check(settings: Settings) -> list[ConfigError]:
    """Return what is wrong with ``settings``; the loader adds the places in the files."""
    return [*_names(settings), *_addresses(settings), *_ports(settings), *_tls(settings)]


def _names(settings: Settings) -> Iterator[ConfigError]:
    site = settings.site
    for parameter in ("myhostname", "mydomain", "myorigin"):
        yield from _domain(parameter, getattr(site, parameter))
    for name in site.mydestination:
        yield from _domain("mydestination", name)
    for character in site.recipient_delimiter:
        if not character.isascii() or not character.isprintable() or character in '@"\\ ':
            text = f'expected characters such as "+" or "+-", got {toml_string(character)}'
            yield ConfigError(text, parameter="recipient_delimiter")


def _domain(parameter: str, name: str) -> Iterator[ConfigError]:
    try:
        Domain.parse(name)
    except ValueError:
        text = f'expected a domain such as "example.org", got {toml_string(name)}'
        yield ConfigError(text, parameter=parameter)


def _addresses(settings: Settings) -> Iterator[ConfigError]:
    for address in settings.site.inet_interfaces:
        if address not in ("all", "loopback-only") and not _is_address(address):
            text = f'expected "all", "loopback-only" or an address, got {toml_string(address)}'
            yield ConfigError(text, parameter="inet_interfaces")
    for server in settings.site.nameservers:
        if not _is_address(server) and not _is_address_with_port(server):
            text = f'expected "192.0.2.1", "192.0.2.1:53" or such, got {toml_string(server)}'
            yield ConfigError(text, parameter="nameservers")


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def _is_address_with_port(text: str) -> bool:
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    plain = ":" not in host
    return bool(
        colon
        and (bracketed or plain)
        and _is_address(host)
        and port.isdigit()
        and int(port) < 65536
    )


def _ports(settings: Settings) -> Iterator[ConfigError]:
    taken: dict[int, str] = {}
    for port in fields(settings.ports):
        number = getattr(settings.ports, port.name)
        if number and number in taken:
            text = f"port {number} is that of {taken[number]} already"
            yield ConfigError(text, parameter=f"ports.{port.name}")
        taken.setdefault(number, port.name)


def _tls(settings: Settings) -> Iterator[ConfigError]:
    if settings.tls.tls_key_file and not settings.tls.tls_certificate_file:
        yield ConfigError(
            "needs tls_certificate_file, the certificate that it is the key of",
            parameter="tls_key_file",
        )
