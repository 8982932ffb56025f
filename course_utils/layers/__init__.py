"""Reference layers: forward and backward by hand, on torch tensors, with no autograd inside."""

from course_utils.layers.activations import (
    ELU,
    GELU,
    LeakyReLU,
    PReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softplus,
    Tanh,
)
from course_utils.layers.adaptive_pooling import AdaptiveAvgPool2d
from course_utils.layers.attention import ScaledDotProductAttention
from course_utils.layers.base import Layer
from course_utils.layers.batch_norm import BatchNorm1d, BatchNorm2d
from course_utils.layers.container import Residual, Sequential
from course_utils.layers.convolution import Conv1d, Conv2d, ConvTranspose2d
from course_utils.layers.dropout import Dropout
from course_utils.layers.embedding import Embedding
from course_utils.layers.flatten import Flatten
from course_utils.layers.graph import DenseGCNConv, GCNConv
from course_utils.layers.graph_attention import GATConv
from course_utils.layers.group_norm import GroupNorm
from course_utils.layers.gru import GRU
from course_utils.layers.instance_norm import InstanceNorm2d
from course_utils.layers.layer_norm import LayerNorm
from course_utils.layers.linear import Linear
from course_utils.layers.local_response_norm import LocalResponseNorm
from course_utils.layers.locally_connected import LocallyConnected2d
from course_utils.layers.lstm import LSTM
from course_utils.layers.mask_pooling import MaskPool2d
from course_utils.layers.module import as_module
from course_utils.layers.multihead_attention import MultiheadAttention
from course_utils.layers.patch_embedding import PatchEmbedding
from course_utils.layers.pooling import AvgPool2d, MaxPool2d
from course_utils.layers.positional import PositionalEmbedding, PositionalEncoding
from course_utils.layers.rnn import RNN
from course_utils.layers.softmax import LogSoftmax, Softmax
from course_utils.layers.transformer import TransformerDecoderLayer, TransformerEncoderLayer
from course_utils.layers.weight_standardization import WeightStandardization

__all__ = [
    "ELU",
    "GELU",
    "GRU",
    "LSTM",
    "RNN",
    "AdaptiveAvgPool2d",
    "AvgPool2d",
    "BatchNorm1d",
    "BatchNorm2d",
    "Conv1d",
    "Conv2d",
    "ConvTranspose2d",
    "DenseGCNConv",
    "Dropout",
    "Embedding",
    "Flatten",
    "GATConv",
    "GCNConv",
    "GroupNorm",
    "InstanceNorm2d",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LocalResponseNorm",
    "LocallyConnected2d",
    "LogSoftmax",
    "MaskPool2d",
    "MaxPool2d",
    "MultiheadAttention",
    "PReLU",
    "PatchEmbedding",
    "PositionalEmbedding",
    "PositionalEncoding",
    "ReLU",
    "Residual",
    "ScaledDotProductAttention",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
    "TransformerDecoderLayer",
    "TransformerEncoderLayer",
    "WeightStandardization",
    "as_module",
]
