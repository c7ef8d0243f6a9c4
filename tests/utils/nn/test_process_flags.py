"""Flags as a worker has them, whatever the caller has set, and the caller's put back. No GPU is needed to set them."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from utils.nn.prepare import ComputeMode
from utils.nn.process_flags import process_flags

BACKENDS: Any = torch.backends
OPERATIONS = {
    "cuda.matmul": BACKENDS.cuda.matmul,
    "cudnn.conv": BACKENDS.cudnn.conv,
    "cudnn.rnn": BACKENDS.cudnn.rnn,
    "mkldnn.matmul": BACKENDS.mkldnn.matmul,
    "mkldnn.conv": BACKENDS.mkldnn.conv,
    "mkldnn.rnn": BACKENDS.mkldnn.rnn,
}
LIBRARIES = {"all": BACKENDS, "cudnn": BACKENDS.cudnn, "mkldnn": BACKENDS.mkldnn}
SET_BY_THE_CALLER = [("older", "highest"), ("older", "medium"), ("all", "tf32"), ("all", "ieee"), ("cudnn", "tf32"),
                     ("mkldnn", "bf16"), ("cuda.matmul", "tf32"), ("cudnn.conv", "ieee")]  # fmt: skip


def rounding() -> dict[str, str]:
    return {name: owner.fp32_precision for name, owner in (OPERATIONS | LIBRARIES).items()}


def older() -> tuple[str, bool] | None:
    """What the older interface says; None where it refuses to be read."""
    try:
        return torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    except RuntimeError:
        return None


@pytest.fixture
def own_rounding() -> Iterator[None]:
    """The flags are put back after the test: in the newer interface, then in the older."""
    before = rounding()
    yield
    for name, owner in (LIBRARIES | OPERATIONS).items():
        owner.fp32_precision = before[name]
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = True
    BACKENDS.mkldnn.matmul.fp32_precision = before["mkldnn.matmul"]


@pytest.mark.usefixtures("own_rounding")
@pytest.mark.parametrize(("what", "value"), SET_BY_THE_CALLER)
@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("precision", ["float32", "tf32"])
def test_rounding_is_our_own_inside_and_the_caller_s_after(what: str, value: str, device: str, precision: str) -> None:
    if what == "older":
        torch.set_float32_matmul_precision(value)
    else:
        (OPERATIONS | LIBRARIES)[what].fp32_precision = value
    before, before_in_older = rounding(), older()
    with contextlib.suppress(KeyError), process_flags(ComputeMode(precision), torch.device(device)):
        for name, found in rounding().items():
            if name.startswith("mkldnn."):
                assert found in ("none", "ieee"), name
            elif device == "cuda" and name in OPERATIONS:
                assert (found == "tf32") == (precision == "tf32"), name
        raise KeyError
    assert rounding() == before
    assert before_in_older in (None, older())


def test_modes_are_none_inside() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        with torch.autocast("cpu", torch.bfloat16), torch.device("meta"), torch.inference_mode():
            with process_flags(ComputeMode(), torch.device("cpu")):
                made = torch.ones(2)
                assert (made.dtype, made.device.type, made.is_inference()) == (torch.float32, "cpu", False)
                assert (made @ made).dtype == torch.float32
            made = torch.ones(2)
            assert (made.dtype, made.device.type, made.is_inference()) == (torch.float64, "meta", True)
            assert torch.is_autocast_enabled("cpu")
    finally:
        torch.set_default_dtype(torch.float32)
