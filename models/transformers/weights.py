"""Loading models of transformers strictly: the library renames tensors of older files, Featmill reads them."""

import contextlib
import importlib
import io
import re
from collections.abc import Generator, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from models.transformers.families import Family, family_of, read_settings
from models.transformers.pretrained import weight_files
from utils.errors import UserError
from utils.nn.lean_import import load_meta_kernels
from utils.weights.checkpoint import check_finite, read_tensors
from utils.weights.seeded import fill_random

UNUSED = re.compile(r"(^|\.)masked_spec_embed$")  # stands for hidden sound in training; some files leave it out
PUBLISHED_BIAS = re.compile(r"\.[qv]_bias$")  # of VideoMAE; versions of the library that know the name rename it
Q_OR_V_BIAS = re.compile(r"attention\.(query|value)\.bias$")


def load_model(folder: Path, dtype: torch.dtype = torch.float32) -> nn.Module:
    """Return the model of a folder in evaluation mode, on the CPU, with the heads that it was saved with.

    dtype: of its weights; the file's are converted as they are read, so that memory holds them once.

    Raises:
        UserError: a tensor is missing, unexpected or of another shape; a file is damaged; the library is not installed.
    """
    model_class = _model_class(folder)
    tensors = _tensors(folder, dtype)
    try:
        with _quiet():
            model, report = model_class.from_pretrained(
                None,  # else it may load other files than those recorded, such as adapters, which config.json can name
                config=model_class.config_class.from_pretrained(folder, local_files_only=True),
                state_dict=tensors,
                dtype=dtype,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # the report names them
                trust_remote_code=False,
            )
    except Exception as error:  # the library's checks of a configuration raise errors of any type
        raise UserError(f"{folder}: not a model of {model_class.__name__} ({shortened(error)})") from error
    problems = [_listed(report[f"{what}_keys"], what) for what in ("missing", "unexpected", "mismatched")]
    if any(problems):
        found = "; ".join(filter(None, problems))
        raise UserError(
            f"{folder}: not a model of {model_class.__name__} ({found}){_upgrade(report['unexpected_keys'])}"
        )
    _check_biases(model, folder)
    check_finite(dict(model.named_parameters()), folder)  # not the buffers: masks may be infinite
    return model.eval()


def random_model(folder: Path) -> nn.Module:
    """Return the model of a folder in evaluation mode with seeded random weights, the same everywhere.

    Raises:
        UserError: config.json does not describe a model; the library is not installed.
    """
    model_class = _model_class(folder)
    try:
        with _quiet():
            model = model_class(model_class.config_class.from_pretrained(folder, local_files_only=True))
    except Exception as error:  # the library's checks of a configuration raise errors of any type
        raise UserError(f"{folder}/config.json: not of a {model_class.__name__} ({shortened(error)})") from error
    fill_random(model)
    return model.eval()


def made_model(folder: Path, checkpoint: Path | None, dtype: torch.dtype = torch.float32) -> nn.Module:
    """Return the model of a folder. checkpoint: None for random weights."""
    return load_model(folder, dtype) if checkpoint else random_model(folder)


def load_processor(folder: Path, family: Family) -> Any:
    """Return the library's processor of a family, with the numbers of the folder.

    Raises:
        UserError: the library or its processor is missing, or does not take the numbers.
    """
    processor_class = _part(family.processor)
    try:
        return processor_class.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, TypeError, LookupError, ImportError) as error:
        raise UserError(f"{folder}: has no settings of a {family.processor} ({shortened(error)})") from error


def import_transformers() -> ModuleType:
    """Return the library.

    Raises:
        UserError: it is not installed.
    """
    load_meta_kernels()  # it builds networks on the meta device, then reads their weights
    try:
        return importlib.import_module("transformers")
    except ImportError as error:
        raise UserError(f"--feature_type transformers needs the package transformers ({error}); install it") from error


def _tensors(folder: Path, dtype: torch.dtype) -> dict[str, Tensor]:
    """Return the tensors of the files with a model's weights, converted to a type."""
    found: dict[str, Tensor] = {}
    for file in weight_files(folder):
        if file.suffix != ".json":  # an index
            found |= read_tensors(file, dtype)
    return found


def _model_class(folder: Path) -> Any:
    """Return the class that a model was saved as, so that no tensor of its file is without a place.

    Raises:
        UserError: it is not a class of the model's family.
    """
    settings = read_settings(folder)
    model_type, family = family_of(settings, str(folder))
    name = (settings.get("architectures") or [family.model])[0]
    found = getattr(import_transformers(), str(name), None)
    if getattr(getattr(found, "config_class", None), "model_type", None) != model_type:
        raise UserError(f"{folder}/config.json: {name} is not a model of the family {model_type} in this transformers")
    return found


@contextlib.contextmanager
def _quiet() -> Generator[None, None, None]:
    """Keep the library from showing its bar, its table and remarks on its own docstrings in the block."""
    logging = importlib.import_module("transformers.utils.logging")
    shown, verbosity = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.set_verbosity(verbosity)
        if shown:
            logging.enable_progress_bar()


def _part(name: str) -> Any:
    found = getattr(import_transformers(), name, None)
    if found is None:
        raise UserError(f"the installed transformers has no {name}; install a later version")
    return found


def _check_biases(model: nn.Module, folder: Path) -> None:
    """Raise UserError if all biases of VideoMAE's queries and values are 0, as some versions of the library load them.

    See https://github.com/huggingface/transformers/pull/48675.
    """
    if getattr(model, "base_model_prefix", "") != "videomae":
        return
    biases = {name: value for name, value in model.named_parameters() if Q_OR_V_BIAS.search(name)}
    zeros = [name for name, value in biases.items() if not value.any()]
    if zeros and len(zeros) == len(biases):
        raise UserError(
            f"{folder}: {_listed(zeros, 'zero')}. Some versions of transformers 5 lose these biases silently; "
            "install a later one, or repair the file"
        )


def _upgrade(unexpected: Iterable[str]) -> str:
    """Return the end of a message that says so if a later version of the library would know the unexpected tensors."""
    if not any(PUBLISHED_BIAS.search(name) for name in unexpected):
        return ""
    version = import_transformers().__version__
    return f"; transformers {version} does not know q_bias and v_bias: upgrade it (pip install -U transformers)"


def _listed(names: Any, what: str, at_most: int = 4) -> str:
    """Return "2 missing: a, b" of the tensors that matter, "" if there are none.

    names: of tensors, or tuples of one, its shape in the file and its shape in the model.
    """
    plain = [name if isinstance(name, str) else f"{name[0]} {[*name[1]]} for {[*name[2]]}" for name in names]
    known = sorted(name for name in plain if not UNUSED.search(name))
    more = f" and {len(known) - at_most} more" if len(known) > at_most else ""
    return f"{len(known)} {what}: {', '.join(known[:at_most])}{more}" if known else ""


def shortened(error: Exception) -> str:
    """Return the beginning of an error's text, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines)[:400] or type(error).__name__
