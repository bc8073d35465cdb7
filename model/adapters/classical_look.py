"""Seeing text with ordinary image processing: its plane, its ink and the ground behind it.

Everything happens on a plane: a window in text coordinates, x along the baseline and y downwards,
in plane pixels, with the origin at the top left corner of the text's box. A homography carries it
to the image, so rotated text and text in perspective are handled as upright text is.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Floats = NDArray[np.float32]
Matrix = NDArray[np.float64]
Colour = tuple[int, int, int]

PLANE_HEIGHT = 48.0
"""Smaller text is enlarged to about this height, so that fonts can be told apart."""
MOST_THRESHOLD = 110
"""Of 255: what differs from the ground by this share of the largest contrast is ink in any case."""
MOST_INK = 0.8
"""Largest share of a text's window that is ink."""
LEAST_CONTRAST = 12.0
"""Smallest distance of ink from ground, in RGB with 8 bits each."""


def _shift(x: float, y: float) -> Matrix:
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


@dataclass(frozen=True)
class Plane:
    """A text box as a plane.

    Attributes:
        matrix: homography from plane coordinates to image coordinates, both continuous (the centre
            of the first pixel is at 0.5).
        width: of the box, in plane pixels.
        height: of the box, in plane pixels.
        scale: plane pixels per image pixel.
    """

    matrix: Matrix
    width: float
    height: float
    scale: float

    @classmethod
    def of(cls, polygon: tuple[tuple[float, float], ...]) -> Plane:
        """The plane of a quadrilateral, clockwise from the text's own top left.

        Raises:
            ValueError: it has no area, or not four corners.
        """
        corners = np.array(polygon, dtype=np.float64)
        if corners.shape != (4, 2) or abs(cv2.contourArea(corners.astype(np.float32))) < 4:
            raise ValueError("a text plane needs four corners that span an area")
        sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
        width, height = (sides[0] + sides[2]) / 2, (sides[1] + sides[3]) / 2
        scale = float(np.clip(PLANE_HEIGHT / height, 1.0, 4.0))
        width, height = width * scale, height * scale
        flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
        matrix = cv2.getPerspectiveTransform(flat, corners.astype(np.float32))
        return cls(matrix=matrix, width=float(width), height=float(height), scale=scale)

    def _pixel_matrix(self, x: int, y: int) -> Matrix:
        """From pixel indices of a window at (x, y) to pixel indices of the image."""
        moved: Matrix = _shift(-0.5, -0.5) @ self.matrix @ _shift(x + 0.5, y + 0.5)
        return moved

    def window(self, image: Pixels, x: int, y: int, width: int, height: int) -> Pixels:
        """What the image shows in a window of the plane; edges are repeated outside the image."""
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        shown = cv2.warpPerspective(
            image, self._pixel_matrix(x, y), (width, height),
            flags=flags, borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
        return np.asarray(shown, dtype=np.uint8)

    def project(self, layer: Floats, x: int, y: int, size: tuple[int, int]) -> Floats:
        """A layer of the plane, whose first pixel is at (x, y), as it lies in the image.

        Args:
            layer: (height, width) or (height, width, 3).
            x: of the layer's first column.
            y: of the layer's first row.
            size: (width, height) of the image.

        Returns:
            float32 of the image's size, 0 outside the layer.
        """
        if self.scale > 1:
            # The projection makes it smaller without averaging, so average first.
            layer = np.asarray(cv2.GaussianBlur(layer, (0, 0), 0.35 * self.scale), np.float32)
        laid = cv2.warpPerspective(layer, self._pixel_matrix(x, y), size, flags=cv2.INTER_LINEAR)
        return np.asarray(laid, dtype=np.float32)


@dataclass(frozen=True)
class Look:
    """A window of the plane, separated into ink and ground.

    Attributes:
        x: plane coordinate of the window's first column.
        y: plane coordinate of the window's first row.
        ink: (height, width), where the text is, with its rim.
        body: (height, width), the same without a rim of another colour.
        ground: (height, width, 3) float32, smooth fit of the background.
        roughness: deviation of the background from the fit, as the standard deviation that its
            median deviation stands for, in 8-bit steps.
        colour: RGB of the body, the median of its inner pixels.
        rim: RGB and width in plane pixels of a rim of another colour, or None.
    """

    x: int
    y: int
    ink: Mask
    body: Mask
    ground: Floats
    roughness: float
    colour: Colour
    rim: tuple[Colour, float] | None

    def box(self) -> tuple[int, int, int, int]:
        """The body's bounding box in plane coordinates: x0, y0, x1, y1, ends excluded."""
        rows, columns = np.flatnonzero(self.body.any(axis=1)), np.flatnonzero(self.body.any(axis=0))
        return (
            int(columns[0]) + self.x, int(rows[0]) + self.y,
            int(columns[-1]) + 1 + self.x, int(rows[-1]) + 1 + self.y,
        )  # fmt: skip


def look(image: Pixels, plane: Plane, start: float, end: float) -> Look | None:
    """Separate ink from ground between two places along the baseline.

    The two colours of the box come from 2-means; the one that prevails on its rim is the ground,
    which is then fitted by a plane per channel; ink is what Otsu's threshold finds far from it.

    Args:
        image: (height, width, 3) uint8 RGB.
        plane: of the text's box.
        start: plane coordinate where the text to look at begins.
        end: where it ends.

    Returns:
        None when nothing stands out.
    """
    pad = round(0.12 * plane.height)
    x, y = round(start) - pad, -pad
    width, height = round(end) - round(start) + 2 * pad, round(plane.height) + 2 * pad
    if width < 4 or height < 4:
        return None
    rgb = plane.window(image, x, y, width, height)
    core = (pad, pad, width - pad, height - pad)
    is_ground = _two_means(rgb)
    ink, ground, top = _separate(rgb, is_ground, core)
    rim_pixels = np.concatenate([ink[0], ink[-1], ink[:, 0], ink[:, -1]])
    if ink.mean() > 0.5 and rim_pixels.mean() > 0.05:
        # So much ink, and up to the window's rim, is a label or balloon that the box reaches over.
        ink, ground, top = _separate(rgb, ~is_ground, core)
    if top < LEAST_CONTRAST or not 0.01 < ink.mean() <= MOST_INK:
        return None
    colour, body, rim = _colours(rgb, ink, ground)
    calm = ~np.asarray(cv2.dilate(ink.astype(np.uint8), np.ones((5, 5), np.uint8)), bool)
    # The median does not see a neighbouring text in a corner of the window.
    rough = 1.48 * float(np.median(np.abs(rgb - ground)[calm])) if calm.any() else 0.0
    return Look(
        x=x, y=y, ink=ink, body=body, ground=ground, roughness=rough, colour=colour, rim=rim
    )


def _separate(
    rgb: Pixels, is_ground: Mask, core: tuple[int, int, int, int]
) -> tuple[Mask, Floats, float]:
    """Ink, fitted ground and largest contrast, for a first guess at the ground."""
    ground = _plane_fit(rgb.astype(np.float32), is_ground)
    away = np.linalg.norm(rgb.astype(np.float32) - ground, axis=2)
    # The contrast of one odd pixel must not stretch the scale.
    top = max(float(np.percentile(away, 99)), 1.0)
    levels = np.clip(away / top * 255, 0, 255).astype(np.uint8)
    threshold, _ = cv2.threshold(levels, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    # A rim may stand out more than the letters it surrounds; both are ink.
    ink = _own_ink(levels > min(threshold, MOST_THRESHOLD), core)
    return ink, ground, top


def _two_means(rgb: Pixels) -> Mask:
    """True where a pixel belongs to the one of two colour clusters that prevails on the rim."""
    scaled = rgb.astype(np.float32) / np.float32(255)
    lab = np.asarray(cv2.cvtColor(scaled, cv2.COLOR_RGB2LAB), np.float32)
    pixels = lab.reshape(-1, 3)
    some = np.ascontiguousarray(pixels[:: max(1, len(pixels) // 20000)])
    # Starting from the extremes of lightness makes the result independent of any random state.
    order = np.argsort(some[:, 0], kind="stable")
    centres = np.stack([some[order[len(order) // 50]], some[order[-1 - len(order) // 50]]])
    for _ in range(12):
        nearer = np.linalg.norm(some[:, None] - centres[None], axis=2).argmin(axis=1)
        for k in (0, 1):
            if (nearer == k).any():
                centres[k] = some[nearer == k].mean(axis=0)
    label = np.linalg.norm(lab[:, :, None] - centres, axis=3).argmin(axis=2)
    rim = np.concatenate([label[0], label[-1], label[:, 0], label[:, -1]])
    return np.asarray(label == int(rim.mean() > 0.5))


def _plane_fit(rgb: Floats, chosen: Mask) -> Floats:
    """A colour plane through the chosen pixels, fitted three times without its outliers."""
    height, width = chosen.shape
    rows, columns = np.mgrid[0:height, 0:width]
    terms = np.stack([np.ones(chosen.size), columns.ravel() / width, rows.ravel() / height], axis=1)
    values = rgb.reshape(-1, 3).astype(np.float64)
    keep = chosen.ravel().copy()
    factors = np.zeros((3, 3))
    factors[0] = np.median(values[keep], axis=0)
    for _ in range(3):
        if keep.sum() < 16:
            break
        factors = np.linalg.lstsq(terms[keep], values[keep], rcond=None)[0]
        # Rounded: the last bits of BLAS depend on where arrays lie in memory, and decide ties here.
        error = np.round(np.linalg.norm(values - terms @ factors, axis=1), 6)
        keep = chosen.ravel() & (error <= 2.5 * np.median(error[keep]) + 2)
    fit = np.round(np.clip(terms @ factors, 0, 255), 4).reshape(height, width, 3)
    return np.asarray(fit, dtype=np.float32)


def _own_ink(ink: Mask, core: tuple[int, int, int, int]) -> Mask:
    """Without specks, and without components that lie mostly outside the text's own box.

    Args:
        ink: candidates.
        core: the box in window pixels: x0, y0, x1, y1.
    """
    count, label = cv2.connectedComponents(ink.astype(np.uint8), connectivity=8)
    x0, y0, x1, y1 = core
    total = np.bincount(label.ravel(), minlength=count)
    inside = np.bincount(label[y0:y1, x0:x1].ravel(), minlength=count)
    # A dot of this text is no smaller than a twentieth of its height.
    keep = (total >= max(2.0, (0.05 * (y1 - y0)) ** 2)) & (inside > 0.6 * total)
    keep[0] = False
    return np.asarray(keep[label])


def _colours(
    rgb: Pixels, ink: Mask, ground: Floats
) -> tuple[Colour, Mask, tuple[Colour, float] | None]:
    """Colour of the strokes' inside, the ink that has it, and the rim if there is one.

    A rim is an edge whose colour is no mixture of inside and ground, as soft edges are.
    """
    depth = cv2.distanceTransform(ink.astype(np.uint8), cv2.DIST_L2, 3)
    deep = ink & (depth >= max(1.0, 0.6 * float(np.percentile(depth[ink], 90))))
    inside = np.median(rgb[deep], axis=0)
    edge_pixels = ink & (depth > 1.0) & (depth <= max(2.0, 0.15 * float(depth.max())))
    fill = (int(inside[0]), int(inside[1]), int(inside[2]))
    if edge_pixels.sum() < 20 or float(depth.max()) < 4:
        return fill, ink, None
    edge, back = np.median(rgb[edge_pixels], axis=0), ground[edge_pixels].mean(axis=0)
    line = back - inside
    along = float(np.clip(((edge - inside) @ line) / max(float(line @ line), 1.0), 0, 1))
    if float(np.linalg.norm(edge - (inside + along * line))) < 60:
        return fill, ink, None
    to_fill = np.linalg.norm(rgb - inside, axis=2)
    body = ink & (to_fill < np.linalg.norm(rgb - edge, axis=2))
    if body.sum() < 0.15 * ink.sum():
        return fill, ink, None
    around = int((ink & (depth <= 1.0)).sum())
    width = float((ink & ~body).sum()) / max(1, around)
    return fill, body, ((int(edge[0]), int(edge[1]), int(edge[2])), width)
