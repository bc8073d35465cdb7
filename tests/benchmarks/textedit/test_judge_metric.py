"""TextEdit's judge: from a verdict to every number of every profile, and what identifies it."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from benchmarks.textedit import BENCHMARK, judge_metric, judging
from benchmarks.textedit.reference import TextEditReference
from evals.core.budget import Budget
from evals.core.errors import ImageError, UserError
from evals.core.images import sha256_file
from evals.core.protocols import DataSource, JudgeSettings, JudgeSpec, ScoringSettings
from evals.core.store import plain
from evals.core.types import ImageRef, Item, Prediction, Sample, Score
from evals.core.verdicts import Attempt, Verdict
from evals.manifest import scoring_manifest
from evals.plan import Board
from judges.metric import RubricMetric
from judges.request import Unjudgeable
from judges.rubric import Rubric
from metrics.ocr import OcrReader

COLUMNS = judging.COLUMNS
NAMES = ("Avg", *COLUMNS)
FIVES = (5, 5, 5, 5, 5)
MEASURED = importlib.util.find_spec("benchmarks.textedit.measured") is not None


def reply(scores: Any, **changes: Any) -> str:
    """A reply as asked for; keys of `changes` replace single answers."""
    given_scores = dict(zip(judging.QUESTIONS, scores, strict=True))
    return json.dumps({"reason": {"Q1": "seen"}, "score": {**given_scores, **changes}})


def verdict(raw: str, rubric: Rubric | None = None) -> Verdict:
    rubric = rubric or judge_metric.rubric()
    parsed = rubric.parse(raw)
    attempt = Attempt(
        request="r", judge="j", name="j", asked="m", served="m-1", status="answered", raw=raw
    )
    return Verdict(
        judge="j", status=parsed.status, reason=parsed.reason, attempts=(attempt,),
        scores=rubric.named(parsed.scores),
    )  # fmt: skip


def marked(raw: str) -> Mapping[str, float | None]:
    said = verdict(raw)
    assert said.status == "ok", said.reason
    return judge_metric.mark(judge_metric.rubric(), said).parts


# --- from a verdict to numbers ----------------------------------------------------------------

# scores -> TA TP SI LR VC after the cut-off, Avg, Avg_soft, Avg_uncut, Avg_paper; by hand.
TABLE: dict[tuple[int, ...], tuple[tuple[float, ...], float, float, float, float]] = {
    FIVES: ((1, 1, 1, 1, 1), 1.0, 1.0, 1.0, 1.0),
    (4, 5, 5, 5, 5): ((0.8, 1, 1, 1, 1), 0.92, 0.8, 0.92, 0.9),
    (4, 3, 2, 5, 1): ((0.8, 0.6, 0.2, 1, 0), 0.62, 0.56, 0.62, 0.575),
    (5, 2, 4, 3, 2): ((1, 0.2, 0.8, 0.6, 0.2), 0.62, 0.62, 0.62, 0.625),
    (3, 5, 5, 5, 5): ((0.6, 0, 0, 0, 0), 0.24, 0.6, 0.84, 0.2),
    (3, 1, 4, 2, 5): ((0.6, 0, 0, 0, 0), 0.24, 0.36, 0.44, 0.2),
    (2, 5, 5, 5, 5): ((0.2, 0, 0, 0, 0), 0.08, 0.2, 0.68, 0.1),
    (1, 5, 5, 5, 5): ((0, 0, 0, 0, 0), 0.0, 0.0, 0.6, 0.0),
    (1, 1, 1, 1, 1): ((0, 0, 0, 0, 0), 0.0, 0.0, 0.0, 0.0),
}


@pytest.mark.parametrize("scores", TABLE)
def test_a_verdict_in_every_profile(scores: tuple[int, ...]) -> None:
    values, average, soft, uncut, paper = TABLE[scores]
    parts = marked(reply(scores))
    assert [parts[n] for n in COLUMNS] == pytest.approx(values)
    assert parts["Avg"] == pytest.approx(average)
    assert parts["Avg_soft"] == pytest.approx(soft)
    assert parts["Avg_uncut"] == pytest.approx(uncut)
    assert parts["Avg_paper"] == pytest.approx(paper)
    assert [parts[f"{n}_official"] for n in COLUMNS] == pytest.approx(values)
    assert parts["Avg_official"] == pytest.approx(average)
    assert len(parts) == 15


def test_the_quantities_are_what_a_verdict_gives() -> None:
    declared = (*judge_metric.STRICT, *judge_metric.OFFICIAL, *judge_metric.PAPER)
    assert {q.name for q in declared} == set(marked(reply(FIVES)))
    assert declared[0].name == "Avg"
    profiles = {q.name: q.profile for q in declared}
    assert {n for n, p in profiles.items() if p == "official"} == {f"{n}_official" for n in NAMES}
    assert {n for n, p in profiles.items() if p == "paper"} == {"Avg_paper"}
    assert all(q.range == (0.0, 1.0) and q.worst == 0.0 for q in declared)


@settings(deadline=None)
@given(st.tuples(*[st.integers(1, 5)] * 5))
def test_strict_numbers_are_those_of_the_arithmetic(scores: tuple[int, ...]) -> None:
    parts = marked(reply(scores))
    by_question = dict(zip(judging.QUESTIONS, scores, strict=True))
    for name, cutoff in (("Avg", "hard"), ("Avg_soft", "soft"), ("Avg_uncut", "none")):
        wanted = judging.judge_scores(by_question, cutoff=cutoff)  # type: ignore[arg-type]
        assert parts[name] == pytest.approx(wanted.weighted, abs=1e-12)
    hard = judging.judge_scores(by_question).values
    assert {n: parts[n] for n in COLUMNS} == pytest.approx(dict(hard))


def panel(*replies: str, scores: Mapping[str, float]) -> Verdict:
    members = tuple(verdict(r) for r in replies)
    return Verdict(judge="panel", status="ok", scores=scores, members=members)


def test_a_panel_between_two_scores() -> None:
    said = panel(reply((3, 5, 5, 5, 5)), reply((4, 5, 5, 5, 5)), scores={
        "TA": 3.5, "TP": 5.0, "SI": 5.0, "LR": 5.0, "VC": 5.0,
    })  # fmt: skip
    parts = judge_metric.mark(judge_metric.rubric(), said).parts
    assert parts["TA"] == pytest.approx(0.7)  # between .6 and .8
    assert [parts[n] for n in COLUMNS[1:]] == [0, 0, 0, 0]  # 3.5 is below 4
    wanted = {"Avg": 0.28, "Avg_soft": 0.7, "Avg_uncut": 0.88, "Avg_paper": 0.25}
    assert {n: parts[n] for n in wanted} == pytest.approx(wanted)
    assert parts["Avg_official"] == pytest.approx(0.28)


def test_a_panel_across_the_large_step() -> None:
    said = panel(reply((5, 2, 5, 5, 5)), reply((4, 3, 5, 5, 5)), scores={
        "TA": 4.5, "TP": 2.5, "SI": 5.0, "LR": 5.0, "VC": 5.0,
    })  # fmt: skip
    parts = judge_metric.mark(judge_metric.rubric(), said).parts
    assert (parts["TA"], parts["TP"]) == pytest.approx((0.9, 0.4))
    wanted = {"Avg": 0.78, "Avg_soft": 0.738, "Avg_paper": 0.35 + 0.1125 + 0.3}
    assert {n: parts[n] for n in wanted} == pytest.approx(wanted)


# --- what the released script drops -------------------------------------------------------------


def official(said: Verdict) -> tuple[set[float | None], set[str]]:
    """The official numbers, and the notes on them."""
    marks = judge_metric.mark(judge_metric.rubric(), said)
    assert marks.parts["Avg"] is not None
    values = {marks.parts[f"{n}_official"] for n in NAMES}
    return values, {marks.notes.get(f"{n}_official", "") for n in NAMES}


def test_J11_an_answer_as_text_is_dropped_officially_and_counted_by_us() -> None:
    values, notes = official(verdict(reply(FIVES, Q3="4")))
    assert values == {None}
    assert notes == {"the released script drops this reply for its Q3 (J11)"}
    assert marked(reply(FIVES, Q3="4"))["SI"] == 0.8
    assert marked(reply(FIVES, Q3="4"))["Avg_paper"] == pytest.approx(0.975)
    assert official(verdict(reply(FIVES, Q3=4.0))) == ({1.0, 0.8, 0.98}, {""})


@pytest.mark.parametrize(
    "raw",
    [
        json.dumps(dict(zip(judging.QUESTIONS, FIVES, strict=True))),
        json.dumps({"score": dict(zip(judging.QUESTIONS, FIVES, strict=True))}),
        f'<think>{{"score": {{"Q1": 1}}}}</think>{reply(FIVES)}',
        json.dumps({"result": json.loads(reply(FIVES))}),
        json.dumps({q: {"score": 5, "reason": "r"} for q in judging.QUESTIONS}),
    ],
)
def test_J4_a_reply_that_the_script_cannot_use_is_counted_by_us(raw: str) -> None:
    values, notes = official(verdict(raw))
    assert values == {None}
    assert notes == {"the released script cannot use this reply (dropped, J4)"}


def test_other_capitals_are_dropped_officially() -> None:
    raw = json.dumps({"score": {q.lower(): 5 for q in judging.QUESTIONS}, "reason": {}})
    values, notes = official(verdict(raw))
    assert values == {None}
    assert notes == {"the released script drops this reply for its Q1, Q2, Q3, Q4, Q5 (J11)"}


def test_one_member_that_is_dropped_drops_the_panel() -> None:
    fives: dict[str, float] = dict.fromkeys(COLUMNS, 5.0)
    assert official(panel(reply(FIVES), reply(FIVES), scores=fives)) == ({1.0}, {""})
    values, notes = official(panel(reply(FIVES), reply(FIVES, Q2="5"), scores=fives))
    assert values == {None}
    assert "Q2 (J11)" in notes.pop()


def released(raw: str) -> tuple[float | None, ...]:
    """What both released steps make of one reply: Avg, then the five; Nones when it is dropped."""
    read = judging.official_reply(raw)
    line = json.dumps({"path": {}, "gemini_eval_score": read.score})
    made = judging.official_report({"m": {"a.jsonl": [line]}}, enable_cutoff=True)["m"]["Real"]
    if not made["Count"]:
        return (None,) * 6
    return made["Weighted Score"], *made["Detail Metrics"].values()


odd_answers = st.one_of(st.integers(1, 5), st.sampled_from(["4", "5", " 3 ", "2.0", 4.0, 1.0]))


@settings(deadline=None)
@given(st.tuples(*[odd_answers] * 5), st.booleans())
def test_official_numbers_are_those_of_the_released_steps(
    answers: tuple[Any, ...], with_reason: bool
) -> None:
    first = answers[0]
    # Behind the cut-off see the test below.
    assume(isinstance(first, str) or first >= 4 or not any(isinstance(a, str) for a in answers))
    said = json.loads(reply(answers))
    raw = json.dumps(said if with_reason else {"score": said["score"]})
    parts = marked(raw)
    ours = tuple(parts[f"{n}_official"] for n in NAMES)
    assert ours == pytest.approx(released(raw), abs=5e-5)


def test_J11_junk_behind_the_cut_off_is_counted_officially() -> None:
    raw = reply(FIVES, Q1=3, Q2="5")
    assert released(raw) == (0.24, 0.6, 0, 0, 0, 0)
    parts = marked(raw)
    assert [parts[f"{n}_official"] for n in NAMES] == pytest.approx([0.24, 0.6, 0, 0, 0, 0])


def test_official_numbers_are_of_what_the_released_script_read() -> None:
    raw = f"{reply(FIVES)}<think>Or rather {reply(FIVES, Q1=1)}</think>"
    assert marked(raw)["Avg"] == 1.0
    assert marked(raw)["Avg_official"] == pytest.approx(released(raw)[0])


# --- items --------------------------------------------------------------------------------------

MakeItem = Callable[..., Item]


@pytest.fixture
def item(tmp_path: Path) -> MakeItem:
    """``item("s1", truth=True, original=True, output=True, **reference)`` -> an item on disk."""

    def picture(name: str, colour: str) -> Path:
        path = tmp_path / "pictures" / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        image = Image.new("RGB", (24, 16), colour)
        image.putpixel((0, 0), tuple(sha256(name.encode()).digest()[:3]))  # no two are equal
        image.save(path)
        return path

    def build(
        name: str = "s1", *, truth: bool = True, original: bool = True, output: bool = True,
        **fields: Any,
    ) -> Item:  # fmt: skip
        known = {
            "record_id": 365, "sub_class": "2.2", "source_text": "SALE", "target_text": "OPEN",
            "caption": "A sign.", **fields,
        }  # fmt: skip
        made = picture(f"{name}-out", "red")
        ref = ImageRef(sha256=sha256_file(made), suffix=".png", width=24, height=16)
        return Item(
            sample=Sample(
                id=name, benchmark="textedit", suite="t", task="edit", prompt="",
                images=(picture(f"{name}-in", "blue"),) if original else (),
                reference_images=(picture(f"{name}-gt", "green"),) if truth else (),
                reference=TextEditReference(**known),
            ),
            prediction=Prediction(
                sample=name, trial=0, seed=0, status="ok", images=(ref,) if output else ()
            ),
            images=(made,) if output else (),
        )  # fmt: skip

    return build


def scripted(tmp_path: Path, replies: Mapping[str, Any], name: str = "script") -> JudgeSpec:
    file = tmp_path / f"{name}.json"
    file.write_text(json.dumps(replies))
    return JudgeSpec(name=f"scripted:{name}", backend="scripted", argument=str(file))


def scoring(tmp_path: Path, *judges: JudgeSpec, **options: Any) -> ScoringSettings:
    outer = {k: options.pop(k) for k in ("errata", "device", "weights") if k in options}
    return ScoringSettings(
        ocr="", cache=tmp_path / "cache", judging=JudgeSettings(judges=judges, **options), **outer
    )


def metric(made: ScoringSettings) -> RubricMetric:
    (only,) = judge_metric.metrics(made, OcrReader(cache=made.cache))
    assert isinstance(only, RubricMetric)
    return only


def test_a_scripted_verdict_becomes_a_score(tmp_path: Path, item: MakeItem) -> None:
    judge = scripted(tmp_path, {"s1": reply((4, 3, 2, 5, 1)), "*": reply(FIVES, Q5="5")})
    made = metric(scoring(tmp_path, judge))
    one, other = made.score([item("s1"), item("s2")])
    assert (one.status, one.value, one.sample) == ("ok", pytest.approx(0.62), "s1")
    assert one.evidence["scores"] == {"TA": 4, "TP": 3, "SI": 2, "LR": 5, "VC": 1}
    assert one.evidence["reasons"] == {"TA": "seen"}
    assert (one.evidence["judge"], one.evidence["served"]) == ("scripted:script", ["scripted"])
    assert (one.evidence["prompt"], one.evidence["rubric"]) == ("textedit 1", made.rubric.hash)
    assert one.fingerprint == made.fingerprint()
    assert one.verdict is not None
    assert other.value == 1.0
    assert other.parts["Avg_official"] is None
    assert "Q5 (J11)" in other.notes["TA_official"]


def test_a_judge_sees_original_truth_and_result_and_is_told_both_texts(
    tmp_path: Path, item: MakeItem
) -> None:
    made = metric(scoring(tmp_path, scripted(tmp_path, {"*": reply(FIVES)})))
    asked = item("s1")
    request = made.requests(asked)[0]
    assert [s.path for s in request.shown] == [
        *asked.sample.images, *asked.sample.reference_images, *asked.images
    ]  # fmt: skip
    assert [s.sha256 for s in request.shown] == [sha256_file(s.path) for s in request.shown]
    assert request.fields == {"source_text": "SALE", "target_text": "OPEN"}
    assert made.requests(asked)[0].hash == request.hash
    assert made.requests(asked, 1)[0].hash != request.hash
    assert made.requests(item("s1", target_text="OPEN "))[0].hash != request.hash


def test_repeats_are_summed_up(tmp_path: Path, item: MakeItem) -> None:
    replies = [reply((3, 5, 5, 5, 5)), reply((4, 5, 5, 5, 5))]
    made = metric(scoring(tmp_path, scripted(tmp_path, {"*": replies}), repeats=2))
    (score,) = made.score([item()])
    assert score.evidence["scores"]["TA"] == 3.5
    assert score.value == pytest.approx(0.28)
    assert score.parts["Avg_soft"] == pytest.approx(0.7)
    assert len(score.evidence["verdicts"]) == 2


@pytest.mark.parametrize(
    ("answer", "status"),
    [("It looks good.", "unparsed"), (reply(FIVES, Q2=6), "unparsed"),
     ({"status": "refused", "reason": "no faces"}, "refused"),
     ({"status": "truncated", "raw": reply(FIVES), "reason": "too long"}, "truncated"),
     (None, "empty")],
)  # fmt: skip
def test_a_verdict_that_failed_is_no_number(
    tmp_path: Path, item: MakeItem, answer: Any, status: str
) -> None:
    made = metric(scoring(tmp_path, scripted(tmp_path, {"s1": answer})))
    (score,) = made.score([item()])
    assert (score.status, score.value) == ("failed", None)
    assert set(score.parts.values()) == {None}
    assert len(score.parts) == 15
    assert score.reason.startswith(f"{status}: ")


def scored(tmp_path: Path, asked: Item, **options: Any) -> tuple[Score, RubricMetric]:
    made = metric(scoring(tmp_path, scripted(tmp_path, {"*": reply(FIVES)}), **options))
    (score,) = made.score([asked])
    return score, made


@pytest.mark.parametrize("lack", ["truth", "original"])
def test_without_a_picture_to_compare_with_it_does_not_apply(
    tmp_path: Path, item: MakeItem, lack: str
) -> None:
    score, made = scored(tmp_path, item(**{lack: False}))
    assert (score.status, score.value) == ("not_applicable", None)
    assert "no original image or no ground truth" in score.reason
    assert score.verdict is None
    with pytest.raises(Unjudgeable):
        made.requests(item(**{lack: False}))


def test_a_sample_of_another_benchmark_does_not_apply(tmp_path: Path, item: MakeItem) -> None:
    strange = item()
    strange = replace(strange, sample=replace(strange.sample, reference=None))
    score, _ = scored(tmp_path, strange)
    assert score.status == "not_applicable"


def test_a_prediction_without_a_picture_is_a_failure(tmp_path: Path, item: MakeItem) -> None:
    score, _ = scored(tmp_path, item(output=False))
    assert score.status == "failed"
    assert score.reason.startswith("not_found: ")
    gone = item("s2")
    gone.sample.images[0].unlink()
    score, made = scored(tmp_path, gone)
    assert score.reason.startswith("not_found: ")
    with pytest.raises(ImageError):
        made.requests(gone)


def test_errata(tmp_path: Path, item: MakeItem) -> None:
    faulty = {
        "source_text": "Season4", "target_text": "Spencer", "errata": ("cut_at_apostrophe",),
    }  # fmt: skip
    score, _ = scored(tmp_path, item(**faulty), errata="exclude")
    assert (score.status, score.value) == ("not_applicable", None)
    assert score.reason == "excluded by errata: cut_at_apostrophe"
    assert scored(tmp_path, item(), errata="exclude")[0].status == "ok"
    for policy, wanted in (("off", "Spencer"), ("fix", "Spencer's")):
        score, made = scored(tmp_path, item(**faulty), errata=policy)
        assert score.status == "ok"
        assert made.requests(item(**faulty))[0].fields["target_text"] == wanted


# --- identity -----------------------------------------------------------------------------------


def asked(options: Mapping[str, Any] | None = None, **changes: Any) -> JudgeSpec:
    base: dict[str, Any] = {
        "name": "openai:m", "backend": "openai", "argument": "m",
        "options": {"base_url": "http://127.0.0.1:1/v1", **(options or {})},
    }  # fmt: skip
    return JudgeSpec(**{**base, **changes})


@pytest.mark.parametrize(
    "other",
    [
        {"judges": (asked(argument="m2"),)},
        {"judges": (asked({"temperature": 1.0}),)},
        {"judges": (asked({"max_tokens": 100}),)},
        {"judges": (asked({"detail": "low"}),)},
        {"judges": (asked({"schema": "off"}),)},
        {"judges": (asked({"seed": 1}),)},
        {"judges": (asked({"reasoning_effort": "low"}),)},
        {"judges": (asked({"extra": {"top_p": 0.5}}),)},
        {"judges": (asked({"base_url": "https://example.org/v1"}),)},
        {"judges": (asked(), asked(argument="m2"))},
        {"repeats": 2},
        {"aggregate": "mean"},
    ],
)
def test_what_decides_changes_the_fingerprint(tmp_path: Path, other: dict[str, Any]) -> None:
    def made(**options: Any) -> str:
        judges = options.pop("judges", (asked(),))
        return metric(scoring(tmp_path, *judges, **options)).fingerprint()

    assert made() == made()
    assert made(**other) != made()


def test_the_prompt_changes_the_fingerprint(tmp_path: Path) -> None:
    prompts = []
    for number, words in enumerate(["", " Now.", ""]):
        file = tmp_path / f"p{number}.txt"
        file.write_text("{source_text} {target_text}" + words)
        prompts.append(metric(scoring(tmp_path, asked(), prompt=file)).fingerprint())
    own = metric(scoring(tmp_path, asked())).fingerprint()
    assert len({own, *prompts}) == 3
    assert prompts[0] == prompts[2]  # the same words under another name


def test_what_does_not_decide_leaves_the_fingerprint(tmp_path: Path) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text("[models.m]\ninput = 1\noutput = 1\n")
    usual = metric(scoring(tmp_path, asked())).fingerprint()
    for judge in (
        asked(name="another name"), asked({"concurrency": 2}), asked({"attempts": 1}),
        asked({"minutes": 1.0}), asked({"timeout": 1.0}), asked({"price_in": 1, "price_out": 2}),
        asked({"api_key_env": "OTHER"}), asked({"base_url": "http://localhost:99/v1"}),
    ):  # fmt: skip
        assert metric(scoring(tmp_path, judge)).fingerprint() == usual
    for options in (
        {"prices": prices}, {"tape": tmp_path / "t.jsonl"}, {"pool": True},
        {"budget": Budget(1.0)}, {"device": "cuda"}, {"weights": {"clip": "x"}},
    ):  # fmt: skip
        assert metric(scoring(tmp_path, asked(), **options)).fingerprint() == usual


def test_errata_change_the_fingerprint(tmp_path: Path) -> None:
    made = {
        metric(scoring(tmp_path, asked(), errata=e)).fingerprint()
        for e in ("off", "fix", "exclude")
    }
    assert len(made) == 3


def test_arithmetic_changes_the_fingerprint_and_not_the_question(tmp_path: Path) -> None:
    made = metric(scoring(tmp_path, asked()))
    weights = dict.fromkeys(COLUMNS, 0.2)
    for rubric in (
        replace(made.rubric, weights=weights), replace(made.rubric, cutoff=None),
        replace(made.rubric, normalise={n: (n - 1) / 4 for n in range(1, 6)}),
    ):  # fmt: skip
        other = replace(made, rubric=rubric)
        assert other.fingerprint() != made.fingerprint()
        assert other.rubric.hash == made.rubric.hash


def test_a_replayed_judge_has_the_fingerprint_of_the_recorded_one(
    tmp_path: Path, item: MakeItem
) -> None:
    recorded = metric(scoring(tmp_path, scripted(tmp_path, {"*": reply(FIVES)})))
    tape = tmp_path / "t.jsonl"
    first = metric(scoring(tmp_path, scripted(tmp_path, {"*": reply(FIVES)}), tape=tape))
    assert first.score([item()])[0].value == 1.0
    spec = JudgeSpec(name="replay", backend="replay", argument=str(tape))
    again = metric(scoring(tmp_path, spec))
    assert again.fingerprint() == recorded.fingerprint()
    assert again.score([item()])[0].value == 1.0
    (score,) = again.score([item("s2", target_text="CLOSED")])
    assert (score.status, score.reason[:9]) == ("failed", "missing: ")


# --- who is there -------------------------------------------------------------------------------


def test_without_a_judge_the_metric_is_absent_and_says_how_to_get_one(tmp_path: Path) -> None:
    absence = metric(scoring(tmp_path)).absence()
    assert absence is not None
    assert "no MLLM judge is chosen" in absence.reason
    assert "--judge openai:MODEL" in absence.fix
    assert metric(scoring(tmp_path, scripted(tmp_path, {}))).absence() is None


@pytest.mark.skipif(importlib.util.find_spec("openai") is None, reason="openai is not installed")
def test_a_hosted_judge_without_a_key_is_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    hosted = asked(options={"base_url": "https://api.openai.com/v1"})
    absence = metric(scoring(tmp_path, hosted)).absence()
    assert absence is not None
    assert "OPENAI_API_KEY is not set" in absence.reason
    assert metric(scoring(tmp_path, asked())).absence() is None
    assert "OPENAI_API_KEY" not in os.environ


@pytest.mark.skipif(not MEASURED, reason="the rules of the heuristic judge are not there")
def test_measuring_is_a_metric_of_its_own_and_only_there_when_asked_for(tmp_path: Path) -> None:
    heuristic = JudgeSpec(name="heuristic", backend="heuristic")
    reader = OcrReader(cache=tmp_path / "cache")

    def names(*judges: JudgeSpec) -> dict[str, RubricMetric]:
        made = judge_metric.metrics(scoring(tmp_path, *judges), reader)
        return {m.name: m for m in made if isinstance(m, RubricMetric)}

    assert list(names()) == list(names(asked())) == ["judge"]
    alone = names(heuristic)
    assert list(alone) == ["judge", "judge_heuristic"]
    assert alone["judge"].absence() is not None
    both = names(heuristic, asked())
    assert [s.backend for s in both["judge"].specs] == ["openai"]
    assert [s.backend for s in both["judge_heuristic"].specs] == ["heuristic"]
    assert {q.profile for q in both["judge_heuristic"].quantities} == {"strict"}
    assert both["judge"].fingerprint() == names(asked())["judge"].fingerprint()
    assert both["judge_heuristic"].fingerprint() == alone["judge_heuristic"].fingerprint()


def test_without_the_heuristic_there_is_one_metric(tmp_path: Path) -> None:
    for judges in ((), (asked(),), (asked(), asked(argument="m2"))):
        made = judge_metric.metrics(scoring(tmp_path, *judges), OcrReader(cache=tmp_path / "cache"))
        assert [m.name for m in made] == ["judge"]


def test_a_judge_or_prompt_that_makes_no_sense_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no judge backend 'opnai'.*'openai'"):
        metric(scoring(tmp_path, JudgeSpec(name="x", backend="opnai"))).fingerprint()
    with pytest.raises(UserError, match="cannot be read"):
        metric(scoring(tmp_path, asked(), prompt=tmp_path / "gone.txt"))


# --- the manifest -------------------------------------------------------------------------------


def manifest(made: ScoringSettings) -> dict[str, Any]:
    board = Board(
        benchmark=BENCHMARK, suite=BENCHMARK.suites["synth"], source=DataSource(), samples=(),
        metrics=judge_metric.metrics(made, OcrReader(cache=made.cache)), identity="",
    )  # fmt: skip
    stored: dict[str, Any] = json.loads(json.dumps(plain(scoring_manifest(board, made))))
    return stored


def test_the_manifest_names_judge_and_prompt(tmp_path: Path) -> None:
    prompt = tmp_path / "official.txt"
    prompt.write_text("{source_text} {target_text}")
    made = scoring(
        tmp_path, asked(), asked(argument="m2", name="second"), repeats=3, aggregate="mean",
        prompt=prompt, pool=True, tape=tmp_path / "t.jsonl",
    )  # fmt: skip
    stored = manifest(made)
    judge = stored["settings"]["judge"]
    assert (judge["model"], judge["names"]) == ("m + m2", ["openai:m", "second"])
    assert judge["prompt"].startswith("official prompt (official.txt, sha256 ")
    assert (judge["repeats"], judge["aggregate"]) == (3, "mean")
    assert [j["name"] for j in judge["judges"]] == ["openai:m", "second"]
    assert len({j["key"] for j in judge["judges"]}) == 2
    assert judge["judges"][0]["temperature"] == 0.0
    assert stored["fingerprints"]["judge"] == metric(made).fingerprint()
    judging_by = stored["settings"]["judging"]
    assert judging_by["judges"][1] == {
        "name": "second", "backend": "openai", "argument": "m2",
        "options": {"base_url": "http://127.0.0.1:1/v1"},
    }  # fmt: skip
    assert judging_by["pool_judges"] is True
    assert judging_by["judge_prompt"] == str(prompt)
    assert stored["absences"] == {}
    assert [q["name"] for q in stored["metrics"][0]["quantities"]][:2] == ["Avg", "TA"]


def test_the_manifest_of_a_run_without_a_judge(tmp_path: Path) -> None:
    stored = manifest(scoring(tmp_path))
    assert stored["settings"]["judge"] == {}
    assert stored["settings"]["judging"]["judges"] == []
    assert stored["settings"]["judging"]["pool_judges"] is False
    assert "no MLLM judge" in stored["absences"]["judge"]["reason"]
    own = manifest(scoring(tmp_path, asked()))
    assert own["settings"]["judge"]["prompt"] == "textedit 1"
