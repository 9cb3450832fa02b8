"""The environment variables that point any Azure SDK at the embedded Azure."""

from __future__ import annotations

from pathlib import Path

from reconciler.local_azure.identity import Identity


def client_environment(folder: Path, who: Identity, port: int, principal: str = "owner") -> dict[str, str]:
    """A proxy, a certificate authority and one of the seeded principals; both spellings, since tools differ."""
    seeded = who.principals[principal]
    bundle = str(folder / "tls" / "ca.pem")
    proxy = f"http://127.0.0.1:{port}"
    return {
        "HTTPS_PROXY": proxy,
        "https_proxy": proxy,
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "REQUESTS_CA_BUNDLE": bundle,
        "SSL_CERT_FILE": bundle,
        "AZURE_TENANT_ID": who.tenant_id,
        "AZURE_CLIENT_ID": seeded.client_id,
        "AZURE_CLIENT_SECRET": seeded.secret,
    }
