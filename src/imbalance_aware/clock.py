"""Whether the clock is where the results say: Snakemake decides by the times of files what has to be made again.

Where a clock was set back, a file that is made now counts as older than what was made from its predecessor, which then
stays as it is: an outdated result without a word.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from imbalance_aware.errors import UserError

#: How far a file may lie in the future, in seconds: the clocks of file servers differ a little.
TOLERANCE_S = 120


def require_clock(results: Path) -> None:
    """Check that no file below a folder is from the future.

    Args:
        results: the folder; it need not exist.

    Raises:
        UserError: one is. The message names the file that is furthest ahead, and the command for the case that the
            clock is right.
    """
    newest, path = max(_times(results), default=(0.0, ""))
    ahead_s = newest - time.time()
    if ahead_s > TOLERANCE_S:
        raise UserError(
            f"{path}: is dated {ahead_s / 60:.0f} min in the future, so the clock was wrong then or is now; so "
            "outdated files cannot be determined. Correct the clock; or, if it is right, date these files now: find "
            f"{results} -newermt now -exec touch {{}} +"
        )


def _times(folder: Path) -> Iterator[tuple[float, str]]:
    """Time of the last change and path of each file; one that vanishes meanwhile is passed over."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = f"{place}/{name}"
            try:
                yield os.lstat(path).st_mtime, path
            except FileNotFoundError:
                continue
