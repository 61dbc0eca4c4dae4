"""From names to losses: the table, sums, and what a run depends on."""

import inspect
import subprocess
import sys

import pytest
import torch

from imbalance_aware import losses
from imbalance_aware.errors import UserError
from imbalance_aware.losses import LOSSES
from imbalance_aware.losses.build import _argument_names, build_loss, check_arguments, make_loss, module_names
from imbalance_aware.provenance import _imports

LOGITS = torch.randn(12, 3, generator=torch.Generator().manual_seed(0))
TARGET = torch.arange(12) % 3


def test_every_name_of_the_table_is_a_class_that_can_be_imported_by_name():
    for reference in losses.LOSSES.values():
        name = reference.partition(":")[2]
        assert getattr(losses, name).__name__ == name
        assert name in dir(losses)
    with pytest.raises(AttributeError, match="NoSuchLoss"):
        losses.NoSuchLoss  # noqa: B018


def test_a_sum_is_the_sum_of_its_terms():
    total = build_loss({"ce": 1, "soft_mcc": 0.5}, {"soft_mcc": {"form": "macro"}})
    expected = make_loss("ce", {})(LOGITS, TARGET) + 0.5 * make_loss("soft_mcc", {"form": "macro"})(LOGITS, TARGET)
    torch.testing.assert_close(total(LOGITS, TARGET), expected)


@pytest.mark.parametrize("batch_level", ["soft_f1", "soft_mcc"])
def test_sample_weights_of_a_sum_are_those_of_keras(batch_level):
    """mean_i w_i (CE_i + L), with L the loss of the whole batch."""
    weight = torch.linspace(0.2, 3, 12)
    per_sample = make_loss("ce", {"reduction": "none"})(LOGITS, TARGET)
    expected = (weight * (per_sample + make_loss(batch_level, {})(LOGITS, TARGET))).mean()
    torch.testing.assert_close(build_loss({"ce": 1, batch_level: 1})(LOGITS, TARGET, weight), expected)


def test_a_single_term_is_the_loss_itself_and_a_factor_counts():
    assert type(build_loss({"focal": 1}, {"focal": {"gamma": 3}})).__name__ == "FocalLoss"
    torch.testing.assert_close(build_loss({"ce": 2})(LOGITS, TARGET), 2 * make_loss("ce", {})(LOGITS, TARGET))


def test_mistakes_name_the_loss_and_the_way_out():
    with pytest.raises(UserError, match=r'unknown loss "soft_fl".*soft_f1'):
        build_loss({"ce": 1, "soft_fl": 1})
    with pytest.raises(UserError, match=r'"focal" has no argument "gama".*gamma'):
        build_loss({"focal": 1}, {"focal": {"gama": 2}})
    with pytest.raises(UserError, match=r'"soft_mcc" cannot be built.*form'):
        build_loss({"soft_mcc": 1}, {"soft_mcc": {"form": "binary"}})


def test_a_loss_depends_on_no_other_loss():
    names = {reference.partition(":")[0].removeprefix("imbalance_aware.") for reference in losses.LOSSES.values()}
    for name in [*names, "losses.build", "losses.combined"]:
        reached, waiting = set(), [name]
        while waiting:
            module = waiting.pop()
            reached.add(module)
            waiting += set(_imports(module)) - reached
        assert reached & names <= {name}


def test_module_names_are_those_a_run_looks_up():
    assert module_names({"soft_mcc": 1}) == ["losses.soft_mcc"]
    assert module_names({"ce": 1, "soft_f1": 0.5}) == ["losses.ce", "losses.soft_f1", "losses.combined"]


def test_the_table_is_read_without_torch():
    code = "import sys, imbalance_aware.losses.build; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_arguments_are_checked_without_importing_the_losses():
    check_arguments({"focal": {"gamma": 2, "alpha": [1, 2, 3]}, "soft_mcc": {"form": "macro"}, "ldam": {"beta": 0.9}})
    with pytest.raises(UserError, match=r'"focal" has no argument "gama"\. Did you mean "gamma"\?'):
        check_arguments({"focal": {"gama": 2}})
    with pytest.raises(UserError, match='"reduction" cannot be set'):
        check_arguments({"ce": {"reduction": "none"}})


@pytest.mark.parametrize("name", LOSSES)
def test_arguments_read_from_the_source_are_those_of_the_class(name):
    cls = getattr(losses, LOSSES[name].partition(":")[2])
    assert _argument_names(LOSSES[name]) == list(inspect.signature(cls).parameters)
