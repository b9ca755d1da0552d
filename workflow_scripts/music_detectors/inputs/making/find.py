"""Finds the front end that the settings of an input mean among the files in the folder `inputs`."""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache

from music_detectors import inputs
from music_detectors.common.errors import InputError
from music_detectors.inputs.making.front_end import FrontEnd


def front_end(settings: Mapping) -> FrontEnd:
    """Return the front end that the checked `settings` of an input, with its `kind`, describe."""
    own = {key: value for key, value in settings.items() if key != "kind"}
    return kinds()[settings["kind"]](**own)


@cache
def kinds() -> dict[str, type[FrontEnd]]:
    """Return the front end of each file in the folder, by the file's name."""
    found: dict[str, type[FrontEnd]] = {}
    for module in pkgutil.iter_modules(inputs.__path__):
        if module.ispkg:
            continue
        code = importlib.import_module(f"{inputs.__name__}.{module.name}")
        kind = getattr(code, "FRONT_END", None)
        if not (isinstance(kind, type) and issubclass(kind, FrontEnd)):
            raise InputError(
                f"inputs/{module.name}.py sets no FRONT_END; every file in that folder is a kind "
                "of input, so put modules that they share in a folder inside it"
            )
        found[module.name] = kind
    return found
