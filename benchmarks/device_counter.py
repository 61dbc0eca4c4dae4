"""Counts what operations would cost on a GPU, without one: see `Counter`, and for training steps `without_data`."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

#: Operations that take some elements of their first argument.
GATHERS = {torch.ops.aten.index.Tensor, torch.ops.aten.index_select.default, torch.ops.aten.gather.default}
ALLOCATIONS = {"aten::empty", "aten::empty_like", "aten::empty_strided", "aten::new_empty", "aten::_unsafe_view"}
COPIES = {"aten::copy_", "aten::_to_copy"}
#: Operations that write all of an argument without reading it.
OVERWRITES = {"aten::copy_", "aten::fill_", "aten::zero_"}

#: Operations of fused optimisers, for which torch has no rule on tensors without data. All they do is in place.
FUSED = {
    overload
    for name in ("_fused_adam_", "_fused_adamw_", "_fused_sgd_")
    for overload in (getattr(torch.ops.aten, name).default, getattr(torch.ops.aten, name).tensor_lr)
}


class Counter(TorchDispatchMode):
    """Launches, bytes read and written, floating-point operations of matrix products, and copies from or to the host.

    To be used on tensors without data: those of torch's device `meta`, where anything that waits for a value is an
    error, or `FakeTensor`s. Operations on the CPU alone are not counted.

    Each operation that reaches torch's dispatcher, and is no view and no allocation, counts as one launch, which reads
    its arguments and writes its results once; of an expanded tensor, what there is in memory. Gathers read what they
    take, at most all there is. Two copies that CUDA's operations make out of the dispatcher's sight are added: of index
    tensors with different strides, which the gather then reads (`AdvancedIndex` in
    ATen/native/TensorAdvancedIndexing.cpp), and of matrices that cuBLAS cannot read as they are
    (`prepare_batch_matrix_for_cublas` in ATen/native/cuda/Blas.cpp).
    """

    def __init__(self) -> None:
        super().__init__()
        self.reset()

    def reset(self) -> None:
        """Start from 0."""
        self.launches = self.bytes = self.flops = self.transfers = 0

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        result = operation(*args, **kwargs)
        computes = operation.namespace == "aten" and operation.name().split(".")[0] not in ALLOCATIONS
        if computes and not _is_view(operation):
            self._count(operation, args, kwargs, result)
        return result

    def _count(self, operation, args, kwargs, result) -> None:
        read, written = _read(operation, args, kwargs), _tensors(result)
        name, devices = operation.name().split(".")[0], {tensor.device.type for tensor in [*read, *written]}
        if devices <= {"cpu"}:
            return
        if name in COPIES and "cpu" in devices:
            self.transfers += 1
            return
        self.launches += 1
        self.bytes += sum(map(_bytes, written))
        if operation in GATHERS:
            source, *indices = read
            copied = _index_copies(operation, args)
            self._copies(copied)
            self.bytes += min(_bytes(source), _bytes(result))
            self.bytes += sum(map(_full_bytes, copied)) if copied else sum(map(_bytes, indices))
        else:
            self.bytes += sum(map(_bytes, read))
        if name == "aten::bmm":
            self.flops += 2 * args[0].numel() * args[1].shape[2]
            self._copies([matrix for matrix in args[:2] if not _cublas_reads(matrix)])

    def _copies(self, copied: Sequence[Tensor]) -> None:
        self.launches += len(copied)
        self.bytes += sum(_bytes(tensor) + _full_bytes(tensor) for tensor in copied)


class WithoutFused(TorchDispatchMode):
    """Leaves out the operations of fused optimisers; ``rates`` are the learning rates that they were given."""

    def __init__(self) -> None:
        super().__init__()
        self.rates: list[Tensor | float] = []

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        if operation not in FUSED:
            return operation(*args, **(kwargs or {}))
        self.rates.append(kwargs["lr"])
        return None


@contextmanager
def without_data() -> Iterator[tuple[Counter, WithoutFused]]:
    """While this context is entered, training steps can be taken on torch's device `meta`, and are counted.

    Fused optimisers and autocast are left out, since neither knows this device.
    """
    with ExitStack() as stack:
        stack.enter_context(patch.object(torch, "autocast", lambda *_, **__: nullcontext()))
        for name in ("adam", "sgd"):
            module = sys.modules[f"torch.optim.{name}"]
            stack.enter_context(patch.object(module, "_device_dtype_check_for_fused", lambda *_, **__: None))
        fused = stack.enter_context(WithoutFused())
        yield stack.enter_context(Counter()), fused


def _is_view(operation) -> bool:
    aliases = [result.alias_info for result in operation._schema.returns]
    return any(alias is not None and not alias.is_write for alias in aliases)


def _read(operation, args, kwargs) -> list[Tensor]:
    """Tensors among the arguments but those that are only written."""
    read = []
    for position, argument in enumerate(operation._schema.arguments):
        value = args[position] if position < len(args) else kwargs.get(argument.name)
        writes = argument.alias_info is not None and argument.alias_info.is_write
        if not writes or not (argument.is_out or operation.name().split(".")[0] in OVERWRITES):
            read += _tensors(value)
    return read


def _tensors(tree) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def _bytes(tensor: Tensor) -> int:
    """Of an expanded tensor, what is there in memory."""
    sizes = [size for size, stride in zip(tensor.shape, tensor.stride(), strict=True) if stride]
    return int(np.prod(sizes, dtype=np.int64)) * tensor.itemsize


def _full_bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.itemsize


def _index_copies(operation, args) -> list[Tensor]:
    """Index tensors, broadcast, that CUDA's kernel copies to full shape: all that are not, if their strides differ."""
    if operation is not torch.ops.aten.index.Tensor:
        return []
    indices = torch.broadcast_tensors(*(index for index in args[1] if index is not None))
    if len({index.stride() for index in indices}) == 1:
        return []
    return [index for index in indices if not index.is_contiguous()]


def _cublas_reads(matrix: Tensor) -> bool:
    _, rows, columns = matrix.shape
    _, down, across = matrix.stride()
    return (across == 1 and down >= columns) or (down == 1 and across >= rows)
