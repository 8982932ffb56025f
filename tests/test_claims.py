"""claim() ticks what holds, raises on what does not, and leaves a record."""

import numpy as np
import pytest
import torch

from course_utils.claims import RECORD, Claim, ClaimError, claim

HOLDS = [
    (2**40, 1_099_511_627_776, {}, "1,099,511,627,776"),
    (1 / 3, 0.3333, {"rtol": 1e-3}, "0.333"),
    (np.float32(0.5), 0.5, {}, "0.5"),
    (torch.tensor(3), 3, {}, "3"),
    (True, True, {}, ""),
    ("relu", "relu", {}, "relu"),
    (torch.ones(2), torch.ones(2).double(), {}, "equal in every digit"),
    (torch.ones(2), torch.tensor([1, 1.25]), {"atol": 1}, "largest difference 2e-01"),
    (torch.zeros(0), torch.zeros(0), {}, "equal in every digit"),
    ((5, 1.0), (5, 1.01), {"rtol": 0.1}, "(5, 1)"),
    (float("inf"), float("inf"), {}, "inf"),
]
FAILS = [
    (3, 4, {}, "measured 3, claimed 4"),
    (1.0, 1.1, {"atol": 0.01}, r"claimed 1\.1 \(rtol 0, atol 0\.01\)"),
    (float("nan"), float("nan"), {"atol": 1}, "measured nan"),
    (1.0, float("inf"), {"rtol": 1}, "claimed inf"),
    (1, True, {}, "measured 1, claimed true"),
    (torch.ones(2), torch.ones(3), {}, r"shape \(2,\), claimed tensor of shape \(3,\)"),
    (torch.ones(2), torch.zeros(2), {}, "measured tensor"),
    (torch.ones(2), 1, {}, "claimed 1"),
    ((1, 2), (1, 3), {}, r"measured \(1, 2\), claimed \(1, 3\)"),
    ((1, 2), (1, 2, 3), {}, r"claimed \(1, 2, 3\)"),
    ("a", "b", {}, "measured a, claimed b"),
]


@pytest.mark.parametrize(("actual", "expected", "tolerance", "shown"), HOLDS)
def test_what_holds_is_ticked_with_the_measured_value(actual, expected, tolerance, shown, capsys):
    claim("C000", "some text", actual, expected, **tolerance)
    line = f"✓ Checked (C000): some text: {shown}".removesuffix(": ")
    assert capsys.readouterr().out == f"{line}\n"


@pytest.mark.parametrize(("actual", "expected", "tolerance", "message"), FAILS)
def test_what_does_not_hold_raises_with_id_text_and_both_values(
    actual, expected, tolerance, message
):
    with pytest.raises(ClaimError, match=f"C000: some text: .*{message}"):
        claim("C000", "some text", actual, expected, **tolerance)


def test_the_line_has_an_anchor_escapes_markup_and_carries_a_record():
    data, metadata = Claim("C001", "a < b", "3")._repr_mimebundle_()
    assert 'id="claim-C001"' in data["text/html"]
    assert "a &lt; b" in data["text/html"]
    assert metadata[RECORD] == {"id": "C001", "text": "a < b", "value": "3"}
