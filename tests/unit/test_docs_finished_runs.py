"""What came out of finished runs, written into pages of the documentation."""

import json
from pathlib import Path

import finished_runs
import pandas as pd
import pytest

from music_detectors.claims.columns import CLAIMS, VERDICTS, WHOLE
from music_detectors.common.errors import InputError
from music_detectors.common.sealed import metadata, sealed
from music_detectors.common.tables import write_table
from music_detectors.recognition.columns import RECOGNITION_SUMMARY
from music_detectors.selectivity.columns import SELECTIVITY_SUMMARY
from support import figure_tables

CONDITIONS = ("natural", "untrained")


def finished(folder, shift=0.0, verdict="supported", computed_by="some convolutions"):
    """Write the tables of a finished run; numbers are `shift` higher than in another."""
    recognition = figure_tables.recognition_summary(CONDITIONS)
    recognition["mean_average_precision"] = 0.2 + shift
    selectivity = figure_tables.selectivity_summary(CONDITIONS)
    selectivity["reported"] = selectivity["layer"] == "avgpool"
    selectivity["test_ratio"] = 1.5 + 2 * shift
    rows = [
        {name: kind() for name, kind in VERDICTS.items()}
        | {"claim": claim, "part": part, "estimate": 0.3 + shift, "here": 2 + shift}
        | {"article_measure": "ratio", "article_value": "2.07"}
        | {"verdict": verdict if claim == "temporal" else "undetermined"}
        | {"decided_by": "some part" if part == WHOLE else ""}
        for claim in CLAIMS
        for part in (WHOLE, "some part")
    ]
    write_table(folder / "recognition" / "summary.tsv", recognition, RECOGNITION_SUMMARY)
    path = folder / "selectivity" / "music" / "summary.tsv"
    write_table(path, selectivity, SELECTIVITY_SUMMARY)
    write_table(folder / "claims" / "claims.tsv", pd.DataFrame(rows), VERDICTS)
    weights = folder / "networks" / "natural" / "seed-1" / "weights.safetensors"
    weights.parent.mkdir(parents=True)
    fields = metadata({"computed_by": computed_by}, weights)

    header = json.dumps({"__metadata__": fields}).encode()
    weights.write_bytes(sealed(len(header).to_bytes(8, "little") + header + b"tensors"))
    return folder


def lines_of(*arguments, text=f"before\n{finished_runs.BEGIN}\nold\n{finished_runs.END}\nafter\n"):
    runs = [finished_runs.run_of(str(one)) for one in arguments]
    return finished_runs.page(text, runs, "page.md").splitlines()


def test_numbers_that_differ_between_runs_are_ranges(tmp_path):
    one = finished(tmp_path / "one", verdict="not supported")
    two = finished(tmp_path / "two", shift=0.1, computed_by="other convolutions")
    lines = lines_of(f"AVX2={one}", f"AVX-512={two}")
    assert lines[0] == "before" and lines[-1] == "after" and "old" not in lines
    assert any("AVX2 (some convolutions); AVX-512 (other convolutions)" in line for line in lines)
    (natural,) = [line for line in lines if line.startswith("| natural |")]
    assert "| 0.20 to 0.30 | 0.20 to 0.30 |" in natural and "1.50 to 1.70" in natural
    rows = [line for line in lines if "supported" in line]
    assert rows == [
        "| Temporal structure | not supported (AVX2) | some part | 0.30 | ratio | 2.000 | 2.07 |",
        "|  | supported (AVX-512) | some part | 0.40 | ratio | 2.100 | 2.07 |",
    ]
    agreed = [line for line in lines if "undetermined" in line]
    assert len(agreed) == len(CLAIMS) - 1
    assert agreed[0].endswith("| some part | 0.30 to 0.40 | ratio | 2.000 to 2.100 | 2.07 |")


def test_one_run_gives_single_numbers(tmp_path):
    lines = lines_of(finished(tmp_path / "one"))
    assert not any(" to " in line for line in lines if line.startswith("|"))
    assert sum("supported" in line for line in lines) == 1


def test_what_is_written_can_be_written_again(tmp_path):
    run = finished(tmp_path / "one")
    text = "\n".join(lines_of(run)) + "\n"
    assert "\n".join(lines_of(run, text=text)) + "\n" == text


def test_ranges_leave_out_missing_values_and_a_negative_zero():
    assert finished_runs.ranged([0.301, float("nan"), 0.299]) == "0.30"
    assert finished_runs.ranged([float("nan")]) == ""
    assert finished_runs.ranged([-0.001, 0.2]) == "0.00 to 0.20"


def test_a_page_without_the_markers_and_a_missing_table_are_refused(tmp_path):
    run = finished(tmp_path / "one")
    with pytest.raises(InputError, match=r"page\.md: lacks one of the lines"):
        lines_of(run, text="before\nafter\n")
    (run / "recognition" / "summary.tsv").unlink()
    with pytest.raises(InputError, match=r"recognition/summary\.tsv"):
        lines_of(run)


@pytest.mark.parametrize("page", ["embedded-corpus.md", "real-recordings.md"])
def test_the_pages_have_the_markers(page):
    text = (Path(finished_runs.__file__).parent / page).read_text()
    assert text.index(finished_runs.BEGIN) < text.index(finished_runs.END)


def test_a_page_is_rewritten(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(f"before\n{finished_runs.BEGIN}\n{finished_runs.END}\n")
    finished_runs.main([str(path), str(finished(tmp_path / "one"))])
    assert "| natural | 0.20 | 0.20 |" in path.read_text()
