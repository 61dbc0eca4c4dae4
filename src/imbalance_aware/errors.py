"""The one exception that users are meant to see, and the system's errors that are theirs to mend."""

import errno

#: Of an `OSError`: no space on the disk, or none left of the user's share.
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class UserError(Exception):
    """A mistake in input, configuration or set-up; its message says what, where and how to mend it.

    The command line prints the message alone, without a traceback, and exits with status 2.
    """
