"""Other pixels for a network that shows what it is given."""

from pathlib import Path

import numpy as np
import pytest
import torch
from support.media import moving_frames, write_clip
from torch import nn

from utils.config.run import RunConfig
from utils.config.schema import Config
from utils.errors import VideoError
from utils.extractors.base import VideoExtractor
from utils.extractors.windows import Dense
from utils.sinks.acav import acav_names
from utils.sinks.manifest_line import RunStamp
from utils.sources.ref import VideoRef
from utils.worker.altered import AlteredSession, Scaling, _colours
from utils.worker.plan import FeaturePlan, Plan

MEAN, STD = (10.0, 20.0, 30.0), (2.0, 4.0, 8.0)


class Shown(VideoExtractor):
    """The mean of what the network is given, for each colour: rows are (p - MEAN) / STD of the mean colours p."""

    @property
    def keys(self):
        return ("shown",)

    @property
    def batch_size(self):
        return 4

    def load(self):
        self.network = nn.Identity()

    def sampling(self, info):
        return Dense(1, 1)

    def forward(self, batch):
        clips = (batch["frames"][:, 0].float() - torch.tensor(MEAN)) / torch.tensor(STD)
        return {"shown": self.network(clips.permute(0, 3, 1, 2)).mean((2, 3))}


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("utils.worker.session.load_extractor", lambda dotted: Shown)
    feature = FeaturePlan("shown", "", Config(), {}, {}, "", RunStamp("shown"), acav_names("shown"))
    session = AlteredSession(Plan(RunConfig(precision="float32"), (feature,), ("cpu",), 1, 1))
    yield session
    session.close()


def test_pixels_and_scalings(session: AlteredSession, tmp_path: Path) -> None:
    ref = VideoRef("a", "a", str(write_clip(tmp_path / "a.mp4", moving_frames(4, 32, 32))))
    plain = session.rows(ref).arrays["shown"]
    colours = plain * STD + MEAN
    session.measure(ref)
    assert session.scaling is not None
    np.testing.assert_allclose(session.scaling.mean, MEAN, rtol=1e-4)
    np.testing.assert_allclose(session.scaling.std, STD, rtol=1e-4)
    assert session.scaling.is_near(Scaling(MEAN, STD)) and not session.scaling.is_near(Scaling(MEAN, (2.0, 4.0, 9.0)))
    swapped = session.rows(ref, lambda frames: frames.flip(-1)).arrays["shown"]
    np.testing.assert_allclose(swapped, (colours[:, ::-1] - MEAN) / STD, rtol=1e-4, atol=1e-4)
    other = session.rows(ref, scaling=Scaling((5.0, 6.0, 7.0), (255.0,) * 3)).arrays["shown"]
    np.testing.assert_allclose(other, (colours - [5, 6, 7]) / 255, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(session.rows(ref).arrays["shown"], plain)  # as before
    with pytest.raises(VideoError, match=r"absent\.mp4"):
        session.rows(VideoRef("b", "b", str(tmp_path / "absent.mp4")))


def test_where_the_colours_are() -> None:
    assert _colours((torch.zeros(1, 3, 4, 4),)) == 1
    assert _colours((torch.zeros(1, 8, 3, 4, 4),)) == 2
    assert _colours((torch.zeros(1, 8, 4, 4, 3),)) == 4
    for other in (
        (),
        ("x",),
        (torch.zeros(1, 3),),
        (torch.zeros(1, 3, 4, 4, dtype=torch.int64),),
        (torch.zeros(1, 4, 4, 4),),
    ):
        assert _colours(other) is None
