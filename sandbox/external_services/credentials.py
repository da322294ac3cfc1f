"""The tokens, passwords and secrets by which runbooks reach the pretend GitHub, Jira, Sentry, Slack and Google.

The supervisor puts them into Airflow's connections, and never loads the services themselves.
"""

from functools import cache

JIRA_USER = "runbooks"
OIDC_KEYS = "/github/_services/token/.well-known/jwks"  # where GitHub shows the public keys of its OIDC tokens


def github_token(owner: str) -> str:
    """Return the token by which runbooks reach an owner's repositories."""
    return f"ghp_sandbox_{owner}"


def github_reading_token(owner: str) -> str:
    """Return a token that may only read."""
    return f"github_pat_sandbox_{owner}_read"


def webhook_secret(owner: str) -> str:
    """Return the secret with which an owner's webhooks are signed."""
    return f"sandbox_webhook_{owner}"


def jira_password(project: str) -> str:
    """Return the password by which runbooks reach a project's tickets."""
    return f"jira-sandbox-{project.lower()}"


def sentry_token(organization: str) -> str:
    """Return the token by which runbooks reach an organization."""
    return f"sntrys_sandbox_{organization}"


def slack_token(workspace: str) -> str:
    """Return the token of the runbooks' bot in a workspace."""
    return f"xoxb-sandbox-{workspace}"


def google_account(connection: str) -> str:
    """Return the service account of an Airflow connection."""
    return f"{connection.replace('_', '-')}@sandbox.iam.gserviceaccount.com"


def google_key_id(connection: str) -> str:
    """Return the id of a service account's key."""
    return f"sandbox-{connection}"


def google_token(connection: str) -> str:
    """Return the token that a service account's key is exchanged for."""
    return f"google-sandbox-{connection}"


def google_keyfile(connection: str, url: str) -> dict[str, str]:
    """Return the JSON file that Google gives out for a service account; `url` is where Google is."""
    return {
        "type": "service_account",
        "project_id": "sandbox",
        "private_key_id": google_key_id(connection),
        "private_key": _private_key(),
        "client_email": google_account(connection),
        "client_id": "100000000000000000001",
        "token_uri": f"{url}/token",
    }


@cache
def _private_key() -> str:
    """Make a key to sign with; the pretend Google knows a key by its id, and never looks at the signature."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    made = rsa.generate_private_key(65537, 2048)
    form = serialization.PrivateFormat.PKCS8
    return made.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
