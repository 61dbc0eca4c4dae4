"""Losses for imbalanced classification, one file each: ``from imbalance_aware.losses import SoftMCCLoss``.

Every loss is a ``torch.nn.Module`` called as ``loss(logits, target, sample_weight=None)`` with logits ``(B, C)``, or
``(B,)`` / ``(B, 1)`` for two classes, and targets as integers, one-hot rows or soft labels.

``LOSSES`` maps the names that a table of conditions uses to ``"module:Class"``. Nothing is imported until it is asked
for, so that a step depends on the losses it uses and on no other.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what `__getattr__` below finds, for type checkers; a test holds both together
    from imbalance_aware.losses.asymmetric import AsymmetricLoss as AsymmetricLoss
    from imbalance_aware.losses.auc_margin import AUCMarginLoss as AUCMarginLoss
    from imbalance_aware.losses.balanced_softmax import BalancedSoftmaxLoss as BalancedSoftmaxLoss
    from imbalance_aware.losses.ce import CrossEntropyLoss as CrossEntropyLoss
    from imbalance_aware.losses.class_balanced_ce import ClassBalancedCrossEntropyLoss as ClassBalancedCrossEntropyLoss
    from imbalance_aware.losses.combined import CombinedLoss as CombinedLoss
    from imbalance_aware.losses.focal import FocalLoss as FocalLoss
    from imbalance_aware.losses.label_smoothing_ce import (
        LabelSmoothingCrossEntropyLoss as LabelSmoothingCrossEntropyLoss,
    )
    from imbalance_aware.losses.ldam import LDAMLoss as LDAMLoss
    from imbalance_aware.losses.logit_adjustment import LogitAdjustmentLoss as LogitAdjustmentLoss
    from imbalance_aware.losses.soft_f1 import SoftF1Loss as SoftF1Loss
    from imbalance_aware.losses.soft_mcc import SoftMCCLoss as SoftMCCLoss
    from imbalance_aware.losses.vs import VSLoss as VSLoss

LOSSES = {
    "ce": "imbalance_aware.losses.ce:CrossEntropyLoss",
    "focal": "imbalance_aware.losses.focal:FocalLoss",
    "soft_f1": "imbalance_aware.losses.soft_f1:SoftF1Loss",
    "soft_mcc": "imbalance_aware.losses.soft_mcc:SoftMCCLoss",
    "label_smoothing_ce": "imbalance_aware.losses.label_smoothing_ce:LabelSmoothingCrossEntropyLoss",
    "class_balanced_ce": "imbalance_aware.losses.class_balanced_ce:ClassBalancedCrossEntropyLoss",
    "balanced_softmax": "imbalance_aware.losses.balanced_softmax:BalancedSoftmaxLoss",
    "logit_adjustment": "imbalance_aware.losses.logit_adjustment:LogitAdjustmentLoss",
    "ldam": "imbalance_aware.losses.ldam:LDAMLoss",
    "vs": "imbalance_aware.losses.vs:VSLoss",
    "asymmetric": "imbalance_aware.losses.asymmetric:AsymmetricLoss",
    "auc_margin": "imbalance_aware.losses.auc_margin:AUCMarginLoss",
}
COMBINED = "imbalance_aware.losses.combined:CombinedLoss"

_CLASSES = {reference.partition(":")[2]: reference for reference in (*LOSSES.values(), COMBINED)}
__all__ = ["COMBINED", "LOSSES", *_CLASSES]


def __getattr__(name: str) -> Any:
    if name not in _CLASSES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _CLASSES[name].partition(":")
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted(__all__)
