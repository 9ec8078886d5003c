"""What the lists of the transformer's modules share: modules, parameters as a vector, how far off float32 may be."""

import warnings
from collections.abc import Callable

import torch
from cases import Source
from gradients import Values, differentiate, flat
from torch import Tensor

MODULES = (
    "TransformerEncoderLayer",
    "TransformerDecoderLayer",
    "TransformerEncoder",
    "TransformerDecoder",
    "Transformer",
)

DEFAULTS = {
    "dim_feedforward": 2048,
    "dropout": 0.1,
    "activation": "relu",
    "layer_norm_eps": 1e-5,
    "batch_first": False,
    "norm_first": False,
    "bias": True,
}


def create(kind: str, d_model: int, nhead: int, arguments: dict) -> torch.nn.Module:
    """A module of MODULES. Stacks take `num_layers` and `norm` besides the layer's arguments."""
    own = dict(arguments)
    warnings.filterwarnings("ignore", message="enable_nested_tensor")  # of encoders that can't have it anyway
    if kind not in ("TransformerEncoder", "TransformerDecoder"):
        return getattr(torch.nn, kind)(d_model, nhead, **own)
    num_layers, norm = own.pop("num_layers"), own.pop("norm")
    layer = getattr(torch.nn, f"{kind}Layer")(d_model, nhead, **own)
    last = None
    if norm:
        last = torch.nn.LayerNorm(d_model, eps=own.get("layer_norm_eps", 1e-5), bias=own.get("bias", True))
    nested = {"enable_nested_tensor": False} if kind == "TransformerEncoder" else {}
    return getattr(torch.nn, kind)(layer, num_layers, last, **nested)


def shapes_of(module: torch.nn.Module) -> dict[str, list[int]]:
    """The parameters in torch's order."""
    return {name: list(tensor.shape) for name, tensor in module.state_dict().items()}


def drawn_parameters(source: Source, module: torch.nn.Module) -> Tensor:
    """All parameters, one behind the other: none is what a fresh module has."""
    parts = []
    for name, tensor in module.state_dict().items():
        if tensor.ndim > 1:
            bound = 1.5 * tensor.shape[-1] ** -0.5
            parts.append(source.uniform(-bound, bound, tensor.shape))
        elif "norm" in name and name.endswith("weight"):
            parts.append(source.uniform(0.5, 1.5, tensor.shape))
        else:
            parts.append(source.uniform(-0.5, 0.5, tensor.shape))
    return torch.cat([part.flatten() for part in parts])


def split(parameters: Tensor, shapes: dict[str, list[int]]) -> dict[str, Tensor]:
    sizes = [torch.Size(shape).numel() for shape in shapes.values()]
    parts = parameters.split(sizes)
    return {name: part.reshape(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}


def module_errors(
    name: str, shapes: dict[str, list[int]], call: Callable[..., dict[str, Tensor]]
) -> Callable[[Values, Values, Values], dict[str, Tensor]]:
    """2e + 2^-20 F over a tensor (of the parameters, over each one), the form of attention's promise.

    e is how far off torch's own float32 run is; 2^-20 F how far an answer moves when each operand's elements move by
    2^-20 of themselves, up or down, in the worst of eight draws: sums of terms, of which each has a sign of its own.
    """

    def tensors(answers: Values) -> dict[str, Tensor]:
        parts = {
            f"parameters_gradient/{key}": part for key, part in split(answers["parameters_gradient"], shapes).items()
        }
        return {key: tensor.double() for key, tensor in answers.items() if key != "parameters_gradient"} | parts

    def errors(operands: Values, cotangents: Values, rounded: Values) -> dict[str, Tensor]:
        def answers(values: Values) -> dict[str, Tensor]:
            return tensors(flat(*differentiate(call, values, cotangents, torch.float64)))

        source = Source(f"{name}/moves")
        exact = answers(operands)
        own = tensors(rounded)
        moves = dict.fromkeys(exact, torch.zeros(()))
        for _ in range(8):
            moved = answers(
                {
                    key: x * (1 + 2.0**-20 * (source.boolean(*x.shape, true_share=0.5) * 2 - 1))
                    for key, x in operands.items()
                }
            )
            moves = {key: torch.maximum(move, (moved[key] - exact[key]).abs().max()) for key, move in moves.items()}
        bounds = {
            key: (2 * (own[key] - truth).abs().max() + moves[key]).expand(truth.shape) for key, truth in exact.items()
        }
        of_parameters = [bound.flatten() for key, bound in bounds.items() if key.startswith("parameters_gradient/")]
        return bounds | {"parameters_gradient": torch.cat(of_parameters)}

    return errors
