"""Names of container images as task definitions have them: registry, repository, tag and digest."""

import re
from dataclasses import dataclass

from include.inventory.models import Registry

LATEST = "latest"  # the tag of a name without one
ECR_HOST = re.compile(
    r"(?P<account>[0-9]{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\."
    r"(?:amazonaws\.com(?:\.cn)?|on\.aws|on\.amazonwebservices\.com\.cn)"
)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class ImageName:
    """One name of an image. `account` and `region` are those of its registry in ECR, "" for every other registry."""

    host: str  # "" for Docker Hub
    repository: str
    tag: str
    digest: str  # "" if the name has none; otherwise the tag does not count
    account: str = ""
    region: str = ""

    def pinned(self, digest: str) -> str:
        """Return the name of the image with this digest in the same repository: a tag may move, a digest cannot."""
        return f"{self.host}{'/' if self.host else ''}{self.repository}@{digest}"

    def is_in(self, registry: Registry) -> bool:
        """Tell whether the image is in a registry's repository: a tag means nothing anywhere else."""
        own = registry.account, registry.region, registry.repository
        return (self.account, self.region, self.repository) == own


def read_image_name(image: str) -> ImageName:
    """Return the parts of an image's name. The first part is a host only if it looks like one, as for Docker itself."""
    name, _, digest = image.partition("@")
    first, slash, rest = name.partition("/")
    host = first if slash and ("." in first or ":" in first or first == "localhost") else ""
    repository, _, tag = (rest if host else name).partition(":")
    found = ECR_HOST.fullmatch(host)
    account, region = (found["account"], found["region"]) if found else ("", "")
    return ImageName(host, repository, tag or LATEST, digest, account, region)
