"""A CUDA graph's behaviour on the CPU: work is recorded once, and replayed on the memory that it was recorded on."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

#: Operations that need a value, or a shape that depends on values: on a GPU the host would wait for it.
WAITS = {
    torch.ops.aten._local_scalar_dense.default,
    torch.ops.aten.nonzero.default,
    torch.ops.aten.masked_select.default,
    torch.ops.aten.unique_dim.default,
    torch.ops.aten._unique2.default,
    torch.ops.aten.bincount.default,
    torch.ops.aten.repeat_interleave.Tensor,
    torch.ops.aten.equal.default,
}


class HostWaitsError(RuntimeError):
    """What CUDA refuses in a recording."""


class NoWaiting(TorchDispatchMode):
    """While this context is entered, an operation for which the host would wait is an error."""

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        if operation in WAITS:
            raise HostWaitsError(f"the host would wait for {operation}")
        return operation(*args, **(kwargs or {}))


class Recording(NoWaiting):
    """Keeps the operations of a piece of work, and all tensors of it; in the end nothing has been done.

    A number of Python that decides something is thereby kept as it was, as in a CUDA graph.
    """

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[tuple] = []
        self.made: set[int] = set()
        self.before: dict[int, tuple[Tensor, Tensor]] = {}

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        # All arguments: batch normalisation does not declare that it writes its running means.
        for tensor in tensors((args, kwargs)):
            self._keep(tensor)
        result = super().__torch_dispatch__(operation, types, args, kwargs)
        given = {address(tensor) for tensor in tensors((args, kwargs))}
        self.made |= {address(tensor) for tensor in tensors(result)} - given
        self.operations.append((operation, args, kwargs, result))
        return result

    def _keep(self, tensor: Tensor) -> None:
        """Remember the content of memory that was there before, when it is first used."""
        if address(tensor) not in self.made | self.before.keys():
            whole = torch.tensor([], dtype=torch.uint8).set_(tensor.detach().untyped_storage())
            self.before[address(tensor)] = whole, whole.clone()

    def undo(self) -> None:
        for memory, content in self.before.values():
            memory.copy_(content)

    @torch.no_grad()
    def replay(self) -> None:
        for operation, args, kwargs, recorded in self.operations:
            result = operation(*args, **kwargs)
            for new, old in zip(tensors(result), tensors(recorded), strict=True):
                if address(new) != address(old):
                    old.copy_(new)


class CpuGraphs:
    """In place of `imbalance_aware.training.captured.CudaGraphs`; counts what it is asked for."""

    def __init__(self) -> None:
        self.warmed_up = self.recorded = self.replayed = 0

    def warm_up(self, work: Callable[[], None]) -> None:
        self.warmed_up += 1
        work()

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        self.recorded += 1
        state = torch.get_rng_state()
        with Recording() as recording:
            work()
        recording.undo()
        torch.set_rng_state(state)

        def replay() -> None:
            self.replayed += 1
            recording.replay()

        return replay


def tensors(tree) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def address(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
