"""Interactive figures: their logic runs in the browser, in a notebook and on a page alike."""

from course_utils.widgets.activation_explorer import ActivationExplorer
from course_utils.widgets.alexnet_builder import AlexNetBuilder
from course_utils.widgets.attention_by_hand import AttentionByHand
from course_utils.widgets.attention_maps import AttentionMaps
from course_utils.widgets.base import InteractiveFigure
from course_utils.widgets.cluster_explorer import ClusterExplorer
from course_utils.widgets.convolution_arithmetic import ConvolutionArithmetic
from course_utils.widgets.convolution_explorer import ConvolutionExplorer
from course_utils.widgets.feature_explorer import FeatureExplorer
from course_utils.widgets.graph import ComputationGraph
from course_utils.widgets.lstm_cell import LSTMCell
from course_utils.widgets.matrix_view import MatrixView
from course_utils.widgets.message_passing import MessagePassing
from course_utils.widgets.momentum import Momentum
from course_utils.widgets.normalization_axes import NormalizationAxes
from course_utils.widgets.optimizer_race import OptimizerRace
from course_utils.widgets.perceptron import PerceptronTrainer
from course_utils.widgets.playground import Playground
from course_utils.widgets.receptive_field_explorer import ReceptiveFieldExplorer
from course_utils.widgets.sampling_temperature import SamplingTemperature
from course_utils.widgets.sinkhorn_balancing import SinkhornBalancing
from course_utils.widgets.step_size import StepSize
from course_utils.widgets.timeline import Timeline
from course_utils.widgets.training_cost import TrainingCost
from course_utils.widgets.transfer_explorer import TransferExplorer

__all__ = [
    "ActivationExplorer",
    "AlexNetBuilder",
    "AttentionByHand",
    "AttentionMaps",
    "ClusterExplorer",
    "ComputationGraph",
    "ConvolutionArithmetic",
    "ConvolutionExplorer",
    "FeatureExplorer",
    "InteractiveFigure",
    "LSTMCell",
    "MatrixView",
    "MessagePassing",
    "Momentum",
    "NormalizationAxes",
    "OptimizerRace",
    "PerceptronTrainer",
    "Playground",
    "ReceptiveFieldExplorer",
    "SamplingTemperature",
    "SinkhornBalancing",
    "StepSize",
    "Timeline",
    "TrainingCost",
    "TransferExplorer",
]
