"""The OCR formulas as the paper prints them, where they differ from the released code.

Source: appendix of arXiv 2603.09877, compared with open-compass/TextEdit@0ca14ba. The differences:
the similarity divides by max(length, 1); OA looks at single items with an IoU above .5 to the
target region; its factor .2 looks for source and target in that region only; OP and OR compare
background items only, each with its best counterpart, which may be used again; the factor of NED
does not ask how similar source and target are. The paper does not say how the target region is
found; it is taken as in the released code, and so are the cases in which everything is 0.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.textedit.official import (
    OfficialScores,
    R,
    Readable,
    find_edit_line,
    group_into_lines,
    iou,
    joined,
    norm,
    union_box,
)
from metrics.text import similarity


def target_accuracy(there: Sequence[Readable], source: str, target: str) -> float:
    """OA, in [0, 1]: best similarity of one item of the target region to the target.

    Args:
        there: edited items with an IoU above .5 to the target region.
        source: folded source text.
        target: folded target text.
    """
    best = max((similarity(target, norm(i.text)) for i in there), default=0.0)
    everything = joined(there)
    return best * 0.2 if source in everything and target not in everything else best


def best_match_mean(texts: Sequence[str], others: Sequence[str]) -> float:
    """Mean over texts of the similarity to their best counterpart, in [0, 1].

    Without texts it is 1 when there are no others either, else 0.

    >>> best_match_mean(["sale", "open"], ["sale", "sale"])
    0.5
    """
    if not texts:
        return 0.0 if others else 1.0
    return sum(max((similarity(t, o) for o in others), default=0.0) for t in texts) / len(texts)


def roi_ned(
    original: Sequence[Readable], edited: Sequence[Readable], source: str, target: str
) -> float:
    """NED, in [0, 1]: as released, with the factor .2 whenever the text there is the source.

    Args:
        original: reading of the original image.
        edited: reading of the edited image.
        source: folded source text.
        target: folded target text.
    """
    best, place = 0.6, None
    for item in original:
        value = similarity(source, norm(item.text))
        if value > best:
            best, place = value, item.box
    there = [] if place is None else [i for i in edited if iou(i.box, place) > 0.3]
    if not there:
        return 0.0
    text = joined(sorted(there, key=lambda i: i.box[0]))
    factor = 0.2 if similarity(source, text) > 0.9 else 1.0
    return factor * similarity(target, text)


def paper_metrics(
    source_text: str, target_text: str, original: Sequence[R], edited: Sequence[R]
) -> OfficialScores:
    """OA, OP, OR, F1 and NED of one sample by the printed formulas; same shape as the released.

    Args:
        source_text: the text to be replaced.
        target_text: the text to be written.
        original: reading of the original image.
        edited: reading of the edited image after it was resized to the original's size.
    """
    source, target = norm(source_text), norm(target_text)
    if not original:
        return OfficialScores(exit="no_text_in_original")
    lines = group_into_lines(original)
    at = find_edit_line(lines, source)
    if at is None:
        return OfficialScores(exit="no_source_line")
    region = union_box([i.box for i in lines[at]])
    if not edited:
        return OfficialScores(exit="no_text_in_output", region=region)
    there = [i for i in edited if iou(i.box, region) > 0.5]
    kept = [norm(i.text) for n, line in enumerate(lines) if n != at for i in line]
    found = [norm(i.text) for i in edited if iou(i.box, region) < 0.5]
    precision, recall = best_match_mean(found, kept), best_match_mean(kept, found)
    both = precision + recall
    return OfficialScores(
        OA=target_accuracy(there, source, target),
        OP=precision,
        OR=recall,
        F1=2 * precision * recall / both if both > 0 else 0.0,
        NED=roi_ned(original, edited, source, target),
        region=region,
    )
