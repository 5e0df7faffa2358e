"""A client's TLS records made by hand, for requests that Python's `ssl` cannot make.

The secrets come from the key log that a client's context writes for debuggers. Each class replaces
a client that has shaken hands and has sent no data yet.
"""

from __future__ import annotations

import hmac
import struct

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

HANDSHAKE, APPLICATION_DATA = 22, 23
PLEASE_UPDATE_TOO = b"\x18\0\0\x01\x01"


def logged(keylog, label):
    """Return the two fields after a label: the client's random bytes, and a secret."""
    line = next(line for line in keylog.splitlines() if line.startswith(f"{label} "))
    return [bytes.fromhex(field) for field in line.split()[1:]]


class KeyUpdates:
    """Asks for new keys, with TLS_AES_256_GCM_SHA384 (RFC 8446 §4.6.3, §7)."""

    def __init__(self, keylog):
        self._renew(logged(keylog, "CLIENT_TRAFFIC_SECRET_0")[1])

    def key_update(self):
        """Return a record that changes our keys and asks the server to change its own."""
        record = self._record(HANDSHAKE, PLEASE_UPDATE_TOO)
        self._renew(self._expand(b"traffic upd", 48))
        return record

    def data(self, data):
        """Return a record that carries `data`."""
        return self._record(APPLICATION_DATA, data)

    def _record(self, kind, content):
        header = struct.pack("!BHH", APPLICATION_DATA, 0x303, len(content) + 1 + 16)
        nonce = (int.from_bytes(self._iv, "big") ^ self._sequence).to_bytes(12, "big")
        self._sequence += 1
        return header + AESGCM(self._key).encrypt(nonce, content + bytes([kind]), header)

    def _renew(self, secret):
        self._secret, self._sequence = secret, 0
        self._key, self._iv = self._expand(b"key", 32), self._expand(b"iv", 12)

    def _expand(self, label, length):
        info = struct.pack("!HB", length, 6 + len(label)) + b"tls13 " + label + b"\0"
        return HKDFExpand(SHA384(), length, info).derive(self._secret)


class Renegotiations:
    """Asks for another handshake, with ECDHE-ECDSA-AES256-GCM-SHA384 (RFC 5246 §6.3, §7.4.1.2)."""

    def __init__(self, keylog, client_hello, server_hello):
        self._hello = client_hello[5:]
        client_random, secret = logged(keylog, "CLIENT_RANDOM")
        keys = self._expand(secret, b"key expansion" + server_hello[11:43] + client_random)
        self._key, self._salt = keys[:32], keys[64:68]
        self._sequence = 1  # the handshake's Finished was the first

    def ask(self):
        """Return a record that asks for it."""
        return self._record(HANDSHAKE, self._hello)

    def data(self, data):
        """Return a record that carries `data`."""
        return self._record(APPLICATION_DATA, data)

    def _record(self, kind, content):
        sequence = struct.pack("!Q", self._sequence)
        self._sequence += 1
        known = sequence + struct.pack("!BHH", kind, 0x303, len(content))
        header = struct.pack("!BHH", kind, 0x303, 8 + len(content) + 16)
        return header + sequence + AESGCM(self._key).encrypt(self._salt + sequence, content, known)

    @staticmethod
    def _expand(secret, seed):
        first = hmac.digest(secret, seed, "sha384")
        second = hmac.digest(secret, first, "sha384")
        return hmac.digest(secret, first + seed, "sha384") + hmac.digest(secret, second + seed, "sha384")
