"""Amazon S3: folders of a bucket compared, and copied inside S3 at the rate S3 takes."""

from include.aws.s3.copying import Folder, copy
from include.aws.s3.location import Location, check_apart
from include.aws.s3.options import CopyOptions, CopyProgress, CopyResult, Failure

__all__ = ["CopyOptions", "CopyProgress", "CopyResult", "Failure", "Folder", "Location", "check_apart", "copy"]
