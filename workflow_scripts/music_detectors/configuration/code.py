"""A digest of a script and of the project's modules that it imports, however far down."""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path


def code_digest(script: str | Path, *modules: str | Path) -> str:
    """Return a digest that changes when `script` or a module it imports changes, and only then.

    Modules are found from the import statements, in the folder of the script; `modules` are the
    files of those that it imports by a name that is known only as it runs. What lies outside the
    folder (libraries) does not count. The content counts, not the time of the files.
    """
    root = Path(script).resolve().parent
    digest = hashlib.sha256()
    for path in sorted(modules_of(script, *modules)):
        digest.update(f"{path.relative_to(root).as_posix()}\0{_content(path)[0]}\0".encode())
    return digest.hexdigest()[:16]


def modules_of(script: str | Path, *modules: str | Path) -> set[Path]:
    """Return the paths of `script`, of `modules`, and of the project's modules they import."""
    root = Path(script).resolve().parent
    found: set[Path] = set()
    waiting = [Path(path).resolve() for path in (script, *modules)]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        for name in _content(path)[1]:
            waiting.extend(_files_of(name, root))
    return found


@cache
def _content(path: Path) -> tuple[str, tuple[str, ...]]:
    source = path.read_bytes()
    return hashlib.sha256(source).hexdigest(), tuple(_imported(ast.parse(source), path))


def _imported(tree: ast.Module, path: Path) -> Iterator[str]:
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, path)
            yield base
            # `from package import module` names a module too.
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield every statement, however deep; walking through expressions too takes far longer."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for part in ("body", "orelse", "finalbody", "handlers", "cases"):
            waiting.extend(getattr(node, part, ()))


def _absolute(node: ast.ImportFrom, path: Path) -> str:
    if not node.level:
        return node.module or ""
    package = path.parents[node.level - 1]
    parts = [package.name]
    while (package.parent / "__init__.py").exists():
        package = package.parent
        parts.insert(0, package.name)
    return ".".join([*parts, node.module] if node.module else parts)


@cache
def _files_of(name: str, root: Path) -> tuple[Path, ...]:
    parts = name.split(".")
    if not (root / parts[0]).is_dir():
        return ()
    packages = [root.joinpath(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1)]
    module = root.joinpath(*parts).with_suffix(".py")
    return tuple(path for path in (*packages, module) if path.exists())
