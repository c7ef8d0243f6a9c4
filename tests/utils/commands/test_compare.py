"""The table of `compare`, and its exit code."""

import json
from pathlib import Path

import numpy as np
import pytest

from utils.commands.compare import ROWS, compare
from utils.errors import UserError

X, NOISE = np.random.default_rng(0).normal(size=(2, 6, 8)).astype(np.float32)


def packs(folder: Path, others: list[np.ndarray]) -> list[str]:
    for pack, arrays in (("a", [X] * len(others)), ("b", others)):
        (folder / pack).mkdir()
        for i, array in enumerate(arrays):
            np.save(folder / pack / f"v{i:02}.npy", array)
    return [str(folder / "a"), str(folder / "b")]


def test_the_worst_of_many_are_shown_and_like_verdicts_are_one_line(tmp_path: Path, capsys) -> None:
    arguments = packs(tmp_path, [X] * 3 + [X + 0.01 * (i + 1) * NOISE for i in range(ROWS)])
    np.save(tmp_path / "b" / "only.npy", X)
    assert compare(arguments, {}) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["v22", "v21", "v20"]
    assert lines[ROWS + 1] == f"the worst {ROWS} of {ROWS + 3}; --json has them all"
    assert lines[-5:-3] == [f"videos in both: {ROWS + 3} by equal names", "only in B: 1 (only)"]
    verdicts = lines[-3:-1]
    assert verdicts[0].startswith(f"{ROWS} of {ROWS + 3}: similar, not equal (cosine 0.9")
    assert verdicts[1] == f"3 of {ROWS + 3}: equal to the bit"
    assert lines[-1].startswith("--pixels tries other colour orders")


def test_keys_of_one_side_are_counted(tmp_path: Path, capsys) -> None:
    arguments = packs(tmp_path, [X])
    for pack, keys in (("a", ("rgb",)), ("b", ("rgb", "flow"))):
        (tmp_path / pack / "v00.npy").unlink()
        for name in ("v1", "v2"):
            np.savez(tmp_path / pack / f"{name}.npz", **dict.fromkeys(keys, X))  # pyright: ignore[reportArgumentType]
    assert compare(arguments, {}) == 0
    assert "only in B: flow of 2 videos" in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(("tolerance", "code"), [("1e-3", 1), ("1e-1", 0)])
def test_the_tolerance_decides(tmp_path: Path, capsys, tolerance: str, code: int) -> None:
    assert compare([*packs(tmp_path, [X + 0.02]), "--tolerance", tolerance, "--json"], {}) == code
    found = json.loads(capsys.readouterr().out)
    assert found["equal"] == (code == 0) and found["videos"][0]["error"] == pytest.approx(
        np.linalg.norm(np.full_like(X, 0.02)) / np.linalg.norm(X + 0.02), rel=1e-3
    )


def test_packs_without_a_common_name_are_refused(tmp_path: Path) -> None:
    a, b = packs(tmp_path, [X] * 7)
    for i in range(7):
        (tmp_path / "b" / f"v{i:02}.npy").rename(tmp_path / "b" / f"w{i}.npy")
    with pytest.raises(UserError, match=r"a has v00, v01, v02, v03, v04 and 2 more, .*b has w0"):
        compare([a, b], {})
