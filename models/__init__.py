"""The feature types. A model's code is imported only when its type is asked for."""

from utils.extractors.registry import Model

MODELS = {
    "i3d": Model(
        config="models.i3d.config:I3DConfig",
        extractor="models.i3d.extractor:I3DExtractor",
        pretrained="models.i3d.pretrained",
        summary="I3D, RGB and optical flow (Kinetics-400)",
        outputs={"rgb": "[windows, 1024]", "flow": "[windows, 1024]"},
    ),
    "vggish": Model(
        config="models.vggish.config:VGGishConfig",
        extractor="models.vggish.extractor:VGGishExtractor",
        pretrained="models.vggish.pretrained",
        summary="VGGish audio embedding (YouTube-8M)",
        outputs={
            "vggish": "[0.96 s examples, 128]",
            "layer_0 … layer_4": "[64], [128], [256], [512], [128], with --layers instead",
        },
        media="audio",
    ),
    "panns": Model(
        config="models.panns.config:PANNsConfig",
        extractor="models.panns.extractor:PANNsExtractor",
        pretrained="models.panns.pretrained",
        summary="PANNs CNN14 audio embedding, 80.8 M parameters (AudioSet)",
        outputs={"panns": "[windows, 2048], of 2 s of sound or --window_s"},
        media="audio",
    ),
    "r21d": Model(
        config="models.r21d.config:R21DConfig",
        extractor="models.r21d.extractor:R21DExtractor",
        pretrained="models.r21d.pretrained",
        summary="R(2+1)D, 18 or 34 layers, 31 or 64 M parameters (Kinetics-400, IG-65M, TSP)",
        outputs={"r21d": "[windows, 512]"},
    ),
    "s3d": Model(
        config="models.s3d.config:S3DConfig",
        extractor="models.s3d.extractor:S3DExtractor",
        pretrained="models.s3d.pretrained",
        summary="S3D, 8.3 or 9.6 M parameters (Kinetics-400, HowTo100M)",
        outputs={"s3d": "[windows, 1024]"},
    ),
    "pwc": Model(
        config="models.pwc.config:PWCConfig",
        extractor="models.pwc.extractor:PWCExtractor",
        pretrained="models.pwc.pretrained",
        summary="PWC-Net optical flow (Sintel)",
        outputs={"pwc": "[frames - 1, 2, H, W]"},
    ),
    "raft": Model(
        config="models.raft.config:RAFTConfig",
        extractor="models.raft.extractor:RAFTExtractor",
        pretrained="models.raft.pretrained",
        summary="RAFT optical flow (Sintel, KITTI)",
        outputs={"raft": "[frames - 1, 2, H, W]"},
    ),
    "tsn": Model(
        config="models.tsn.config:TSNConfig",
        extractor="models.tsn.extractor:TSNExtractor",
        pretrained="models.tsn.pretrained",
        summary="TSN ResNet-50 1x1x3 (Kinetics-400)",
        outputs={"tsn": "[2048]"},
    ),
    "slowonly": Model(
        config="models.slowonly.config:SlowOnlyConfig",
        extractor="models.slowonly.extractor:SlowOnlyExtractor",
        pretrained="models.slowonly.pretrained",
        summary="SlowOnly ResNet-50 4x16x1 (Kinetics-400)",
        outputs={"slowonly": "[2048]"},
    ),
    "i3d_r50": Model(
        config="models.i3d_r50.config:I3DR50Config",
        extractor="models.i3d_r50.extractor:I3DR50Extractor",
        pretrained="models.i3d_r50.pretrained",
        summary="I3D ResNet-50, non-local or baseline, 35 or 28 M parameters (Kinetics-400)",
        outputs={"i3d_r50": "[clips, crops, 2048]"},
    ),
    "swin": Model(
        config="models.swin.config:SwinConfig",
        extractor="models.swin.extractor:SwinExtractor",
        pretrained="models.swin.pretrained",
        summary="Video Swin-T 32x2x1 (Kinetics-400)",
        outputs={"swin": "[clips, crops, 768]"},
    ),
    "slowfast": Model(
        config="models.slowfast.config:SlowFastConfig",
        extractor="models.slowfast.extractor:SlowFastExtractor",
        pretrained="models.slowfast.pretrained",
        summary="SlowFast 8x8, R50 or R101, 34.6 or 62.8 M parameters (Kinetics-400)",
        outputs={
            "slowfast": "[clips, 2304]",
            "layer_0 … layer_4": "[clips, 88], 352, 704, 1408, 2304, with --layers instead",
        },
    ),
    "clip": Model(
        config="models.clip.config:CLIPConfig",
        extractor="models.clip.extractor:CLIPExtractor",
        pretrained="models.clip.pretrained",
        summary="CLIP image embeddings: OpenAI's towers and all of open_clip's",
        outputs={"clip": "[frames, 512] by the model, or [clips, 512] with --clip_len"},
    ),
    "timm": Model(
        config="models.timm.config:TimmConfig",
        extractor="models.timm.extractor:TimmExtractor",
        pretrained="models.timm.pretrained",
        summary="any image model of timm (DINOv2, DINOv3, ConvNeXt, EVA, ...)",
        outputs={"timm": "[frames, D] by the model"},
    ),
    "resnet": Model(
        config="models.resnet.config:ResNetConfig",
        extractor="models.resnet.extractor:ResNetExtractor",
        pretrained="models.resnet.pretrained",
        summary="ResNet-18 to 152 (ImageNet)",
        outputs={"resnet": "[frames, 2048], or 512 of ResNet-18 and 34"},
    ),
}
