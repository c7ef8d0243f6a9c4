"""Flow fields as pictures: direction as hue, speed as brightness of colour, and arrows."""

import io
from collections.abc import Sequence

import numpy as np

WIDTH = 320  # of a picture
ARROWS = 12  # across


def is_flow(shape: Sequence[int]) -> bool:
    """Return whether an array of this shape holds flow fields, [frames, 2, H, W]."""
    return len(shape) == 4 and shape[1] == 2 and min(shape[2:]) > 1


def speeds(array: np.ndarray) -> np.ndarray:
    """Return the mean speed of each field in pixels per frame, float64 [frames]."""
    with np.errstate(all="ignore"):
        return np.array([np.hypot(*np.asarray(field, np.float32)).mean(dtype=np.float64) for field in array])


def wheel(field: np.ndarray, most: float) -> np.ndarray:
    """Return a flow field [2, H, W] as uint8 [H, W, 3].

    Hue is the direction on the screen: right red, down yellow-green, left cyan, up violet. White stands still; full
    colour has the speed `most`.
    """
    right, down = np.nan_to_num(np.asarray(field, np.float32), posinf=0, neginf=0)
    strength = np.clip(np.hypot(right, down) / max(most, 1e-6), 0, 1)[..., None]
    hue = (np.arctan2(down, right) / (2 * np.pi) % 1)[..., None] * 6
    pure = np.clip(np.concatenate([np.abs(hue - 3) - 1, 2 - np.abs(hue - 2), 2 - np.abs(hue - 4)], axis=-1), 0, 1)
    return np.round(255 * (1 - strength * (1 - pure))).astype(np.uint8)


def picture(field: np.ndarray, most: float) -> bytes:
    """Return a flow field as PNG, with arrows that point where pixels go."""
    from PIL import Image, ImageDraw

    height, width = field.shape[1:]
    scale = WIDTH / width
    image = Image.fromarray(wheel(field, most)).resize((WIDTH, max(1, round(height * scale))), Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(image)
    step = max(1, width // ARROWS)
    length = WIDTH / ARROWS * 0.8 / max(most, 1e-6)
    for y in range(step // 2, height, step):
        for x in range(step // 2, width, step):
            right, down = np.nan_to_num(field[:, y, x].astype(np.float64)) * length
            start, end = (x * scale, y * scale), (x * scale + right, y * scale + down)
            draw.line([start, end], fill=(20, 20, 20))
            draw.ellipse([end[0] - 1, end[1] - 1, end[0] + 1, end[1] + 1], fill=(20, 20, 20))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
