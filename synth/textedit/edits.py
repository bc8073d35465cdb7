"""What is replaced by what: one function per kind of edit, and the templates of other strings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from string import Formatter

from synth.draw import Draw
from synth.words import Split, belongs, invented, plain, vocabulary

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September",
          "October", "November", "December")  # fmt: skip
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

Pair = tuple[str, str]
Maker = Callable[[Draw, Split], Pair]


def _length(draw: Draw, source: str) -> tuple[int, int]:
    """Allowed target lengths: as the official records, 40 % longer, 30 % equal, 30 % shorter."""
    size, fate = len(source), draw.uniform(0, 1)
    if fate < 0.4:
        return size + 1, size + 3
    if fate < 0.7:
        return size, size
    return max(3, size - 3), max(3, size - 1)


def _words(draw: Draw, split: Split) -> Pair:
    """Two different words of related length, lower-cased; one pair in three holds a new name."""
    source = plain(draw, split, 4, 8)
    low, high = _length(draw, source)
    high = max(high, 4)
    for _ in range(40):
        if draw.chance(0.35) and high >= 5:
            target = invented(draw, split, max(4, min(low, 9)), min(high, 9))
        else:
            fitting = [w for w in vocabulary(split) if low <= len(w) <= high]
            target = draw.pick(fitting or vocabulary(split))
        if target not in source and source not in target:
            return source, target
    raise RuntimeError(f"no target found for {source!r}")


def _upper(draw: Draw, split: Split) -> Pair:
    source, target = _words(draw, split)
    return source.upper(), target.upper()


def _title(draw: Draw, split: Split) -> Pair:
    source, target = _words(draw, split)
    return source.capitalize(), target.capitalize()


def _recase(draw: Draw, split: Split) -> Pair:
    source, target = _words(draw, split)
    return source.upper(), target.capitalize()


def _brand(draw: Draw, split: Split) -> Pair:
    source = invented(draw, split)
    low, high = _length(draw, source)
    target = invented(draw, split, max(4, min(low, 8)), max(5, min(high, 9)))
    return source.upper(), target.upper()


def _stock(draw: Draw, split: Split) -> Pair:
    """Lower-case names, as the marks of picture agencies are."""
    source, target = _brand(draw, split)
    return source.lower(), target.lower()


def _near(draw: Draw, split: Split) -> Pair:
    """One letter apart."""
    while True:
        source = invented(draw, split, 5, 7)
        place = draw.integer(1, len(source) - 2)
        letter = draw.pick([c for c in "aeioulmnrst" if c != source[place]])
        target = source[:place] + letter + source[place + 1 :]
        if belongs(target, split):
            return source.upper(), target.upper()


def _case(draw: Draw, split: Split) -> Pair:
    """The same word in another case."""
    word = plain(draw, split, 5, 8)
    return word.upper(), word.capitalize()


def _accent(draw: Draw, split: Split) -> Pair:
    """To a word with an accent."""
    target = draw.pick(vocabulary(split, "accented"))
    return plain(draw, split, 4, 7).upper(), target.upper()


def _multi(draw: Draw, split: Split) -> Pair:
    """Two words become two other words."""
    first, second = _words(draw, split), _words(draw, split)
    return f"{first[0]} {second[0]}".upper(), f"{first[1]} {second[1]}".upper()


def _sound(draw: Draw, split: Split) -> Pair:
    sounds = draw.shuffled(vocabulary(split, "sound"))
    mark = draw.pick(["!", "!", ""])
    return f"{sounds[0].upper()}{mark}", f"{sounds[1].upper()}{mark}"


def _short(draw: Draw, split: Split) -> Pair:
    """One or two letters."""
    size = draw.integer(1, 2)
    letters = draw.shuffled("ABDEGHKMNPRTVXZ")
    return "".join(letters[:size]), "".join(letters[size : 2 * size])


def _digits(draw: Draw, split: Split) -> Pair:
    """A number of two to four digits; one in five changes in length."""
    size = draw.integer(2, 4)
    other = size + (1 if draw.chance(0.2) else 0)
    return _number(draw, size), _number(draw, other)


def _digit(draw: Draw, split: Split) -> Pair:
    """One digit."""
    a, b = draw.shuffled("23456789")[:2]
    return a, b


def _number(draw: Draw, size: int) -> str:
    return str(draw.integer(1, 9)) + "".join(str(draw.integer(0, 9)) for _ in range(size - 1))


def _time(draw: Draw, split: Split) -> Pair:
    return _clock(draw), _clock(draw)


def _clock(draw: Draw) -> str:
    return f"{draw.integer(0, 23):02d}:{draw.integer(0, 11) * 5:02d}"


def _price(draw: Draw, split: Split) -> Pair:
    def price() -> str:
        return f"{draw.integer(2, 48)}.{draw.pick(['25', '49', '50', '75', '95'])}"

    return f"${price()}", f"${price()}"


def _score(draw: Draw, split: Split) -> Pair:
    """A result whose hyphen carries the meaning."""
    return (
        f"{draw.integer(1, 9)}-{draw.integer(0, 9)}",
        f"{draw.integer(1, 9)}-{draw.integer(0, 9)}",
    )


def _code(draw: Draw, split: Split) -> Pair:
    """A type or fleet number such as P-38."""
    a, b = draw.shuffled("ABCDEFGHJKLMNPRSTV")[:2]
    return f"{a}-{_number(draw, 2)}", f"{b}-{_number(draw, draw.integer(2, 3))}"


def _percent(draw: Draw, split: Split) -> Pair:
    return f"{draw.integer(12, 97)}%", f"{draw.integer(12, 97)}%"


KINDS: Mapping[str, tuple[Maker, str]] = {
    "upper": (_upper, ""),
    "title": (_title, ""),
    "lower": (_words, "lower case"),
    "recase": (_recase, "the new word is written in title case"),
    "brand": (_brand, "an invented name, no dictionary word"),
    "stock": (_stock, "an invented name in lower case"),
    "near": (_near, "one letter changes"),
    "case": (_case, "only the letter case changes"),
    "accent": (_accent, "the new word has an accent"),
    "multi": (_multi, "two words"),
    "sound": (_sound, "an invented sound word"),
    "short": (_short, "one or two characters"),
    "digit": (_digit, "one digit"),
    "digits": (_digits, "digits only"),
    "time": (_time, "digits with a colon"),
    "price": (_price, "the punctuation carries the meaning"),
    "score": (_score, "the punctuation carries the meaning"),
    "code": (_code, "a letter, a hyphen and digits"),
    "percent": (_percent, "digits with a sign"),
}
"""Kind of edit -> how a (source, target) pair is drawn, and what makes it hard."""


def edit(kind: str, draw: Draw, split: Split) -> Pair:
    """A source and a target string of a kind; never equal.

    Raises:
        KeyError: the kind is not one of `KINDS`.
    """
    maker = KINDS[kind][0]
    while True:
        source, target = maker(draw, split)
        if source != target:
            return source, target


_FIELDS: Mapping[str, Callable[[Draw, Split], str]] = {
    "word": lambda d, s: plain(d, s, 4, 7),
    "Word": lambda d, s: plain(d, s, 4, 7).capitalize(),
    "WORD": lambda d, s: plain(d, s, 4, 7).upper(),
    "name": invented,
    "Name": lambda d, s: invented(d, s).capitalize(),
    "NAME": lambda d, s: invented(d, s).upper(),
    "Month": lambda d, s: d.pick(MONTHS),
    "MONTH": lambda d, s: d.pick(MONTHS).upper(),
    "Mon": lambda d, s: d.pick(MONTHS)[:3],
    "Weekday": lambda d, s: d.pick(WEEKDAYS),
    "WEEKDAY": lambda d, s: d.pick(WEEKDAYS).upper(),
    "day": lambda d, s: str(d.integer(2, 28)),
    "hour": lambda d, s: str(d.integer(6, 11)),
    "year": lambda d, s: str(d.integer(1952, 1998)),
    "n1": lambda d, s: _number(d, 1),
    "n2": lambda d, s: _number(d, 2),
    "n3": lambda d, s: _number(d, 3),
    "n4": lambda d, s: _number(d, 4),
    "n6": lambda d, s: _number(d, 6),
    "price": lambda d, s: f"{d.integer(2, 19)}.{d.pick(['20', '40', '50', '80', '90'])}",
    "time": lambda d, s: _clock(d),
    "letter": lambda d, s: d.pick("ABCDEFGHJKLMNPRSTVWXYZ"),
    "sound": lambda d, s: d.pick(vocabulary(s, "sound")).upper(),
}


def filled(template: str, draw: Draw, split: Split) -> str:
    """A template such as ``"{Word} Hall, {day} {Month}"`` with every field drawn on its own.

    Raises:
        KeyError: a field that does not exist.
    """
    parts = []
    for literal, name, _, _ in Formatter().parse(template):
        parts.append(literal)
        if name is not None:
            parts.append(_FIELDS[name](draw, split))
    return "".join(parts)
