"""The command line: what a person reads when something goes wrong."""

import errno

import pytest

from imbalance_aware import __main__


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_one_sentence(monkeypatch, capsys, number):
    class Step:
        """A step that cannot write."""

        add_arguments = staticmethod(lambda parser: None)

        @staticmethod
        def run(args):
            raise OSError(number, "full", "results/metrics.json")

    monkeypatch.setattr(__main__.importlib, "import_module", lambda name: Step)
    assert __main__.main(["evaluate"]) == 2
    assert (
        capsys.readouterr().err == "error: results/metrics.json: no space left to write to; free some and run again\n"
    )


def test_other_errors_of_the_system_keep_their_traceback(monkeypatch):
    class Step:
        """A step with a defect."""

        add_arguments = staticmethod(lambda parser: None)

        @staticmethod
        def run(args):
            raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(__main__.importlib, "import_module", lambda name: Step)
    with pytest.raises(OSError, match="broken"):
        __main__.main(["evaluate"])
