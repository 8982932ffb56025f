"""Models that made history, put together from `torch.nn`; one file for each."""

from course_utils.models.alexnet import AlexNet
from course_utils.models.char_rnn import CharRNN
from course_utils.models.gcn import GCN, normalized_adjacency
from course_utils.models.gpt import GPT, GPTConfig
from course_utils.models.inception import GoogLeNet, Inception
from course_utils.models.lenet import LeNet5, ModernLeNet5
from course_utils.models.pretrained import pretrained_gpt
from course_utils.models.receptive_field import ReceptiveField, receptive_field
from course_utils.models.resnet import CifarResNet, ResNet
from course_utils.models.size import count_parameters, multiply_adds
from course_utils.models.vgg import VGG
from course_utils.models.vit import ViT

__all__ = [
    "GCN",
    "GPT",
    "VGG",
    "AlexNet",
    "CharRNN",
    "CifarResNet",
    "GPTConfig",
    "GoogLeNet",
    "Inception",
    "LeNet5",
    "ModernLeNet5",
    "ReceptiveField",
    "ResNet",
    "ViT",
    "count_parameters",
    "multiply_adds",
    "normalized_adjacency",
    "pretrained_gpt",
    "receptive_field",
]
