"""VGGish in TensorFlow: the graph of the published code.

TensorFlow and tf-slim are an optional extra. Importing this module imports neither.
"""

import contextlib
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Generator, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.vggish.network import FEATURE_SIZE
from models.vggish.preprocess import N_FRAMES, N_MELS
from utils.errors import UserError

INPUT = "vggish/input_features"
EMBEDDING = "vggish/embedding"
PREACTIVATION = "vggish/fc2/BiasAdd"
LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"


class TensorFlowVGGish:
    """The TF-slim graph of tensorflow/models research/audioset, called as VGGish is.

    source: a TensorFlow checkpoint, or the 18 variables by name, float32.
    device: "cpu", with as many threads as torch uses, or "cuda:<index>". The first session of a process sets the number
        of threads and the GPU for all later ones.

    Raises:
        UserError: TensorFlow or tf-slim is not installed, TensorFlow does not see the GPU, or the weights are of
            another network.
    """

    def __init__(self, source: str | Path | Mapping[str, np.ndarray], device: str | torch.device = "cpu") -> None:
        tf, slim = import_tensorflow()
        with tf.Graph().as_default() as graph:
            _build(tf, slim)
            self._session = tf.Session(graph=graph, config=_session_config(tf, torch.device(device)))
            if isinstance(source, Mapping):
                _assign(tf, self._session, source)
            else:
                _restore(tf, self._session, source)

    def __call__(self, examples: Tensor | np.ndarray) -> tuple[Tensor, Tensor]:
        """Return (embedding, pre-activation), float32 [N, 128] on the CPU: fc2 after its ReLU and before it.

        examples: log mel, [N, 96 frames, 64 bands].
        """
        batch = np.asarray(examples.cpu() if isinstance(examples, Tensor) else examples, np.float32)
        if len(batch) == 0:  # TensorFlow fails on an empty batch
            return torch.empty(0, FEATURE_SIZE), torch.empty(0, FEATURE_SIZE)
        outputs = self._session.run([f"{EMBEDDING}:0", f"{PREACTIVATION}:0"], {f"{INPUT}:0": batch})
        embedding, preactivation = (torch.from_numpy(output) for output in outputs)
        return embedding, preactivation

    def close(self) -> None:
        """Free the session's memory."""
        self._session.close()


def import_tensorflow() -> tuple[ModuleType, ModuleType]:
    """Return tensorflow.compat.v1 and tf_slim, imported without their start-up messages.

    The first import takes several seconds, in which nothing is written to the standard error of the process.

    Raises:
        UserError: one of them is not installed, or does not start.
    """
    # triton, which torchvision and torch.compile import, aborts the process if it is imported after TensorFlow: both
    # register the same option of LLVM. The other order works.
    with contextlib.suppress(ImportError):
        import triton  # noqa: F401 - imported for its effect
    try:
        with _log_level_of_errors(), _standard_error_held_back():
            tf, tf_slim = import_module("tensorflow.compat.v1"), import_module("tf_slim")
    except ImportError as error:
        raise UserError(
            f"the TensorFlow backend of vggish needs the packages tensorflow and tf-slim ({error}); install them with "
            "`pip install tensorflow tf-slim` or conda_env_vggish.yml, or choose the PyTorch backend, which gives the "
            "same features"
        ) from error
    tf.logging.set_verbosity(tf.logging.ERROR)
    return tf, tf_slim


def _build(tf: ModuleType, slim: ModuleType) -> None:
    """Add the network to the current graph, with the names and operations of the published code."""
    examples = tf.placeholder(tf.float32, [None, N_FRAMES, N_MELS], name=INPUT)
    with warnings.catch_warnings(), tf.variable_scope("vggish"):
        warnings.simplefilter("ignore", UserWarning)  # tf-slim calls deprecated functions
        net = tf.reshape(examples, [-1, N_FRAMES, N_MELS, 1])
        net = slim.conv2d(net, 64, [3, 3], scope="conv1")
        net = slim.max_pool2d(net, [2, 2], 2, "SAME", scope="pool1")
        net = slim.conv2d(net, 128, [3, 3], scope="conv2")
        net = slim.max_pool2d(net, [2, 2], 2, "SAME", scope="pool2")
        net = slim.repeat(net, 2, slim.conv2d, 256, [3, 3], scope="conv3")
        net = slim.max_pool2d(net, [2, 2], 2, "SAME", scope="pool3")
        net = slim.repeat(net, 2, slim.conv2d, 512, [3, 3], scope="conv4")
        net = slim.max_pool2d(net, [2, 2], 2, "SAME", scope="pool4")
        net = slim.repeat(slim.flatten(net), 2, slim.fully_connected, 4096, scope="fc1")
        net = slim.fully_connected(net, FEATURE_SIZE, scope="fc2")
    tf.identity(net, name=EMBEDDING)


def _session_config(tf: ModuleType, device: torch.device) -> Any:
    """Settings of a session: torch's number of threads, and GPU memory allocated only when needed."""
    threads = {"intra_op_parallelism_threads": torch.get_num_threads(), "inter_op_parallelism_threads": 1}
    if device.type == "cpu":
        return tf.ConfigProto(device_count={"GPU": 0}, **threads)
    index, found = device.index or 0, len(tf.config.list_physical_devices("GPU"))
    if index >= found:
        raise UserError(
            f"TensorFlow finds {found} GPUs, so vggish cannot use {device} with it; install tensorflow[and-cuda], or "
            "choose the CPU or the PyTorch backend, which gives the same features"
        )
    gpu = tf.GPUOptions(allow_growth=True, visible_device_list=str(index))
    return tf.ConfigProto(allow_soft_placement=True, gpu_options=gpu, **threads)


def _restore(tf: ModuleType, session: Any, path: str | Path) -> None:
    """Read the variables from a checkpoint of format V1 or V2."""
    try:
        tf.train.Saver(tf.global_variables()).restore(session, str(path).removesuffix(".index"))
    except (tf.errors.OpError, ValueError) as error:
        reason = str(error).strip().splitlines()[0][:200]
        raise UserError(f"{path}: not a TensorFlow checkpoint of VGGish ({reason})") from error


def _assign(tf: ModuleType, session: Any, arrays: Mapping[str, np.ndarray]) -> None:
    """Fill the variables one by one: as constants they would bring the graph near its limit of 2 GB."""
    for variable in tf.global_variables():
        name, shape = variable.op.name, tuple(variable.shape.as_list())
        if name not in arrays or arrays[name].shape != shape:
            found = list(arrays[name].shape) if name in arrays else "missing"
            raise UserError(f"not the weights of VGGish: {name} is {found} instead of {list(shape)}")
        value = tf.placeholder(tf.float32, shape)
        session.run(variable.assign(value), {value: arrays[name]})


@contextlib.contextmanager
def _log_level_of_errors() -> Iterator[None]:
    """Let TensorFlow log only errors, unless the environment says otherwise. It reads the level when imported."""
    unset = LOG_LEVEL not in os.environ
    os.environ.setdefault(LOG_LEVEL, "3")
    try:
        yield
    finally:
        if unset:
            del os.environ[LOG_LEVEL]


@contextlib.contextmanager
def _standard_error_held_back() -> Generator[None, None, None]:
    """Hold back what is written to file descriptor 2, and show it only if the block fails.

    TensorFlow's first lines are written by C++ before it reads any setting for logging.
    """
    sys.stderr.flush()
    standard_error = os.dup(2)
    with tempfile.TemporaryFile() as held_back:
        os.dup2(held_back.fileno(), 2)
        try:
            yield
        except BaseException:
            held_back.seek(0)
            with os.fdopen(os.dup(standard_error), "wb") as terminal:
                shutil.copyfileobj(held_back, terminal)
            raise
        finally:
            sys.stderr.flush()
            os.dup2(standard_error, 2)
            os.close(standard_error)
