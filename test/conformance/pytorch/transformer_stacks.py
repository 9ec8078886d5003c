"""Results and gradients of stacks of the transformer's layers, and of torch.nn.Transformer."""

from cases import Cases
from transformer_modules import add_module

PADDED = {"padding": "boolean"}
CAUSAL = {"mask": "causal", "padding": "boolean"}


def stacks(cases: Cases) -> None:
    for kind in ("TransformerEncoder", "TransformerDecoder"):
        memory = {} if kind == "TransformerEncoder" else {"memory": PADDED}
        for label, arguments, masks in [
            ("post_norm", {"norm": False}, {}),
            ("pre_norm", {"norm": True, "norm_first": True, "activation": "gelu", "batch_first": True}, {}),
            ("no_bias", {"norm": True, "bias": False, "layer_norm_eps": 0.125}, {}),
            ("padding", {"norm": False, "batch_first": True}, {"target": PADDED} | memory),
            ("causal", {"norm": True}, {"target": CAUSAL} | memory),
            ("float", {"norm": False, "norm_first": True}, {"target": {"mask": "float_2d", "padding": "float"}}),
        ]:
            training = label in ("post_norm", "causal")
            add_module(cases, label, kind, {"num_layers": 2} | arguments, masks=masks, training=training)
        add_module(cases, "unbatched", kind, {"num_layers": 1, "norm": True}, batch=None, masks={"target": CAUSAL})


def transformers(cases: Cases) -> None:
    for label, arguments, masks in [
        ("post_norm", {}, {}),
        ("pre_norm", {"norm_first": True, "activation": "gelu", "batch_first": True}, {}),
        ("no_bias", {"bias": False, "layer_norm_eps": 0.125}, {"target": {"mask": "causal"}}),
        ("padding", {"batch_first": True}, {"source": PADDED, "target": CAUSAL, "memory": PADDED}),
        ("masks", {}, {part: {"mask": "float_2d"} for part in ("source", "target", "memory")}),
        ("causal", {}, {part: {"mask": "causal"} for part in ("source", "target", "memory")}),
    ]:
        layers = {"num_encoder_layers": 1, "num_decoder_layers": 2 if label == "padding" else 1}
        add_module(
            cases, label, "Transformer", layers | arguments, masks=masks, training=label in ("post_norm", "padding")
        )


PARTS = [stacks, transformers]
