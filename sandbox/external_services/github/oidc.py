"""The issuer of OIDC tokens for jobs of GitHub Actions, with the claims that GitHub documents, and its public keys."""

import itertools
import zlib
from collections.abc import Callable
from functools import cached_property
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Blueprint, Response, jsonify

from sandbox.external_services.credentials import OIDC_KEYS

ISSUER = "https://token.actions.githubusercontent.com"
ALGORITHM = "RS256"


class Issuer:
    """Signs tokens with a key of its own. `real` is the clock of the clients."""

    def __init__(self, real: Callable[[], float]):
        self.real = real
        self.key_id = "sandbox-1"
        self._ids = itertools.count(1)

    @cached_property
    def key(self) -> rsa.RSAPrivateKey:
        """The private key, made when it is first needed, since that takes a while."""
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def rotate(self) -> None:
        """Sign with another key from here on, and publish no earlier one."""
        self.__dict__.pop("key", None)
        self.key_id = f"{self.key_id.split('-')[0]}-{int(self.key_id.split('-')[1]) + 1}"

    def keys(self) -> dict[str, Any]:
        """Return the public keys as a JSON Web Key Set."""
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [{**public, "use": "sig", "alg": ALGORITHM, "kid": self.key_id}]}

    def token(
        self, *, repository: str, ref: str, event: str, audience: str, actor: str, environment: str | None, lasts: int
    ) -> str:
        """Return the token of a job."""
        owner, now = repository.split("/")[0], int(self.real())
        number = next(self._ids)
        place = (
            f"environment:{environment}" if environment else "pull_request" if event == "pull_request" else f"ref:{ref}"
        )
        claims = {
            "iss": ISSUER,
            "sub": f"repo:{repository}:{place}",
            "aud": audience,
            "iat": now,
            "nbf": now,
            "exp": now + lasts,
            "jti": f"00000000-0000-4000-8000-{number:012d}",
            "repository": repository,
            "repository_id": str(zlib.crc32(repository.encode())),
            "repository_owner": owner,
            "repository_owner_id": str(zlib.crc32(owner.encode())),
            "repository_visibility": "private",
            "ref": ref,
            "ref_type": "tag" if ref.startswith("refs/tags/") else "branch",
            "ref_protected": "true",
            "sha": "0" * 40,
            "event_name": event,
            "actor": actor,
            "actor_id": str(zlib.crc32(actor.encode())),
            "workflow": "Deploy",
            "workflow_ref": f"{repository}/.github/workflows/deploy.yml@{ref}",
            "job_workflow_ref": f"{repository}/.github/workflows/deploy.yml@{ref}",
            "run_id": str(number),
            "run_number": "1",
            "run_attempt": "1",
            "runner_environment": "github-hosted",
            "head_ref": "",
            "base_ref": "",
            **({"environment": environment} if environment else {}),
        }
        return jwt.encode(claims, self.key, ALGORITHM, headers={"kid": self.key_id})


def make(issuer: Issuer) -> Blueprint:
    """Return the endpoint that publishes the keys, to anybody."""
    app = Blueprint("oidc", __name__)

    @app.get(OIDC_KEYS)
    def keys() -> Response:
        return jsonify(issuer.keys())

    return app
