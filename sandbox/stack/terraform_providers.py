"""Where Terraform gets its providers from in a rehearsal: a mirror on this machine, or one cache instead of a download for each run."""

from collections.abc import Mapping
from pathlib import Path

CONFIGURATION, CACHE = "TF_CLI_CONFIG_FILE", "TF_PLUGIN_CACHE_DIR"
MIRROR = "SANDBOX_TERRAFORM_MIRROR"  # a folder laid out as <host>/<namespace>/<type>/<version>/<platform>
OPTIONAL_SOFTWARE = Path("/opt")  # where the Filesystem Hierarchy Standard puts what is no part of the system
PROVIDER = "registry.terraform.io/hashicorp/aws"
FILE = """\
provider_installation {{
  filesystem_mirror {{
    path = "{mirror}"
  }}
  direct {{
    exclude = ["{provider}"]
  }}
}}
disable_checkpoint = true
"""


def variables(given: Mapping[str, str], folder: Path, software: Path = OPTIONAL_SOFTWARE) -> dict[str, str]:
    """Return what Terraform's environment needs beyond what is `given`; files that it reads are kept in a folder.

    A configuration of the person's own that exists is used as it is.
    """
    found = {"CHECKPOINT_DISABLE": "1"}
    if Path(given.get(CONFIGURATION) or "/nowhere").is_file():
        return found
    if mirror := find_mirror(given, software):
        file = folder / "terraform.rc"
        file.write_text(FILE.format(mirror=mirror, provider=PROVIDER), encoding="utf-8")
        return found | {CONFIGURATION: str(file)}
    if CACHE not in given:
        cache = folder / "terraform-providers"
        cache.mkdir(exist_ok=True)
        found[CACHE] = str(cache)
    return found


def find_mirror(given: Mapping[str, str], software: Path = OPTIONAL_SOFTWARE) -> Path | None:
    """Return a folder on this machine that has the AWS provider, or None."""
    if named := given.get(MIRROR):
        return Path(named)
    found = sorted(software.glob(f"*/{PROVIDER}"))
    return found[0].parents[2] if found else None
