"""Image features of any model of timm (huggingface/pytorch-image-models), frame by frame."""
