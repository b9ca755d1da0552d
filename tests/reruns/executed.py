"""Print as JSON which modules of the project the script of each rule imports, by importing them.

Takes the folder of the scripts, and as JSON on standard input the rules with their scripts.
Libraries are imported once; each script runs in its own process.
"""

import importlib
import json
import os
import sys
from pathlib import Path


class Job:
    """A stand-in for the job: the first access to anything but its rule ends the script."""

    def __init__(self, rule: str) -> None:
        self.rule = rule

    def __getattr__(self, name: str) -> None:
        raise EOFError


def main(folder: Path) -> None:
    for name in ("numba", "torch", "pandas", "scipy.stats", "matplotlib.figure", "h5py", "jinja2"):
        importlib.import_module(name)
    sys.path.insert(0, str(folder))
    scripts = json.load(sys.stdin)
    found = {rule: _imported(rule, folder / script, folder) for rule, script in scripts.items()}
    print(json.dumps(found))


def _imported(rule: str, script: Path, folder: Path) -> list[str]:
    """Return the modules that `script` has imported for `rule` when it uses its job."""
    read, write = os.pipe()
    if os.fork() == 0:
        os.close(read)
        try:
            exec(compile(script.read_bytes(), script, "exec"), {"snakemake": Job(rule)})
        except EOFError:
            files = [getattr(module, "__file__", None) for module in sys.modules.values()]
            paths = [Path(file).relative_to(folder) for file in files if _within(file, folder)]
            with os.fdopen(write, "w") as out:
                json.dump(sorted(path.as_posix() for path in paths), out)
            os._exit(0)
        os._exit(1)
    os.close(write)
    with os.fdopen(read) as said:
        return json.loads(said.read())


def _within(file: str | None, folder: Path) -> bool:
    return file is not None and Path(file).is_relative_to(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
