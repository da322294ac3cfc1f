"""Amazon S3: compare folders of a bucket, and copy them inside S3 at the rate S3 accepts."""

from include.s3copy.deletion import list_keys, remove_stale
from include.s3copy.folder_comparison import Comparison, Keys, compare, verify
from include.s3copy.folder_copy import Folder, copy
from include.s3copy.integrity import Evidence
from include.s3copy.location import Location, check_apart
from include.s3copy.options import CopyOptions, CopyProgress, CopyResult, Failure
from include.s3copy.writing import copy_folder, remove_left_over

__all__ = [
    "Comparison",
    "CopyOptions",
    "CopyProgress",
    "CopyResult",
    "Evidence",
    "Failure",
    "Folder",
    "Keys",
    "Location",
    "check_apart",
    "compare",
    "copy",
    "copy_folder",
    "list_keys",
    "remove_left_over",
    "remove_stale",
    "verify",
]
