"""Amazon S3: folders of a bucket compared, and copied inside S3 at the rate S3 takes."""

from include.aws.s3.comparing import Comparison, Keys, compare, remove_stale, verify
from include.aws.s3.copying import Folder, copy
from include.aws.s3.location import Location, check_apart
from include.aws.s3.options import CopyOptions, CopyProgress, CopyResult, Failure
from include.aws.s3.proof import Proof
from include.aws.s3.writing import copy_folder, remove_left_over

__all__ = [
    "Comparison",
    "CopyOptions",
    "CopyProgress",
    "CopyResult",
    "Failure",
    "Folder",
    "Keys",
    "Location",
    "Proof",
    "check_apart",
    "compare",
    "copy",
    "copy_folder",
    "remove_left_over",
    "remove_stale",
    "verify",
]
