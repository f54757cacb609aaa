"""The files of this repository, and what stands in the Python ones."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("services", "shared", "migrations", "benchmarks", "examples")
#: Not ours, or written by a program.
_FOREIGN = ("tests/vectors/", "requirements.lock", "requirements-dev.lock")


@dataclass(frozen=True, slots=True)
class Function:
    """One function with the file in which it stands."""

    path: str
    node: ast.FunctionDef | ast.AsyncFunctionDef

    @property
    def lines(self) -> int:
        """How many lines it takes, docstring included."""
        return (self.node.end_lineno or 0) - self.node.lineno + 1

    @property
    def place(self) -> str:
        """Where to look."""
        return f"{self.path}:{self.node.lineno} {self.node.name}"


@cache
def files() -> tuple[str, ...]:
    """Name every file that is tracked or about to be, relative to the root."""
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return tuple(sorted(path for path in set(listed.splitlines()) if (ROOT / path).is_file()))


def texts() -> Iterator[tuple[str, str]]:
    """Yield every text file of our own with its text."""
    for path in files():
        if path.startswith(_FOREIGN):
            continue
        try:
            yield path, (ROOT / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def python_files(*folders: str) -> list[str]:
    """Name the Python files in these top-level folders."""
    return [path for path in files() if path.endswith(".py") and path.split("/", 1)[0] in folders]


@cache
def tree(path: str) -> ast.Module:
    """Parse one Python file."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), path)


def functions(*folders: str) -> Iterator[Function]:
    """Yield every function in these folders, methods and inner ones included."""
    for path in python_files(*folders):
        for node in ast.walk(tree(path)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield Function(path, node)
