# SPDX-License-Identifier: MIT
"""The self-signed certificate, and the contexts of both TLS stacks."""

import ssl
import stat

import pytest
from cryptography import x509

from homemail.config.tls import TlsSettings
from homemail.errors import ConfigError
from homemail.roles.tls import load_contexts, make_self_signed

NAMES = ("home.test", "localhost", "127.0.0.1", "::1")


def test_a_certificate_is_made_once(tmp_path):
    certificate, key = make_self_signed(tmp_path / "tls", NAMES)
    first = certificate.read_bytes()
    assert make_self_signed(tmp_path / "tls", NAMES) == (certificate, key)
    assert certificate.read_bytes() == first
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    found = x509.load_pem_x509_certificate(first)
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["home.test", "localhost"]


def test_no_certificate_is_no_tls():
    assert load_contexts(TlsSettings(tls_certificate_file=None, tls_key_file=None)) is None


def test_both_stacks_take_it_and_keep_to_the_minimum(tmp_path):
    certificate, key = make_self_signed(tmp_path, NAMES)
    contexts = load_contexts(TlsSettings(certificate, key, "TLSv1.3"))
    assert contexts.asyncio.minimum_version == ssl.TLSVersion.TLSv1_3
    assert contexts.twisted("imap").getContext() is not None


def test_a_key_that_does_not_belong_is_told(tmp_path):
    certificate, _ = make_self_signed(tmp_path / "one", NAMES)
    _, key = make_self_signed(tmp_path / "two", NAMES)
    with pytest.raises(ConfigError, match="cannot be used"):
        load_contexts(TlsSettings(certificate, key))


def test_a_certificate_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.pem"):
        load_contexts(TlsSettings(tmp_path / "none.pem", tmp_path / "none.pem"))
