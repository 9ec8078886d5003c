"""Writes PyTorch's answers for operations, modules, gradients, losses, optimizers and training.

See ../README.md for the files, the records and the choice between torch's paths. Every case draws its data from a
generator seeded with its own name, so a case that is added or removed leaves the others as they are.
"""

import os
import sys
import warnings
from pathlib import Path

# Before torch is imported: the same kernels on every x86-64 processor.
os.environ["ATEN_CPU_CAPABILITY"] = "default"
os.environ["MKL_CBWR"] = "COMPATIBLE"
os.environ["ONEDNN_MAX_CPU_ISA"] = "SSE41"

import torch  # noqa: E402

FOLDER = Path(__file__).resolve().parent
sys.path.append(str(FOLDER.parent))  # for case_file

import composed_attention_gradients  # noqa: E402
import encoder_decoder_run  # noqa: E402
import functional  # noqa: E402
import functional_gradients  # noqa: E402
import gpt_run  # noqa: E402
import layers  # noqa: E402
import linear  # noqa: E402
import losses  # noqa: E402
import multihead_attention  # noqa: E402
import multihead_attention_gradients  # noqa: E402
import optimizers  # noqa: E402
import scaled_dot_product_attention  # noqa: E402
import scaled_dot_product_attention_gradients  # noqa: E402
import sequential_run  # noqa: E402
import transformer_modules  # noqa: E402
import transformer_runs  # noqa: E402
import transformer_stacks  # noqa: E402
from cases import Cases  # noqa: E402

MODULES = [
    scaled_dot_product_attention,
    multihead_attention,
    linear,
    functional,
    scaled_dot_product_attention_gradients,
    composed_attention_gradients,
    multihead_attention_gradients,
    functional_gradients,
    layers,
    losses,
    optimizers,
    gpt_run,
    encoder_decoder_run,
    sequential_run,
    transformer_modules,
    transformer_stacks,
    transformer_runs,
]


def main() -> None:
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.backends.mha.set_fastpath_enabled(False)
    warnings.filterwarnings("ignore", message="Lower right causal bias")  # false since torch 2.5: such rows are 0
    for module in MODULES:
        cases = Cases()
        for part in module.PARTS:
            part(cases)
        cases.write(FOLDER / f"{module.__name__}.safetensors")


if __name__ == "__main__":
    main()
