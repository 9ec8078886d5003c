"""Writes test/cases/rotary-angles.json: frequencies, cosines and sines of rotary embedding, to the last bit of float64.

    python scripts/rotary_angles.py && npx prettier --write test/cases/rotary-angles.json        (needs mpmath)

Frequencies come from the papers' formulas in exact arithmetic of 60 digits; see crate/src/rotary_frequencies.rs for the
sources. Position interpolation divides positions, NTK-aware scaling changes the base, YaRN and Llama 3.1 mix the frequency
and its quotient.
"""

import json
import random
from pathlib import Path

from mpmath import ceil, cos, floor, log, mp, mpf, pi, sin

mp.dps = 60

OUTPUT = Path(__file__).resolve().parent.parent / "test/cases/rotary-angles.json"
LARGEST_POSITION = 2**31 - 1
POSITIONS = [1, 2**17, 2**20, 10**7, LARGEST_POSITION, *(random.Random(seed).randrange(2**31) for seed in range(3))]


def plain(base, size):
    return [mpf(base) ** (-mpf(2 * i) / size) for i in range(size // 2)]


def unscaled(base, size, scaling):
    return plain(base, size), mpf(1)


def linear(base, size, scaling):
    return [frequency / mpf(scaling["factor"]) for frequency in plain(base, size)], mpf(1)


def dynamic(base, size, scaling):
    trained = scaling["maxPositionEmbeddings"]
    length = max(scaling["sequenceLength"], trained)
    factor = mpf(scaling["factor"])
    return plain(base * (factor * length / trained - (factor - 1)) ** (mpf(size) / (size - 2)), size), mpf(1)


def yarn(base, size, scaling):
    factor = mpf(scaling["factor"])

    def index(turns):
        return size * log(scaling["originalMaxPositionEmbeddings"] / (2 * pi * mpf(turns))) / (2 * log(mpf(base)))

    low, high = index(scaling.get("betaFast", 32)), index(scaling.get("betaSlow", 1))
    if scaling.get("truncate", True):
        low, high = floor(low), ceil(high)
    low, high = max(low, mpf(0)), min(high, mpf(size - 1))
    if low == high:
        high += mpf("0.001")
    frequencies = []
    for i, frequency in enumerate(plain(base, size)):
        ramp = min(max((i - low) / (high - low), mpf(0)), mpf(1))
        frequencies.append(frequency / factor * ramp + frequency * (1 - ramp))
    if "attentionFactor" in scaling:
        return frequencies, mpf(scaling["attentionFactor"])
    mscales = [scaling.get("mscale", 0), scaling.get("mscaleAllDim", 0)]
    numerator, denominator = mscales if all(mscales) else (1, 0)
    temperature = [mpf(mscale) * log(factor) / 10 + 1 for mscale in (numerator, denominator)]
    return frequencies, temperature[0] / temperature[1]


def llama3(base, size, scaling):
    factor, low, high = (mpf(scaling[name]) for name in ("factor", "lowFreqFactor", "highFreqFactor"))
    frequencies = []
    for frequency in plain(base, size):
        wavelength = 2 * pi / frequency
        turns = scaling["originalMaxPositionEmbeddings"] / wavelength
        if turns > high:
            frequencies.append(frequency)
        elif turns < low:
            frequencies.append(frequency / factor)
        else:
            smooth = (turns - low) / (high - low)
            frequencies.append((1 - smooth) * frequency / factor + smooth * frequency)
    return frequencies, mpf(1)


KINDS = {None: unscaled, "linear": linear, "dynamic": dynamic, "yarn": yarn, "llama3": llama3}

YARN = {"ropeType": "yarn", "factor": 16, "originalMaxPositionEmbeddings": 4096}

CASES = [
    (2, 10000, None),
    (6, 500000, None),
    (34, 10000, None),
    (8, 1.01, None),
    (4, 1, None),
    (10, 1e30, None),
    (8, 10000, {"ropeType": "linear", "factor": 4}),
    (6, 10000, {"ropeType": "linear", "factor": 2.7}),
    *(
        (size, 10000, {"ropeType": "dynamic", "factor": 3.5, "maxPositionEmbeddings": 2048, "sequenceLength": length})
        for size, length in [(4, 5000), (16, 1000), (16, 2048), (16, 2049), (16, LARGEST_POSITION)]
    ),
    (32, 10000, YARN),
    (32, 10000, YARN | {"truncate": False}),
    (20, 150000, YARN | {"factor": 1.5, "betaFast": 8, "betaSlow": 2.5, "truncate": False}),
    (20, 10000, YARN | {"attentionFactor": 0.75}),
    (16, 10000, YARN | {"mscale": 1, "mscaleAllDim": 0.707}),
    (16, 10000, YARN | {"mscale": 0.5}),
    (16, 1000, YARN | {"mscale": 0.5, "mscaleAllDim": 0, "originalMaxPositionEmbeddings": 64}),
    # The line has no length; it lies before the pairs, and behind them.
    (16, 10000, YARN | {"betaFast": 1500, "betaSlow": 815}),
    (16, 10000, YARN | {"betaFast": 10**9, "betaSlow": 10**9}),
    (8, 2, YARN | {"betaFast": 4, "betaSlow": 2}),
    (
        32,
        500000,
        {
            "ropeType": "llama3",
            "factor": 8,
            "lowFreqFactor": 1,
            "highFreqFactor": 4,
            "originalMaxPositionEmbeddings": 8192,
        },
    ),
    (
        20,
        10000,
        {
            "ropeType": "llama3",
            "factor": 32,
            "lowFreqFactor": 0.5,
            "highFreqFactor": 300,
            "originalMaxPositionEmbeddings": 1024,
        },
    ),
]


def record(size, base, scaling):
    kind = None if scaling is None else scaling["ropeType"]
    frequencies, attention_factor = KINDS[kind](base, size, scaling)
    angles = [[position * frequency for frequency in frequencies] for position in POSITIONS]
    return {
        "size": size,
        "base": base,
        "ropeScaling": scaling,
        "attentionFactor": float(attention_factor),
        "frequencies": [float(frequency) for frequency in frequencies],
        "cosine": [[float(attention_factor * cos(angle)) for angle in row] for row in angles],
        "sine": [[float(attention_factor * sin(angle)) for angle in row] for row in angles],
    }


OUTPUT.write_text(json.dumps({"positions": POSITIONS, "cases": [record(*case) for case in CASES]}))
