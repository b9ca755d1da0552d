"""A digest of a script and of all project modules that it imports, directly or indirectly."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

_LIBRARIES = {"site-packages", "dist-packages"}
# Statements are found by their form: parsing all modules takes ten times as long, at each start of
# Snakemake. A line of a docstring that reads like an import counts as one. The possessive `*+` does
# not try all ways to split a list that does not end.
_IMPORT = re.compile(
    r"(?:^|[:;])[ \t]*"
    r"(?:import[ \t]+(?P<modules>[^\n;#]+)"
    r"|from\b[ \t]*(?P<base>[.\w \t]+?)(?:[ \t]+|(?<=\.))import\b[ \t]*"
    r"(?P<names>\((?:[^)#]|#.*+)*+\)|[^\n;#]+))",
    re.MULTILINE,
)
_CONTINUED = re.compile(r"\\\r?\n")
_COMMENT = re.compile(r"#.*")


def code_digest(script: str | Path, *modules: str | Path) -> str:
    """Return a digest that changes when `script` or a module it imports changes, and only then.

    Modules are found from the import statements, in the folder of the script; `modules` are the
    files of those that it imports by a name known only at run time. Modules outside the folder
    (libraries) do not count. The content counts, not the time of the files.
    """
    root = Path(script).resolve().parent
    digest = hashlib.sha256()
    for path in sorted(modules_of(script, *modules)):
        digest.update(f"{path.relative_to(root).as_posix()}\0{_content(path)[0]}\0".encode())
    return digest.hexdigest()[:16]


def module_digest(module: str | Path, *folders: str | Path) -> str:
    """Return the digest of a `module` that is loaded by its name, and of what it imports.

    Imported modules are looked for in `folders`. Those that are installed do not count.
    """
    path = Path(module).resolve()
    roots = [Path(folder).resolve() for folder in folders]
    roots = [root for root in roots if not _LIBRARIES & set(root.parts)]
    contents = [(_name(found, roots), _content(found)[0]) for found in _reachable([path], roots)]
    digest = hashlib.sha256()
    for name, content in sorted(contents):
        digest.update(f"{name}\0{content}\0".encode())
    return digest.hexdigest()[:16]


def modules_of(script: str | Path, *modules: str | Path) -> set[Path]:
    """Return the paths of `script`, of `modules`, and of the project's modules they import."""
    paths = [Path(path).resolve() for path in (script, *modules)]
    return _reachable(paths, [paths[0].parent])


def _name(path: Path, roots: Sequence[Path]) -> str:
    """Return `path` relative to the first of `roots` that contains it, else its last part."""
    relative = (path.relative_to(root).as_posix() for root in roots if path.is_relative_to(root))
    return next(relative, path.name)


def _reachable(paths: Sequence[Path], roots: Sequence[Path]) -> set[Path]:
    found: set[Path] = set()
    waiting = list(paths)
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        for name in _content(path)[1]:
            for root in roots:
                waiting.extend(_files_of(name, root))
    return found


@cache
def _content(path: Path) -> tuple[str, tuple[str, ...]]:
    source = path.read_bytes()
    text = _CONTINUED.sub(" ", source.decode("utf-8", "replace"))
    return hashlib.sha256(source).hexdigest(), tuple(_imported(text, path))


def _imported(text: str, path: Path) -> Iterator[str]:
    for found in _IMPORT.finditer(text):
        if found["modules"]:
            yield from _listed(found["modules"])
        else:
            base = _absolute("".join(found["base"].split()), path)
            yield base
            # `from package import module` names a module too.
            yield from (f"{base}.{name}" for name in _listed(found["names"]))


def _listed(text: str) -> Iterator[str]:
    """Yield the names of a list such as "(a as b, c)", without comments."""
    for part in _COMMENT.sub("", text).strip("() \t\r\n").split(","):
        yield from part.split()[:1]


def _absolute(base: str, path: Path) -> str:
    """Return the full name of a module that the module at `path` names "..base"."""
    name = base.lstrip(".")
    level = len(base) - len(name)
    if not level:
        return name
    package = path.parents[level - 1]
    parts = [package.name]
    while (package.parent / "__init__.py").exists():
        package = package.parent
        parts.insert(0, package.name)
    return ".".join([*parts, name] if name else parts)


@cache
def _files_of(name: str, root: Path) -> tuple[Path, ...]:
    parts = name.split(".")
    packages = [root.joinpath(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1)]
    module = root.joinpath(*parts).with_suffix(".py")
    return tuple(path for path in (*packages, module) if path.is_file())
