"""Two homeservers on loopback that federate with each other, over TLS with certificates that nobody signed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bot.demo.synapse import Synapse, free_port

# milliseconds: a homeserver that is back after seconds is asked again at once; usually it is left alone for minutes
AT_ONCE = {
    "client_timeout": 5000,
    "max_short_retry_delay": 100,
    "max_long_retry_delay": 100,
    "max_short_retries": 1,
    "max_long_retries": 1,
    "destination_min_retry_interval": 100,
    "destination_retry_multiplier": 1,
    "destination_max_retry_interval": 100,
}


class Federating(Synapse):
    """A homeserver that others can reach, under the name of its port."""

    def __init__(self) -> None:
        port = free_port()
        super().__init__(f"localhost:{port}")
        certificate, key = self.folder / "tls.crt", self.folder / "tls.key"
        self_signed(certificate, key)
        file = self.folder / "homeserver.yaml"
        config = yaml.safe_load(file.read_text())
        del config["federation_domain_whitelist"]
        config["listeners"].append(
            {
                "port": port,
                "type": "http",
                "tls": True,
                "bind_addresses": ["127.0.0.1"],
                "resources": [{"names": ["federation"]}],
            }
        )
        config |= {
            "tls_certificate_path": str(certificate),
            "tls_private_key_path": str(key),
            "federation_verify_certificates": False,
            "ip_range_blacklist": [],
            "federation_ip_range_blacklist": [],
            "federation": AT_ONCE,
            "rc_federation": {"concurrent": 100, "sleep_limit": 1000, "reject_limit": 1000},
        }
        file.write_text(yaml.safe_dump(config))


def self_signed(certificate: Path, key: Path) -> None:
    """Write a certificate for localhost, and its key."""
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(secret, hashes.SHA256())
    )
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    key.write_bytes(secret.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
