import numpy as np
import pytest
from support.golden import GOLDEN, case, relative_error

from models.vggish.postprocess import Postprocessor, quantize
from utils.errors import UserError

PARAMETERS = GOLDEN / "vggish_postprocess" / "vggish_pca_params.npz"


@pytest.mark.parametrize("name", ["case_preactivation", "case_relu", "case_single"])
def test_outputs_are_those_of_the_reference(name):
    arrays, _ = case("vggish_postprocess", name)
    postprocessor = Postprocessor.load(PARAMETERS)
    levels = postprocessor(arrays["input"])
    assert relative_error(postprocessor.whiten(arrays["input"]), arrays["output_pca"]) < 1e-12
    assert levels.dtype == np.uint8
    assert np.array_equal(levels, arrays["output_tf"])


@pytest.mark.parametrize("name", ["case_preactivation", "case_relu", "case_single"])
def test_torchvggish_rounds_where_tensorflow_cuts_off(name):
    arrays, _ = case("vggish_postprocess", name)
    levels = Postprocessor.load(PARAMETERS)(arrays["input"]).astype(np.float32)
    theirs = arrays["output_torch"].reshape(levels.shape)  # one example loses its batch axis there
    assert set(np.unique(theirs - levels)) == {0.0, 1.0}


def test_levels_cover_the_range_from_minus_two_to_two():
    assert quantize(np.array([-9.0, -2.0, 0.0, 1.9999, 2.0, 9.0])).tolist() == [0, 0, 127, 254, 255, 255]


def test_no_examples_give_no_rows():
    assert Postprocessor.load(PARAMETERS)(np.empty((0, 128), np.float32)).shape == (0, 128)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"weights": np.zeros(3)}, "has no pca_eigen_vectors \\(it has weights\\)"),
        ({"pca_eigen_vectors": np.zeros((128, 128))}, "has no pca_means"),
        ({"pca_eigen_vectors": np.zeros((64, 128)), "pca_means": np.zeros(128)}, "\\[64, 128\\] instead of"),
        ({"pca_eigen_vectors": np.array([{}], object)}, "not a readable .npz of plain arrays"),
    ],
)
def test_other_parameters_are_refused(tmp_path, arrays, message):
    path = tmp_path / "params.npz"
    np.savez(path, **arrays)
    with pytest.raises(UserError, match=message):
        Postprocessor.load(path)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        Postprocessor.load(tmp_path / "absent.npz")
    (tmp_path / "text.npz").write_text("hello")
    np.save(tmp_path / "single.npy", np.zeros(3))
    cut_off = tmp_path / "cut.npz"
    cut_off.write_bytes(PARAMETERS.read_bytes()[:5000])
    for path in (tmp_path / "text.npz", tmp_path / "single.npy", cut_off):
        with pytest.raises(UserError, match=r"not a readable \.npz"):
            Postprocessor.load(path)
