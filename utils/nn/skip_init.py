"""Networks built without drawing initial weights, since a checkpoint or `weights.seeded` replaces every one.

The draws take a ResNet-50 0.15 s and a Video Swin-T 1.5 s.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn import init
from torch.overrides import TorchFunctionMode

INIT_FUNCTIONS = (init.uniform_, init.normal_, init.kaiming_uniform_)  # those that PyTorch lets a mode replace


class SkipInit(TorchFunctionMode):
    """In a `with` block, parameters keep the memory they were allocated with where torch.nn.init would draw values.

    Only the thread that entered the block skips draws, and only those into parameters.
    """

    def __init__(self) -> None:
        super().__init__()
        self._mean: Tensor | None = None

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return what `func` returns, or its tensor without a draw."""
        kwargs = kwargs or {}
        if func in INIT_FUNCTIONS:
            return kwargs["tensor"]
        if func == Tensor.uniform_ and isinstance(args[0], nn.Parameter):
            return args[0]
        # trunc_normal_ draws until all values are within its bounds, then copies them: the mean ends that at once
        if func == Tensor.normal_ and isinstance(args[0], nn.Parameter):
            self._mean = args[0].new_tensor(args[1] if len(args) > 1 else kwargs.get("mean", 0.0))
            return self._mean
        if func == Tensor.copy_ and args[1] is self._mean:
            return args[0]
        return func(*args, **kwargs)
