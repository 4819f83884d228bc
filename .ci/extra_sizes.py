"""What each extra brings: for the table of docs/how-to/install.md, from the packages that are installed here.

Run by ``.ci/extras``. Sizes are of the files that the distributions list, without those of the base installation.
"""

from __future__ import annotations

from importlib import metadata

from packaging.requirements import Requirement

PROJECT = "codo-detect"


def closure(requirements: list[Requirement]) -> set[str]:
    """The names of the distributions that the requirements bring, directly or not."""
    found: set[str] = set()
    waiting = list(requirements)
    while waiting:
        requirement = waiting.pop()
        extras = {"", *requirement.extras}
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        name = requirement.name.lower().replace("_", "-")
        key = f"{name}{sorted(requirement.extras)}"
        if key in found:
            continue
        found |= {key, name}
        for text in metadata.requires(name) or []:
            needed = Requirement(text)
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                needed.marker = None
                waiting.append(needed)
    return {name for name in found if "[" not in name}


def megabytes(names: set[str]) -> float:
    """The size of their files as listed at installation; compiled bytecode is not."""
    files = [file for name in names for file in metadata.files(name) or []]
    return sum(file.size or 0 for file in files) / 1e6


def license_of(name: str) -> str:
    """The license that a distribution declares, shortly."""
    about = metadata.metadata(name)
    classified = [line.split(" :: ")[-1] for line in about.get_all("Classifier") or [] if line.startswith("License ::")]
    return about["License-Expression"] or ", ".join(classified) or (about["License"] or "?").splitlines()[0][:40]


def main() -> None:
    """Print a row for the base installation and for each extra."""
    requirements = [Requirement(text) for text in metadata.requires(PROJECT) or []]
    base = closure([one for one in requirements if one.marker is None])
    print(f"base: {len(base)} packages, {megabytes(base):,.0f} MB")
    for extra in metadata.metadata(PROJECT).get_all("Provides-Extra") or []:
        direct = [one for one in requirements if one.marker and one.marker.evaluate({"extra": extra})]
        direct = [one for one in direct if not one.marker.evaluate({"extra": ""})]
        for one in direct:
            one.marker = None
        if extra == "dev":
            continue
        added = closure(direct) - base
        versions = ", ".join(f"{one.name} {metadata.version(one.name)} ({license_of(one.name)})" for one in direct)
        print(f"{extra}: {versions}; {len(added)} packages, {megabytes(added):,.0f} MB")


if __name__ == "__main__":
    main()
