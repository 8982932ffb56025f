"""Reference layers: forward and backward by hand, on torch tensors, with no autograd inside."""

from course_utils.layers.activations import ReLU
from course_utils.layers.base import Layer
from course_utils.layers.container import Sequential
from course_utils.layers.embedding import Embedding
from course_utils.layers.gru import GRU
from course_utils.layers.linear import Linear
from course_utils.layers.lstm import LSTM
from course_utils.layers.module import as_module
from course_utils.layers.positional import PositionalEmbedding, PositionalEncoding
from course_utils.layers.rnn import RNN

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Embedding",
    "Layer",
    "Linear",
    "PositionalEmbedding",
    "PositionalEncoding",
    "ReLU",
    "Sequential",
    "as_module",
]
