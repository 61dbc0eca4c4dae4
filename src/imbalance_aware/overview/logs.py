"""Information from the log of a job: why it failed, and the progress of training."""

import re
from pathlib import Path

#: Read from the end of a log.
TAIL_BYTES = 16_000
ERROR, TRACEBACK = "error: ", "Traceback (most recent call last):"
EPOCH = re.compile(r"\bepoch (\d+)/(\d+)\b|\bcontinues after (\d+) epochs\b")


def tail(log: Path) -> str:
    """The end of a log; empty if it cannot be read."""
    try:
        with log.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - TAIL_BYTES))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def failure(log: Path) -> str:
    """Why a step failed, in the words that it wrote last; empty if its log has no error."""
    text = tail(log)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = [line for line in lines if line.startswith(ERROR)]
    if said:
        return said[-1].removeprefix(ERROR)
    return lines[-1] if TRACEBACK in text and lines else ""


def epochs(log: Path) -> str:
    """``epoch 12 of 40``, the last that a training reported; empty if it has reported none."""
    found = [*EPOCH.finditer(tail(log))]
    if not found:
        return ""
    done, of, before = found[-1].groups()
    return f"epoch {done} of {of}" if done else f"after epoch {before}"
