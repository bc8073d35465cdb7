"""What each editing benchmark asks, of which pictures, and what it makes of the replies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evals.core.errors import ImageError, UserError
from evals.core.types import Item
from judges.metric import Marks
from tests.benchmarks.editing import kit
from tests.benchmarks.kit import write_json


class Asked:
    """A benchmark over made-up data, with a metric that can be asked and marked."""

    def __init__(self, name: str, folder: Path, prompt: Path | None = None, **changes: Any) -> None:
        self.samples = kit.load(name, kit.LAYOUTS[name](folder / "data"), folder / "cache")
        self.metric = kit.metric(name, folder / "cache", prompt)
        self.folder = folder

    def item(self, sample: str) -> Item:
        return kit.answered(self.samples[sample], self.folder / "made")

    def questions(self, sample: str) -> dict[str, tuple[str, list[str], list[str]]]:
        """Question -> (script, names of the files shown, fields told)."""
        turns = self.metric.ask(self.item(sample), {})
        assert len(turns) == self.metric.calls(self.samples[sample])
        return {
            t.name: (
                t.script.name.partition(".")[2],
                [t.question.images[i.role].name for i in t.script.images],
                sorted(t.question.fields),
            )
            for t in turns
        }

    def text(self, sample: str, question: str) -> tuple[str, tuple[str, ...]]:
        """What the judge is told, and the labels of the pictures."""
        (turn,) = [t for t in self.metric.ask(self.item(sample), {}) if t.name == question]
        _, text, labels = turn.script.text(turn.question.fields)
        return text, labels

    def marks(self, sample: str, **replies: str) -> Marks:
        return kit.marks(self.metric, self.item(sample), replies)


@pytest.fixture
def asked(tmp_path: Path, request: pytest.FixtureRequest) -> Asked:
    return Asked(request.param, tmp_path)


def of(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("asked", [name], indirect=True)


def rounded(marks: Marks) -> Mapping[str, float | None]:
    return {n: None if v is None else round(v, 3) for n, v in marks.parts.items()}


@pytest.mark.parametrize("name", kit.LAYOUTS)
def test_a_prediction_without_a_picture_is_no_question(name: str, tmp_path: Path) -> None:
    asked = Asked(name, tmp_path)
    item = asked.item(next(iter(asked.samples)))
    with pytest.raises(ImageError, match="holds no image"):
        asked.metric.ask(replace(item, images=()), {})


@pytest.mark.parametrize("name", kit.LAYOUTS)
def test_an_unreadable_reply_fails_and_is_never_a_strict_number(name: str, tmp_path: Path) -> None:
    asked = Asked(name, tmp_path)
    strict = {q.name for q in asked.metric.quantities if q.profile == "strict"}
    for sample in asked.samples:
        marks = asked.marks(sample, **{"*": "no idea"})
        assert marks.failure.startswith("unparsed: ")
        assert {marks.parts[q] for q in strict} == {None}
        assert set(marks.parts) == {q.name for q in asked.metric.quantities}


# --- ImgEdit ----------------------------------------------------------------------------------


@of("imgedit")
def test_imgedit_asks_in_the_words_of_the_type(asked: Asked) -> None:
    assert asked.questions("4") == {"grades": ("style", ["004.png", "4.png"], ["instruction"])}
    text, labels = asked.text("4", "grades")
    assert "Style Fidelity: a whole number" in text
    assert "do 4" in text
    assert len(labels) == 2


@of("imgedit")
def test_imgedit_marks(asked: Asked) -> None:
    reply = "Style Fidelity: 2\nContent Preservation: 5\nRendering Quality: 3"
    marks = asked.marks("4", grades=reply + "\nOverall: 5")
    expected = {"score": 3.333, "q1": 2, "q2": 5, "q3": 3, "score_official": 3.75}
    assert rounded(marks) == expected
    assert "no score above Style Fidelity" in marks.notes["score"]
    assert not marks.failure
    bold = asked.marks("4", grades=reply.replace(": ", ":** "))
    assert bold.parts["score"] == pytest.approx(10 / 3)
    assert bold.parts["score_official"] is None
    assert "drops this reply" in bold.notes["score_official"]
    assert "ends" in asked.marks("4", grades="a: ²").notes["score_official"]
    assert asked.marks("4", grades="Overall: 5").parts["score_official"] == 5  # and failed


# --- GEdit ------------------------------------------------------------------------------------


@of("gedit")
def test_gedit_asks_twice_at_the_size_of_the_source(asked: Asked) -> None:
    sample = next(iter(asked.samples))
    source = asked.samples[sample].images[0].name
    found = asked.questions(sample)
    assert found["semantics"] == ("semantics", [source, f"{sample}.png"], ["instruction"])
    assert found["quality"] == ("quality", [f"{sample}.png"], [])
    turns = asked.metric.ask(asked.item(sample), {})
    assert [t.script.images[-1].fit for t in turns] == ["source", "source"]
    assert all("source" in t.question.images for t in turns)


@of("gedit")
def test_gedit_marks(asked: Asked) -> None:
    sample = next(iter(asked.samples))
    marks = asked.marks(sample, semantics='{"score": [9, 4]}', quality='{"score": [11, 9]}')
    assert rounded(marks) == {
        "O": None, "SC": None, "PQ": None, "SC_official": 4, "PQ_official": 9, "O_official": 6,
    }  # fmt: skip
    assert "quality: the reply's score is not two numbers" in marks.failure
    guessed = asked.marks(sample, semantics="7 of 10", quality="[8, 8]")
    assert guessed.parts["O_official"] is None
    assert "random" in guessed.notes["O_official"]
    lone = asked.marks(sample, semantics="7", quality="[8, 8]")
    assert (lone.parts["SC_official"], lone.parts["SC"]) == (7, None)


# --- RISE -------------------------------------------------------------------------------------


@of("rise")
def test_rise_asks_what_the_record_has(asked: Asked) -> None:
    def script(sample: str) -> Sequence[Any]:
        return [(q, s, [n for n in shown if n != f"{sample}.png"], told)
                for q, (s, shown, told) in asked.questions(sample).items()]  # fmt: skip

    both = ["instruction", "reference"]
    assert script("temporal_1") == [
        ("consistency", "consistency", ["0.png"], ["instruction"]),
        ("reasoning", "reasoning", [], both),
        ("plausibility", "plausibility", [], []),
    ]
    assert script("causal_2") == [
        ("reasoning", "reasoning_source", ["0.png"], both),
        ("plausibility", "plausibility", [], []),
    ]
    assert [s for _, s, *_ in script("spatial_3")] == [
        "spatial_consistency", "spatial_reasoning_source", "spatial_plausibility",
    ]  # fmt: skip
    # The picture of a right answer stands in the place of the source (RISE-7).
    assert script("spatial_4")[:2] == [
        ("consistency", "spatial_consistency", ["ref.png"], ["instruction"]),
        ("reasoning", "spatial_reasoning_image", ["ref.png"], ["instruction"]),
    ]
    assert script("logical_5") == [
        ("consistency", "logical_consistency_text", ["0.png"], both),
        ("reasoning", "logical_text", [], ["reference"]),
    ]
    assert script("logical_6") == [
        ("consistency", "logical_consistency", ["ref.png"], ["instruction"]),
        ("reasoning", "logical_image_alone", ["ref.png"], []),
    ]


@of("rise")
def test_rise_marks(asked: Asked) -> None:
    def final(c: str, r: str, v: str) -> dict[str, str]:
        return {n: f"**Final Score:** {s}" for n, s in
                (("consistency", c), ("reasoning", r), ("plausibility", v))}  # fmt: skip

    full = asked.marks("causal_2", **final("-", "5", "5")).parts
    assert [full[f"accuracy{e}"] for e in ("", "_official", "_2026_04")] == [100, 0, 100]
    assert full["consistency"] is None
    # One flag in the data: the released formula leaves consistency out of every other sample.
    light = asked.marks("temporal_1", **final("1", "5", "5")).parts
    assert [light["score"], light["score_official"]] == pytest.approx([70, 100])
    assert (light["accuracy"], light["accuracy_official"]) == (0, 0)
    logical = asked.marks("logical_5", **final("1", "0", "-")).parts
    assert (logical["consistency"], logical["reasoning"], logical["plausibility"]) == (100, 0, None)
    assert logical["score"] == pytest.approx(2.5)
    unread = asked.marks("temporal_1", **final("five", "5", "5"))
    assert (unread.parts["accuracy_official"], unread.parts["score_official"]) == (0, None)
    assert "consistency: " in unread.failure
    ended = asked.marks("temporal_1", **final("4\n\n1.", "5", "5"))
    assert (ended.parts["accuracy_official"], ended.failure) == (None, "")
    assert "ends" in ended.notes["accuracy_official"]
    assert ended.parts["consistency"] == 75


# --- KRIS -------------------------------------------------------------------------------------


@of("kris")
def test_kris_asks_by_category(asked: Asked) -> None:
    def names(sample: str) -> list[str]:
        return [s for s, *_ in asked.questions(sample).values()]

    assert names("color_change-1") == ["consistency", "instruction", "quality"]
    assert names("biology-1") == ["consistency", "knowledge", "quality"]
    assert names("viewpoint_change-1") == ["consistency", "viewpoint", "quality"]
    made = "multi-element_composition-1"
    assert asked.questions(made)["instruction"][1] == ["a.png", "b.png", f"{made}.png"]
    frames = asked.questions("temporal_prediction-1")["consistency"][1]
    assert frames == ["1-1.png", "1-2.png", "temporal_prediction-1.png", "1-4.png"]
    _, labels = asked.text("temporal_prediction-1", "instruction")
    assert [label.rpartition("(")[2] for label in labels] == ["given)", "given)", "made)", "given)"]
    assert asked.questions("viewpoint_change-1")["instruction"][1][-1] == "gt.png"


@of("kris")
def test_kris_marks(asked: Asked) -> None:
    dual = '{"instruction_score": 2, "knowledge_score": 5}'
    good = {"consistency": '{"consistency_score": 4}', "quality": '{"quality_score": 5}'}
    marks = asked.marks("biology-1", **good, instruction=dual)
    assert rounded(marks)["score"] == round((75 + 100 + 25 + 100) / 4, 3)
    assert "KRIS-3" in marks.notes["score"]
    assert (marks.parts["sum_official"], marks.parts["grades_official"]) == (300, 4)
    bare = asked.marks("color_change-1", **good, instruction='{"instruction_score": 9}')
    assert (bare.parts["instruction_official"], bare.parts["instruction"]) == (200, None)
    assert bare.parts["score"] is None
    digit = asked.marks("color_change-1", **good, instruction="1. Detect 2. Match")
    assert digit.parts["instruction_official"] == 0  # KRIS-1: the digit of a list
    none = asked.marks("color_change-1", **{"*": "?"})
    assert none.parts["sum_official"] is None
    one = asked.marks("color_change-1", consistency="4/5")
    assert (one.parts["sum_official"], one.parts["grades_official"]) == (75, 1)


# --- WiseEdit ---------------------------------------------------------------------------------


@of("wiseedit")
def test_wiseedit_asks_by_category_in_english(asked: Asked) -> None:
    found = asked.questions("Awareness_2-7-cn")
    made = "Awareness_2-7-cn.png"
    assert list(found) == ["DP", "IF", "VQ", "KF"]
    assert found["IF"] == ("IF_multi", ["1.png", "2.png", made, "ref.png"], ["hint", "instruction"])
    assert found["DP"] == ("DP_multi", ["1.png", "2.png", made], ["instruction"])
    assert found["VQ"] == ("VQ_single", [made], [])
    assert "mooncake" in asked.text("Awareness_2-7-cn", "KF")[0]
    assert "做" not in asked.text("Awareness_2-7-cn", "KF")[0]
    assert asked.samples["Awareness_2-7-cn"].prompt == "做"
    assert list(asked.questions("WiseEdit_Complex_2-7-en")) == ["DP", "IF", "VQ", "KF", "CF"]
    assert asked.questions("Imagination_1-7-en")["CF"][0] == "CF_single"


@of("wiseedit")
def test_wiseedit_marks(asked: Asked) -> None:
    ten = dict.fromkeys(("DP", "IF", "VQ"), '{"score": 10}')
    marks = asked.marks("Imagination_1-7-en", **ten, CF='{"score": 1}')
    assert (marks.parts["score"], marks.parts["CF_official"]) == (75, 1)
    assert marks.parts["KF"] is marks.parts["KF_official"] is None
    cut = asked.marks("Imagination_1-7-en", **ten, CF='{"score": 1.9}')
    assert (cut.parts["CF"], cut.parts["CF_official"]) == (None, 1)
    dropped = asked.marks("Imagination_1-7-en", **ten, CF='{"score": 11}')
    assert dropped.parts["DP"] == 10
    assert dropped.parts["DP_official"] is None
    assert "WISEEDIT-3" in dropped.notes["DP_official"]


# --- official words ---------------------------------------------------------------------------


def constants(path: Path, words: Mapping[str, str]) -> Path:
    path.write_text("".join(f"{k} = {v!r}\n" for k, v in words.items()), encoding="utf-8")
    return path


def official_file(name: str, folder: Path) -> Path:
    """A file in the form of the official one, in words of our own."""
    if name == "imgedit":
        from benchmarks.editing.imgedit.scoring import DIMENSIONS

        words = {k: f"Grade {k}. It was asked: <edit_prompt>." for k in DIMENSIONS}
        return write_json(folder / "prompts.json", words)
    if name == "gedit":
        return constants(
            folder / "vie_prompts.py",
            {
                "_context_no_delimit": "You grade.",
                "_prompts_0shot_two_image_edit_rule": "Two pictures.",
                "_prompts_0shot_tie_rule_SC": "It was asked: <instruction>",
                "_prompts_0shot_rule_PQ": "One picture.",
            },
        )
    if name in {"rise", "kris"}:
        from importlib import import_module

        table = import_module(f"benchmarks.editing.{name}.judging")._OFFICIAL
        return constants(
            folder / "prompts.py",
            {
                key: f"Grade {key}. {' and '.join(holes.values())} {{{{form}}}}"
                for key, holes in table.values()
            },
        )
    from benchmarks.editing.wiseedit.scoring import NAMES

    for form in ("single", "multi"):
        words = {f"prompt_{n}_{form}": f"Grade {n}." for n in NAMES.values()}
        words["prompt_visual_quality"] = "Grade {it}."
        constants(folder / f"prompt_{form}.py", words)
    return folder / "prompt_single.py"


@pytest.mark.parametrize("name", kit.LAYOUTS)
def test_official_words_are_asked_and_stamped(name: str, tmp_path: Path) -> None:
    prompt = official_file(name, tmp_path)
    own, official = kit.metric(name, tmp_path), Asked(name, tmp_path, prompt)
    assert own.fingerprint() != official.metric.fingerprint()
    assert prompt.name in official.metric.wording[1]
    for sample in official.samples.values():
        for turn in official.metric.ask(official.item(sample.id), {}):
            system, text, labels = turn.script.text(turn.question.fields)
            assert not system
            assert text.startswith(("Grade", "You grade"))
            assert "\0" not in text
            assert set(labels) <= {""}
            told = turn.question.fields.get("instruction")
            assert told is None or told in text
    path = prompt.with_name("other.json")
    path.write_text("{}")
    with pytest.raises(UserError, match="prompt"):
        kit.metric(name, tmp_path, path)


def test_doubled_braces_of_a_template_become_single_ones(tmp_path: Path) -> None:
    asked = Asked("kris", tmp_path, official_file("kris", tmp_path))
    assert "{form}" in asked.text("biology-1", "instruction")[0]
    assert "{{form}}" in asked.text("biology-1", "quality")[0], "as the released script sends it"


def test_a_file_without_the_place_for_a_field_is_refused(tmp_path: Path) -> None:
    path = official_file("rise", tmp_path)
    path.write_text(path.read_text().replace("{reference}", "it"), encoding="utf-8")
    with pytest.raises(UserError, match=r"does not hold '\{reference\}'"):
        kit.metric("rise", tmp_path, path)


def test_the_official_prompts_of_imgedit_are_taken(official_data: Path, tmp_path: Path) -> None:
    path = official_data / "imgedit" / "eval_prompts" / "prompts.json"
    if not path.exists():
        pytest.skip(f"no {path}")
    metric = kit.metric("imgedit", tmp_path, path)
    assert len(metric.scripts) == 9
    for script in metric.scripts:
        text = script.text({"instruction": "turn it around"})[1]
        assert "editing instruction is : turn it around." in text
