"""Writes the answers of Hugging Face's transformers for rotary embedding with every scaling, and for schedules.

See ../README.md for the files, the records and the tolerances. Every case draws its data from a generator seeded with its
own name, so a case that is added or removed leaves the others as they are.
"""

import os
import sys
from pathlib import Path

# Before torch is imported: the same kernels on every x86-64 processor.
os.environ["ATEN_CPU_CAPABILITY"] = "default"

import torch  # noqa: E402
from transformers.models.llama.configuration_llama import LlamaConfig  # noqa: E402
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding, apply_rotary_pos_emb  # noqa: E402

FOLDER = Path(__file__).resolve().parent
sys.path += [str(FOLDER.parent), str(FOLDER.parent / "pytorch")]  # for case_file and cases

import schedules  # noqa: E402
from cases import Cases, Source  # noqa: E402

# No attention factor among the cases is larger.
LARGEST_ATTENTION_FACTOR = 1.5


def tolerance(positions: int) -> float:
    """What transformers' float32 may cost at positions below this number, for inputs within ±1; a power of 2.

    A frequency f has a relative error of at most (ln(1/f) + 8) · 2^-24: the exponent is rounded, which the power multiplies
    by ln(1/f), and so are the power, its inverse and up to five steps of a scaling. The product with a position p is rounded
    once more, so the angle is off by p · f · (ln(1/f) + 9) · 2^-24, at most 9 · p · 2^-24 for f up to 1. Cosine, sine and
    the turn take some 4 roundings; an output has two of each.
    """
    bound = 2 * LARGEST_ATTENTION_FACTOR * (9 * positions + 4) * 2**-24
    return 2.0 ** torch.tensor(bound).log2().ceil().item()


def add_case(
    cases: Cases,
    name: str,
    head_dim: int,
    rope_theta: float,
    rope_scaling: dict | None,
    max_position_embeddings: int,
    positions: tuple[int, int],
) -> None:
    """A case with positions in a range."""
    config = LlamaConfig(
        head_dim=head_dim,
        max_position_embeddings=max_position_embeddings,
        rope_parameters={"rope_theta": rope_theta} | (rope_scaling or {"rope_type": "default"}),
    )
    source = Source(name)
    query = source.uniform(-1, 1, (2, 2, 3, head_dim))
    position_ids = source.integers(*positions, 2, 3)
    # A module of its own, since the dynamic one remembers the longest sequence.
    rotary = LlamaRotaryEmbedding(config)
    cosine, sine = rotary(query, position_ids)
    assert rotary.attention_scaling <= LARGEST_ATTENTION_FACTOR
    output, _ = apply_rotary_pos_emb(query, query, cosine, sine)
    cases.add(
        name,
        "LlamaRotaryEmbedding",
        {
            "rope_theta": rope_theta,
            "rope_scaling": rope_scaling,
            "max_position_embeddings": max_position_embeddings,
        },
        {"query": query, "position_ids": position_ids.to(torch.int32)},
        {"output": output},
        atol=tolerance(positions[1]),
    )


NEAR = (0, 64)
FAR = (4096, 8192)


def default(cases: Cases) -> None:
    for label, head_dim, rope_theta in [("64", 64, 10000.0), ("llama3", 128, 500000.0), ("odd_pairs", 18, 10000.0)]:
        for place, positions in [("near", NEAR), ("far", FAR)]:
            add_case(cases, f"rope_default_{label}_{place}", head_dim, rope_theta, None, 8192, positions)


def linear(cases: Cases) -> None:
    for label, head_dim, factor in [("2", 64, 2.0), ("fraction", 18, 3.7), ("1", 8, 1.0)]:
        for place, positions in [("near", NEAR), ("far", FAR)]:
            scaling = {"rope_type": "linear", "factor": factor}
            add_case(cases, f"rope_linear_{label}_{place}", head_dim, 10000.0, scaling, 4096, positions)


def dynamic(cases: Cases) -> None:
    for label, head_dim, factor, longest in [
        ("within", 64, 2.0, 64),
        ("beyond", 64, 2.0, 32),
        ("far_beyond", 18, 4.5, 8),
        ("one", 4, 1.0, 16),
    ]:
        scaling = {"rope_type": "dynamic", "factor": factor}
        add_case(cases, f"rope_dynamic_{label}", head_dim, 10000.0, scaling, longest, NEAR)
    add_case(cases, "rope_dynamic_long", 64, 10000.0, {"rope_type": "dynamic", "factor": 2.0}, 2048, FAR)


def yarn(cases: Cases) -> None:
    for label, head_dim, rope_theta, original, scaling in [
        ("qwen", 128, 1000000.0, 32768, {"factor": 4.0}),
        ("deepseek", 64, 10000.0, 4096, {"factor": 40, "beta_fast": 32, "beta_slow": 1, "mscale": 1.0, "mscale_all_dim": 1.0}),
        ("mscales", 64, 10000.0, 4096, {"factor": 40.0, "mscale": 0.707, "mscale_all_dim": 0.5}),
        ("one_mscale", 64, 10000.0, 4096, {"factor": 8.0, "mscale": 0.707}),
        ("gpt_oss", 64, 150000.0, 4096, {"factor": 32.0, "beta_fast": 32.0, "beta_slow": 1.0, "truncate": False}),
        ("betas", 18, 10000.0, 1024, {"factor": 16.0, "beta_fast": 12, "beta_slow": 3}),
        ("attention_factor", 20, 10000.0, 512, {"factor": 16.0, "attention_factor": 0.8}),
        ("short", 16, 10000.0, 4, {"factor": 2.0}),
        ("long", 8, 2.0, 100000, {"factor": 2.0}),
        ("one", 16, 10000.0, 64, {"factor": 1.0}),
    ]:
        for place, positions in [("near", NEAR), ("far", FAR)]:
            parameters = {"rope_type": "yarn", **scaling, "original_max_position_embeddings": original}
            longest = int(original * scaling["factor"])
            add_case(cases, f"rope_yarn_{label}_{place}", head_dim, rope_theta, parameters, longest, positions)


def llama3(cases: Cases) -> None:
    for label, head_dim, rope_theta, factor, low, high, original in [
        ("3_1", 128, 500000.0, 8.0, 1.0, 4.0, 8192),
        ("3_2", 64, 500000.0, 32.0, 1.0, 4.0, 8192),
        ("wide", 18, 10000.0, 4.0, 0.5, 32.0, 1024),
    ]:
        for place, positions in [("near", NEAR), ("far", FAR)]:
            scaling = {
                "rope_type": "llama3",
                "factor": factor,
                "low_freq_factor": low,
                "high_freq_factor": high,
                "original_max_position_embeddings": original,
            }
            longest = int(original * factor)
            add_case(cases, f"rope_llama3_{label}_{place}", head_dim, rope_theta, scaling, longest, positions)


def main() -> None:
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    cases = Cases()
    for part in (default, linear, dynamic, yarn, llama3):
        part(cases)
    cases.write(FOLDER / "rope_scaling.safetensors")
    cases = Cases()
    for part in schedules.PARTS:
        part(cases)
    cases.write(FOLDER / "schedules.safetensors")


if __name__ == "__main__":
    main()
