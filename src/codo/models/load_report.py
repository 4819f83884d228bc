"""Comparison of a weight file with a model, tensor by tensor.

It is here and not in ``exporters`` because ``model.init`` needs it too, and ``models`` may not import ``exporters``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from torch import Tensor

from codo.core.errors import CodoError

IGNORED = "num_batches_tracked"
"""A BatchNorm counter that is not used and that older files lack: never counted, never required."""


@dataclass(frozen=True)
class LoadReport:
    """The result of comparing a file with a model.

    Attributes:
        matched: Names in both, of equal shape.
        missing: Names that only the model has; these tensors keep their values.
        unexpected: Names that only the file has; they are not used.
        mismatched: Names in both whose shapes differ: (shape in the file, shape in the model).
        components: Component -> prefix of its names; everything else is ``other``.
        source: The recognized layout of the file, if any: "Detectron2 behind 'model.'".
        origin: Name -> name in the file, where the two differ.
        note: What the user should know about weights of this layout.
        left_out: Component -> number of its tensors that fit and were not loaded, because others were requested.
    """

    matched: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    mismatched: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]]
    components: Mapping[str, str]
    source: str = ""
    origin: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    left_out: Mapping[str, int] = field(default_factory=dict)

    def component(self, name: str) -> str:
        """The component that a tensor belongs to: the one with the longest fitting prefix, or ``other``."""
        fitting = [c for c, prefix in self.components.items() if name.startswith(prefix)]
        return max(fitting, key=lambda c: len(self.components[c]), default="other")

    def counts(self) -> dict[str, tuple[int, int, int, int]]:
        """Component -> number of (matched, missing, unexpected, mismatched) tensors; empty components left out."""
        groups: tuple[Iterable[str], ...] = (self.matched, self.missing, self.unexpected, self.mismatched)
        table = {component: [0, 0, 0, 0] for component in (*self.components, "other")}
        for column, names in enumerate(groups):
            for name in names:
                table[self.component(name)][column] += 1
        return {component: (a, b, c, d) for component, (a, b, c, d) in table.items() if a + b + c + d}

    def table(self) -> str:
        """The counts as a text table, the first shapes that differ, the file's layout, and what stays random."""
        lines = [f"{'component':<16}{'matched':>9}{'missing':>9}{'unexpected':>12}{'other shape':>13}"]
        for component, (matched, missing, unexpected, mismatched) in self.counts().items():
            lines.append(f"{component:<16}{matched:>9}{missing:>9}{unexpected:>12}{mismatched:>13}")
        for name, (in_file, in_model) in list(self.mismatched.items())[:5]:
            lines.append(f"  {name}: {_shape(in_file)} in the file, {_shape(in_model)} in the model")
        if self.source:
            lines.append(f"read as: {self.source}")
            random = [c for c, (matched, missing, _, other) in self.counts().items() if missing + other and not matched]
            lines += [f"stays random: {', '.join(random)}"] if random else []
        if self.left_out:
            parts = ", ".join(f"{component} ({count} tensors)" for component, count in self.left_out.items())
            lines.append(f"left out on request, stays random: {parts}")
        if self.note:
            lines.append(f"note: {self.note}")
        return "\n".join(lines)

    def without(self, components: Collection[str]) -> LoadReport:
        """The same report if the matched tensors of these components are not loaded."""
        left_out: dict[str, int] = {}
        for name in self.matched:
            if (component := self.component(name)) in components:
                left_out[component] = left_out.get(component, 0) + 1
        matched = tuple(name for name in self.matched if self.component(name) not in left_out)
        return replace(self, matched=matched, left_out=left_out)

    def require(self, components: Iterable[str], *, where: str, fix: str, error: type[CodoError] = CodoError) -> None:
        """Raise an error unless every tensor of these components matched.

        Args:
            components: Names of components that must be complete.
            where: The file or command, for the message.
            fix: What the user should do.
            error: Class of the error raised.

        Raises:
            CodoError: A component lacks a tensor, has one of another shape, or matched nothing at all.
        """
        counts = self.counts()
        for component in components:
            matched, missing, _, mismatched = counts.get(component, (0, 0, 0, 0))
            if not matched or missing or mismatched:
                total = matched + missing + mismatched
                what = f"only {matched} of {total} tensors of the {component} match{self._example(component)}"
                raise error(what, where=f"{where}, read as {self.source}" if self.source else where, fix=fix)

    def _example(self, component: str) -> str:
        """The first tensor of a component that does not match, and the most similar name in the file."""
        name = next((n for n in (*self.mismatched, *self.missing) if self.component(n) == component), None)
        if name is None:
            return ""
        if shapes := self.mismatched.get(name):
            return f" ({name} is {_shape(shapes[0])}, not {_shape(shapes[1])})"
        candidates = [n for n in self.unexpected if self.component(n) == component] or list(self.unexpected)
        near = (get_close_matches(name, candidates, n=1, cutoff=0) or [""])[0]
        return f" ({name} is missing" + (f"; the file has {self.origin.get(near, near)})" if near else ")")


def compare(model: Mapping[str, Tensor], file: Mapping[str, Tensor], components: Mapping[str, str]) -> LoadReport:
    """Compare the tensors of a file with those of a model, by name and shape.

    Args:
        model: State dict of the model.
        file: Tensors of the file under the model's names.
        components: Component -> prefix, in the order of the report.
    """
    expected = [name for name in model if not name.endswith(IGNORED)]
    shapes = {n: (tuple(file[n].shape), tuple(model[n].shape)) for n in expected if n in file}
    return LoadReport(
        matched=tuple(name for name, (a, b) in shapes.items() if a == b),
        missing=tuple(name for name in expected if name not in file),
        unexpected=tuple(name for name in file if name not in model and not name.endswith(IGNORED)),
        mismatched={name: (a, b) for name, (a, b) in shapes.items() if a != b},
        components=dict(components),
    )


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"
