"""A process that trains runs of a bundle one after the other (see `imbalance_aware.runs.train_bundle`).

So a slot pays once for what a process for each run would pay every time: imports, the context of the GPU and the
choice of its kernels, reading and checking all images, and their copy on the GPU.

Each line of standard input is a run (`Order`, as JSON). Standard error is then its log. When the run is done, one byte
is written to the file descriptor that is the only argument. The process ends with the status of the first run that
fails, so that no other run meets what a failure leaves behind; or at the end of its input.
"""

import argparse
import gc
import json
import os
import signal
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from imbalance_aware.__main__ import DONE, explained, start_logging

if TYPE_CHECKING:
    from imbalance_aware.runs.shared import Shared

MODULE = "imbalance_aware.runs.train_worker"


@dataclass(frozen=True)
class Order:
    """A run to train.

    Attributes:
        arguments: of the step `train`.
        log: file that its messages are appended to.
    """

    arguments: list[str]
    log: str

    def line(self) -> str:
        """As a line of text."""
        return json.dumps(asdict(self)) + "\n"


def main(answers: int) -> int:
    """Train what standard input asks for; returns the status of the first run that failed."""
    start_logging()
    runs = _Runs()
    with suppress(KeyboardInterrupt):
        for line in sys.stdin:
            order = Order(**json.loads(line))
            with Path(order.log).open("ab") as log:
                os.dup2(log.fileno(), sys.stderr.fileno())
            if status := explained(partial(runs.train, order.arguments)):
                return status
            runs.clear()
            with suppress(BrokenPipeError):  # the process that asked for it has ended; standard input ends too
                os.write(answers, b".")
        return DONE
    return 128 + signal.SIGINT


class _Runs:
    """Trains, and keeps what runs have in common. Imports wait for the first run, so that its log explains failures."""

    def __init__(self) -> None:
        self.shared: Shared | None = None

    def train(self, arguments: list[str]) -> None:
        from imbalance_aware.runs import train
        from imbalance_aware.runs.shared import Shared

        self.shared = self.shared or Shared()
        parser = argparse.ArgumentParser()
        train.add_arguments(parser)
        train.run(parser.parse_args(arguments), self.shared)

    def clear(self) -> None:
        """Leave nothing of a run that is done: no memory on the GPU, no compiled network."""
        import torch

        if "torch._dynamo" in sys.modules:
            torch.compiler.reset()  # else the networks of later runs exceed its limit, and are not compiled
        gc.collect()
        if torch.cuda.is_initialized():
            torch.cuda.empty_cache()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
