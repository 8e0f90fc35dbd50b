"""Muon for matrices and AdamW for the rest, as one optimizer. Imports torch and nothing of this folder.

Muon: Keller Jordan et al., 2024 (momentum, then the nearest orthogonal matrix by Newton-Schulz iteration); the scale
that gives its update the size of AdamW's is from Liu et al., "Muon is scalable for LLM training", 2025.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn


def orthogonal(matrices: Tensor, rounds: int = 5) -> Tensor:
    """[n, rows, columns] -> the same with all singular values near 1, in bfloat16 on a GPU."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrices.bfloat16() if matrices.is_cuda else matrices.float()
    tall = x.size(1) > x.size(2)
    x = x.mT if tall else x
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(rounds):
        square = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """For parameters of two or more dimensions; what follows the first is taken as one. Equal shapes go together."""

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float, momentum: float = 0.95, decay: float = 0.01):
        super().__init__(list(parameters), {"lr": lr, "momentum": momentum, "decay": decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One update from the gradients that are there."""
        assert closure is None
        for group in self.param_groups:
            shapes: dict[tuple[int, int], list[nn.Parameter]] = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is not None:
                    shapes[parameter.size(0), parameter.numel() // parameter.size(0)].append(parameter)
            for shape, parameters in shapes.items():
                self._step_alike(parameters, shape, group)

    def _step_alike(self, parameters: list[nn.Parameter], shape: tuple[int, int], group: dict[str, float]) -> None:
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        for parameter in parameters:
            if not self.state[parameter]:
                self.state[parameter]["mean"] = torch.zeros_like(parameter)
        means = [self.state[parameter]["mean"] for parameter in parameters]
        torch._foreach_lerp_(means, gradients, 1 - group["momentum"])
        ahead = torch._foreach_lerp(gradients, means, group["momentum"])  # Nesterov's look-ahead
        updates = orthogonal(torch.stack([tensor.reshape(shape) for tensor in ahead]))
        scale = 0.2 * max(shape) ** 0.5 * group["lr"]
        torch._foreach_mul_(parameters, 1 - group["lr"] * group["decay"])
        for parameter, update in zip(parameters, updates, strict=True):
            parameter.add_(update.view(parameter.shape).to(parameter.dtype), alpha=-scale)


class Both:
    """Muon where `chosen` says so, AdamW elsewhere; rates are shares of each one's peak."""

    def __init__(
        self,
        named: Iterable[tuple[str, nn.Parameter]],
        chosen: Callable[[str, nn.Parameter], bool],
        muon: float,
        adam: float,
    ) -> None:
        matrices, rest = [], []
        for name, parameter in named:
            (matrices if chosen(name, parameter) else rest).append(parameter)
        self.parts = [Muon(matrices, lr=muon)] if matrices else []
        fused = rest[0].is_cuda if rest else False
        self.parts.append(torch.optim.AdamW(rest, lr=adam, betas=(0.9, 0.98), weight_decay=0.0, fused=fused))
        self.peaks = [part.param_groups[0]["lr"] for part in self.parts]

    def step(self, share: float) -> None:
        """One update at `share` of the peak rates."""
        for part, peak in zip(self.parts, self.peaks, strict=True):
            part.param_groups[0]["lr"] = share * peak
            part.step()
