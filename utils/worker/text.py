"""Texts through the network of a feature type, in this process."""

from collections.abc import Sequence

import numpy as np
import torch

from utils.config.schema import Config
from utils.extractors.base import Checkpoints
from utils.extractors.registry import load_object
from utils.extractors.text import embed_all
from utils.nn.prepare import ComputeMode, check_available
from utils.nn.process_flags import process_flags
from utils.nn.skip_init import SkipInit
from utils.nn.unchanged import unchanged
from utils.worker.forks import avoid_lost_threads
from utils.worker.step import STEP


def embed(
    texts: Sequence[str], load_text: str, config: Config, checkpoints: Checkpoints, device_name: str
) -> np.ndarray:
    """Return the vectors of texts, float32 [n, D]. load_text: dotted path of the function that loads the text tower.

    Raises:
        UserError: PyTorch cannot use the device, a checkpoint is not of the network's layout, or there is no tokenizer.
    """
    device = torch.device(device_name)
    check_available(device)
    avoid_lost_threads()
    with STEP, unchanged(), process_flags(ComputeMode(), device):
        with SkipInit():
            tower = load_object(load_text)(config, checkpoints, device)
        return embed_all(tower.embed, texts).float().cpu().numpy()
