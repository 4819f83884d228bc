"""Inputs from which a method builds its dataset: images, backgrounds and the settings of views."""

from __future__ import annotations

from dataclasses import dataclass

from codo.catalog.catalog import Catalog
from codo.core.config import Settings
from codo.core.errors import InputError
from codo.loading.pasted_views import PastedViews
from codo.loading.pools import Pool
from codo.models.pixel_rules import PixelSettings
from codo.views.cpj import CopyPasteJitter, CPJSettings
from codo.views.photometric import AugmentSettings


@dataclass(frozen=True)
class DatasetInputs:
    """What a run passes to `Method.dataset`.

    Attributes:
        images: The images to learn from (``foregrounds=``).
        query: Backgrounds of the query network, for methods that paste.
        key: Backgrounds of the key network, for methods that paste.
        canvas: Side of the views in pixels.
        views: Number of views of a sample (``views``).
        pasting: The settings ``cpj.*``.
        augment: The settings ``augment.*``.
        options: The method's own settings (``options.*``).
        seed: The run's seed.
        localization: Weight of finding the pasted object, for methods that do (``localization``).
    """

    images: Catalog
    query: Pool | None
    key: Pool | None
    canvas: int
    views: int
    pasting: CPJSettings
    augment: AugmentSettings
    options: Settings
    seed: int
    localization: float = 0.0

    @property
    def pixels(self) -> PixelSettings | None:
        """How the files of the images became colors, for `ModelSettings.pixels`; ``None`` if nothing was set."""
        return self.images.pixel_settings.pixel_settings

    def catalogs(self) -> list[Catalog]:
        """The catalogs of images and backgrounds, each once."""
        pools = [one for pool in (self.query, self.key) if pool is not None for one in pool.catalogs]
        return list({one.path: one for one in (self.images, *pools)}.values())

    def image_notes(self) -> list[str]:
        """Lines on how files of the images and backgrounds became colors, and on what may be lost, or slow."""
        told = [f"{one.path}: {note}" for one in self.catalogs() for note in (*one.warnings(), one.band_note()) if note]
        return [note for note in (self._pixel_note(), *told) if note]

    def _pixel_note(self) -> str:
        named = [("foregrounds", self.images)]
        named += [("backgrounds", one) for pool in (self.query, self.key) if pool is not None for one in pool.catalogs]
        found = dict.fromkeys((str(one.pixel_rules), role) for role, one in named)
        if len({rules for rules, _ in found}) > 1:
            each = "; ".join(f"{role}: {rules or 'default'}" for rules, role in found)
            return f"images became colors in different ways ({each}); labeled images are read as the foregrounds"
        rules = str(self.images.pixel_rules)
        return f"images became colors by {rules}; labeled images are read likewise" if rules else ""

    def pools(self) -> tuple[Pool, Pool]:
        """The backgrounds of the query and of the key network.

        Raises:
            InputError: There are none.
        """
        if self.query is None or self.key is None:
            fix = "add backgrounds=[DIR,…]: images of the data set you are going to detect on"
            raise InputError("the backgrounds are missing", where="backgrounds", fix=fix)
        return self.query, self.key

    def pasted_views(self, *, may_defer: bool = False) -> PastedViews:
        """Build the pasted views (CPJ).

        Args:
            may_defer: Whether the caller can apply color and blur on the device (``augment.device=device``).

        Raises:
            InputError: There are no backgrounds, or the images have no proposals.
        """
        return PastedViews(
            self.images,
            *self.pools(),
            CopyPasteJitter(
                self.canvas,
                self.pasting,
                self.augment,
                defer_photometric=may_defer and self.augment.device == "device",
            ),
            seed=self.seed,
        )
