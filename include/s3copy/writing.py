"""The writes of a folder: copy it over another one, and delete what is left over."""

from __future__ import annotations

from collections.abc import Callable

from include.s3copy.deletion import remove_stale
from include.s3copy.folder_comparison import Keys
from include.s3copy.folder_copy import Folder, copy
from include.s3copy.options import CopyOptions, CopyProgress, CopyResult
from include.write import Action, Write

COPY = Action(
    "s3",
    "CopyObject",
    calls=(
        "CopyObject",
        "CreateMultipartUpload",
        "UploadPartCopy",
        "CompleteMultipartUpload",
        "AbortMultipartUpload",
        "PutObjectTagging",
    ),
    unknown="S3 keeps every object whole, the old or the new one; the copy is made again and goes on from there",
)
DELETE = Action(
    "s3",
    "DeleteObjects",
    calls=("DeleteObjects", "DeleteObject"),
    unknown="S3 keeps every object whole or not at all; what is left over is looked for again",
)


def copy_folder(
    about: str,
    source: Folder,
    destination: Folder,
    options: CopyOptions,
    on_progress: Callable[[CopyProgress], None],
) -> Write[CopyResult]:
    """Return the write that copies a folder over another one. Raises: CopyFailedError, PreconditionError."""
    return Write(
        COPY,
        about,
        lambda: copy(source, destination, options, on_progress=on_progress),
        resources={"folder": destination.location.uri},
        whole=False,
    )


def remove_left_over(
    about: str, source: Folder, destination: Folder, only: Callable[[str], bool], check: Callable[[], None]
) -> Write[Keys]:
    """Return the write that deletes what the destination holds and the source does not, of those keys only.

    `check` is called before each call that deletes: a person may have freed the lease or stopped everything meanwhile.
    Raises: CopyFailedError, PreconditionError.
    """
    return Write(
        DELETE,
        about,
        lambda: remove_stale(source, destination, only=only, check=check),
        resources={"folder": destination.location.uri},
        whole=False,
    )
