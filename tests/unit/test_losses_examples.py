"""The examples in the documentation of losses, run."""

import ast
import doctest
import re
from importlib import import_module
from pathlib import Path

import pytest
import torch

from imbalance_aware import losses
from imbalance_aware.losses import COMBINED, LOSSES


@pytest.mark.parametrize("reference", [*LOSSES.values(), COMBINED])
def test_every_public_loss_has_an_example_that_holds(reference):
    module, _, name = reference.partition(":")
    found = doctest.DocTestFinder(recurse=False).find(getattr(import_module(module), name), name, globs={})
    assert found and found[0].examples, f"{name} has no example"
    assert any(example.want for example in found[0].examples), f"the example of {name} shows no value"
    said: list[str] = []
    result = doctest.DocTestRunner().run(found[0], out=said.append)
    assert result.failed == 0, "".join(said)


def test_the_losses_written_in_the_guide(checkout):
    """A loss of the whole batch without a gradient of its own: value and gradient are those of the formula."""
    guide = (checkout / "docs/losses.md").read_text()
    (source,) = re.findall(r"```python\n(from torch import Tensor\n.*?)```", guide, re.DOTALL)
    names: dict = {}
    exec(source, names)
    loss = names["GeometricMeanLoss"]()
    logits = torch.randn(6, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64, requires_grad=True)
    target = torch.tensor([0, 1, 2, 0, 0, 1])
    recalls = torch.stack([logits.softmax(1)[target == label, label].mean() for label in range(3)])
    torch.testing.assert_close(loss(logits, target), 1 - recalls.prod() ** (1 / 3), rtol=1e-6, atol=1e-6)
    weights = torch.tensor([1.0, 2, 1, 1, 3, 1], dtype=torch.float64)
    torch.testing.assert_close(loss(logits, target, weights), loss(logits, target) * weights.mean())
    assert torch.autograd.gradcheck(loss, (logits, target))
    absent = torch.zeros(4, dtype=torch.long)
    value = loss(logits[:4], absent)
    value.backward()
    assert value.isfinite() and logits.grad.isfinite().all(), "a class that is absent from the batch"


def test_type_checkers_see_every_loss_that_the_package_offers():
    """The imports for type checkers beside the table that is used at run time."""
    tree = ast.parse(Path(losses.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {f"{line.module}:{alias.name}" for line in block.body for alias in line.names if alias.name == alias.asname}
    assert seen == {*LOSSES.values(), COMBINED}
