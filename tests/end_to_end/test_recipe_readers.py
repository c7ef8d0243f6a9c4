"""Files of recipes, read as the data set classes of the repositories do that they are made for.

The networks are stand-ins (tests/support/recipe_program.py): names, keys, shapes, dtypes and numbers of rows are real.
"""

import itertools
from pathlib import Path

import numpy as np
import pytest
from support.media import moving_frames, waveform, write_clip
from support.program import ROOT, run

N, FPS = 72, 24  # 3 s
RECIPES = (
    "thumos14_i3d", "anet_tsp", "qvhighlights", "rtfm_i3d", "vadclip", "xd_violence", "unav100", "mstcn",
    "audioset_8bit",
)  # fmt: skip
NAME = "v_one"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with what each recipe gives of one clip."""
    folder = tmp_path_factory.mktemp("recipes")
    clip = write_clip(folder / f"{NAME}.mp4", moving_frames(N), FPS, audio=waveform(0, N / FPS, 44100))
    result = run(folder, clip, *RECIPES, program=ROOT / "tests" / "support" / "recipe_program.py")
    assert result.returncode == 0, result.stderr
    return folder


def test_actionformer_and_opentad_read_thumos14(made: Path) -> None:
    """`<folder>/<prefix><id><suffix>`, [rows, 2048]; row i is the window of 16 frames that starts at frame 4 i."""
    rows = np.load(made / "thumos14_i3d" / "i3d" / f"{NAME}.npy")
    assert rows.dtype == np.float32 and rows.shape == ((N - 17) // 4 + 1, 2048)
    grid = np.array([0, N]) / 4 - 0.5 * 16 / 4  # a segment of the whole video, on ActionFormer's grid of rows
    assert grid[0] <= 0 and len(rows) - 1 <= grid[1]
    assert len(rows) <= len(range(0, N, 4))  # OpenTAD's rows of the video; those that the file lacks are masked


def test_actionformer_and_opentad_read_tsp(made: Path) -> None:
    """`v_<id>.npy`, [rows, 512], a row per 16 frames at 15 per second, stretched to 192 rows."""
    rows = np.load(made / "anet_tsp" / "r21d" / f"{NAME}.npy")
    assert rows.dtype == np.float32 and rows.shape == (int(N / FPS * 15) // 16, 512)
    stride = ((len(rows) - 1) * 16 + 16) / 192
    assert stride * 192 / 15 <= N / FPS


def test_moment_detr_reads_qvhighlights(made: Path) -> None:
    """`<folder>/<id>.npz` with `features`, a folder per type, cut to the shortest and joined."""
    parts = [np.load(made / "qvhighlights" / kind / f"{NAME}.npz")["features"] for kind in ("slowfast", "clip")]
    assert [part.dtype for part in parts] == [np.float16, np.float16]
    joined = np.concatenate([part.astype(np.float32)[: min(map(len, parts))] for part in parts], axis=1)
    assert joined.shape[1] == 2304 + 512 and len(joined) == 2  # of 2 s each


def test_rtfm_reads_ten_crops(made: Path) -> None:
    """`<name>_i3d.npy`, [rows, 10, 2048]; each row stands for 16 frames, of which there are as many labels."""
    rows = np.load(made / "rtfm_i3d" / "i3d_r50" / f"{NAME}_i3d.npy")
    assert rows.dtype == np.float32 and rows.shape == (N // 16, 10, 2048)
    crops = rows.transpose(1, 0, 2)
    bounds = np.linspace(0, crops.shape[1], 33, dtype=int)
    segments = [crops[:, a:b].mean(1) if a != b else crops[:, a] for a, b in itertools.pairwise(bounds)]
    assert np.stack(segments, 1).shape == (10, 32, 2048)


def test_vadclip_reads_a_file_per_crop(made: Path) -> None:
    """`<name>__<k>.npy`, k = 0 to 9, [rows, 512], each a sample; 16 labels per row."""
    files = sorted((made / "vadclip" / "clip").glob("*.npy"))
    assert [file.name for file in files] == [f"{NAME}__{k}.npy" for k in range(10)]
    for rows in map(np.load, files):
        assert rows.dtype == np.float32 and rows.shape == (N // 16, 512)


def test_xdviodet_reads_five_crops_and_one_sound(made: Path) -> None:
    """Lists with five lines of RGB and of flow and one of sound per video; labels for (n - 1) // 16 snippets."""
    folder, n_labels = made / "xd_violence", (N - 1) // 16
    for stream in ("rgb", "flow"):
        files = sorted((folder / "i3d" / stream).glob("*.npy"))
        assert [file.name for file in files] == [f"{NAME}__{k}.npy" for k in range(5)]
        assert {np.load(file).shape for file in files} == {(n_labels, 1024)}
    (sound,) = (folder / "vggish").rglob("*.npy")
    assert np.load(sound).shape[0] in (n_labels, n_labels - 1) and np.load(sound).shape[1] == 128


def test_unav_reads_pictures_and_sound(made: Path) -> None:
    """`<id>_rgb.npy` and `<id>_flow.npy` of one length, joined; `<id>_vggish.npy`; both cut to the shorter."""
    load = lambda kind, key: np.load(made / "unav100" / kind / f"{NAME}_{key}.npy")  # noqa: E731 - short, used at once
    pictures = np.hstack([load("i3d", "rgb"), load("i3d", "flow")])
    sound = load("vggish", "vggish")
    assert pictures.shape == ((N * 25 // FPS - 25) // 8 + 1, 2048) and sound.shape[1] == 128
    assert abs(len(pictures) - len(sound)) <= 1


def test_audioset_has_bytes(made: Path) -> None:
    """`<name>.npy`, uint8 [examples, 128], without the published axes."""
    rows = np.load(made / "audioset_8bit" / "vggish" / f"{NAME}.npy")
    assert rows.dtype == np.uint8 and rows.shape == (int(N / FPS / 0.96), 128)


def test_ms_tcn_reads_a_column_per_frame(made: Path) -> None:
    """`<name>.npy`, [2048, frames of the labels], of which it takes every sample_rate-th."""
    columns = np.load(made / "mstcn" / "i3d" / f"{NAME}.npy")
    assert columns.dtype == np.float32 and columns.shape == (2048, N)
    assert columns[:, ::2].shape[1] == len(range(0, N, 2))
