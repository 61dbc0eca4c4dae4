"""Progress messages of long loops in the log."""

import logging
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")

INTERVAL_S = 5.0


def progress(items: Iterable[Item], total: int, what: str, logger: logging.Logger) -> Iterator[Item]:
    """Yield ``items``; every few seconds, log how many of ``total`` are done and how long the rest will take."""
    start = reported = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - reported >= INTERVAL_S and done < total:
            reported = now
            left_s = (now - start) / done * (total - done)
            logger.info("%s: %d of %d, about %.0f s left", what, done, total, left_s)
    logger.info("%s: %d in %.1f s", what, total, time.monotonic() - start)
