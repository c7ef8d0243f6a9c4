import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

from utils.nn.cpu.threads import RowThreads, row_threads_made

# prints the number by which MKL's vector mathematics chooses its functions, -1 as long as no function was called; its
# address is in the first instruction of the function that returns it
CHOSEN = """
import ctypes, sys
from pathlib import Path
import torch
from utils.nn.cpu.threads import RowThreads

def chosen():
    library = ctypes.CDLL(str(Path(torch.__file__).parent / "lib/libtorch_cpu.so"))
    detect = ctypes.cast(library.mkl_vml_serv_cpu_detect, ctypes.c_void_p).value
    if ctypes.string_at(detect, 2) != bytes.fromhex("8b05"):  # mov eax, [rip + distance]
        raise AttributeError("another MKL")
    return ctypes.c_int.from_address(detect + 6 + ctypes.c_int.from_address(detect + 2).value).value

try:
    before = chosen()
except (AttributeError, OSError) as error:
    sys.exit(f"cannot look: {error}")
RowThreads()
print(before, chosen())
"""


@pytest.fixture
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("n_rows", [1, 2, 3, 8])
def test_rows_come_back_in_order(three_threads, n_rows):
    seen = []

    def doubled(batch):
        assert torch.is_inference_mode_enabled()
        seen.append((threading.get_ident(), len(batch["x"]), torch.get_num_threads()))
        return {"sum": batch["x"] + batch["y"], "double": batch["x"] * 2}

    x = torch.arange(n_rows * 2.0).view(n_rows, 2)
    with torch.inference_mode():
        outputs = RowThreads().spread(doubled, {"x": x, "y": -x})
    torch.testing.assert_close(outputs["double"], x * 2)
    torch.testing.assert_close(outputs["sum"], torch.zeros(n_rows, 2))
    sizes = {1: [1], 2: [1, 1], 3: [1, 1, 1], 8: [2, 3, 3]}[n_rows]
    assert sorted(size for _, size, _ in seen) == sizes
    assert [n_threads for *_, n_threads in seen] == [3 // len(sizes)] * len(sizes)  # a single row has them all
    assert torch.get_num_threads() == 3
    if n_rows == 1:
        assert seen[0][0] == threading.get_ident()


def test_parts_have_the_rows_that_they_should(three_threads):
    sizes = []

    def noted(batch):
        sizes.append(len(batch["x"]))
        return batch

    for n_rows in (7, 8, 13):
        RowThreads().spread(noted, {"x": torch.arange(n_rows)}, at_least=4)
    assert [sizes[0], *sizes[1:3], *sorted(sizes[3:])] == [7, 4, 4, 4, 4, 5]


def test_an_error_of_one_part_is_raised(three_threads):
    def picky(batch):
        if (batch["x"] == 5).any():
            raise torch.OutOfMemoryError("no room")
        return batch

    with pytest.raises(torch.OutOfMemoryError, match="no room"):
        RowThreads().spread(picky, {"x": torch.arange(6)})


def test_threads_end_when_they_are_told_to_and_later_work_starts_others(three_threads):
    before = set(threading.enumerate())
    with row_threads_made() as made:
        rows = RowThreads()
    others = RowThreads()
    assert set(made) == {rows}
    for _ in range(2):
        assert rows.map(lambda part: -part, [1, 2, 3]) == [-1, -2, -3]
        assert set(threading.enumerate()) - before
        rows.end()
        rows.end()
        assert set(threading.enumerate()) <= before
    assert others.map(lambda part: -part, [1]) == [-1]
    others.end()


def test_mkl_chooses_its_functions_before_threads_call_them():
    program = [sys.executable, "-c", CHOSEN]
    result = subprocess.run(program, cwd=Path(__file__).parents[4], capture_output=True, text=True)
    if "cannot look" in result.stderr:
        pytest.skip(result.stderr.strip())
    before, after = map(int, result.stdout.split())
    assert before == -1 and after >= 0
