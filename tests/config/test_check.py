# SPDX-License-Identifier: MIT
"""What must be right beside a value's kind."""

from __future__ import annotations

from dataclasses import replace

import pytest

from homemail.config.check import check
from homemail.config.load import load


def troubles(**site):
    settings = load([], hostname=lambda: "mail.example.org")
    return [e.parameter for e in check(replace(settings, site=replace(settings.site, **site)))]


@pytest.mark.parametrize(
    "site",
    [
        {},
        {"inet_interfaces": ("all", "127.0.0.1", "::1", "[::1]", "loopback-only")},
        {"nameservers": ("192.0.2.1", "192.0.2.1:53", "[2001:db8::1]:53", "2001:db8::1")},
        {"recipient_delimiter": ""},
        {"recipient_delimiter": "+-"},
        {"mydestination": ()},
        {"mydestination": ("münchen.example", "[192.0.2.1]")},
    ],
)
def test_right(site):
    assert troubles(**site) == []


@pytest.mark.parametrize(
    "site",
    [
        {"inet_interfaces": ("",)},
        {"nameservers": ("192.0.2.1:",)},
        {"nameservers": ("[2001:db8::1]:x",)},
        {"recipient_delimiter": " "},
        {"recipient_delimiter": "é"},
        {"mydestination": ("a..b",)},
        {"myorigin": ""},
    ],
)
def test_wrong(site):
    assert troubles(**site) == list(site)
