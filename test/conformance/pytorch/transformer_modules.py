"""Results and gradients of the transformer's layers, their stacks and torch.nn.Transformer."""

import warnings

import torch
from cases import Cases, Source, causal_mask
from gradients import add_gradients
from multihead_attention import module_mask, padding, sequence
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformer import DEFAULTS, create, drawn_parameters, module_errors, shapes_of, split

BATCH, SOURCE, TARGET, WIDTH, HEADS, HIDDEN = 2, 4, 5, 4, 2, 5

# The arguments of forward for what hides tokens: mask, padding and is_causal of the target, the memory and the source.
NAMES = {
    "TransformerEncoderLayer": {"target": ("src_mask", "src_key_padding_mask", "is_causal")},
    "TransformerEncoder": {"target": ("mask", "src_key_padding_mask", "is_causal")},
    "TransformerDecoderLayer": {
        "target": ("tgt_mask", "tgt_key_padding_mask", "tgt_is_causal"),
        "memory": ("memory_mask", "memory_key_padding_mask", "memory_is_causal"),
    },
    "Transformer": {
        "source": ("src_mask", "src_key_padding_mask", "src_is_causal"),
        "target": ("tgt_mask", "tgt_key_padding_mask", "tgt_is_causal"),
        "memory": ("memory_mask", "memory_key_padding_mask", "memory_is_causal"),
    },
}
NAMES["TransformerDecoder"] = NAMES["TransformerDecoderLayer"]


def add_module(
    cases: Cases,
    label: str,
    kind: str,
    arguments: dict | None = None,
    *,
    masks: dict[str, dict[str, str]] | None = None,
    batch: int | None = BATCH,
    training: bool = False,
    hides_all: bool = False,
    width: int = WIDTH,
    heads: int = HEADS,
) -> None:
    """Adds a call of a module of `kind`, in training mode without dropout, in evaluation with.

    `masks` says of the target, the memory and the source which kinds of masks there are: `mask` and `padding` as
    `module_mask` and `padding` name them, or "causal" as the mask, of which torch is told. With `hides_all` all of the
    last row of the batch is padding.
    """
    name = f"{kind}_{label}"
    arguments = {"dim_feedforward": HIDDEN, "dropout": 0.0 if training else 0.5} | (arguments or {})
    source = Source(name)
    module = create(kind, width, heads, arguments).train(training)
    shapes = shapes_of(module)
    batch_first = arguments.get("batch_first", False)
    inputs: dict[str, Tensor | None] = {}
    lengths = {"source": SOURCE, "memory": SOURCE, "target": TARGET}
    if kind == "Transformer":
        inputs["src"] = sequence(source, batch, SOURCE, width, batch_first)
    inputs["src" if "Encoder" in kind else "tgt"] = sequence(source, batch, TARGET, width, batch_first)
    if "Decoder" in kind:
        inputs["memory"] = sequence(source, batch, SOURCE, width, batch_first)
    flags = {}
    for part, kinds in (masks or {}).items():
        mask_name, padding_name, causal_name = NAMES[kind][part]
        rows, columns = (SOURCE if part == "source" else TARGET), lengths[part]
        mask_kind = kinds.get("mask", "none")
        if mask_kind == "causal":
            inputs[mask_name] = causal_mask(rows, columns)
            flags[causal_name] = True
        else:
            inputs[mask_name] = module_mask(source, mask_kind, batch, heads, rows, columns)
        hidden = padding(source, kinds.get("padding", "none"), batch, columns)
        if hides_all and hidden is not None:
            hidden[-1] = True
        inputs[padding_name] = hidden
    given = {key: tensor for key, tensor in inputs.items() if tensor is not None}
    operands = {key: tensor for key, tensor in given.items() if tensor.is_floating_point()}
    constants = {key: tensor for key, tensor in given.items() if key not in operands}
    operands["parameters"] = drawn_parameters(source, module)

    def call(**own: Tensor) -> dict[str, Tensor]:
        parameters = split(own.pop("parameters"), shapes)
        with warnings.catch_warnings(), sdpa_kernel(SDPBackend.MATH):
            warnings.filterwarnings("ignore", message="Support for mismatched")  # mixed kinds of masks are meant
            output = torch.func.functional_call(module, parameters, (), {**own, **constants, **flags})
        return {"output": output}

    add_gradients(
        cases,
        name,
        kind,
        flags,
        operands,
        call,
        module_errors(name, shapes, call),
        constants=constants,
        module={"d_model": width, "nhead": heads, **DEFAULTS, **arguments, "training": training},
        state_shapes=shapes,
    )


def layer_constructors(cases: Cases) -> None:
    """Every mixture of the encoder layer's options, and half of the decoder layer's, in both modes."""
    for index in range(16):
        norm_first, gelu, no_bias, batch_first = (bool(index >> bit & 1) for bit in range(4))
        arguments = {
            "norm_first": norm_first,
            "activation": "gelu" if gelu else "relu",
            "bias": not no_bias,
            "batch_first": batch_first,
        }
        training = bin(index).count("1") % 2 == 0
        label = f"constructor_{index:04b}"
        add_module(cases, label, "TransformerEncoderLayer", arguments, training=training)
        if training:
            add_module(cases, label, "TransformerDecoderLayer", arguments, training=norm_first)
    for kind in ("TransformerEncoderLayer", "TransformerDecoderLayer"):
        add_module(cases, "eps", kind, {"layer_norm_eps": 0.25})
        add_module(cases, "size", kind, {"dim_feedforward": 17, "norm_first": True}, width=9, heads=3)
        for batch_first in (False, True):
            label = f"unbatched{'_batch_first' if batch_first else ''}"
            add_module(cases, label, kind, {"batch_first": batch_first}, batch=None, training=True)


def layer_masks(cases: Cases) -> None:
    for kind in ("TransformerEncoderLayer", "TransformerDecoderLayer"):
        for part in NAMES[kind]:
            for label, kinds in [
                ("boolean", {"mask": "boolean_2d"}),
                ("heads", {"mask": "boolean_3d"}),
                ("float", {"mask": "float_2d"}),
                ("float_heads", {"mask": "float_3d", "padding": "float"}),
                ("padding", {"padding": "boolean"}),
                ("float_padding", {"padding": "float"}),
                ("both", {"mask": "float_2d", "padding": "boolean"}),
                ("causal", {"mask": "causal"}),
                ("causal_padding", {"mask": "causal", "padding": "boolean"}),
            ]:
                if part == "memory" and label in ("heads", "float_padding"):
                    continue
                arguments = {"batch_first": label in ("heads", "both", "causal"), "norm_first": label == "both"}
                add_module(cases, f"{part}_{label}", kind, arguments, masks={part: kinds})
            hidden = {part: {"padding": "boolean"}}
            add_module(cases, f"{part}_hides_all", kind, masks=hidden, hides_all=True, training=True)
        unbatched = {part: {"mask": "boolean_3d", "padding": "boolean"} for part in NAMES[kind]}
        add_module(cases, "masks_unbatched", kind, masks=unbatched, batch=None)
    every = {"target": {"mask": "causal", "padding": "boolean"}, "memory": {"mask": "float_2d", "padding": "boolean"}}
    add_module(cases, "every_mask", "TransformerDecoderLayer", masks=every)


PARTS = [layer_constructors, layer_masks]
