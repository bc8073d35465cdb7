"""What a scene function is given: the words to write, fonts by role, and a stream of choices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from synth.draw import Draw
from synth.scene import RGB, Picture, Plane, Quad, Scene, Text, box_quad
from synth.textedit.spec import Spec
from synth.typeface import Role, font_file

WHITE: RGB = (255, 255, 255)
BLACK: RGB = (0, 0, 0)
T = TypeVar("T")
Align = Literal["left", "center", "right"]


@dataclass(kw_only=True)
class Kit:
    """Collects the texts of one scene.

    Attributes:
        spec: what the scene shall show.
        draw: choices of the scene; a function of the spec only.
        texts: what was written so far.
    """

    spec: Spec
    draw: Draw
    texts: list[Text] = field(default_factory=list)

    @property
    def layout(self) -> str:
        """Which arrangement of the sub-class to draw."""
        return self.spec.layout

    def has(self, role: str) -> bool:
        """Whether the spec has a string of this role."""
        return role in self.spec.said

    def text(
        self,
        role: str,
        where: tuple[float, float, float, float] | Quad,
        font: Role,
        size: int,
        fill: RGB,
        align: Align = "center",
        **style: Any,
    ) -> None:
        """Write the spec's string of a role into a box (x0, y0, x1, y1) or a quad.

        Raises:
            KeyError: the spec has no such role.
        """
        slot = where if isinstance(where[0], tuple) else box_quad(*(round(v) for v in where))
        edited = role in self.spec.edited
        self.texts.append(
            Text(
                role=role, string=self.spec.said[role], slot=slot, font=self.font(font), size=size,
                fill=fill, align=align, edited=edited,
                shares=(self.spec.target,) if edited else (), **style,
            )
        )  # fmt: skip

    def rotate(self, values: Sequence[T]) -> T:
        """One of the values, another one for the next item of the sub-class."""
        first = Draw(self.spec.split, self.spec.sub_class).integer(0, len(values) - 1)
        return values[(first + self.spec.index) % len(values)]

    def font(self, role: Role) -> str:
        """Font file of a role in this spec's split."""
        return font_file(self.spec.split, role)

    def scene(
        self,
        background: Picture,
        template: str,
        *,
        light: Plane | None = None,
        blur: float = 0.0,
        grain: float = 0.0,
    ) -> Scene:
        """The finished scene."""
        return Scene(
            background=background, texts=tuple(self.texts), template=template, light=light,
            blur=blur, grain=grain, seed=self.draw.seed32,
        )  # fmt: skip
