"""What `classical` tells from texts and charts, with readings as a perfect reader gives them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from metrics.ocr import TextItem
from model.adapters.classical_bars import Measured, bar_value
from model.adapters.classical_texts import beside, calculation, extreme_word
from tests.model.test_classical_reading import RANDOM, Pixels, answer, item

TICKET = [
    item("GATE", 10, 10, 60, 40), item("B42", 100, 8, 160, 40), item("R 7", 200, 10, 260, 40),
    item("ROW", 10, 60, 60, 90), item("X9.", 100, 60, 160, 92),
    item("Big", 10, 120, 110, 200),
]  # fmt: skip


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("What is written beside GATE?", "B42"),
        ("Which text is written next to the word", None),
        ("What is written to the right of 'B42'?", "R 7"),
        ("What is printed to the left of B42?", "GATE"),
        ("What is written beside R 7?", "B42"),
        ("What is written below gate?", "ROW"),
        ("What is written beside SEAT?", None),
        ("What is written above GATE?", None),
        ("Which word is written in the largest letters?", "Big"),
        ("Which word is the smallest?", None),
        ("What is written in the image?", "GATE B42 R 7 ROW X9. Big"),
        ("What does the sign say?", "GATE B42 R 7 ROW X9. Big"),
        ("What is written beside GATE?\nA. B24\nB. B42", "B"),
    ],
)
def test_questions_about_texts(question: str, said: str | None) -> None:
    assert answer(question, RANDOM, TICKET) == said


def test_without_texts_there_is_no_answer() -> None:
    assert extreme_word([]) is None
    assert beside([], "", "beside") is None
    for question in ("What is written beside A?", "What is written?", "Which word is largest?"):
        assert answer(question, RANDOM) is None


@pytest.mark.parametrize(
    ("texts", "result"),
    [
        (["64+14=?"], "78"), (["32–18=?"], "14"), (["3×9= ？"], "27"), (["38 −", "15 = ?"], "23"),
        (["3 x 4"], "12"), (["7 ÷ 2 = ?"], "3.5"), (["24 : 6 ="], "4"), (["5 - 9 ="], "-4"),
        (["7 / 0 = ?"], None), (["1 + 1 = ?", "2 + 2 = ?"], None), (["1.5 + 2 = ?"], None),
        (["call 555"], None), ([], None),
    ],
)  # fmt: skip
def test_calculations(texts: list[str], result: str | None) -> None:
    items = [item(t, 0, 0, 9, 9) for t in texts]
    assert calculation(items) == result
    assert answer("What is the result of the calculation?", RANDOM, items) == result


def chart(heights: dict[str, int], ground: str = "white") -> tuple[Pixels, list[TextItem]]:
    """A chart from 0 to 50 in 200 pixels, and what a perfect reader reads in it."""
    image = Image.new("RGB", (400, 300), ground)
    pen = ImageDraw.Draw(image)
    texts = [item(str(v), 10, 242 - 4 * v, 40, 258 - 4 * v) for v in range(0, 51, 10)]
    pen.line((50, 250, 390, 250), fill="grey", width=2)
    for at, (name, value) in enumerate(heights.items()):
        x = 70 + 80 * at
        if value:
            fill = ("green", "orange", "navy")[at % 3]
            pen.rectangle((x, 250 - 4 * value, x + 40, 249), fill=fill)
        texts.append(item(name, x, 260, x + 40, 280))
    return np.asarray(image, np.uint8), texts


def test_bars_are_measured_by_their_scale() -> None:
    pixels, texts = chart({"Oak": 17, "Elm": 48, "Ash": 5})
    for name, value in {"Oak": 17, "Elm": 48, "Ash": 5}.items():
        found = bar_value(pixels, texts, name)
        assert found is not None
        assert found.value == pytest.approx(value, abs=0.8)
        assert found.slack == pytest.approx(1.25)
    ask = "What is the value of Elm?"
    assert answer(ask, pixels, texts) == "48"
    assert answer(f"{ask}\nA. 10\nB. 48%\nC. 40", pixels, texts) == "B"
    assert answer(f"{ask}\nA. 10\nB. 45\nC. 40", pixels, texts) is None
    assert answer(f"{ask}\nA. 47.5\nB. 48\nC. 40", pixels, texts) is None


def test_a_chart_that_cannot_be_measured_has_no_value() -> None:
    pixels, texts = chart({"Oak": 17, "Nil": 0})
    scale = [t for t in texts if t.text.isdigit()]
    names = [t for t in texts if not t.text.isdigit()]
    assert bar_value(pixels, texts, "Nil") is None, "no bar"
    assert bar_value(pixels, texts, "Elm") is None, "no such name"
    assert bar_value(pixels, [*texts, names[0]], "Oak") is None, "two of that name"
    assert bar_value(pixels, [*scale[:2], *names], "Oak") is None, "too short a scale"
    bent = item("45", *scale[2].box)
    assert bar_value(pixels, [*scale[:2], bent, *scale[3:], *names], "Oak") is None, "uneven"
    assert bar_value(pixels[:3, :3], texts, "Oak") is None
    full = np.full_like(pixels, 40)
    assert bar_value(full, texts, "Oak") is None
    assert Measured(value=3, slack=1).is_("three") is False
