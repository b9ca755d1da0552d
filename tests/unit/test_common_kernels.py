"""Which kernels of linear algebra compute, and when the environment forces old ones."""

import os
import re
import subprocess
import sys

import pytest
import torch
from threadpoolctl import threadpool_info

from music_detectors.common import kernels as module
from music_detectors.common.kernels import kernels, old_core_type
from music_detectors.models.device import kernels_of


def test_the_kernels_are_those_of_the_libraries():
    found = kernels()
    for library in threadpool_info():
        if library["user_api"] == "blas":
            assert f"{library['internal_api']} {library['architecture']}" in found
    assert re.search(r"NumPy \w+$", found)


def test_the_environment_chooses_the_kernels():
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(sys.path),
        "OPENBLAS_CORETYPE": "Sandybridge",
        "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
        "ATEN_CPU_CAPABILITY": "default",
        "ONEDNN_MAX_CPU_ISA": "AVX",
    }
    code = (
        "import torch; from music_detectors.models.device import kernels_of; "
        "print(kernels_of(torch.device('cpu')))"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    ).stdout
    expected = "openblas Sandybridge, NumPy baseline, PyTorch DEFAULT, oneDNN at most AVX"
    assert said.strip() == expected


def test_kernels_of_a_gpu_name_it(monkeypatch):
    monkeypatch.setattr("music_detectors.models.device.kind_of", lambda device: "cuda A GPU")
    found = kernels_of(torch.device("cuda"))
    assert found == kernels_of(torch.device("cpu")) + ", cuda A GPU"


@pytest.mark.parametrize(
    ("forced", "flags", "lacks"),
    [
        ("Haswell", "sse avx avx2 avx512f", "AVX512F"),
        ("haswell", "sse avx avx2 avx512f", "AVX512F"),
        ("Nehalem", "sse avx avx2", "AVX2"),
        ("Haswell", "sse avx avx2", ""),
        ("Zen", "sse avx avx2", ""),
        ("SkylakeX", "sse avx avx2", ""),
        ("Cooperlake", "sse avx avx2 avx512f", ""),
        ("NoSuchType", "sse avx avx2 avx512f", ""),
        (None, "sse avx avx2 avx512f", ""),
    ],
)
def test_old_core_types_are_found(forced, flags, lacks, tmp_path, monkeypatch):
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\nflags\t\t: fpu {flags} x\nbugs\t: none\n")
    monkeypatch.setattr(module, "_PROCESSORS", tmp_path / "cpuinfo")
    said = old_core_type({} if forced is None else {"OPENBLAS_CORETYPE": forced})
    if lacks:
        assert said.startswith(f"OPENBLAS_CORETYPE={forced} makes OpenBLAS compute")
        assert f"for a processor without {lacks}," in said
    else:
        assert said == ""


def test_systems_that_tell_nothing_of_the_processor_give_no_message(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_PROCESSORS", tmp_path / "none")
    assert old_core_type({"OPENBLAS_CORETYPE": "Nehalem"}) == ""
