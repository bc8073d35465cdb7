"""Words for the scenes: plain English nouns and invented names, split by their hash."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Literal

from synth.draw import Draw

Split = Literal["bench", "val", "train"]
SPLITS: tuple[Split, ...] = ("bench", "val", "train")

_BUCKETS: dict[Split, frozenset[int]] = {
    "bench": frozenset({0, 1, 2}),
    "val": frozenset({3}),
    "train": frozenset({4, 5, 6, 7, 8, 9}),
}

_PLAIN = """
acorn album alley almond amber anchor angel anthem apple april apron archer arena arrow artist
ashes atlas attic aurora autumn avenue azure badge baker ballad balloon bamboo banjo banner barley
barrel basin basket beacon beaver berry bicycle birch biscuit blanket blossom bottle boulder bounty
branch brave breeze brick bridge bright bronze brook bubble bucket buffalo bugle butter button
cabin cactus camel camera canal candle canoe canvas canyon captain caravan cargo carnival carpet
carrot castle cedar cellar chapel charm cherry chess chimney cider cinema circle citrus clay cliff
clock cloud clover cobalt cobra cocoa coffee comet compass copper coral corner cotton cottage
cousin coyote cradle crane crater cricket crimson crown crystal cube curtain cypress daisy dancer
dawn delta denim desert diamond dolphin domino donkey dragon dream drift drum dune eagle early east
echo eclipse elbow ember emerald empire engine evening fable falcon fathom feather fern ferry fever
fiddle field finch fire flame flint flora flute forest fortune fossil fountain fox freedom frost
galaxy garden garlic gather gecko ghost giant ginger glacier glass globe glory goblin golden gospel
grace granite grape gravel green grove guitar gypsum hammer harbor harvest hazel heart heather
hello herald hermit heron hidden hollow honey horizon hotel hunter iceberg indigo island ivory
ivy jacket jade jasmine jewel jockey journey jungle juniper kayak kernel kettle king kingdom kite
kitten koala lagoon lake lamp lantern lark laurel lavender legend lemon leopard letter liberty
light lilac lily lime linen lion lizard lobby locket lotus lucky lunar lynx magic magnet mango
maple marble march market marsh meadow melody melon mercury midnight miller mint mirage mirror
mission monkey monsoon moon morning mosaic moss motor mountain mulberry museum music mustard mystic
nectar needle nest nickel night noble nomad north nova nutmeg oak oasis ocean olive onion opal
opera orange orbit orchard orchid osprey otter owl oxygen oyster paddle palace palm panda panther
paper paprika parade parrot pasture peach pearl pebble pelican pepper petal phantom piano pilgrim
pilot pine pioneer planet plaza plum pocket poet polar pony poppy prairie prism pumpkin pyramid
quarry quartz quest quiet quill rabbit radar radio rain rainbow ranch raven red reef rhythm ribbon
ridge river robin rocket rodeo rose royal ruby saddle saffron sage sail salmon sandal sapphire
satin saturn savanna school scout season secret shadow shark shell shelter sherbet shore signal
silence silk silver sketch sky smoke solar sonnet south spark sparrow spice spider spiral spirit
sprout square stable star station stone storm story stream street sugar summer sun sunset swan
swift table tango temple thistle thunder tiger timber topaz torch tower trail travel treasure
tropic trout trumpet tulip tundra tunnel turtle twilight union valley vanilla velvet venture
village vine violet vision voyage walnut walrus water wave weaver west whale wheat whisper willow
wind window winter wolf wonder wood yellow yonder zebra zenith zephyr zinc
"""

_ACCENTED = """
café décor soirée piñata crème señor jalapeño élan fiancé rosé sauté über añejo cliché début éclair
entrée façade fête gâteau ingénue jäger köln lumière mañana maté naïve niño pâté pêche purée protégé
québec raphaël résumé risqué santé sémillon señora touché vélo voilà düne müsli öland zoë brûlée
córdoba málaga cancún bogotá belém são évian
"""

_SOUNDS = """
boom crash zap pow bam wham kaboom thud splat zoom whoosh bang clang crack crunch smash snap swish
thwack vroom wow yikes zing bonk clunk ding fizz gulp hiss kapow plop pop puff rip roar rumble slam
slap splash squeak swoosh thump tick twang whack whirr zonk bzzt krak sploosh kerplunk skreech
"""

_LISTS = {
    "plain": frozenset(_PLAIN.split()),
    "accented": frozenset(_ACCENTED.split()),
    "sound": frozenset(_SOUNDS.split()),
}

_ONSETS = ["b", "br", "c", "d", "dr", "f", "fl", "g", "k", "l", "m", "n", "p", "pr", "r", "s",
           "st", "t", "tr", "v", "z"]  # fmt: skip
_VOWELS = ["a", "e", "i", "o", "u", "a", "e", "o"]
_CODAS = ["", "", "l", "n", "r", "s", "x", "nd", "rt"]


def bucket(word: str) -> int:
    """0..9 by the hash of the lower-cased word; decides which split may use it.

    >>> bucket("Harbor") == bucket("HARBOR")
    True
    """
    return hashlib.sha256(word.lower().encode()).digest()[0] % 10


def belongs(word: str, split: Split) -> bool:
    """Whether a split may use this word."""
    return bucket(word) in _BUCKETS[split]


@lru_cache(maxsize=16)
def vocabulary(
    split: Split, kind: Literal["plain", "accented", "sound"] = "plain"
) -> tuple[str, ...]:
    """All listed words of a split, lower-cased, in a fixed order."""
    return tuple(sorted(w for w in _LISTS[kind] if belongs(w, split)))


def invented(draw: Draw, split: Split, low: int = 5, high: int = 8) -> str:
    """A pronounceable name that is no listed word, lower-cased, of low to high letters."""
    while True:
        name = "".join(draw.pick(_ONSETS) + draw.pick(_VOWELS) for _ in range(draw.integer(2, 3)))
        name += draw.pick(_CODAS)
        if low <= len(name) <= high and name not in _LISTS["plain"] and belongs(name, split):
            return name


def plain(draw: Draw, split: Split, low: int = 3, high: int = 10) -> str:
    """A listed word of low to high letters, lower-cased."""
    fitting = [w for w in vocabulary(split) if low <= len(w) <= high]
    return draw.pick(fitting)
