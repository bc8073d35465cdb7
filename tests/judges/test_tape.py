"""The tape: nothing asked twice, nothing lost, whatever is killed and whoever else writes."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import json
import multiprocessing
import os
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from evals.core.errors import Halt, UserError
from evals.core.types import Prediction, Score
from evals.core.verdicts import (
    MENDABLE,
    Attempt,
    Verdict,
    attempt_from_row,
    attempt_row,
)
from evals.core.writing import RunWriter
from judges import replay
from judges.catalog import Context
from judges.replay import Replay
from judges.request import Request, Shown
from judges.rubric import Rubric, load_rubric
from judges.tape import Recorded, Tape, Taped, decided, inspect, merge, tape_file
from judges.verdict import judged

T = TypeVar("T")
TOML = """
name = "r"
version = "1"
scale = [1, 5]
system = "s"
task = "t"
[[images]]
role = "edited"
label = "result"
[[fields]]
name = "text"
label = "Text"
[[dimensions]]
key = "A"
name = "TA"
title = "T"
ask = "Q"
[normalise]
1 = 0.0
2 = 0.25
3 = 0.5
4 = 0.75
5 = 1.0
[weights]
TA = 1.0
"""
RUBRIC: Rubric = load_rubric(TOML)
NO_COMPLETION: Any = {"status": "timeout", "reason": "no reply in 1 s"}


def request(text: str = "a", repeat: int = 0, image: str = "00" * 32) -> Request:
    shown = Shown(path=Path("x.png"), sha256=image)
    return Request(rubric=RUBRIC, fields={"text": text}, images={"edited": shown}, repeat=repeat)


def said(score: int = 4, question: Request | None = None, **changes: Any) -> Attempt:
    """An attempt by judge ``j`` that answers with a score, unless `changes` say otherwise."""
    question = question or request()
    known: dict[str, Any] = {
        "request": question.hash, "judge": "j", "name": "openai:m", "asked": "m", "served": "m-1",
        "status": "answered", "raw": json.dumps({"A": score}), "rubric": question.rubric.hash,
        "images": ("ab",), "cost": 0.5, "usage": {"input_tokens": 10.0, "output_tokens": 2.0},
        "time": "2026-01-01T00:00:00+00:00",
    }  # fmt: skip
    return Attempt(**{**known, **changes})


def failed(question: Request | None = None, status: Any = "timeout", **changes: Any) -> Attempt:
    bare = {"raw": "", "served": "", "cost": None, "usage": {}, "reason": f"was {status}"}
    return said(question=question, status=status, **{**bare, **changes})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tapes" / "t.jsonl"


# --- the file -----------------------------------------------------------------------------------


def test_what_is_added_is_found_by_judge_and_question(path: Path) -> None:
    tape = Tape(path)
    assert (len(tape), tape.find("j", request().hash)) == (0, ())
    one, two, other = said(), failed(), said(judge="k")
    elsewhere = said(3, request("b"))
    for attempt in (one, other, elsewhere, two):
        tape.add(attempt)
    for look in (tape, Tape(path)):
        assert look.find("j", request().hash) == (one, two)
        assert look.find("k", request().hash) == (other,)
        assert look.find("j", request("b").hash) == (elsewhere,)
        assert look.find("k", request("b").hash) == ()
        assert (len(look), look.damaged) == (4, 0)
        assert sorted(look.judges()) == ["j", "k"]


def test_an_attempt_comes_back_as_it_was(path: Path) -> None:
    full = said(
        endpoint="https://x/v1", repeat=2, number=3, finish="stop", seconds=1.25, retry_after=2.0,
        notes=("a: b", "c"), images=("00", "11"), reason="“why”",
    )  # fmt: skip
    bare = Attempt(request="r", judge="j", name="n", asked="m", status="empty")
    Tape(path).add(full)
    Tape(path).add(bare)
    assert list(Tape(path).attempts()) == [full, bare]
    assert attempt_from_row({**attempt_row(full), "sample": "1", "later": None}) == full


def test_any_reply_can_be_kept(path: Path) -> None:
    raws = ["half \ud83d of a character", "lines\n\r\n\u2028\x85\x1e\x0c", "\0", "", '"}\n{"', "字"]
    tape = Tape(path)
    for number, raw in enumerate(raws):
        tape.add(said(question=request(str(number)), raw=raw))
    for look in (tape, Tape(path)):
        got = [look.find("j", request(str(n)).hash)[0].raw for n in range(len(raws))]
        assert got == raws
        assert look.damaged == 0


@pytest.mark.parametrize("torn", [b'{"request": "', b"x", b"x" * 200_000, b"{}\0\0\0"])
def test_a_line_that_was_being_written_is_no_line(path: Path, torn: bytes) -> None:
    Tape(path).add(said())
    whole = path.read_bytes()
    path.write_bytes(whole + torn)
    reader = Tape(path)
    assert reader.find("j", request().hash) == (said(),)
    assert (len(reader), reader.damaged) == (1, 0)
    assert path.read_bytes() == whole + torn  # readers change nothing

    writer = Tape(path)
    writer.add(said(2, request("b")))
    lines = path.read_bytes().splitlines(keepends=True)
    assert lines[0] == whole
    assert len(lines) == 2
    for look in (reader, writer, Tape(path)):
        assert look.find("j", request("b").hash) == (said(2, request("b")),)
        assert (len(look), look.damaged) == (2, 0)


def test_a_file_that_is_one_torn_line(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b'{"request": "r"' * 10_000)
    tape = Tape(path)
    assert (len(tape), tape.damaged) == (0, 0)
    tape.add(said())
    assert list(Tape(path).attempts()) == [said()]


def test_damaged_lines_are_counted_and_passed_over(path: Path) -> None:
    first, last = said(), said(2, request("b"))
    Tape(path).add(first)
    bad = [
        b"{oops",
        b"[]",
        b"5",
        b"null",
        b'{"request": "r"}',
        b"\xff\xfe",
        b'{"a": 1}',
        b'{"request": "r", "judge": "j", "name": "n", "asked": "m", "status": "ok", "notes": 5}',
    ]
    with path.open("ab") as stream:
        stream.write(b"\n".join([*bad, b"", b"  ", b""]))
    Tape(path).add(last)
    tape = Tape(path)
    assert tape.damaged == len(bad)
    assert list(tape.attempts()) == [first, last]


def test_what_another_process_appends_is_seen_at_the_next_miss(path: Path) -> None:
    ours, theirs = Tape(path), Tape(path)
    theirs.add(said(1))
    assert ours.find("j", request().hash) == (said(1),)
    theirs.add(said(2, request("b")))
    ours.add(said(3, request("c")))
    theirs.add(said(4, request("d")))
    assert ours.find("j", request("d").hash) == (said(4, request("d")),)
    assert ours.find("j", request("b").hash) == (said(2, request("b")),)
    assert theirs.find("j", request("c").hash) == (said(3, request("c")),)
    assert len(Tape(path)) == len(ours) == 4


def test_an_answer_of_another_process_to_a_question_that_failed_here(path: Path) -> None:
    ours, theirs = Tape(path), Tape(path)
    ours.add(failed())
    theirs.add(said())
    assert ours.find("j", request().hash) == (failed(), said())


def append(path: Path, judge: str, count: int, start: Any) -> None:
    tape = Tape(path)
    start.wait()
    for number in range(count):
        raw = json.dumps({"A": 1 + number % 5, "reason": judge * (number % 7 * 3000)})
        tape.add(said(question=request(str(number)), judge=judge, raw=raw))
        assert tape.find(judge, request(str(number)).hash)[0].raw == raw


def test_two_processes_append_at_once(path: Path) -> None:
    context = multiprocessing.get_context("fork")
    start = context.Barrier(2)
    count = 60
    workers = [context.Process(target=append, args=(path, j, count, start)) for j in "jk"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [w.exitcode for w in workers] == [0, 0]
    tape = Tape(path)
    assert (len(tape), tape.damaged) == (2 * count, 0)
    for judge in "jk":
        for number in range(count):
            (found,) = tape.find(judge, request(str(number)).hash)
            assert json.loads(found.raw)["A"] == 1 + number % 5


def test_a_writer_waits_for_the_one_before(path: Path) -> None:
    """Else it could cut off, as torn, what another is just writing."""
    tape = Tape(path)
    tape.add(said())
    writer = threading.Thread(target=tape.add, args=(said(2, request("b")),))
    with path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        before = path.read_bytes()
        path.write_bytes(before + b'{"request": "by another, half')
        writer.start()
        writer.join(0.3)
        assert writer.is_alive()
        path.write_bytes(before + before)
    writer.join()
    assert list(Tape(path).attempts()) == [said(), said(2, request("b"))]


# --- disks ------------------------------------------------------------------------------------


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """``full_disk(errno)``: from then on a write ends halfway; 0 says nothing of it."""
    real = os.write

    def fail_with(number: int) -> None:
        def write(file: int, data: bytes) -> int:
            done = real(file, data[: len(data) // 2])
            if number:
                raise OSError(number, os.strerror(number))
            return done

        monkeypatch.setattr(os, "write", write)

    yield fail_with
    monkeypatch.undo()


def test_a_full_disk(
    path: Path, full_disk: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    tape = Tape(path)
    tape.add(said())
    whole = path.read_bytes()
    full_disk(errno.ENOSPC)
    with pytest.raises(UserError, match="disk is full"):
        tape.add(said(2, request("b")))
    assert path.read_bytes() == whole
    assert tape.find("j", request("b").hash) == ()
    monkeypatch.undo()
    tape.add(said(2, request("b")))
    assert list(Tape(path).attempts()) == list(tape.attempts()) == [said(), said(2, request("b"))]


def test_a_disk_that_takes_a_part_only(
    path: Path, full_disk: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    tape = Tape(path)
    full_disk(0)
    try:
        tape.add(said())
    except UserError:
        return
    monkeypatch.undo()
    assert tape.find("j", request().hash) == (said(),)
    assert Tape(path).find("j", request().hash) == (said(),)


def test_a_place_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="Cannot write"):
        Tape(tmp_path / "file" / "t.jsonl").add(said())

    def read_only(*_: Any, **__: Any) -> Any:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", read_only)
    with pytest.raises(UserError, match="may not be written"):
        Tape(tmp_path / "new" / "t.jsonl").add(said())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder(path: Path) -> None:
    path.parent.mkdir(mode=0o500)
    with pytest.raises(UserError, match="may not be written"):
        Tape(path).add(said())


def test_a_folder_is_no_tape(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        Tape(tmp_path)


def test_a_tape_has_a_file_name_whatever_its_judge_is_called(tmp_path: Path) -> None:
    odd = ["a/../../b", "..", "", "judge\n", "x" * 500, "модель", "local:/m/Qwen 2", "a\0b"]
    files = [tape_file(tmp_path, name, "ab12") for name in odd]
    assert all(f.parent == tmp_path / "tapes" for f in files)
    assert all(f.name.endswith("-ab12.jsonl") and len(f.name) < 100 for f in files)
    Tape(files[-1]).add(said())


# --- the question -----------------------------------------------------------------------------


def test_a_question_is_known_by_what_the_judge_sees() -> None:
    base = request()
    moved = replace(base, images={"edited": Shown(path=Path("/else/y.jpg"), sha256="00" * 32)})
    assert moved.hash == base.hash
    assert replace(base, fields={"text": "a", "note": "not told"}).hash == base.hash
    others = [
        request("b"), request(repeat=1), request(image="11" * 32),
        replace(base, rubric=replace(RUBRIC, task="other")),
    ]  # fmt: skip
    hashes = {base.hash, *(o.hash for o in others)}
    assert len(hashes) == 5


# --- which attempt decides ----------------------------------------------------------------------


def unparsed() -> Attempt:
    return said(raw="It looks good.")


def test_nothing_is_decided_before_anybody_was_asked() -> None:
    assert decided(request(), ()) is None


def test_the_first_that_parses_decides() -> None:
    attempts = (failed(), unparsed(), said(2), said(5), failed(status="refused"))
    verdict = decided(request(), attempts)
    assert verdict is not None
    assert (verdict.status, verdict.scores, verdict.fresh) == ("ok", {"TA": 2}, False)
    assert verdict.attempts == attempts[:3]
    assert verdict.last == said(2)


@pytest.mark.parametrize("status", sorted(MENDABLE))
def test_a_failure_that_may_pass_or_be_mended_decides_nothing(status: Any) -> None:
    assert decided(request(), (failed(status=status),)) is None
    assert decided(request(), (failed(status="refused"), failed(status=status))) is None
    assert decided(request(), (unparsed(), failed(status=status))) is None


@pytest.mark.parametrize("status", ["refused", "blocked", "truncated", "rejected"])
def test_a_failure_that_would_come_again_stays(status: Any) -> None:
    attempts = (failed(), failed(status=status))
    verdict = decided(request(), attempts)
    assert verdict is not None
    assert (verdict.status, verdict.reason, verdict.scores) == (status, f"was {status}", {})
    assert verdict.attempts == attempts


def test_a_reply_that_cannot_be_read_stays_and_is_read_anew_by_a_better_parser() -> None:
    verdict = decided(request(), (unparsed(),))
    assert verdict is not None
    assert (verdict.status, verdict.scores) == ("unparsed", {})
    other = replace(request(), rubric=replace(RUBRIC, dimensions=(
        replace(RUBRIC.dimensions[0], key="B"),
    )))  # fmt: skip
    assert decided(other, (said(raw='{"B": 3}'),)).scores == {"TA": 3}  # type: ignore[union-attr]


def test_a_cut_reply_is_not_read_even_if_it_could_be() -> None:
    verdict = judged(request(), said(4, status="truncated", reason="too long"))
    assert (verdict.status, verdict.reason, verdict.scores) == ("truncated", "too long", {})


# --- who asks -----------------------------------------------------------------------------------


@dataclass(kw_only=True)
class Told:
    """A judge that answers with the next of its attempts, after `gate` if there is one."""

    attempts: list[Attempt | BaseException]
    gate: asyncio.Event | None = None
    asked: list[str] = field(default_factory=list)
    name: str = "openai:m"

    async def ask(self, asked: Request) -> Verdict:
        self.asked.append(asked.fields["text"])
        answer = self.attempts.pop(0)
        if self.gate is not None:
            await self.gate.wait()
        if isinstance(answer, BaseException):
            raise answer
        return judged(asked, replace(answer, request=asked.hash))


def run(work: Coroutine[Any, Any, T]) -> T:
    async def guarded() -> T:
        return await asyncio.wait_for(work, 60)  # what hangs shall fail

    return asyncio.run(guarded())


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_a_question_on_the_tape_is_not_asked(path: Path) -> None:
    tape = Tape(path)
    tape.add(said(2))
    judge = Told(attempts=[said(5)])
    taped = Taped(judge=judge, key="j", tape=tape)
    found = run(taped.ask(request()))
    assert (found.scores, found.fresh, judge.asked) == ({"TA": 2}, False, [])
    fresh = run(taped.ask(request("b")))
    assert (fresh.scores, fresh.fresh, judge.asked) == ({"TA": 5}, True, ["b"])
    stranger = Taped(judge=Told(attempts=[said(1)]), key="another judge", tape=tape)
    assert run(stranger.ask(request())).scores == {"TA": 1}


def test_equal_questions_in_flight_are_asked_once(path: Path) -> None:
    async def work() -> tuple[Sequence[Verdict], list[str]]:
        judge = Told(attempts=[said(3), said(4), said(5)], gate=asyncio.Event())
        taped = Taped(judge=Recorded(judge=judge, tape=(tape := Tape(path))), key="j", tape=tape)
        asks = [asyncio.create_task(taped.ask(request(t))) for t in "aabaab"]
        await settle()
        assert judge.gate is not None
        judge.gate.set()
        verdicts = await asyncio.gather(*asks)
        verdicts.append(await taped.ask(request("a")))
        return verdicts, judge.asked

    verdicts, asked = run(work())
    assert asked == ["a", "b"]
    assert [v.scores["TA"] for v in verdicts] == [3, 3, 4, 3, 3, 4, 3]
    assert [v.fresh for v in verdicts] == [True, False, True, False, False, False, False]
    assert len(Tape(path)) == 2


def test_an_error_reaches_all_who_wait_and_the_next_one_asks_again(path: Path) -> None:
    async def work() -> tuple[list[Any], Verdict, list[str]]:
        halt = Halt("the budget is spent")
        judge = Told(attempts=[halt, said(4)], gate=asyncio.Event())
        taped = Taped(judge=judge, key="j", tape=Tape(path))
        asks = [asyncio.create_task(taped.ask(request())) for _ in range(3)]
        await settle()
        assert judge.gate is not None
        judge.gate.set()
        ends = await asyncio.gather(*asks, return_exceptions=True)
        return ends, await taped.ask(request()), judge.asked

    ends, after, asked = run(work())
    assert [type(e) for e in ends] == [Halt, Halt, Halt]
    assert after.scores == {"TA": 4}
    assert asked == ["a", "a"]


def test_who_gives_up_waiting_takes_the_answer_from_nobody(path: Path) -> None:
    async def work() -> tuple[list[Any], list[str]]:
        judge = Told(attempts=[said(4)], gate=asyncio.Event())
        taped = Taped(judge=judge, key="j", tape=Tape(path))
        asks = [asyncio.create_task(taped.ask(request())) for _ in range(3)]
        await settle()
        asks[1].cancel()
        await settle()
        assert judge.gate is not None
        judge.gate.set()
        return await asyncio.gather(*asks, return_exceptions=True), judge.asked

    ends, asked = run(work())
    assert (ends[0].scores, ends[2].scores) == ({"TA": 4}, {"TA": 4})
    assert isinstance(ends[1], asyncio.CancelledError)
    assert asked == ["a"]


async def cancel_who_asks(path: Path) -> tuple[list[Any], Verdict]:
    judge = Told(attempts=[said(1), said(4), said(5)], gate=asyncio.Event())
    taped = Taped(judge=judge, key="j", tape=Tape(path))
    asks = [asyncio.create_task(taped.ask(request())) for _ in range(2)]
    await settle()
    asks[0].cancel()
    await settle()
    assert judge.gate is not None
    judge.gate.set()
    return await asyncio.gather(*asks, return_exceptions=True), await taped.ask(request())


def test_when_the_one_who_asks_is_stopped_nobody_hangs(path: Path) -> None:
    ends, after = run(cancel_who_asks(path))
    assert isinstance(ends[0], asyncio.CancelledError)
    assert after.status == "ok"


def test_when_the_one_who_asks_is_stopped_another_asks(path: Path) -> None:
    ends, _ = run(cancel_who_asks(path))
    assert isinstance(ends[1], Verdict)
    assert ends[1].status == "ok"


@pytest.mark.parametrize(("retry", "wanted"), [(False, ["c"]), (True, ["b", "c", "d"])])
def test_retry_asks_again_what_failed_and_nothing_else(
    path: Path, retry: bool, wanted: list[str]
) -> None:
    tape = Tape(path)
    tape.add(said(2, request("a")))
    tape.add(said(question=request("b"), raw="no idea"))
    tape.add(failed(request("c")))
    tape.add(failed(request("d"), status="refused"))
    tape.add(said(question=request("e"), raw="no idea"))
    tape.add(said(3, request("e")))
    judge = Told(attempts=[said(5), said(5), said(5)])
    taped = Taped(judge=Recorded(judge=judge, tape=tape), key="j", tape=tape, retry=retry)
    verdicts = {t: run(taped.ask(request(t))) for t in "abcde"}
    assert judge.asked == wanted
    assert verdicts["a"].scores == {"TA": 2}
    assert verdicts["e"].scores == {"TA": 3}
    assert all(verdicts[t].scores == {"TA": 5} and verdicts[t].fresh for t in wanted)
    if not retry:
        assert (verdicts["b"].status, verdicts["d"].status) == ("unparsed", "refused")


def test_attempts_are_numbered_across_sessions(path: Path) -> None:
    for number, attempt in enumerate([failed(), failed(status="rate_limited"), said(4)], 1):
        tape = Tape(path)
        recorded = Recorded(judge=Told(attempts=[attempt]), tape=tape)
        last = run(recorded.ask(request())).last
        assert last is not None
        assert last.number == number
    run(Recorded(judge=Told(attempts=[said(1)]), tape=Tape(path)).ask(request("b")))
    found = Tape(path).find("j", request().hash)
    assert [(a.number, a.status) for a in found] == [
        (1, "timeout"), (2, "rate_limited"), (3, "answered"),
    ]  # fmt: skip
    assert Tape(path).find("j", request("b").hash)[0].number == 1


def test_nobody_hears_of_what_could_not_be_written(
    path: Path, full_disk: Callable[[int], None]
) -> None:
    tape = Tape(path)
    tape.add(said(question=request("b")))
    full_disk(errno.ENOSPC)
    with pytest.raises(UserError, match="disk is full"):
        run(Recorded(judge=Told(attempts=[said()]), tape=tape).ask(request()))


# --- inspection -----------------------------------------------------------------------------------


def test_facts_are_sums(path: Path) -> None:
    tape = Tape(path)
    tape.add(failed(time="2026-03-01T00:00:00+00:00"))
    tape.add(said(4, time="2026-03-02T00:00:00+00:00"))
    tape.add(said(4, request("b"), served="m-2", cost=0.25, time="2026-01-05T00:00:00+00:00",
                  usage={"input_tokens": 5.0, "output_tokens": 1.0}))  # fmt: skip
    tape.add(said(4, request("c"), cost=None, usage={}))
    tape.add(said(4, judge="k", name="local:x", asked="x"))
    one, two = inspect(tape)
    assert (one.judge, one.name, one.asked) == ("j", "openai:m", "m")
    assert one.served == {"m-1": 2, "m-2": 1}
    assert one.statuses == {"timeout": 1, "answered": 3}
    assert (one.questions, one.dollars, one.unpriced) == (3, 0.75, 1)
    assert one.tokens == (15, 3)
    assert (one.first, one.last) == ("2026-01-01T00:00:00+00:00", "2026-03-02T00:00:00+00:00")
    assert (two.judge, two.name, two.questions, two.dollars) == ("k", "local:x", 1, 0.5)
    assert inspect(Tape(path.with_name("empty.jsonl"))) == []


def test_merging_adds_nothing_twice(tmp_path: Path) -> None:
    one, two = Tape(tmp_path / "1.jsonl"), Tape(tmp_path / "2.jsonl")
    for attempt in (failed(), said(4)):
        one.add(attempt)
    for attempt in (said(4), said(2, request("b")), said(4, judge="k")):
        two.add(attempt)
    target = Tape(tmp_path / "all.jsonl")
    assert merge([one, two], target) == 4
    assert merge([one, two, target], target) == 0
    assert merge([Tape(target.path)], target) == 0
    fresh = Tape(target.path)
    assert len(fresh) == 4
    assert fresh.find("j", request().hash) == (failed(), said(4))
    assert merge([two], one) == 2


# --- replay ---------------------------------------------------------------------------------------


def replayed(argument: Path | str | None, context: Path, **options: Any) -> Replay:
    text = None if argument is None else str(argument)
    return replay.make("replay:x", text, options, Context(cache=context))


def test_a_replayed_judge_is_the_one_that_was_recorded(path: Path, tmp_path: Path) -> None:
    tape = Tape(path)
    tape.add(failed())
    tape.add(said(2))
    judge = replayed(path, tmp_path)
    assert (judge.name, judge.key, judge.identity()) == ("openai:m", "j", {"recorded": "j"})
    assert judge.absence() is None
    verdict = run(judge.ask(request()))
    assert (verdict.scores, verdict.fresh, len(verdict.attempts)) == ({"TA": 2}, False, 2)
    before = path.read_bytes()
    missing = run(judge.ask(request("b")))
    assert (missing.status, missing.scores, missing.attempts) == ("missing", {}, ())
    assert "t.jsonl does not hold this question" in missing.reason
    assert run(judge.ask(request(repeat=1))).status == "missing"
    assert path.read_bytes() == before


def test_a_replayed_failure_is_the_last_one(path: Path, tmp_path: Path) -> None:
    tape = Tape(path)
    tape.add(failed(status="rate_limited"))
    tape.add(failed())
    verdict = run(replayed(path, tmp_path).ask(request()))
    assert (verdict.status, verdict.reason, verdict.scores) == ("timeout", "was timeout", {})
    assert verdict.attempts == (failed(status="rate_limited"), failed())


def test_one_of_several_judges_is_chosen_by_name_or_key(path: Path, tmp_path: Path) -> None:
    tape = Tape(path)
    tape.add(said(2))
    tape.add(said(3, judge="k", name="local:x"))
    with pytest.raises(UserError, match=r"several judges \(.*\).*--judge-option judge=") as told:
        replayed(path, tmp_path)
    assert "openai:m" in str(told.value)
    assert "local:x" in str(told.value)
    for wanted in ("local:x", "k"):
        judge = replayed(path, tmp_path, judge=wanted)
        assert (judge.name, judge.key) == ("local:x", "k")
        assert run(judge.ask(request())).scores == {"TA": 3}
    with pytest.raises(UserError, match=r"no judge 'gpt'.*local:x, openai:m"):
        replayed(path, tmp_path, judge="gpt")


def test_judges_of_one_name_are_told_apart_by_their_keys(path: Path, tmp_path: Path) -> None:
    tape = Tape(path)
    tape.add(said(2))
    tape.add(said(3, judge="k"))
    with pytest.raises(UserError, match=r"\(.*\bk\b.*\)"):
        replayed(path, tmp_path)
    with pytest.raises(UserError, match=r"\(.*\bk\b.*\)"):
        replayed(path, tmp_path, judge="openai:m")
    assert run(replayed(path, tmp_path, judge="k").ask(request())).scores == {"TA": 3}


@pytest.mark.parametrize(
    ("place", "options", "says"),
    [(None, {}, "names no tape"), ("", {}, "names no tape"), ("nowhere.jsonl", {}, "not exist"),
     (".", {}, r"no verdicts\.jsonl"), ("empty.jsonl", {}, "no attempt"),
     ("empty.jsonl", {"temperature": 0}, "no option 'temperature'")],
)  # fmt: skip
def test_a_tape_that_cannot_be_replayed(
    tmp_path: Path, place: str | None, options: dict[str, Any], says: str
) -> None:
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(UserError, match=says):
        replayed(str(tmp_path / place) if place else place, tmp_path, **options)


def judged_run(folder: Path, *verdicts: Verdict) -> Path:
    """A run folder with one score for each verdict."""
    manifest = {"version": "0", "created": "2026", "identity": {}, "model": {"name": "m"}}
    with RunWriter(folder, manifest) as writer:
        for number, verdict in enumerate(verdicts):
            made = Prediction(sample=str(number), trial=0, seed=0, status="ok")
            writer.add_scores(
                [
                    Score(
                        sample=made.sample, trial=0, metric="judge", value=None, status="failed",
                        reason="r", prediction=made.hash, verdict=verdict,
                    )
                ]
            )  # fmt: skip
    return folder


def test_a_run_folder_is_a_tape(tmp_path: Path) -> None:
    half = said(5, request("b"), raw='{"A": 5, "reason": "half \ud83d, 字"}')
    folder = judged_run(
        tmp_path / "run",
        judged(request(), said(2), before=(failed(),)),
        judged(request("b"), half),
        judged(request("c"), failed(request("c"), status="refused")),
    )
    judge = replayed(folder, tmp_path)
    assert run(judge.ask(request())).scores == {"TA": 2}
    assert run(judge.ask(request())).attempts == (failed(), said(2))
    assert run(judge.ask(request("b"))).last == half
    assert run(judge.ask(request("c"))).status == "refused"
    assert run(judge.ask(request("d"))).status == "missing"
    assert judge.tape.damaged == 0
    tape = Tape(tmp_path / "t.jsonl")
    assert merge([judge.tape], tape) == 4
    assert inspect(tape)[0].dollars == 1.0


def test_measured_verdicts_are_not_replayed_as_those_of_a_model(path: Path) -> None:
    Tape(path).add(replace(said(), name="heuristic", endpoint="here"))
    with pytest.raises(UserError, match="measured verdicts only"):
        replay.make("r", str(path), {}, Context())
