"""Pictures from files to tensors."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from course_utils.errors import CourseError

MOST_PIXELS = 25_000_000  # more than any data set here holds; a forged header could claim more


def decode(data: bytes, *, name: str) -> Image.Image:
    """Decode a JPEG or PNG.

    Raises:
        CourseError: it is neither, is damaged, or claims more than 25 million pixels.
    """
    try:
        image = Image.open(BytesIO(data), formats=("JPEG", "PNG"))
        width, height = image.size
        if width * height > MOST_PIXELS:
            raise CourseError(f"{name} claims to be {width} × {height} pixels: not a photograph.")
        image.load()
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError) as error:
        raise CourseError(f"{name} is not a sound picture ({error}).") from error
    return image


def to_tensor(image: Image.Image) -> Tensor:
    """An RGB picture as uint8 (3, H, W), a gray one as (1, H, W)."""
    pixels = np.array(image)  # a copy, which torch may write to
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    return torch.from_numpy(pixels).permute(2, 0, 1).contiguous()


def center_crop(image: Image.Image, size: int, *, fraction: float = 1.0) -> Tensor:
    """The middle of a picture, scaled to ``size`` × ``size``: uint8 (3, size, size).

    The middle is a square with ``fraction`` of the picture's shorter side. 224 / 256 gives what
    "scale the shorter side to 256, then cut out the middle 224" gives, with one interpolation
    (bicubic) in place of two steps.
    """
    width, height = image.size
    side = fraction * min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    box = (left, top, left + side, top + side)
    square = image.convert("RGB").resize((size, size), Image.Resampling.BICUBIC, box=box)
    return to_tensor(square)
