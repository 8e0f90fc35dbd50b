"""A film ready to be rendered: what is planned, where it goes, and what was in it before.

May import what stands above `production` in the layout.
"""

from __future__ import annotations

from dataclasses import dataclass

from storyboard.lock import Lock
from storyboard.pins import Mode
from storyboard.plan import Plan
from storyboard.project import Manifest, Places, Variant
from storyboard.shots import Breakdown
from storyboard.vault import Vault


@dataclass(frozen=True, slots=True)
class Production:
    """A film ready to be rendered."""

    plan: Plan
    vault: Vault
    places: Places
    variant: Variant
    """What was asked for in place of the film itself."""
    plain: Breakdown
    """The film without pins and splices; those of the plan's breakdown have them."""
    lock: Lock | None
    """What its last render left; None where that is not known, or means nothing for the variant."""
    mode: Mode = Mode.PLAIN
    last: Manifest | Lock | None = None
    """What was in it before, its own lock's word before any other's."""

    @property
    def wanted(self) -> frozenset[str]:
        """Ids of the shots that the film needs."""
        breakdown, only = self.plan.breakdown, self.variant.only
        return frozenset(breakdown.shots) if only is None else breakdown.needed_for([only])
