"""Writes the answers of Hugging Face's PEFT for LoRA: its two files, what the model computes with them, and training.

See ../README.md for the files, the records and the tolerances. Every case draws its data from a generator seeded with its
own name, so a case that is added or removed leaves the others as they are.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

# Before torch is imported: the same kernels on every x86-64 processor.
os.environ["ATEN_CPU_CAPABILITY"] = "default"
os.environ["MKL_CBWR"] = "COMPATIBLE"
os.environ["ONEDNN_MAX_CPU_ISA"] = "SSE41"

import safetensors.torch  # noqa: E402
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from peft import LoraConfig, PeftModel, get_peft_model  # noqa: E402
from peft.tuners.lora.layer import MultiheadAttention  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from torch import Tensor, nn  # noqa: E402

FOLDER = Path(__file__).resolve().parent
sys.path += [str(FOLDER.parent), str(FOLDER.parent / "pytorch")]  # for case_file, cases and training_run

from cases import Cases, Source  # noqa: E402
from training_run import drawn_state  # noqa: E402

STEPS = 20
SIZES = {"vocabulary": 11, "width": 8, "heads": 2, "feedforward": 12, "classes": 5, "layers": 2, "batch": 4, "length": 6}
# Of the largest element of a tensor: as near to torch's float64 has to be who computes in float32; torch's own is ten times nearer.
TOLERANCES = {"logits": 1e-5, "loss": 1e-5}
TRAINED_TOLERANCE = 1e-4  # Adam divides by gradients' sizes, the small ones too.
CONFIG, TENSORS = "adapter_config.json", "adapter_model.safetensors"
PREFIX = "base_model.model."


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        width, feedforward = SIZES["width"], SIZES["feedforward"]
        self.attention = nn.MultiheadAttention(width, SIZES["heads"], batch_first=True)
        self.linear1 = nn.Linear(width, feedforward)
        self.linear2 = nn.Linear(feedforward, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(x, x, x, need_weights=False)[0]
        return x + self.linear2(F.gelu(self.linear1(x)))


class Classifier(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(SIZES["vocabulary"], SIZES["width"], padding_idx=0)
        self.layers = nn.ModuleList(Layer() for _ in range(SIZES["layers"]))
        self.head = nn.Linear(SIZES["width"], SIZES["classes"])

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embedding(tokens)
        for layer in self.layers:
            x = layer(x)
        return self.head(x.mean(1))


def add_once(model: PeftModel) -> PeftModel:
    """Lets attention's output projection count its adapter once. PEFT 0.21.2 merges it twice, by hand and by its own `merge`."""
    for module in model.modules():
        if isinstance(module, MultiheadAttention):
            out_proj = module.base_layer.out_proj
            out_proj.merge = lambda adapter_names, merged=out_proj.merged_adapters: merged.extend(adapter_names)
            out_proj.unmerge = out_proj.merged_adapters.clear
    return model


def create(state: dict[str, Tensor], dtype: torch.dtype) -> Classifier:
    model = Classifier().to(dtype)
    model.load_state_dict(state)
    return model


def load(state: dict[str, Tensor], folder: str, dtype: torch.dtype = torch.float32) -> PeftModel:
    return add_once(PeftModel.from_pretrained(create(state, dtype), folder, is_trainable=True).to(dtype))


def save(folder: str, state: dict[str, Tensor], config: LoraConfig, name: str, dtype: torch.dtype) -> None:
    """PEFT's two files of an adapter that is drawn, B too."""
    model = get_peft_model(create(state, torch.float32), config)
    source = Source(f"{name}/adapter")
    for key, parameter in model.named_parameters():
        if parameter.requires_grad:
            parameter.data = source.uniform(-0.3, 0.3, parameter.shape)
    model.save_pretrained(folder)
    path = Path(folder, CONFIG)
    written = json.loads(path.read_text())
    if not isinstance(written["target_modules"], str):
        # It is a set, whose order changes from run to run.
        written["target_modules"].sort()
        path.write_text(json.dumps(written, indent=2, sort_keys=True))
    if dtype != torch.float32:
        path = Path(folder, TENSORS)
        save_file({key: tensor.to(dtype) for key, tensor in load_file(path).items()}, path, metadata={"format": "pt"})


def trained(
    model: PeftModel, tokens: Tensor, targets: Tensor, optimizer: str, arguments: dict
) -> tuple[list[float], dict[str, Tensor]]:
    """The loss before each step, and what PEFT's file has after them all."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    step = getattr(torch.optim, optimizer)(parameters, **arguments, foreach=False)
    losses = []
    for batch, expected in zip(tokens, targets, strict=True):
        loss = F.cross_entropy(model(batch), expected)
        step.zero_grad()
        loss.backward()
        step.step()
        losses.append(loss.item())
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        return losses, load_file(f"{folder}/{TENSORS}")


def merged(state: dict[str, Tensor], folder: str) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The weights after merging that it changes, in float64, and how far off they may be.

    A weight W + s·B·A of a rank r is off by 2^-24 · ((r + 1) · |s|·|B|·|A| + |W + s·B·A|): the products' sum, the scaling,
    the sum.
    """
    weights, tolerances = {}, {}
    model = load(state, folder, torch.float64).merge_and_unload()
    sums = load({key: tensor.abs() for key, tensor in state.items()}, folder, torch.float64)
    ranks = {}
    for key, parameter in sums.named_parameters():
        if "lora_" in key:
            parameter.data.abs_()
            if "lora_A" in key or "embedding_A" in key:
                path = key.removeprefix(PREFIX).split(".lora_")[0].replace("base_layer.", "")
                ranks[path] = len(parameter)
    sums = sums.merge_and_unload().state_dict()
    for key, tensor in model.state_dict().items():
        path, _, name = key.rpartition(".")
        if path in ranks and name in ("weight", "in_proj_weight"):
            weights[key] = tensor
            tolerances[key] = (ranks[path] + 2) * 2**-24 * sums[key]
    return weights, tolerances


def add_case(
    cases: Cases,
    name: str,
    config: dict,
    optimizer: str,
    arguments: dict,
    dtype: torch.dtype = torch.float32,
) -> None:
    source = Source(name)
    state = drawn_state(f"{name}/state", Classifier())
    shape = (STEPS, SIZES["batch"], SIZES["length"])
    # Padding among the tokens; two of which say the class.
    tokens = source.integers(0, SIZES["vocabulary"], *shape)
    targets = (tokens[..., 0] + tokens[..., 1]) % SIZES["classes"]

    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as own_folder:
        save(folder, state, LoraConfig(**config), name, dtype)
        files = {name: Path(folder, name).read_bytes() for name in (CONFIG, TENSORS)}

        # What this package writes for the same settings, which PEFT has to take.
        own_config = {
            "alpha_pattern": {},
            "bias": "none",
            "lora_alpha": 8,
            "lora_dropout": 0,
            "modules_to_save": None,
            "peft_type": "LORA",
            "r": 8,
            "rank_pattern": {},
            "use_rslora": False,
        } | config
        own_text = json.dumps(dict(sorted(own_config.items())), indent=2) + "\n"
        Path(own_folder, CONFIG).write_text(own_text)
        Path(own_folder, TENSORS).write_bytes(files[TENSORS])

        logits = load(state, folder, torch.float64)(tokens[0])
        near = load(state, folder)(tokens[0])
        if not torch.equal(load(state, own_folder)(tokens[0]), near):
            raise ValueError(f"{name}: PEFT computes something else with the package's configuration")
        losses, parameters = trained(load(state, folder), tokens, targets, optimizer, arguments)
        exact_losses, exact = trained(load(state, folder, torch.float64), tokens, targets, optimizer, arguments)
        weights, weight_tolerances = merged(state, folder)

    outputs = {"logits": logits.detach(), "loss": torch.tensor(exact_losses, dtype=torch.float64)} | exact
    own = {"logits": near.detach(), "loss": torch.tensor(losses)} | parameters
    tolerances = {
        key: torch.full_like(tensor, TOLERANCES.get(key, TRAINED_TOLERANCE) * tensor.abs().max().item())
        for key, tensor in outputs.items()
    }
    apart = max(((own[key] - tensor).abs() / tolerances[key]).max().item() for key, tensor in outputs.items())
    if not apart <= 0.1:
        raise ValueError(f"{name}: float32 is {apart} of the tolerance from float64")
    # So that a comparison can fail.
    start = safetensors.torch.load(files[TENSORS])
    moved = min(((start[key].double() - tensor).abs().max() / tensor.abs().max()).item() for key, tensor in exact.items())
    if not moved > 100 * TRAINED_TOLERANCE:
        raise ValueError(f"{name}: training moves a tensor by {moved} alone")
    print(f"{name}: loss {losses[0]:.4f} to {losses[-1]:.4f}, {apart:.3f} of the tolerance, moved {moved:.2f}")
    outputs |= {f"merged.{key}": tensor for key, tensor in weights.items()}
    tolerances |= {f"merged.{key}": tensor for key, tensor in weight_tolerances.items()}
    cases.add(
        name,
        "lora",
        {
            "options": config,
            "optimizer": optimizer,
            "arguments": arguments,
            "sizes": SIZES,
            "own_config": own_text,
            "adapter_config": files[CONFIG].decode(),
        },
        {
            "tokens": tokens.to(torch.int32),
            "targets": targets.to(torch.int32),
            "adapter_model": torch.frombuffer(bytearray(files[TENSORS]), dtype=torch.uint8),
        },
        {key: tensor.float() for key, tensor in outputs.items()},
        state=state,
        # As bfloat16 they are smaller files; a rounding to 8 bits does no harm.
        tolerances={key: tensor.to(torch.bfloat16) for key, tensor in tolerances.items()},
    )


def run(cases: Cases) -> None:
    everything = ["attention", "embedding", "linear1", "linear2"]
    adamw = {"lr": 1e-2, "weight_decay": 0.1}
    sgd = {"lr": 0.2, "momentum": 0.9}
    add_case(cases, "lora_all_adamw", {"target_modules": everything, "r": 2, "lora_alpha": 4}, "AdamW", adamw)
    add_case(cases, "lora_all_sgd", {"target_modules": everything, "r": 3, "lora_alpha": 2}, "SGD", sgd)
    add_case(cases, "lora_defaults", {"target_modules": ["linear1"]}, "AdamW", adamw)
    add_case(
        cases,
        "lora_modules_to_save",
        {"target_modules": ["attention"], "r": 2, "modules_to_save": ["head"]},
        "AdamW",
        adamw,
    )
    add_case(
        cases,
        "lora_rslora",
        {"target_modules": everything, "r": 5, "lora_alpha": 3, "use_rslora": True},
        "SGD",
        sgd,
    )
    add_case(
        cases,
        "lora_patterns",
        {
            "target_modules": everything,
            "r": 2,
            "lora_alpha": 4,
            # In the order that PEFT's file has them: it sorts them, though the first match counts.
            "rank_pattern": {"1.attention": 4, "linear2": 5, "linear\\d": 3},
            "alpha_pattern": {"embedding": 1, "layers.0.(attention|linear1)": 6},
        },
        "AdamW",
        adamw,
    )
    add_case(
        cases,
        "lora_expression",
        {"target_modules": "layers\\.(?P<layer>\\d)\\.(linear(?P=layer)|attention)", "r": 2, "lora_alpha": 3},
        "SGD",
        sgd,
    )
    add_case(cases, "lora_path_ends", {"target_modules": ["0.linear1", "layers.1.attention"], "r": 2}, "SGD", sgd)
    add_case(cases, "lora_bfloat16", {"target_modules": everything, "r": 2, "lora_alpha": 2}, "SGD", sgd, torch.bfloat16)


if __name__ == "__main__":
    cases = Cases()
    run(cases)
    cases.write(FOLDER / "lora.safetensors")
