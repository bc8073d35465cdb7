from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from metrics.float32 import plain_float32

torch = pytest.importorskip("torch")


@pytest.fixture(params=[True, False])
def before(request: pytest.FixtureRequest) -> Iterator[bool]:
    places = (torch.backends.cudnn, torch.backends.cuda.matmul)
    kept = [p.allow_tf32 for p in places]
    for place in places:
        place.allow_tf32 = request.param
    yield request.param
    for place, value in zip(places, kept, strict=True):
        place.allow_tf32 = value


def test_what_was_set_comes_back(before: bool) -> None:
    places = (torch.backends.cudnn, torch.backends.cuda.matmul)
    inside = []
    with contextlib.suppress(ValueError), plain_float32():
        inside = [p.allow_tf32 for p in places]
        raise ValueError
    assert inside == [False, False]
    assert [p.allow_tf32 for p in places] == [before, before]
