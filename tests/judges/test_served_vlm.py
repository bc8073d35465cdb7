"""A real server of real, tiny checkpoints, `transformers serve` on a CPU, and judging by it."""

from __future__ import annotations

import base64
import io
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evals.core.protocols import JudgeSpec
from evals.core.types import Score
from judges.tape import Tape
from tests.judge_kit import items_of, metric_for, stream
from tests.judge_replies import verdict_text
from tests.performance.folders import build, invented
from tests.tiny_vlm import tiny_vlm

openai = pytest.importorskip("openai")
pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")
pytest.importorskip("fastapi", reason="`transformers serve` needs fastapi and uvicorn")
pytest.importorskip("uvicorn", reason="`transformers serve` needs fastapi and uvicorn")

SAYS = verdict_text({"Q1": 5, "Q2": 4, "Q3": 3, "Q4": 2, "Q5": 1})
START = 240.0  # seconds; most of it imports torch, on a machine that may be busy


@dataclass(frozen=True, kw_only=True)
class Served:
    """The server's address and the models that can be asked for: one that always gives a verdict,
    and one with random weights."""

    url: str
    model: str
    random: str


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serves whatever checkpoint is named; loads it when it is asked for."""
    place = tmp_path_factory.mktemp("served")
    says, chance = tiny_vlm(place / "says", says=SAYS), tiny_vlm(place / "random", seed=1)
    home = place / "home"
    (home / "hub").mkdir(parents=True)  # without it /v1/models fails
    log = place / "log"
    command = [str(Path(sys.executable).with_name("transformers")), "serve"]
    command += ["--device", "cpu", "--host", "127.0.0.1", "--port", "0"]
    offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(home), "HF_HUB_CACHE": str(home / "hub")}
    with (
        log.open("wb") as stream,
        subprocess.Popen(
            command, stdout=stream, stderr=stream, env={**os.environ, **offline}
        ) as process,
    ):
        try:
            url = f"{_address(process, log)}/v1"
            yield Served(url=url, model=str(says), random=str(chance))
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """The address that the server names once it is ready; the system has chosen the port."""
    end = time.monotonic() + START
    while time.monotonic() < end and process.poll() is None:
        found = re.search(r"running on (http://\S+)", log.read_text(errors="replace"))
        if found:
            return found[1]
        time.sleep(0.2)
    raise RuntimeError(f"`transformers serve` did not start:\n{log.read_text()[-3000:]}")


def picture(seed: int) -> str:
    stream = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, 255, (90, 120, 3)).astype(np.uint8)
    Image.fromarray(noise).save(stream, "PNG")
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


@pytest.mark.timeout(START + 60)
def test_three_images_are_answered(served: Served) -> None:
    images = [{"type": "image_url", "image_url": {"url": picture(n)}} for n in range(3)]
    content = [*images, {"type": "text", "text": "Judge the last image."}]
    with openai.OpenAI(base_url=served.url, api_key="none", max_retries=0) as client:
        reply = client.chat.completions.create(
            model=served.model, messages=[{"role": "user", "content": content}], max_tokens=64
        )
    assert reply.choices[0].message.content == SAYS
    assert reply.choices[0].finish_reason == "stop"
    # A picture of 120 x 90 becomes 12 tokens here: all three were looked at.
    assert reply.usage.prompt_tokens > 3 * 12
    assert reply.usage.completion_tokens == 2


def judged(served: Served, model: str, place: Path, n: int) -> dict[str, Score]:
    """The outputs of a drawn folder, judged by a served checkpoint."""
    options = {"base_url": served.url, "concurrency": 2, "max_tokens": 48, "attempts": 2}
    spec = JudgeSpec(name="tiny", backend="openai", argument=model, options=options)
    items = items_of(build(place / "te", invented(n)))
    return stream(metric_for(served.url, place / "cache", judges=(spec,)), items)


@pytest.mark.timeout(START + 60)
def test_a_served_checkpoint_judges(served: Served, tmp_path: Path) -> None:
    scores = judged(served, served.model, tmp_path, 4)
    assert {s.status for s in scores.values()} == {"ok"}
    # TA 5, TP 4, SI 3, LR 2, VC 1: .4 + .3 x .8 + .1 x (.6 + .2 + 0)
    assert {round(s.value or 0, 6) for s in scores.values()} == {0.72}
    for score in scores.values():
        assert served.model in score.evidence["served"][0]
        assert score.verdict is not None
        assert score.verdict.last is not None
        assert score.verdict.last.usage["input_tokens"] > 100


@pytest.mark.timeout(START + 60)
def test_every_random_reply_ends_as_a_status_and_no_score_is_invented(
    served: Served, tmp_path: Path
) -> None:
    scores = judged(served, served.random, tmp_path, 6)
    assert len(scores) == 6
    assert {s.status for s in scores.values()} == {"failed"}
    for score in scores.values():
        assert score.reason.split(":")[0] in {"unparsed", "truncated", "empty"}
        assert set(score.parts.values()) == {None}
    (tape,) = (tmp_path / "cache" / "tapes").glob("*.jsonl")
    assert len(Tape(tape)) >= 6, "every attempt is kept"
