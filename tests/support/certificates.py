"""certificates.py - a certification authority in a folder, for tests

SPDX-License-Identifier: Apache-2.0
"""
import pathlib
import ssl
import subprocess


def openssl(folder, *words):
    done = subprocess.run(["openssl", *words], cwd=folder,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


EC = "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"


class Pair:
    """A certificate and its key, PEM files."""

    def __init__(self, folder, name):
        self.certificate = folder / (name + ".crt")
        self.key = folder / (name + ".key")

    def context(self):
        """For a server that shows it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context

    def serial(self):
        text = subprocess.run(
            ["openssl", "x509", "-noout", "-serial", "-in", self.certificate],
            capture_output=True, text=True, check=True).stdout
        return int(text.strip().split("=")[1], 16)


class Authority:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.own = self._make("authority", "test authority",
                              "basicConstraints=critical,CA:TRUE", None, 30)
        self.certificate = self.own.certificate

    def _make(self, name, subject, extension, signer, days, kind=EC):
        pair = Pair(self.folder, name)
        openssl(self.folder, "req", "-newkey", *kind, "-nodes",
                "-keyout", pair.key, "-out", name + ".csr",
                "-subj", "/CN=" + subject)
        (self.folder / (name + ".ext")).write_text(extension + "\n")
        sign = ["-signkey", pair.key] if signer is None else [
            "-CA", signer.certificate, "-CAkey", signer.key,
            "-CAcreateserial"]
        openssl(self.folder, "x509", "-req", "-in", name + ".csr", "-out",
                pair.certificate, "-days", str(days), "-extfile",
                name + ".ext", *sign)
        return pair

    def issue(self, name, san, days=30):
        """For the names in san ("DNS:a.test,IP:127.0.0.1")."""
        return self._make(name, name, "subjectAltName=" + san, self.own, days)

    def self_signed(self, name, san):
        """Nobody's but its own."""
        return self._make(name, name, "subjectAltName=" + san, None, 30)

    def context(self):
        """For a client that trusts this authority alone."""
        return ssl.create_default_context(cafile=self.certificate)

    def weak(self, name, san):
        """One that OpenSSL does not let a server show: RSA of 512 bits."""
        return self._make(name, name, "subjectAltName=" + san, self.own, 30,
                          ("rsa:512",))
