"""The feature types. A model's code is imported only when that model is asked for."""

from utils.registry import Model

MODELS = {
    "i3d": Model(
        config="models.i3d.config:I3DConfig",
        extractor="models.i3d.extractor:I3DExtractor",
        checkpoints="models.i3d.checkpoints",
        summary="I3D, RGB and optical flow (Kinetics-400)",
        outputs={"rgb": "[windows, 1024]", "flow": "[windows, 1024]"},
    ),
    "vggish": Model(
        config="models.vggish.config:VGGishConfig",
        extractor="models.vggish.extractor:VGGishExtractor",
        checkpoints="models.vggish.checkpoints",
        summary="VGGish audio embedding (YouTube-8M)",
        outputs={"vggish": "[0.96 s examples, 128]"},
    ),
}
