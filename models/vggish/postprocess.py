"""The postprocessing of AudioSet's released features: PCA, whitening and 8 bits."""

import zipfile
from pathlib import Path

import numpy as np

from models.vggish.network import FEATURE_SIZE
from utils.errors import UserError

LOWEST, HIGHEST = -2.0, 2.0  # the range that the 256 levels cover
EIGEN_VECTORS, MEANS = "pca_eigen_vectors", "pca_means"


class Postprocessor:
    """Embeddings → uint8, in float64 as tensorflow/models computes it.

    eigen_vectors: [128, 128], one whitened component per row. means: [128].
    """

    def __init__(self, eigen_vectors: np.ndarray, means: np.ndarray) -> None:
        self._eigen_vectors = np.asarray(eigen_vectors, np.float64)
        self._means = np.asarray(means, np.float64).reshape(-1)

    @classmethod
    def load(cls, path: str | Path) -> "Postprocessor":
        """Read vggish_pca_params.npz.

        Raises:
            UserError: the file is missing or has other contents.
        """
        arrays = _read_npz(Path(path))
        shapes = {EIGEN_VECTORS: (FEATURE_SIZE, FEATURE_SIZE), MEANS: (FEATURE_SIZE,)}
        for name, shape in shapes.items():
            if name not in arrays:
                found = ", ".join(sorted(arrays)[:4]) or "nothing"
                raise UserError(f"{path}: has no {name} (it has {found}); give vggish_pca_params.npz")
            if arrays[name].shape != shape:
                raise UserError(f"{path}: {name} is {list(arrays[name].shape)} instead of {list(shape)}")
        return cls(arrays[EIGEN_VECTORS], arrays[MEANS])

    @classmethod
    def random(cls) -> "Postprocessor":
        """Return seeded axes at right angles, for --weights random."""
        axes, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(FEATURE_SIZE, FEATURE_SIZE)))
        return cls(axes, np.zeros(FEATURE_SIZE))

    def __call__(self, embeddings: np.ndarray) -> np.ndarray:
        """Return embeddings [N, 128] as in AudioSet, uint8 [N, 128]."""
        return quantize(self.whiten(embeddings))

    def whiten(self, embeddings: np.ndarray) -> np.ndarray:
        """Return the components along the whitened principal axes, float64 [N, 128], not clipped."""
        return (np.asarray(embeddings, np.float64) - self._means) @ self._eigen_vectors.T


def quantize(components: np.ndarray) -> np.ndarray:
    """Return the components as uint8 levels, rounded down: -2 and less is 0, 2 and more is 255."""
    levels = (np.clip(components, LOWEST, HIGHEST) - LOWEST) * (255.0 / (HIGHEST - LOWEST))
    return levels.astype(np.uint8)


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    try:
        file = np.load(path, allow_pickle=False)
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise ValueError("a single array without a name")
        with file:
            return {name: file[name] for name in file.files}
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file of PCA parameters") from error
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: not a readable .npz of plain arrays ({error})") from error
