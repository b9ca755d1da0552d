"""Pack the results of a run for a repository: `python -m music_detectors.deposit FOLDER`."""

import json
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote

from music_detectors.common.errors import InputError, one_line
from music_detectors.common.files import replacing, sha256

_CRATE = "ro-crate-metadata.json"


def main(arguments: Sequence[str]) -> int:
    """Write FOLDER.zip with what FOLDER's description lists; return the exit code."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print("usage: python -m music_detectors.deposit results/NAME", file=sys.stderr)
        return 2
    folder = Path(arguments[0])
    try:
        packed = folder.absolute().with_name(f"{folder.absolute().name}.zip")
        n = pack(folder, packed)
    except InputError as error:
        print(one_line(error, 2000), file=sys.stderr)
        return 1
    except OSError as error:
        print(one_line(f"{error.filename or packed}: {error.strerror}"), file=sys.stderr)
        return 1
    print(f"{packed}: {n} files, {packed.stat().st_size / 1e6:,.0f} MB")
    return 0


def pack(folder: Path, packed: Path) -> int:
    """Write the zip `packed` with the description in `folder` and all files that it lists.

    Returns their number. Raises InputError when there is no description, or when a file is not as
    it says.
    """
    crate = folder / _CRATE
    try:
        graph = json.loads(crate.read_bytes())["@graph"]
        listed = {unquote(one["@id"]): one.get("sha256") for one in graph if one["@type"] == "File"}
    except FileNotFoundError:
        raise InputError(f"{crate}: not there; a whole run of the workflow writes it") from None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{crate}: no description of a run ({one_line(error)})") from error
    with (
        replacing(packed) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as file,
    ):
        for name, digest in sorted({_CRATE: None, **listed}.items()):
            path = folder / name
            if not path.resolve().is_relative_to(folder.resolve()):
                raise InputError(f"{crate}: lists {one_line(name)}, which is outside {folder}")
            if not path.is_file() or (digest is not None and sha256(path) != digest):
                raise InputError(
                    f"{path}: not as {_CRATE} says; run the workflow again, which renews that"
                )
            file.write(path, f"{folder.absolute().name}/{name}")
    return len(listed) + 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
