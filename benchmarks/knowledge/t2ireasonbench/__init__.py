"""T2I-ReasonBench: pictures of idioms, texts, entities and scientific facts, scored by a judge."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.common.quantities import in_percent
from benchmarks.common.suites import official_suite
from benchmarks.knowledge.t2ireasonbench.data import FILES, NAME, SIZE, UPSTREAM, read
from benchmarks.knowledge.t2ireasonbench.scoring import DIMENSIONS
from evals.core.aggregation import STRICT_POLICY, Headline, Policy, Term, Variant
from evals.core.protocols import Benchmark, Metric, ScoringSettings
from evals.core.types import Group

TITLES = {
    "idiom": "Idiom interpretation",
    "textual_image": "Textual image design",
    "entity": "Entity reasoning",
    "scientific": "Scientific reasoning",
}


def _mean(name: str, column: str, title: str, doc: str, *, strict: bool) -> Variant:
    """Mean of the four dimensions' means in percent; a dimension alone is its value there."""
    term = Term(column=column, levels=(1,), scale=100.0, digits=None if strict else 2)
    return in_percent(name, title, doc, term, profile="strict" if strict else "official")


VARIANTS = (
    _mean("reasoning", "judge.reasoning", "reasoning accuracy", "Mean of the four dimensions' "
          "reasoning accuracy over all planned images, in percent.", strict=True),
    _mean("quality", "judge.quality", "image quality", "Mean of the four dimensions' image quality "
          "over all planned images, in percent.", strict=True),
    _mean("reasoning_official", "judge.reasoning_official", "reasoning accuracy, released",
          "The dimensions as the released scripts print them, to 2 decimals; their mean is ours, "
          "the scripts print none.", strict=False),
    _mean("quality_official", "judge.quality_official", "image quality, released",
          "The dimensions as the released scripts print them, to 2 decimals; their mean is ours, "
          "the scripts print none.", strict=False),
)  # fmt: skip


def metrics(settings: ScoringSettings) -> Sequence[Metric]:
    """The judge."""
    from benchmarks.knowledge.t2ireasonbench import judge

    return judge.metrics(settings)


OFFICIAL = Policy(
    profile="official",
    model_fault="drop",
    infrastructure_fault="drop",
    doc="As the released scripts: images that are not in the folder leave the mean. A reply that "
    "cannot be read ends a script; here it leaves the mean, and the score says so.",
)

BENCHMARK = Benchmark(
    name=NAME,
    title="T2I-ReasonBench",
    task="generate",
    area="knowledge",
    version="1",
    licence="data and code: none stated (the vendored folder of Qwen2.5-VL is Apache-2.0)",
    citation=f"arXiv:2508.17472; {UPSTREAM}, open-compass/GenEditEvalKit@103b283",
    suites={
        "full": official_suite(
            "full",
            title="four dimensions of 200 prompts",
            size=len(DIMENSIONS) * SIZE,
            version="efc1d20",
            files=FILES,
            read=read,
        )
    },
    default_suite="full",
    metrics=metrics,
    headline=Headline(name="reasoning accuracy, mean of four dimensions v1", variant="reasoning"),
    variants=VARIANTS,
    trials=1,
    seeds=(42,),
    groups=tuple(Group(path=(short,), title=title) for short, title in TITLES.items()),
    policies=(OFFICIAL, STRICT_POLICY),
    needs=(
        "a vision-language model as judge (Qwen2.5-VL-72B-Instruct in the released scripts)",
        "the repository's question files deepseek_evaluation_qs/evaluation_*.json in the data "
        "folder, beside or above the prompts",
        "optional: a prompt file, JSON with the keys 'describe' and 'questions', which holds "
        "{description} and {questions}",
    ),
    cost="2,800 judge calls with an image per model: 3 for an idiom or a textual image, 4 for an "
    "entity or a scientific fact",
    defects=(
        "T2IREASON-1: three of the four scripts read a reply to its first closing brace.",
        "T2IREASON-2: a reply that cannot be read ends the run.",
        "T2IREASON-3: neither length nor range of the scores is checked; 2 of 1 makes 200 %.",
        "T2IREASON-4: a resumed run skips as many images as its table has rows, the summary row "
        "included.",
        "T2IREASON-5: missing images leave the mean.",
    ),
    doc="800 prompts whose picture has to be worked out first: what an idiom means, how a text is "
    "laid out, which person, place or thing is meant, what physics or biology makes of it. A judge "
    "describes the picture and answers questions that were written for each prompt, each with 1, "
    "0.5 or 0.",
)
