"""How the server speaks SSH: which algorithms, which limits, and nothing but sessions (facts checked by ssh-audit in the tests)."""

from __future__ import annotations

from collections.abc import Callable

import asyncssh

from core.settings import ServeSettings

#: What clients and scanners read before anything else: no product's version in it.
VERSION = "modeltrain"
#: In this order: some clients fail with the hybrid one first.
KEY_EXCHANGE = ("curve25519-sha256", "curve25519-sha256@libssh.org", "mlkem768x25519-sha256")
CIPHERS = ("chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "aes256-ctr")
MACS = ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com")
SIGNATURES = ("ssh-ed25519", "sk-ssh-ed25519@openssh.com", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256")
#: After the sign-in only, and only for clients that ask for it (ssh -C).
COMPRESSION = ("zlib@openssh.com", "none")
KEEPALIVE_S, KEEPALIVES = 30, 4


def server_options(
    key: asyncssh.SSHKey, limits: ServeSettings, server_factory: Callable[[], asyncssh.SSHServer]
) -> asyncssh.SSHServerConnectionOptions:
    """The options of every connection of a worker. Blocks for a moment."""
    return asyncssh.SSHServerConnectionOptions(
        server_factory=server_factory,
        server_version=VERSION,
        server_host_keys=[key],
        kex_algs=KEY_EXCHANGE,
        encryption_algs=CIPHERS,
        mac_algs=MACS,
        compression_algs=COMPRESSION,
        signature_algs=SIGNATURES,
        login_timeout=limits.login_s,
        keepalive_interval=KEEPALIVE_S,
        keepalive_count_max=KEEPALIVES,
        tcp_keepalive=True,
        agent_forwarding=False,
        x11_forwarding=False,
        host_based_auth=False,
        gss_host=None,  # else the name of this machine is looked up for every connection
        gss_kex=False,
        gss_auth=False,
        rdns_lookup=False,
        x509_trusted_certs=None,
        x509_trusted_cert_paths=[],
        allow_pty=True,
        line_editor=False,
        encoding=None,
    )
