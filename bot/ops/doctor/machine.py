"""Python and the libraries, compared with the package's requirements."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, metadata, requires, version

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from bot.ops.doctor.findings import Finding, good, problem
from model.runtime import has_torch

PACKAGE = "litteragpt"
# Libraries whose versions help to explain a malfunction.
NAMED = ("discord.py", "python-telegram-bot", "torch", "numpy")


def python() -> list[Finding]:
    """Whether the package supports this version of Python."""
    found, wanted = platform.python_version(), metadata(PACKAGE)["Requires-Python"]
    if found not in SpecifierSet(wanted, prereleases=True):
        return [problem("python", "doctor_python_old", found=found, wanted=wanted)]
    return [good("python", "doctor_python", found=found, system=platform.platform(terse=True))]


def libraries(wanted: Iterable[str] | None = None) -> list[Finding]:
    """Whether the libraries satisfy the package's requirements, or those in `wanted`."""
    lines = requires(PACKAGE) or () if wanted is None else wanted
    extra = {"extra": "torch" if has_torch() else ""}
    needed = [
        each
        for each in map(Requirement, lines)
        if each.marker is None or each.marker.evaluate(extra)
    ]
    wrong = []
    for each in needed:
        try:
            found = version(each.name)
        except PackageNotFoundError:
            wrong.append(problem("bibliotecas", "doctor_library_missing", name=each.name))
            continue
        if not each.specifier.contains(found, prereleases=True):
            asked = str(each.specifier)
            wrong.append(
                problem("bibliotecas", "doctor_library", name=each.name, found=found, wanted=asked)
            )
    if wrong:
        return wrong
    named = ", ".join(f"{name} {version(name)}" for name in NAMED if name != "torch" or has_torch())
    return [good("bibliotecas", "doctor_libraries", named=named)]
