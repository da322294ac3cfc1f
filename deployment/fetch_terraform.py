"""Fetch one version of Terraform and check its digest, while the image is built.

python fetch_terraform.py VERSION ARCHITECTURE ARCHITECTURE=SHA256... PROGRAM
"""

import hashlib
import io
import sys
import urllib.request
import zipfile
from pathlib import Path

RELEASES = "https://releases.hashicorp.com/terraform"


def unpack(archive: bytes, digest: str, program: Path) -> None:
    """Write the program of a release's archive. Raises: SystemExit if the archive is not the expected one."""
    found = hashlib.sha256(archive).hexdigest()
    if found != digest:
        raise SystemExit(
            f"The archive of Terraform has the SHA-256 {found}, and {digest} is expected; nothing was installed."
        )
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        program.write_bytes(opened.read("terraform"))
    program.chmod(0o755)


def main(version: str, architecture: str, *rest: str) -> None:
    *pairs, program = rest
    digests = dict(pair.split("=", 1) for pair in pairs)
    if architecture not in digests:
        raise SystemExit(f"There is no digest of Terraform for {architecture}, only for {', '.join(sorted(digests))}.")
    url = f"{RELEASES}/{version}/terraform_{version}_linux_{architecture}.zip"
    with urllib.request.urlopen(url, timeout=120) as answer:  # noqa: S310  # the address is written above
        unpack(answer.read(), digests[architecture], Path(program))


if __name__ == "__main__":
    main(*sys.argv[1:])
