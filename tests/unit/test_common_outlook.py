"""What a run will take: from benchmarks where there are some, else from formulas."""

import pytest

from music_detectors.common.outlook import Job, lines, measured_seconds, time_needed

JOBS = [Job("training", "train_network", 100.0, 5e6) for _ in range(6)]
JOBS += [Job("figures", "plot_claims", 5.0, 3e5)]


def test_benchmarks_are_averaged_by_rule(tmp_path):
    for rule, name, text in (
        ("train_network", "a.tsv", "s\th:m:s\n10.0\t0:00:10\n"),
        ("train_network", "b.tsv", "s\th:m:s\n20.0\t0:00:20\n30.0\t0:00:30\n"),
        ("lesion_units", "a.tsv", "s\tmax_rss\nNA\t-\n"),
        ("score_recognition", "a.tsv", "s\n\n"),
        ("decode_audio", "a.tsv", "no table"),
    ):
        path = tmp_path / rule / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert measured_seconds(tmp_path) == {"train_network": 20.0}
    assert measured_seconds(tmp_path / "none") == {}


def test_measured_rules_take_what_they_took():
    assert time_needed(JOBS, {}, 2) == pytest.approx(605 / 2)
    assert time_needed(JOBS, {"train_network": 10.0}, 1) == pytest.approx(65)
    # No more cores than jobs can use.
    assert time_needed(JOBS, {}, 1000) == 100
    assert time_needed([], {}, 2) == 0


def test_all_is_said_in_words():
    said = lines(JOBS, {}, 2, 40e9, [])
    assert said == [
        "jobs     7: 6 training, 1 figures",
        "time     about 5 minutes on 2 cores (by formulas, within a factor of two or so)",
        "disk     about 30 MB; 40.0 GB are free",
        "network  nothing is downloaded",
    ]
    said = lines(JOBS, {"train_network": 20000.0}, 1, 1e7, ["FSD50K", "a set"])
    assert said[1].startswith(
        "time     about 33 hours on 1 core (6 of them as measured here, the others"
    )
    (_, time, *_) = lines(JOBS[:6], {"train_network": 10.0}, 1, 1e9, [])
    assert time.endswith("(6 of them as measured here)")
    assert said[2].endswith("10 MB are free: make room first")
    assert said[3] == "network  FSD50K; a set"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (3, "half a minute"),
        (61, "a minute"),
        (100, "2 minutes"),
        (754, "12 minutes"),
        (3600, "60 minutes"),
        (9000, "2 hours"),
        (86400 * 5.2, "5 days"),
    ],
)
def test_times_are_rounded(seconds, said):
    (_, time, *_) = lines([Job("a", "a", seconds, 1.0)], {}, 1, 1e9, [])
    assert time.startswith(f"time     about {said} on")
