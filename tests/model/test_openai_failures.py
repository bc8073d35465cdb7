"""A model behind a real HTTP server: what fails, when a run stops, and a whole run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import model.catalog
from evals.config import build_config
from evals.core.errors import UserError
from evals.core.store import StoredRun
from evals.core.types import Task
from evals.plan import make_plan, sample_seed
from evals.runner import execute
from model.adapters.openai_api import make
from tests import judge_replies as say
from tests.judge_replies import Asked, Reply
from tests.model_server import ModelServer, ask, colour_of, drawn, images, png, sample, sent
from tests.model_server import model as model_at
from tests.performance.folders import build, invented
from tests.test_runner import Silent

pytest.importorskip("openai")

KEY = "sk-secret-0123456789"
RED = png()


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.fixture(autouse=True)
def _quick_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits between tries are shortened; what the endpoint asks for is kept."""
    monkeypatch.setattr("judges.limits.LONGEST_WAIT", 0.05)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A file of noise, so that nothing but its own bytes can pass for it."""
    noise = np.random.default_rng(5).integers(0, 255, (20, 30, 3)).astype(np.uint8)
    path = tmp_path / "Virtual-1.1.1-secret-class.png"
    Image.fromarray(noise).save(path)
    return path


# --- failures ---------------------------------------------------------------------------------

POLICY = [
    say.error(400, "Rejected by the safety system.", code="moderation_blocked",
              kind="image_generation_user_error"),
    say.error(400, "Not allowed.", code="content_policy_violation"),
    say.error(400, "Not allowed.", kind="image_moderation_error"),
    say.content_filter(),
]  # fmt: skip


@pytest.mark.parametrize("reply", POLICY, ids=["moderation", "policy", "type", "filter"])
def test_a_policy_refusal_is_the_models(reply: Reply, picture: Path) -> None:
    with ModelServer(reply) as server:
        output = ask(model_at(server), sample("edit", picture))
    assert output.status == "refused"
    assert output.fault is not None
    assert (output.fault.kind, output.fault.origin) == ("blocked", "model")
    assert "HTTP 400" in output.fault.message
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    "fault",
    [
        say.rate_limited(), say.rate_limited(0.2), say.rate_limited(ms=150), say.error(500),
        say.error(503), say.reset(), say.reset(after=0.5),
        say.raw("<html>busy</html>", type="text/html"), say.raw(""),
    ],
    ids=["429", "429 s", "429 ms", "500", "503", "reset", "cut", "html", "nothing"],
)  # fmt: skip
@pytest.mark.parametrize("task", ["edit", "understand"])
def test_what_may_pass_is_asked_again(fault: Reply, task: Task, picture: Path) -> None:
    start = time.monotonic()
    good = drawn if task == "edit" else say.completion("Four.")
    with ModelServer(say.in_order(fault, fault, good)) as server:
        output = ask(model_at(server), sample(task, picture))
    assert output.status == "ok"
    assert output.usage["attempts"] == 3.0
    assert len(server.calls) == 3
    if task == "edit":
        assert {sent(c).files[0][3] for c in server.calls} == {picture.read_bytes()}
    if fault.headers.get("Retry-After") == "0.2":
        assert time.monotonic() - start >= 0.4, "the endpoint's wish is kept"


@pytest.mark.parametrize(
    ("scenario", "kind", "calls"),
    [
        (say.rate_limited(), "rate_limited", 3),
        (say.error(500, "CUDA out of memory"), "server_error", 3),
        (say.raw("<html></html>", type="text/html"), "server_error", 3),
        (say.error(400, "Unknown parameter: 'seed'.", param="seed"), "rejected", 1),
        (say.error(413), "rejected", 1),
        (say.error(422), "rejected", 1),
    ],
    ids=["429", "500", "html", "400", "413", "422"],
)
def test_what_does_not_pass_is_a_fault_of_the_infrastructure(
    scenario: Reply, kind: str, calls: int
) -> None:
    with ModelServer(scenario) as server:
        output = ask(model_at(server), sample("generate"))
    assert output.status == "error"
    assert output.fault is not None
    assert (output.fault.kind, output.fault.origin) == (kind, "infrastructure")
    assert ("(tried 3 times)" in output.fault.message) == (calls == 3)
    assert len(server.calls) == calls


@pytest.mark.parametrize("reply", [say.hang(), say.drip(images(RED), 5.0)], ids=["hang", "drip"])
def test_an_endpoint_that_takes_too_long(reply: Reply) -> None:
    with ModelServer(reply) as server:
        output = ask(model_at(server, timeout=0.4, attempts=2), sample("generate"))
    assert output.status == "timeout"
    assert output.fault is not None
    assert output.fault.message == "no reply within 0.4 s (tried 2 times)"
    assert output.fault.origin == "infrastructure"


def test_a_wait_that_does_not_fit_is_not_begun() -> None:
    with ModelServer(say.rate_limited(3600)) as server:
        output = ask(model_at(server, minutes=1), sample("generate"))
        assert output.fault is not None
        assert output.fault.kind == "rate_limited"
        assert len(server.calls) == 1


def test_input_that_is_not_there(tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(RED[:40])
    with ModelServer(drawn) as server:
        outputs = [
            ask(model_at(server, size=size), sample("edit", *files))
            for size, files in (
                ("auto", ()), ("auto", (broken,)), ("input", (tmp_path / "no.png",)),
            )
        ]  # fmt: skip
        assert server.calls == []
    found = [(o.status, o.fault.kind, o.fault.origin) for o in outputs if o.fault]
    assert found == [
        ("unsupported", "missing_input", "model"),
        ("error", "unreadable_input", "infrastructure"),
        ("error", "unreadable_input", "infrastructure"),
    ]


# --- when to stop -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (say.error(401, "Incorrect API key provided."), "HTTP 401.*check the key"),
        (say.error(403), "HTTP 403.*check the key"),
        (say.error(404, "The model `m-1` does not exist.", code="model_not_found"), "'m-1'"),
        (say.raw('{"detail": "Not Found"}', status=404), "edits.*Not Found.*base_url"),
        (say.error(400, "Invalid value: 'm-1'.", param="model"), "'m-1' and base_url"),
        (say.raw('{"detail": "Model mismatch: request specifies \'m-1\' but"}', status=400),
         "Model mismatch.*'m-1'"),
        (say.no_quota(), "insufficient_quota"),
    ],
    ids=["401", "403", "404", "no route", "param", "vllm-omni", "quota"],
)  # fmt: skip
def test_a_wrong_key_or_model_stops_at_once(reply: Reply, says: str, picture: Path) -> None:
    with ModelServer(reply) as server:
        adapter = model_at(server)
        for _ in range(3):
            with pytest.raises(UserError, match=f"^m-1 at http://loopback/v1/images/.*{says}"):
                ask(adapter, sample("edit", picture))
        assert len(server.calls) == 1, "a closed door is not knocked at"


def test_nobody_home_stops_with_advice() -> None:
    adapter = make("m-1", {"base_url": "http://127.0.0.1:9/v1", "attempts": 2})
    with pytest.raises(UserError, match=r"ConnectionRefusedError.*is base_url right\?"):
        ask(adapter, sample("understand"))


def test_a_certificate_that_is_not_trusted_stops() -> None:
    with ModelServer(drawn, tls=True) as server:
        with pytest.raises(UserError, match="certificate is not trusted"):
            ask(model_at(server), sample("generate"))
        assert server.calls == []


@pytest.mark.parametrize("status", [301, 307, 308])
def test_a_redirect_is_named_and_not_followed(status: int, picture: Path) -> None:
    with ModelServer(drawn) as other, ModelServer(drawn) as server:
        there = {"Location": f"{other.url}/images/edits?t=s3cret"}
        server.scenario = Reply(status=status, headers=there)
        with pytest.raises(UserError, match=f"redirects to {other.url}.*base_url") as stop:
            ask(model_at(server), sample("edit", picture))
        assert "s3cret" not in str(stop.value)
        assert other.connections == 0


def test_requests_that_nobody_takes_stop_after_a_few() -> None:
    with ModelServer(say.error(400, "Unknown parameter: 'seed'.", param="seed")) as server:
        adapter = model_at(server)
        outputs = [ask(adapter, sample("generate")) for _ in range(4)]
        assert {o.fault.kind for o in outputs if o.fault} == {"rejected"}
        with pytest.raises(UserError, match=r"'seed'.*5 requests in a row"):
            ask(adapter, sample("generate"))
        with pytest.raises(UserError, match="'seed'"):
            ask(adapter, sample("generate"))
        assert len(server.calls) == 5


def test_a_model_that_only_talks_is_not_asked_for_every_sample() -> None:
    with ModelServer(say.completion("I cannot draw.")) as server:
        adapter, items = model_at(server, image_route="chat"), [sample("generate")] * 9
        with pytest.raises(UserError, match=r"words and no image: I cannot draw\."):
            adapter.generate(items, range(9))
        assert len(server.calls) == 5


def test_rejections_among_answers_are_those_samples_own() -> None:
    with ModelServer(say.in_order(drawn, say.error(400, "too large"))) as server:
        adapter = model_at(server)
        outputs = [ask(adapter, sample("generate")) for _ in range(9)]
    assert [o.status for o in outputs] == ["ok"] + ["error"] * 8


def test_a_quota_that_is_used_up_on_the_way_stops() -> None:
    with ModelServer(say.in_order(drawn, say.no_quota())) as server:
        adapter = model_at(server)
        outputs = [ask(adapter, sample("generate")) for _ in range(5)]
        assert [o.status for o in outputs] == ["ok"] + ["error"] * 4
        with pytest.raises(UserError, match="insufficient_quota"):
            ask(adapter, sample("generate"))


def test_an_answer_in_between_starts_the_count_anew() -> None:
    pattern = [drawn, *[say.error(403)] * 4, drawn, *[say.error(403)] * 4, drawn]
    with ModelServer(say.in_order(*pattern)) as server:
        adapter = model_at(server)
        outputs = [ask(adapter, sample("generate")) for _ in pattern]
    assert sum(o.status == "ok" for o in outputs) == 3


# --- the key ----------------------------------------------------------------------------------


def echoing(status: int) -> Callable[[Asked], Reply]:
    """An endpoint that repeats the key it got, at every place of a long message."""

    def reply(asked: Asked) -> Reply:
        key = asked.headers["authorization"].removeprefix("Bearer ")
        # Cuts that come before the key is taken out would leave a part of it.
        return say.error(status, f"{'x' * 185} {key} {'y' * 90} {key}", code="invalid_api_key")

    return reply


@pytest.mark.parametrize("around", ["{}", "{}\n", "  {} "])
def test_the_key_is_sent_and_nowhere_else(
    around: str, monkeypatch: pytest.MonkeyPatch, picture: Path
) -> None:
    monkeypatch.setenv("MY_KEY", around.format(KEY))
    with ModelServer(say.keyed(KEY, drawn)) as server:
        adapter = model_at(server, api_key_env="MY_KEY")
        assert ask(adapter, sample("edit", picture)).status == "ok"
        assert KEY not in json.dumps([adapter.describe(), adapter.check([sample("edit")])])
        assert KEY not in repr(vars(adapter)) + repr(vars(adapter.endpoint))


@pytest.mark.parametrize("status", [400, 401, 500])
def test_an_endpoint_that_repeats_the_key(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with ModelServer(echoing(status)) as server:
        try:
            told = str(ask(model_at(server, attempts=2), sample("generate")).fault)
        except UserError as stop:
            told = str(stop)
    assert f"HTTP {status}" in told
    assert KEY[:6] not in told


@pytest.mark.parametrize("route", ["images", "chat"])
def test_a_reply_that_repeats_the_key(route: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    odd = [say.raw(f'{{"data_": "{KEY}"}}'), say.completion(f"Your key is {KEY}.")]
    for reply in (*odd, say.refused(f"Not with {KEY}."), say.raw(f"<p>{KEY}</p>")):
        with ModelServer(reply) as server:
            fault = ask(model_at(server, image_route=route, attempts=1), sample("generate")).fault
        assert fault is not None
        assert KEY[:6] not in fault.message


# --- a whole run ------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[ModelServer], Any]:
    """Runs the model over 12 drawn records of TextEdit, as the command does."""
    monkeypatch.setitem(model.catalog.ADAPTERS, "openai", "model.adapters.openai_api:make")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    root = build(tmp_path / "te", invented(12)).root

    def go(server: ModelServer) -> Any:
        spec = {
            "name": "served", "adapter": "openai", "argument": "org/model",
            "options": {"base_url": server.url, "concurrency": 3, "attempts": 2, "size": "input"},
        }  # fmt: skip
        flags = {
            "models": [spec], "benchmarks": ["textedit/full"], "data": {"textedit": root},
            "metrics": ["fidelity"], "anchors": False, "out": str(tmp_path / "runs"), "workers": 1,
        }  # fmt: skip
        plan = make_plan(build_config(None, flags))
        (outcome,) = execute(plan, Silent())
        return outcome

    return go


def test_a_run_from_prompts_to_scores(run: Callable[..., Any], tmp_path: Path) -> None:
    with ModelServer(say.keyed(KEY, drawn)) as server:
        outcome = run(server)
        assert (outcome.predicted, outcome.scored, outcome.complete) == (12, 12, True)
        again = run(server)
        assert (again.predicted, len(server.calls)) == (0, 12)
    stored = StoredRun.read(outcome.folder)
    for (record, trial), made in stored.predictions.items():
        seed = sample_seed(0, record, trial)
        (ref,) = made.images
        path = outcome.folder / ref.relative_path
        prompt = f"Replace the text 'OLD{record}' with 'NEW{record}'."
        assert Image.open(path).getpixel((0, 0)) == colour_of(prompt, str(seed))
        assert made.seed == seed
        assert made.usage["output_tokens"] == 4160
    assert stored.manifest["model"]["describe"]["endpoint"] == "http://loopback/v1"
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert KEY.encode() not in file.read_bytes()


def test_a_run_that_is_stopped_keeps_what_it_has(run: Callable[..., Any], tmp_path: Path) -> None:
    def closing(asked: Asked) -> Reply:
        return drawn(asked) if asked.number <= 5 else say.error(401, f"No more for {KEY}.")

    with ModelServer(closing) as server:
        with pytest.raises(UserError, match=r"HTTP 401.*goes on when that is mended"):
            run(server)
        assert len(server.calls) <= 5 + 5 + 3, "not every sample is tried at a closed door"
        (folder,) = (tmp_path / "runs" / "textedit-full").iterdir()
        kept = StoredRun.read(folder).predictions
        assert sum(p.status == "ok" for p in kept.values()) == 5
        asked = len(server.calls)
        server.scenario = drawn
        assert run(server).complete
        assert len(server.calls) == asked + 7, "what was answered is not asked again"
    assert all(KEY.encode() not in f.read_bytes() for f in folder.rglob("*") if f.is_file())
