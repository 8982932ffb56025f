"""What it takes to train a language model: operations, days, money and energy."""

from __future__ import annotations

import io
import math

import matplotlib as mpl
import traitlets
from matplotlib.figure import Figure

from course_utils.plots import COLORS
from course_utils.widgets.base import InteractiveFigure, source

HOUR, DAY = 3600, 86_400
OPTIMAL = 20  # tokens per parameter, roughly (Hoffmann et al. 2022)
# Every input with its limits.
INPUTS = {
    "parameters": (1e6, 1e13),
    "tokens": (1e8, 1e14),
    "chips": (1, 1_000_000),
    "peak_tflops": (1.0, 10_000.0),
    "utilization": (0.01, 1.0),
    "price": (0.1, 100.0),
    "watts": (10.0, 3000.0),
    "pue": (1.0, 3.0),
    "household": (500.0, 50_000.0),
}


def _left_over(parameters: float, tokens: float, chip_hours: float, peak_tflops: float) -> float:
    """The utilization that chip-hours imply."""
    return round(6 * parameters * tokens / (chip_hours * HOUR * peak_tflops * 1e12), 4)


V100, TPU_V4, A100 = 125.0, 275.0, 312.0  # peak Tflop/s of 16-bit multiply-adds
PALM_HOURS = 6144 * 1200 + 3072 * 336
PRESETS = {
    "GPT-2 small, repeated in 2024": {
        "short": "GPT-2 small",
        "parameters": 124e6, "tokens": 10e9, "chips": 8, "peak_tflops": A100, "utilization": 0.6,
        "price": 14 / 8, "watts": 400.0, "pue": 1.1,
        "source": "Karpathy's llm.c (2024): 10 billion tokens on one rented machine of 8 A100 for "
        "$14 an hour, utilization “up to 60 %”; he reports 90 minutes and $20. 400 W is the "
        "A100's limit; PUE 1.1 is assumed.",
    },
    "RoBERTa-large, 2019": {
        "short": "RoBERTa",
        "parameters": 354.3e6, "tokens": 500_000 * 8192 * 512.0, "chips": 1024, "peak_tflops": V100,
        "utilization": _left_over(354.3e6, 500_000 * 8192 * 512, 1024 * 5 * 24, V100),
        "price": 2.08, "watts": 330.0, "pue": 1.1,
        "source": "Liu et al. (2019): 500,000 steps of 8K sequences of 512 tokens. 100,000 steps "
        "took 1024 V100 about a day, so five days are assumed; that leaves 8 % utilization. $2.08 "
        "an hour is the lectures' $350,000 for 1000 GPUs and a week. Power and PUE as for GPT-3.",
    },
    "GPT-3, the lectures' numbers": {
        "short": "GPT-3",
        "parameters": 175e9, "tokens": 300e9, "chips": 1500, "peak_tflops": V100,
        "utilization": 0.32, "price": 1.37, "watts": 330.0, "pue": 1.1,
        "source": "Parameters and tokens: Brown et al. (2020), who give 3640 PF-days. 1500 GPUs, "
        "two months and $3 million are the lectures' estimate, not a published figure; 32 % and "
        "$1.37 follow from it. Power and PUE: Patterson et al. (2021).",
    },
    "GPT-3, as reported in 2021": {
        "short": "GPT-3",
        "parameters": 175e9, "tokens": 300e9, "chips": 10_000, "peak_tflops": V100,
        "utilization": 24.6 / V100, "price": 1.37, "watts": 330.0, "pue": 1.1,
        "source": "Patterson et al. (2021, Table 4): 10,000 V100 at 24.6 Tflop/s each, 330 W with "
        "their share of the machines, PUE 1.10, which made 14.8 days and 1287 MWh. The price is "
        "that of the lectures' estimate.",
    },
    "PaLM, 2022": {
        "short": "PaLM",
        "parameters": 540.35e9, "tokens": 780e9, "chips": 6144, "peak_tflops": TPU_V4,
        "utilization": _left_over(540.35e9, 780e9, PALM_HOURS, TPU_V4),
        "price": 2.97, "watts": 378.5, "pue": 1.08,
        "source": "Chowdhery et al. (2022): 6144 TPU v4 for 1200 hours and 3072 for 336, with "
        "378.5 W each and PUE 1.08. These chip-hours leave 30 % utilization, downtime and repeated "
        "steps included; the paper measures 46 % while it runs. $2.97 an hour is the lectures' "
        "$25 million.",
    },
}  # fmt: skip


class TrainingCost(InteractiveFigure):
    r"""From the size of a model and its data to operations, days, money and energy.

    A forward and a backward pass cost about six operations for each parameter and token:

    .. math:: C = 6ND \qquad
              \text{time} = \frac{C}{\text{chips} \cdot \text{peak} \cdot \text{utilization}}

    Money is chip-hours times price; energy is chip-hours times watts times PUE, the data center's
    power usage effectiveness. The reader sets everything by sliders or exact numbers, drags the
    model over the plane of N and D, and begins with what is known of real models.

    Args:
        parameters: N.
        tokens: D, all that are read, repeated ones too.
        chips: how many work side by side.
        peak_tflops: of one chip, in 10¹² operations a second.
        utilization: share of the peak that goes into the 6ND operations.
        price: of a chip-hour, in dollars.
        watts: of a chip with its share of the machine around it.
        pue: energy that the data center draws for each unit that gets to the machines.
        household: what a household uses in a year, in kWh; 3200 is a European one, 10,600 one of
            the USA.
        alt: what the figure shows, in words.

    Raises:
        traitlets.TraitError: a number out of the range in `INPUTS`.

    Example:
        >>> TrainingCost.preset("PaLM, 2022", alt="What it took to train PaLM").results()["days"]
    """

    _esm = source("figure.js", "descent.js", "training_cost.js")
    _css = source("figure.css", "descent.css", "training_cost.css")

    parameters = traitlets.Float().tag(sync=True)
    tokens = traitlets.Float().tag(sync=True)
    chips = traitlets.Int().tag(sync=True)
    peak_tflops = traitlets.Float().tag(sync=True)
    utilization = traitlets.Float().tag(sync=True)
    price = traitlets.Float().tag(sync=True)
    watts = traitlets.Float().tag(sync=True)
    pue = traitlets.Float().tag(sync=True)
    household = traitlets.Float(3200.0).tag(sync=True)
    presets = traitlets.Dict(PRESETS).tag(sync=True)
    limits = traitlets.Dict(INPUTS).tag(sync=True)

    def __init__(self, **settings: object):
        super().__init__(**_settings("GPT-3, the lectures' numbers") | settings)

    @classmethod
    def preset(cls, name: str, **settings: object) -> TrainingCost:
        """The figure with the numbers of `PRESETS`."""
        return cls(**_settings(name) | settings)

    @traitlets.validate(*INPUTS)
    def _within_limits(self, proposal: traitlets.Bunch) -> float:
        name, value = proposal["trait"].name, proposal["value"]
        low, high = INPUTS[name]
        if not low <= value <= high:
            raise traitlets.TraitError(
                f"TrainingCost: {name} lies within {low:g} and {high:g}, got {value:g}"
            )
        return value

    def __repr__(self) -> str:
        return f"TrainingCost: {self.alt}"

    def results(self) -> dict[str, float]:
        """Operations, PF-days, time, chip-hours, dollars, kWh, households, tokens a parameter."""
        operations = 6 * self.parameters * self.tokens
        seconds = operations / (self.chips * self.peak_tflops * 1e12 * self.utilization)
        chip_hours = self.chips * seconds / HOUR
        kwh = chip_hours * self.watts / 1000 * self.pue
        return {
            "operations": operations,
            "pf_days": operations / (1e15 * DAY),
            "seconds": seconds,
            "days": seconds / DAY,
            "chip_hours": chip_hours,
            "dollars": chip_hours * self.price,
            "kwh": kwh,
            "households": kwh / self.household,
            "tokens_per_parameter": self.tokens / self.parameters,
        }

    def picture(self) -> str:
        """The plane of parameters and tokens with lines of equal compute, and the results."""
        found = self.results()
        with mpl.rc_context({"svg.hashsalt": "course", "font.size": 11}):
            figure = Figure(figsize=(4.8, 4.2), layout="constrained", facecolor="white")
            ax = figure.add_subplot()
            ends, (low, high) = INPUTS["parameters"], INPUTS["tokens"]
            for exponent in range(16, 27, 2):
                both = 10**exponent / 6  # N times D
                ax.loglog(ends, [both / n for n in ends], color="#bbbbbb", lw=1)
                top = min(high, both / ends[0])
                ax.text(1.2 * both / top, top / 2, f"$10^{{{exponent}}}$", color="#666666",
                        fontsize=9, va="top")  # fmt: skip
            ax.loglog(ends, [OPTIMAL * n for n in ends], "--", color="black", lw=1.5,
                      label=f"{OPTIMAL} tokens a parameter")  # fmt: skip
            for one in {one["short"]: one for one in PRESETS.values()}.values():
                ax.plot(one["parameters"], one["tokens"], "o", color=COLORS["blue"], ms=6)
                ax.annotate(one["short"], (one["parameters"], one["tokens"]), (7, -4),
                            textcoords="offset points", fontsize=10)  # fmt: skip
            ax.plot(self.parameters, self.tokens, "D", color=COLORS["vermillion"], ms=9, mfc="none",
                    mew=2, label="this model")  # fmt: skip
            ax.minorticks_off()
            ax.set(xlim=ends, ylim=(low, high), xlabel="parameters N", ylabel="tokens D")
            days, dollars, kwh = (_amount(found[name]) for name in ("days", "dollars", "kwh"))
            ax.set_title(
                f"6ND = {_scientific(found['operations'])} operations\n"
                f"{days} days, {dollars} dollars, {kwh} kWh",
                fontsize=11,
            )
            ax.legend(loc="lower right", frameon=False, fontsize=10)
            text = io.StringIO()
            figure.savefig(text, format="svg", metadata={"Date": None})
        return text.getvalue()


def _settings(name: str) -> dict[str, float]:
    return {key: PRESETS[name][key] for key in INPUTS if key in PRESETS[name]}


def _amount(value: float) -> str:
    """Three significant digits: 0.057, 12.3, 4,560, 7.89 million."""
    if value >= 999_500:
        return f"{value / 1e6:,.3g} million"
    return f"{float(f'{value:.3g}'):,g}"


def _scientific(value: float) -> str:
    exponent = math.floor(math.log10(value))
    return rf"${value / 10**exponent:.2f}\cdot10^{{{exponent}}}$"
