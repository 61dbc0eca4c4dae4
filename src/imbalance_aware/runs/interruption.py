"""Signals that end a run after its current step."""

import signal
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Interruption:
    """While this context is entered, SIGTERM and SIGINT only set ``received``, for the training loop to see."""

    def __init__(self) -> None:
        self.received: signal.Signals | None = None

    def __enter__(self) -> "Interruption":
        self._before = {number: signal.signal(number, self._receive) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _receive(self, number: int, _: FrameType | None) -> None:
        self.received = signal.Signals(number)


class Interrupted(Exception):
    """Training was stopped by a signal and can be continued from its checkpoint, from here if it was saved."""

    def __init__(self, number: signal.Signals, place: str, saved: bool) -> None:
        goes_on = "there" if saved else "the checkpoint before, if there is one"
        super().__init__(f"stopped by {number.name} {place}; the same command continues from {goes_on}")
        self.exit_status = 128 + number
