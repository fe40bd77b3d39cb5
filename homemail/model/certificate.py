# SPDX-License-Identifier: MIT
"""What an X.509 certificate says to a mail server. DER in, values out."""

from __future__ import annotations

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID


def end_point(certificate: bytes) -> bytes:
    """Return the channel binding data ``tls-server-end-point`` of the server's certificate.

    Empty where its signature has no hash of its own: then there is no such binding.

    Source: RFC 5929 §4.1.
    """
    found = x509.load_der_x509_certificate(certificate)
    try:
        algorithm = found.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return b""
    if algorithm is None:
        return b""
    is_old = isinstance(algorithm, hashes.MD5 | hashes.SHA1)
    return found.fingerprint(hashes.SHA256() if is_old else algorithm)


def host_names(certificate: bytes) -> tuple[str, ...]:
    """Return the host names that a certificate is for, in lower case; ``*.`` may stand in front."""
    return tuple(name.lower() for name in _alternatives(certificate, x509.DNSName))


def user_names(certificate: bytes) -> tuple[str, ...]:
    """Return who the owner of a client's certificate is: mail addresses, then the common name."""
    found = x509.load_der_x509_certificate(certificate)
    common = found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    names = [str(attribute.value) for attribute in common]
    return (*_alternatives(certificate, x509.RFC822Name), *names)


def _alternatives(
    certificate: bytes, kind: type[x509.DNSName] | type[x509.RFC822Name]
) -> list[str]:
    extensions = x509.load_der_x509_certificate(certificate).extensions
    try:
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(name) for name in names.get_values_for_type(kind)]
