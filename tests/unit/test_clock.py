"""Files from the future: the clock was set back, and what is outdated cannot be told."""

import os
import time

import pytest

from imbalance_aware.clock import TOLERANCE_S, require_clock
from imbalance_aware.errors import UserError


def test_files_of_the_past_and_a_folder_that_does_not_exist_are_fine(tmp_path):
    require_clock(tmp_path / "results")
    (tmp_path / "now").touch()
    (tmp_path / "old").touch()
    os.utime(tmp_path / "old", (0, 0))
    (tmp_path / "nowhere").symlink_to(tmp_path / "absent")
    soon = time.time() + TOLERANCE_S / 2
    (tmp_path / "a server's clock").touch()
    os.utime(tmp_path / "a server's clock", (soon, soon))
    require_clock(tmp_path)


def test_a_file_of_the_future_stops_the_planning_and_the_cure_is_told(tmp_path):
    results = tmp_path / "results"
    (results / "runs").mkdir(parents=True)
    for name, hours in {"images.npy": 1, "model.pt": 2}.items():
        path, ahead = results / "runs" / name, time.time() + 3600 * hours
        path.touch()
        os.utime(path, (ahead, ahead))
    with pytest.raises(UserError, match=r"model\.pt: is dated 120 min in the future") as refusal:
        require_clock(results)
    command = str(refusal.value).partition("date these files now: ")[2]
    assert os.system(command) == 0
    require_clock(results)
