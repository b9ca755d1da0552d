"""The kernels of linear algebra of this process, on which its results depend by rounding."""

import os
from collections.abc import Mapping
from pathlib import Path

# OpenBLAS's names of core types for x86 processors, by the instructions that their kernels use.
_CORE_TYPES = {
    "sse": "Katmai Coppermine Northwood Prescott Banias Core2 Penryn Dunnington Nehalem Atom Nano "
    "Athlon Opteron Opteron_SSE3 Barcelona Bobcat",
    "avx": "Sandybridge Bulldozer Piledriver",
    "avx2": "Haswell Steamroller Excavator Zen",
    "avx512f": "SkylakeX Cooperlake SapphireRapids",
}
_INSTRUCTIONS = [*_CORE_TYPES]
_PROCESSORS = Path("/proc/cpuinfo")


def kernels() -> str:
    """Return the kernels that NumPy and SciPy use, such as `openblas SkylakeX, NumPy X86_V4`.

    They depend on the processor and on the environment (`OPENBLAS_CORETYPE`,
    `NPY_DISABLE_CPU_FEATURES`).
    """
    # Imported here, since the workflow reads this module before any job.
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
    from threadpoolctl import threadpool_info

    libraries = [library for library in threadpool_info() if library["user_api"] == "blas"]
    found = {
        f"{library['internal_api']} {library.get('architecture', '')}" for library in libraries
    }
    used = [name for name in __cpu_dispatch__ if __cpu_features__[name]]
    return ", ".join([*sorted(found), f"NumPy {used[-1] if used else 'baseline'}"])


def old_core_type(environment: Mapping[str, str] = os.environ) -> str:
    """Return a message if `environment` forces kernels of OpenBLAS for an older processor.

    It is empty if not, and where the system does not tell the processor's instructions (as on
    macOS).
    """
    forced = environment.get("OPENBLAS_CORETYPE", "")
    of = {name.lower(): key for key, names in _CORE_TYPES.items() for name in names.split()}
    if forced.lower() not in of or not _PROCESSORS.exists():
        return ""
    flags = _PROCESSORS.read_text().partition("\nflags")[2].partition("\n")[0].split()
    best = max((key for key in _INSTRUCTIONS if key in flags), key=_INSTRUCTIONS.index, default="")
    if not best or _INSTRUCTIONS.index(best) <= _INSTRUCTIONS.index(of[forced.lower()]):
        return ""
    return (
        f"OPENBLAS_CORETYPE={forced} makes OpenBLAS compute for a processor without "
        f"{best.upper()}, which this one has: selectivity and lesions take longer, and results "
        "differ by rounding; unset it if there is no need for it"
    )
