"""Every benchmark by name; the only list. An entry is imported when it is asked for."""

from __future__ import annotations

BENCHMARKS: dict[str, str] = {
    "textedit": "benchmarks.textedit:BENCHMARK",
    "rendered-qa": "benchmarks.understanding.rendered_qa:BENCHMARK",
    "rendered-scenes": "benchmarks.generation.rendered_scenes:BENCHMARK",
    "rendered-facts": "benchmarks.knowledge.rendered_facts:BENCHMARK",
    "mme": "benchmarks.understanding.mme:BENCHMARK",
    "seed": "benchmarks.understanding.seed:BENCHMARK",
    "chartqa": "benchmarks.understanding.chartqa:BENCHMARK",
    "ocrbench": "benchmarks.understanding.ocrbench:BENCHMARK",
    "mmmu": "benchmarks.understanding.mmmu:BENCHMARK",
    "mmbench": "benchmarks.understanding.mmbench:BENCHMARK",
    "mmstar": "benchmarks.understanding.mmstar:BENCHMARK",
    "ai2d": "benchmarks.understanding.ai2d:BENCHMARK",
    "textvqa": "benchmarks.understanding.textvqa:BENCHMARK",
    "docvqa": "benchmarks.understanding.docvqa:BENCHMARK",
    "hallusionbench": "benchmarks.understanding.hallusionbench:BENCHMARK",
    "pope": "benchmarks.understanding.pope:BENCHMARK",
    "realworldqa": "benchmarks.understanding.realworldqa:BENCHMARK",
    "dpg": "benchmarks.generation.dpg:BENCHMARK",
    "oneig": "benchmarks.generation.oneig:BENCHMARK",
    "longtext": "benchmarks.generation.longtext:BENCHMARK",
    "cvtg2k": "benchmarks.generation.cvtg2k:BENCHMARK",
    "tiif": "benchmarks.generation.tiif:BENCHMARK",
    "unigenbench": "benchmarks.generation.unigenbench:BENCHMARK",
    "wise": "benchmarks.knowledge.wise:BENCHMARK",
    "wise-verified": "benchmarks.knowledge.wise:VERIFIED_BENCHMARK",
    "genexam": "benchmarks.knowledge.genexam:BENCHMARK",
    "geneval": "benchmarks.generation.geneval:BENCHMARK",
    "geneval2": "benchmarks.generation.geneval2:BENCHMARK",
    "genai": "benchmarks.generation.genai:BENCHMARK",
    "hpsv2": "benchmarks.generation.hpsv2:BENCHMARK",
    "imgedit": "benchmarks.editing.imgedit:BENCHMARK",
    "gedit": "benchmarks.editing.gedit:BENCHMARK",
    "rise": "benchmarks.editing.rise:BENCHMARK",
    "kris": "benchmarks.editing.kris:BENCHMARK",
    "wiseedit": "benchmarks.editing.wiseedit:BENCHMARK",
    "mathvista": "benchmarks.understanding.mathvista:BENCHMARK",
    "mathverse": "benchmarks.understanding.mathverse:BENCHMARK",
    "logicvista": "benchmarks.understanding.logicvista:BENCHMARK",
    "mmvet": "benchmarks.understanding.mmvet:BENCHMARK",
    "t2i-reasonbench": "benchmarks.knowledge.t2ireasonbench:BENCHMARK",
}

CONFORMANCE: dict[str, str] = {
    "textedit": "benchmarks.textedit.conformance",
    "mcq": "benchmarks.understanding.conformance.choices:MCQ",
    "mmbench": "benchmarks.understanding.conformance.choices:MMBENCH",
    "mmmu": "benchmarks.understanding.conformance.choices:MMMU",
    "mmstar": "benchmarks.understanding.conformance.choices:MMSTAR",
    "ai2d": "benchmarks.understanding.conformance.choices:AI2D",
    "realworldqa": "benchmarks.understanding.conformance.choices:REALWORLDQA",
    "mme": "benchmarks.understanding.conformance.yes_no:MME",
    "hallusionbench": "benchmarks.understanding.conformance.yes_no:HALLUSIONBENCH",
    "pope": "benchmarks.understanding.conformance.yes_no:POPE",
    "chartqa": "benchmarks.understanding.conformance.short:CHARTQA",
    "ocrbench": "benchmarks.understanding.conformance.short:OCRBENCH",
    "vqa": "benchmarks.understanding.conformance.short:VQA",
    "anls": "benchmarks.understanding.conformance.short:ANLS",
    "mathvista": "benchmarks.understanding.conformance.judged:MATHVISTA",
    "mathverse": "benchmarks.understanding.conformance.judged:MATHVERSE",
    "logicvista": "benchmarks.understanding.conformance.judged:LOGICVISTA",
    "mmvet": "benchmarks.understanding.conformance.judged:MMVET",
    "dpg": "benchmarks.generation.dpg.conformance",
    "oneig": "benchmarks.generation.oneig.conformance",
    "longtext": "benchmarks.generation.longtext.conformance",
    "cvtg2k": "benchmarks.generation.cvtg2k.conformance",
    "tiif": "benchmarks.generation.tiif.conformance",
    "unigenbench": "benchmarks.generation.unigenbench.conformance",
    "wise": "benchmarks.knowledge.wise.conformance",
    "wise_verified": "benchmarks.knowledge.wise.conformance:CONFORMANCE_VERIFIED",
    "genexam": "benchmarks.knowledge.genexam.conformance",
    "geneval": "benchmarks.generation.geneval.conformance",
    "geneval2": "benchmarks.generation.geneval2.conformance",
    "genai": "benchmarks.generation.genai.conformance",
    "hpsv2": "benchmarks.generation.hpsv2.conformance",
    "imgedit": "benchmarks.editing.imgedit.conformance",
    "gedit": "benchmarks.editing.gedit.conformance",
    "rise": "benchmarks.editing.rise.conformance",
    "kris": "benchmarks.editing.kris.conformance",
    "wiseedit": "benchmarks.editing.wiseedit.conformance",
    "t2ireasonbench": "benchmarks.knowledge.t2ireasonbench.conformance",
}
"""Recorded vectors by the name in their file -> module that publishes ``CONFORMANCE``."""

_UNDERSTANDING = ("mme", "seed", "chartqa", "ocrbench", "mmmu", "mathverse", "logicvista")
_GENERATION = (
    "geneval", "dpg", "tiif", "oneig/en", "oneig/zh", "cvtg2k", "longtext/en", "longtext/zh",
)  # fmt: skip
_KNOWLEDGE = ("wise", "genexam")
_EDITING = ("imgedit", "gedit/en", "rise", "textedit/full")

PRESETS: dict[str, tuple[str, ...]] = {
    "quick": (
        "textedit/synth", "rendered-qa/synth", "rendered-scenes/synth", "rendered-facts/synth",
    ),
    "paper": (*_UNDERSTANDING, *_GENERATION, *_KNOWLEDGE, *_EDITING),
    "understanding": (
        *_UNDERSTANDING, "mmbench", "mathvista", "mmvet", "mmstar", "ai2d", "textvqa", "docvqa",
        "hallusionbench", "pope", "realworldqa",
    ),
    "generation": (
        *_GENERATION, "geneval2", "genai", "hpsv2", "unigenbench/en", "unigenbench/zh",
        *_KNOWLEDGE, "wise-verified", "t2i-reasonbench",
    ),
    "editing": (*_EDITING, "gedit/cn", "kris", "wiseedit"),
}  # fmt: skip
"""Sweeps by name. ``paper`` holds the nineteen benchmarks of the InternVL-U report
(arXiv:2603.09877), ``quick`` everything that is built in."""

PRESETS["all"] = tuple(
    dict.fromkeys((*PRESETS["understanding"], *PRESETS["generation"], *PRESETS["editing"]))
)
