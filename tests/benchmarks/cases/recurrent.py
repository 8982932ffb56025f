"""Recurrent layers: names and sentences in a chapter's cell, a medium language model."""

from torch import nn

from cases import REALISTIC, TEACHING, Case, randn
from course_utils.layers import GRU, LSTM, RNN

CASES = [
    case
    for ours, theirs in ((RNN, nn.RNN), (LSTM, nn.LSTM), (GRU, nn.GRU))
    for case in (
        Case(
            ours.__name__,
            TEACHING,
            lambda ours=ours: ours(32, 64),
            lambda theirs=theirs: theirs(32, 64),
            randn((20, 32, 32)),
        ),
        Case(
            f"{ours.__name__} two layers, both directions",
            TEACHING,
            lambda ours=ours: ours(32, 64, num_layers=2, bidirectional=True),
            lambda theirs=theirs: theirs(32, 64, num_layers=2, bidirectional=True),
            randn((20, 32, 32)),
            compiled=False,
        ),
        # A layer of Zaremba, Sutskever and Vinyals 2014's medium model: 35 steps, 20 sequences.
        Case(
            ours.__name__,
            REALISTIC,
            lambda ours=ours: ours(650, 650),
            lambda theirs=theirs: theirs(650, 650),
            randn((35, 20, 650)),
            compiled=False,
        ),
        Case(
            f"{ours.__name__} 200 steps",
            REALISTIC,
            lambda ours=ours: ours(128, 256, batch_first=True),
            lambda theirs=theirs: theirs(128, 256, batch_first=True),
            randn((32, 200, 128)),
            compiled=False,
        ),
    )
]
