"""The plan: what it says, that it is never replaced, and whether a run kept to it."""

import copy
import json
import re
from pathlib import Path

import pandas as pd
import pytest
import yaml

from music_detectors.claims.estimates.balance import NAME
from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table, write_table
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.plan import power
from music_detectors.plan.clips import digest_of_clips, planned_clips
from music_detectors.plan.columns import PLAN_REPORTS
from music_detectors.plan.kept import kept
from music_detectors.plan.keys import changes, digest_of, fixed_keys
from music_detectors.plan.parts import EACH, planned_parts
from music_detectors.plan.stored import read_plan
from music_detectors.plan.write import write_plan
from support.claim_tables import CONDITIONS, GENRES, Tables, study
from support.claim_tables import filled as filled_table

ROOT = Path(__file__).parents[2]


def configuration(**claims):
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    config["claims"].update(claims)
    return config


def clips_table():
    """Return eight target clips in two groups a split, half of them Jazz, and four others."""
    rows = []
    for split in ("train", "test"):
        for k in range(12):
            target = k < 8
            rows.append(
                {
                    "clip_id": f"{split}-{k}",
                    "split": split,
                    "group": f"{split}-{k // 4}",
                    "labels": ("/m/Jazz" if k % 2 else "/m/Music") if target else "/m/Rain",
                    "role": "target" if target else "other",
                    "listed": False,
                    "shard": "00000",
                }
            )
    return filled_table(pd.DataFrame(rows), CLIPS)


@pytest.fixture
def inputs(tmp_path, monkeypatch):
    monkeypatch.setattr(power, "RUNS", 3)
    write_table(tmp_path / "clips.tsv", clips_table(), CLIPS)
    classes = pd.DataFrame(
        {
            "index": [0, 1, 2],
            "mid": ["/m/Music", "/m/Jazz", "/m/Rain"],
            "name": ["Music", "Jazz", "Rain"],
            "branch": ["Music", "Music", "Rain"],
            "target": [True, True, False],
            "genre": [False, True, False],
        }
    )
    write_table(tmp_path / "classes.tsv", classes, CLASSES)
    return {
        "clips": tmp_path / "clips.tsv",
        "classes": tmp_path / "classes.tsv",
        "plan": tmp_path / "plan" / "plan.json",
        "page": tmp_path / "plan" / "plan.md",
        "config": configuration(),
        "study": study(),
        "networks": {"natural": 10, "untrained": 10, "gabor": 1, "pca": 1, "shuffled": 10},
        "weights": [tmp_path / "weights.safetensors"],
        "judged_by": "0123",
    }


def the_page(inputs):
    return inputs["page"].read_text(encoding="utf-8")


def report_of(inputs, config=None, judged_by="0123"):
    return kept(inputs["plan"].parent, inputs["clips"], config or inputs["config"], judged_by)


NOT_NAMED = {
    key: ()
    for key in (
        *("controls", "features", "target_heard", "shuffled", "speech_withheld"),
        *("withheld_others", "further"),
    )
}


@pytest.mark.parametrize("differ", [False, True])
@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"controls": ("untrained",), "features": ("gabor",), "further": ("Animal",)},
        {"speech_withheld": (), "withheld_others": ()},
        *({key: ()} for key in NOT_NAMED),
        NOT_NAMED,
    ],
    ids=lambda changed: "+".join(changed) or "all",
)
def test_the_needed_parts_are_those_of_the_claims(changed, differ):
    of = study(**changed)
    planned = planned_parts(of, GENRES, CONDITIONS)
    tables = Tables()
    for name in tables.selectivity:
        tables.selectivity[name]["differs_in"] = "length (means 2 and 9 s)" if differ else ""
    needed = {(part.claim, part.name): part for part in tables.parts(of) if part.needed}
    if not differ:
        assert not any(NAME in name for _, name in needed)
        planned = [part for part in planned if not part.only_if]
    named = {(part.claim, part.part) for part in planned if not part.part.startswith(EACH)}
    assert len(named) == sum(not part.part.startswith(EACH) for part in planned)
    # Of these claims, some names come from the sounds.
    whole = {part.claim for part in planned if part.part.startswith(EACH)}
    assert whole == {"probe", "generalisation"} - ({"generalisation"} if not of.shuffled else set())
    assert named == {key for key in needed if key[0] not in whole or key in named}
    for part in planned:
        if not part.part.startswith(EACH) and part.part != "fall":
            of_claim = needed[part.claim, part.part]
            assert part.smallest_effect == of_claim.smallest_effect, part
            assert part.equivalence == of_claim.equivalence, part
            # What the plan knows to be undetermined is so.
            assert of_claim.fault if part.fault else not of_claim.fault, part
            assert bool(part.only_if) == (NAME in part.part)


def test_parts_say_which_condition_or_analysis_they_lack():
    parts = planned_parts(study(), GENRES, ("natural", "untrained", "gabor"), absent=["level"])
    faults = {(part.claim, part.part): part.fault for part in parts}
    assert faults["level", "equal level"] == "its analysis is not configured"
    assert faults["apart", "decoding over pca"] == "pca not run"
    assert faults["models", "natural and full"] == "full not run"
    assert faults["speech", "effect of no-speech"] == "no-speech not run"
    assert faults["generalisation", f"{EACH}of the two shortest lengths"] == "shuffled not run"
    assert faults["selective", "effect over untrained"] == ""
    nothing = planned_parts(study(controls=(), target_heard=()), (), CONDITIONS)
    faults = {(part.claim, part.part): part.fault for part in nothing}
    assert faults["genres", "most genres"] == "the corpus has no genres"
    assert (
        faults["models", "natural over controls"] == "claims.compared.controls names no condition"
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("networks.threads", 4),
        ("networks.device", "cuda"),
        ("audio.folder", "elsewhere"),
        ("audio.retries.attempts", 9),
        ("downloads.fsd50k", "elsewhere"),
        ("corpus.shard_clips", 12),
        ("corpus.manifest.path", "other.tsv"),
        ("corpora", ["a", "b"]),
    ],
)
def test_keys_that_change_no_result_are_not_fixed(key, value):
    config = configuration()
    section = config
    *path, last = key.split(".")
    for name in path:
        section = section[name]
    section[last] = value
    assert fixed_keys(config) == fixed_keys(configuration())


def test_keys_that_change_results_or_verdicts_are_named():
    config = configuration(alpha=0.1)
    config["conditions"]["natural"]["epochs"] = 9
    config["conditions"]["full"] = {"withhold": [], "labels": "given", "epochs": 8}
    found = changes(fixed_keys(configuration()), fixed_keys(config))
    assert [(change.key, change.planned, change.used) for change in found] == [
        ("claims.alpha", 0.05, 0.1),
        ("conditions.full", None, None),
        ("conditions.full.epochs", None, 8),
        ("conditions.full.labels", None, "given"),
        ("conditions.full.withhold", None, []),
        ("conditions.natural.epochs", 8, 9),
    ]
    assert digest_of(fixed_keys(config)) != digest_of(fixed_keys(configuration()))
    shuffled = dict(reversed(fixed_keys(config).items()))
    assert digest_of(shuffled) == digest_of(fixed_keys(config))
    # Another source's section is no part of the corpus.
    assert not any(key.startswith("corpus.fsd50k") for key in fixed_keys(config))
    assert "corpus.embedded.clips_per_class.test" in fixed_keys(config)


def test_clips_and_groups_are_counted_by_role_and_genre(inputs):
    found = planned_clips(inputs["clips"], inputs["classes"])
    assert found["roles"][0] == {"split": "test", "role": "other", "clips": 4, "groups": 1}
    assert found["roles"][1] == {"split": "test", "role": "target", "clips": 8, "groups": 2}
    (genre,) = found["genres"]
    assert genre["name"] == "Jazz"
    assert genre["train"] == genre["test"] == {"clips": 4, "groups": 2}


def test_the_digest_of_clips_knows_groups_and_labels_but_not_the_order_or_shards(tmp_path):
    table = clips_table()

    def digest(changed):
        write_table(tmp_path / "clips.tsv", changed, CLIPS)
        return digest_of_clips(tmp_path / "clips.tsv")

    first = digest(table)
    assert digest(table.iloc[::-1].assign(shard="00007")) == first
    for column, value in (("group", "one"), ("labels", "/m/Music"), ("role", "mixed")):
        assert digest(table.assign(**{column: value})) != first
    assert digest(table.iloc[1:]) != first


def test_the_plan_says_what_will_be_judged(inputs):
    write_plan(**inputs)
    plan = read_plan(inputs["plan"])
    assert plan["networks_before"] == 0 and plan["digest"] == digest_of(fixed_keys(configuration()))
    text = the_page(inputs)
    for said in (
        "before any network was trained",
        plan["digest"],
        "at most 0.05",
        "| effect over untrained | 0.2 |",
        "| target classes | within ±0.1 |",
        "| natural and full | within ±0.25; undetermined: full not run |",
        "| natural | 10 |",
        "| test | target | 8 | 2 |",
        "| Jazz | 4 | 4 | 2 |",
        "| most genres | 0.4 |",
        "| effect at equal length and level | 0.5; needed if target and other clips differ in",
    ):
        assert said in text, said
    for row in plan["power"]["claims"]:
        assert sum(value for key, value in row.items() if key != "claim") == pytest.approx(1)


def test_a_second_call_leaves_the_plan_alone(inputs, capsys):
    write_plan(**inputs)
    before = inputs["plan"].read_bytes()
    inputs["page"].unlink()
    inputs["config"]["networks"]["threads"] = 3
    write_plan(**inputs)
    assert inputs["plan"].read_bytes() == before
    assert "stands" in capsys.readouterr().err and "Clips" in the_page(inputs)


def test_another_plan_is_never_replaced(inputs):
    write_plan(**inputs)
    before = inputs["plan"].read_bytes()
    inputs["config"] = configuration(alpha=0.1)
    with pytest.raises(InputError, match=r"claims\.alpha \(planned 0\.05, now 0\.1\)") as refused:
        write_plan(**inputs)
    assert "rm -r" in str(refused.value) and "exist already" not in str(refused.value)
    inputs["weights"][0].touch()
    with pytest.raises(InputError, match="1 networks exist already"):
        write_plan(**inputs)
    assert inputs["plan"].read_bytes() == before
    inputs["config"] = configuration()
    write_table(inputs["clips"], clips_table().iloc[1:], CLIPS)
    with pytest.raises(InputError, match="the clips of the corpus"):
        write_plan(**inputs)


def test_a_plan_made_after_training_says_so(inputs):
    inputs["weights"][0].touch()
    write_plan(**inputs)
    assert "**when 1 networks had been trained already**" in the_page(inputs)
    assert report_of(inputs)["networks_before"] == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"{", "damaged plan"), (b"[]", "damaged plan"), (b'{"written": 1}', "lacks version")],
)
def test_a_damaged_plan_is_refused(inputs, content, said):
    write_plan(**inputs)
    path = inputs["plan"]
    (path.parent / ".plan.json.sha256").unlink()
    path.write_bytes(content)
    for use in (lambda: write_plan(**inputs), lambda: report_of(inputs)):
        with pytest.raises(InputError, match=said) as refused:
            use()
        assert str(path) in str(refused.value)


def test_an_edited_plan_is_refused(inputs):
    write_plan(**inputs)
    path = inputs["plan"]
    path.write_text(path.read_text().replace('"alpha": 0.05', '"alpha": 0.1'))
    with pytest.raises(InputError, match="checksum does not match"):
        report_of(inputs)


def test_without_a_plan_the_report_has_none(inputs):
    assert report_of(inputs) is None
    assert not inputs["plan"].parent.exists()


def test_a_run_that_kept_to_its_plan(inputs):
    write_plan(**inputs)
    found = report_of(inputs)
    assert found["changes"] == [] and found["earlier"] == [] and not found["other_code"]
    assert report_of(inputs, judged_by="4567")["other_code"]
    # The same report adds nothing.
    table = read_table(inputs["plan"].parent / "reports.tsv", PLAN_REPORTS)
    assert table["key"].tolist() == [""]


def test_keys_that_changed_are_named_and_stay_so_when_they_are_set_back(inputs):
    write_plan(**inputs)
    report_of(inputs)
    changed = copy.deepcopy(inputs["config"])
    changed["claims"]["smallest_effects"]["selective"] = 0.3
    now = report_of(inputs, changed)
    assert now["earlier"] == []
    key = {"key": "claims.smallest_effects.selective", "planned": "0.5", "used": "0.3"}
    assert now["changes"] == [key]
    back = report_of(inputs)
    assert back["changes"] == []
    assert [{name: row[name] for name in key} for row in back["earlier"]] == [key]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT.*", back["earlier"][0]["written"])
    # While it differs, it is not listed as an earlier change too.
    assert report_of(inputs, changed)["earlier"] == []


def test_other_clips_than_planned_are_named(inputs):
    write_plan(**inputs)
    write_table(inputs["clips"], clips_table().iloc[1:], CLIPS)
    (change,) = report_of(inputs)["changes"]
    assert change["key"] == "the clips of the corpus"
    assert json.loads(change["planned"]) != json.loads(change["used"])
