"""Every benchmark by name; the only list. An entry is imported when it is asked for."""

from __future__ import annotations

BENCHMARKS: dict[str, str] = {
    "textedit": "benchmarks.textedit:BENCHMARK",
    "rendered-qa": "benchmarks.understanding.rendered_qa:BENCHMARK",
}

CONFORMANCE: dict[str, str] = {
    "textedit": "benchmarks.textedit.conformance",
}
"""Recorded vectors by the name in their file -> module that publishes ``CONFORMANCE``."""

_UNDERSTANDING = ("mme", "seed", "chartqa", "ocrbench", "mmmu", "mathverse", "logicvista")
_GENERATION = (
    "geneval", "dpg", "tiif", "oneig/en", "oneig/zh", "cvtg2k", "longtext/en", "longtext/zh",
)  # fmt: skip
_KNOWLEDGE = ("wise", "genexam")
_EDITING = ("imgedit", "gedit/en", "rise", "textedit/full")

PRESETS: dict[str, tuple[str, ...]] = {
    "quick": ("textedit/synth", "rendered-qa/synth"),
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
