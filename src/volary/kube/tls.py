"""TLS contexts from PEM bytes."""

from __future__ import annotations

import os
import ssl
import tempfile

from volary.kube.errors import Unreachable


def context_for(authority: bytes, verify: bool, certificate: bytes, key: bytes) -> ssl.SSLContext:
    """Return a client's TLS context. Raises: Unreachable (CertificateInvalid), if a certificate or key is not one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if not verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif authority:
            context.load_verify_locations(cadata=authority.decode("ascii", "replace"))
        else:
            context.load_default_certs()
        if certificate:
            load_pair(context, certificate, key)
    except (ssl.SSLError, ValueError) as error:
        why = getattr(error, "reason", None) or "it is no PEM"
        text = f"a certificate or key of the kubeconfig is damaged, encrypted, or of another pair: {why}"
        raise Unreachable("CertificateInvalid", text) from None
    return context


def load_pair(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Load a client certificate. The ssl module takes files only: ours is readable by us alone, for this moment."""
    handle, path = tempfile.mkstemp(prefix="volary-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(certificate.rstrip() + b"\n" + key)
        # An encrypted key would have OpenSSL ask at the terminal, and wait there for ever.
        context.load_cert_chain(path, password=lambda: b"")
    finally:
        os.unlink(path)  # noqa: PTH108 - the path is a text already
