"""What a chapter shows of a layer is the layer's own code."""

from __future__ import annotations

from course_utils.layers import ReLU
from course_utils.source import show_source


def test_methods_are_shown_as_they_stand_without_their_indentation():
    shown = show_source(ReLU.forward, ReLU.backward).data
    assert shown.startswith("```python\ndef forward(self, x: Tensor) -> Tensor:\n")
    assert "\n\ndef backward(self, dy: Tensor) -> Tensor:\n" in shown
    assert shown.endswith("```")
