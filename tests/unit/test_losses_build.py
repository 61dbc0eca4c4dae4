"""From names to losses: the table, sums, and what a run depends on."""

import inspect
import subprocess
import sys

import pytest
import torch

from imbalance_aware import losses
from imbalance_aware.errors import UserError
from imbalance_aware.losses import LOSSES
from imbalance_aware.losses.arguments import check_arguments, parameters_of
from imbalance_aware.losses.build import build_loss, make_loss, module_names
from imbalance_aware.losses.per_batch import PerBatchLoss
from imbalance_aware.losses.per_sample import PerSampleLoss
from imbalance_aware.provenance import imports

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
            waiting += set(imports(module)) - reached
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
    assert list(parameters_of(LOSSES[name]).types) == list(inspect.signature(cls).parameters)


@pytest.fixture
def other_losses(tmp_path, monkeypatch):
    """Losses that write their arguments in other ways, in a module of their own."""
    (tmp_path / "other_losses.py").write_text(
        "from imbalance_aware.losses.focal import FocalLoss\n"
        "from imbalance_aware.losses.per_sample import PerSampleLoss\n"
        "class Inheriting(FocalLoss):\n    pass\n"
        "class InheritingTwice(Inheriting):\n    pass\n"
        "class KeywordOnly(FocalLoss):\n"
        "    def __init__(self, *, gamma: float = 1, class_counts=None):\n        super().__init__(gamma)\n"
        "class Open(FocalLoss):\n"
        "    def __init__(self, gamma: float = 1, **others):\n        super().__init__(gamma, **others)\n"
        "class Bare(PerSampleLoss):\n"
        "    def sample_losses(self, logits, target):\n        return logits.square().sum(1)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    names = ("Inheriting", "InheritingTwice", "KeywordOnly", "Open", "Bare")
    for name in names:
        monkeypatch.setitem(LOSSES, name, f"other_losses:{name}")
    yield names
    sys.modules.pop("other_losses", None)


@pytest.mark.parametrize(("base", "formula"), [(PerSampleLoss, "sample_losses"), (PerBatchLoss, "batch_loss")])
def test_a_loss_without_its_formula_cannot_be_built(base, formula):
    with pytest.raises(TypeError, match=rf"abstract.*{formula}"):
        type("Forgetful", (base,), {})()


def test_a_class_without_init_or_with_keyword_only_arguments_works(other_losses):
    for name in other_losses:
        given = {} if name == "Bare" else {"gamma": 3}
        check_arguments({name: given})
        build_loss({name: 1}, {name: given}, [3, 4, 5])
        with pytest.raises(UserError, match=r'no argument "gama"|unexpected keyword argument'):
            check_arguments({name: {"gama": 3}})
            build_loss({name: 1}, {name: {"gama": 3}}, [3, 4, 5])
    with pytest.raises(UserError, match="gamma is -2"):
        build_loss({"Inheriting": 1}, {"Inheriting": {"gamma": -2}}, [3, 4, 5])
    with pytest.raises(UserError, match="gamma is 'two'; expected a finite number"):
        check_arguments({"KeywordOnly": {"gamma": "two"}})


WRONG_TYPES = [
    ("focal", {"gamma": float("nan")}, "gamma is nan; expected a finite number"),
    ("focal", {"gamma": float("inf")}, "gamma is inf; expected a finite number"),
    ("focal", {"gamma": "two"}, "gamma is 'two'; expected a finite number"),
    ("focal", {"gamma": True}, "gamma is True; expected a finite number"),
    ("focal", {"gamma": None}, "gamma is None; expected a finite number"),
    ("focal", {"alpha": [1, float("nan"), 1]}, "expected a finite number or a list of finite numbers or null"),
    ("soft_f1", {"weight": ["1", 2, 3]}, "expected a list of finite numbers or null"),
    ("soft_mcc", {"form": 1}, "form is 1; expected text"),
    ("soft_mcc", {"queue_size": 1.5}, "expected a whole number"),
]
WRONG_VALUES = [
    ("focal", {"gamma": -2}, "gamma is -2"),
    ("soft_mcc", {"form": "RK"}, "form is 'RK'; expected one of 'rk'"),
    ("soft_f1", {"weight": [1, 2]}, "weight has 2 values; expected one for each of the 3 classes"),
    ("soft_mcc", {"weight": [1, 2, 3, 4]}, "weight has 4 values"),
    ("ce", {"weight": [1]}, "weight has 1 values"),
    ("focal", {"alpha": 0.5}, "alpha has 2 values"),
    ("balanced_softmax", {"class_counts": [4, 5]}, "with 3 classes"),
    ("soft_f1", {"queue_size": 8, "num_classes": 2}, "with 3 classes"),
    ("soft_f1", {"queue_size": 10**15}, "cannot be built"),
    ("ldam", {"scale": 1e39}, "no finite number"),
]


@pytest.mark.parametrize(("name", "kwargs", "words"), WRONG_TYPES)
def test_values_of_another_type_are_refused_without_torch_and_with_it(name, kwargs, words):
    with pytest.raises(UserError, match=words):
        check_arguments({name: kwargs})
    with pytest.raises(UserError, match=words):
        build_loss({name: 1}, {name: kwargs})


@pytest.mark.parametrize(("name", "kwargs", "words"), WRONG_VALUES)
def test_values_that_cannot_work_are_refused_before_the_first_batch(name, kwargs, words):
    check_arguments({name: kwargs})
    for terms in ({name: 1}, {name: 0.5, "label_smoothing_ce": 1}):
        with pytest.raises(UserError, match=words) as error:
            build_loss(terms, {name: kwargs}, [7, 2, 1])
        assert f'"{name}"' in str(error.value)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("counts", [[3, 4], [100, 1, 5], [1] * 20])
def test_every_loss_passes_with_its_defaults_and_the_trial_draws_nothing(name, counts):
    state = torch.get_rng_state()
    loss = build_loss({name: 1}, {}, counts)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(parameter.grad is None for parameter in loss.parameters())


RANGED = [
    ("focal", "gamma"),
    ("asymmetric", "gamma_neg"),
    ("asymmetric", "gamma_pos"),
    ("asymmetric", "clip"),
    ("label_smoothing_ce", "label_smoothing"),
    ("ce", "label_smoothing"),
    ("class_balanced_ce", "beta"),
    ("logit_adjustment", "tau"),
    ("vs", "gamma"),
    ("vs", "tau"),
    ("ldam", "max_margin"),
    ("ldam", "scale"),
    ("auc_margin", "margin"),
]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
@pytest.mark.parametrize(("name", "argument"), RANGED)
def test_a_class_refuses_what_is_no_number_in_its_range(name, argument, value):
    cls = getattr(losses, LOSSES[name].partition(":")[2])
    counts = {"class_counts": [3, 4, 5]} if "class_counts" in inspect.signature(cls).parameters else {}
    with pytest.raises(ValueError, match=f"{argument} is"):
        cls(**counts, **{argument: value})
