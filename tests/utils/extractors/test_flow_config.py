import pytest

from utils.errors import UserError
from utils.extractors.flow_config import FlowConfig


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"resize": "short:40", "side_size": 40}, "--resize and --side_size exclude each other"),
        ({"resize_to_larger_edge": True}, "--resize_to_larger_edge changes the meaning of --side_size"),
        ({"side_size": 0}, "--side_size is 0"),
        ({"flow_dtype": "float64"}, "--flow_dtype is 'float64'"),
    ],
)
def test_what_cannot_be_meant_is_refused(flags: dict, words: str) -> None:
    with pytest.raises(UserError, match=words):
        FlowConfig(**flags)


def test_what_can() -> None:
    assert FlowConfig(side_size=40, resize_to_larger_edge=True, flow_dtype="float16").side_size == 40
    assert FlowConfig(resize="short:40").given_resize is not None
