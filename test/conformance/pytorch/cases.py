"""What the case lists share: records with tensors, and a source of random data for each case."""

import zlib
from collections.abc import Sequence
from pathlib import Path

import ml_dtypes
import numpy
import torch
from case_file import write_case_file
from torch import Tensor

INFINITY = float("inf")
# One unit in the last place of the 16-bit types: two float32 results a hair apart may round to neighbours.
TOLERANCES = {
    torch.float32: {"rtol": 1e-5, "atol": 2e-6},
    torch.float16: {"rtol": 2**-10, "atol": 2e-6},
    torch.bfloat16: {"rtol": 2**-7, "atol": 2e-6},
}


def to_numpy(tensor: Tensor) -> numpy.ndarray:
    tensor = tensor.detach().contiguous()
    if tensor.dtype == torch.bfloat16:
        return tensor.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    return tensor.numpy()


class Cases:
    """The records and tensors of one file."""

    def __init__(self) -> None:
        self.records: list[dict] = []
        self.tensors: dict[str, numpy.ndarray] = {}

    def add(
        self,
        name: str,
        operator: str,
        attributes: dict,
        inputs: dict[str, Tensor | None],
        outputs: dict[str, Tensor | None],
        *,
        note: str | None = None,
        state: dict[str, Tensor] | None = None,
        tolerances: dict[str, Tensor] | None = None,
        **fields: object,
    ) -> None:
        """Adds a case; inputs and outputs that are None are absent from it.

        `tolerances` says of each output, element by element, how far off it may be; without it the record has a
        relative and an absolute one.
        """
        record: dict = {"name": name, "operator": operator, "attributes": attributes}
        groups = {"inputs": inputs, "outputs": outputs}
        if state is not None:
            groups["state"] = state
        if tolerances is not None:
            groups["tolerances"] = tolerances
        for kind, group in groups.items():
            present = {key: tensor for key, tensor in group.items() if tensor is not None}
            record[kind] = list(present)
            for key, tensor in present.items():
                self.tensors[f"{name}/{kind}/{key}"] = to_numpy(tensor)
        if "output" in outputs and tolerances is None:
            record |= TOLERANCES[outputs["output"].dtype]
        record |= fields
        if note is not None:
            record["note"] = note
        self.records.append(record)

    def write(self, path: Path) -> None:
        write_case_file(path, self.records, self.tensors)


class Source:
    """The random data of one case."""

    def __init__(self, name: str) -> None:
        self.generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))

    def normal(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        return torch.randn(shape, generator=self.generator).to(dtype)

    def uniform(self, low: float, high: float, shape: Sequence[int]) -> Tensor:
        return torch.empty(tuple(shape)).uniform_(low, high, generator=self.generator)

    def boolean(self, *shape: int, true_share: float = 0.65) -> Tensor:
        return torch.rand(shape, generator=self.generator) < true_share

    def integers(self, low: int, high: int, *shape: int) -> Tensor:
        return torch.randint(low, high, shape, generator=self.generator)


def causal_mask(rows: int, columns: int) -> Tensor:
    """The upper-left causal mask in nn.MultiheadAttention's polarity: true = masked."""
    return torch.ones(rows, columns, dtype=torch.bool).triu(1)
