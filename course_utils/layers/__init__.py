"""Reference layers: forward and backward by hand, on torch tensors, with no autograd inside."""

from course_utils.layers.activations import ReLU
from course_utils.layers.adaptive_pooling import AdaptiveAvgPool2d
from course_utils.layers.base import Layer
from course_utils.layers.container import Sequential
from course_utils.layers.convolution import Conv1d, Conv2d, ConvTranspose2d
from course_utils.layers.linear import Linear
from course_utils.layers.locally_connected import LocallyConnected2d
from course_utils.layers.mask_pooling import MaskPool2d
from course_utils.layers.module import as_module
from course_utils.layers.pooling import AvgPool2d, MaxPool2d

__all__ = [
    "AdaptiveAvgPool2d",
    "AvgPool2d",
    "Conv1d",
    "Conv2d",
    "ConvTranspose2d",
    "Layer",
    "Linear",
    "LocallyConnected2d",
    "MaskPool2d",
    "MaxPool2d",
    "ReLU",
    "Sequential",
    "as_module",
]
