"""The training loops in the documentation, run as they are printed."""

import re
import subprocess
import sys

import pytest

from places import CHECKOUT

PAGE = CHECKOUT / "docs/own_training_loop.md"
SNIPPETS = dict(
    re.findall(r"^## ([^\n]+)\n(?:(?!^## ).)*?```python\n(.*?)```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
)
#: Title -> module that it needs, beside torch.
NEEDS = {"Plain torch": "torch", "Lightning": "pytorch_lightning", "A MONAI engine": "ignite"}


def test_every_loop_of_the_page_is_run_here():
    assert set(SNIPPETS) == set(NEEDS)


@pytest.mark.slow
@pytest.mark.parametrize("title", NEEDS)
def test_the_loop_trains_the_rare_classes_too(title, tmp_path):
    pytest.importorskip(NEEDS[title], reason=f'the loop "{title}" needs {NEEDS[title]}; the extra `test` brings it')
    # In a process of its own, since these packages change settings of torch, logging and warnings.
    done = subprocess.run(
        [sys.executable, "-c", SNIPPETS[title]], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    recalls = [float(value) for value in re.findall(r"\d\.\d+", done.stdout.splitlines()[-1])]
    assert len(recalls) == 3
    assert min(recalls) > 0.8, "a network that calls all samples common has a recall of 0 for the others"
