"""Errors of the operating system that the user can correct: a full disk, a wrong path."""

import errno

#: Of an `OSError`: no space on the disk, or none left of the user's share.
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
#: Of an `OSError`: a path that is not there, may not be written or read, or is of another kind than it has to be.
WRONG_PATH = (
    errno.ENOENT,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.EISDIR,
    errno.ENOTDIR,
    errno.EEXIST,
    errno.ELOOP,
    errno.ENAMETOOLONG,
)


def is_disk_full(error: BaseException) -> bool:
    """Whether ``error`` says that a disk is full; NumPy says so in words and sets no error number."""
    if not isinstance(error, OSError):
        return False
    text = str(error)
    unnumbered = error.errno is None and ("requested and" in text or "free space" in text)
    return error.errno in DISK_FULL or unnumbered
