"""The 27 kinds of test point of UniGenBench, in English and Chinese, and what each asks for.

The names are those of the data (CodeGoat24/UniGenBench@49d0bce); the explanations are our own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Point:
    """A kind of test point.

    Attributes:
        slug: name in columns.
        en: as spelt in English data.
        zh: as spelt in Chinese data.
        asks: what an image must show to meet it.
    """

    slug: str
    en: str
    zh: str
    asks: str

    @property
    def primary(self) -> str:
        """Its primary dimension, e.g. ``Attribute``."""
        return self.en.split(" - ", maxsplit=1)[0]


POINTS = (
    Point("action_animal", "Action - Animal", "动作-动物动作",
          "an animal does what the prompt says"),
    Point("action_contact", "Action - Contact Interaction", "动作-实体间有接触互动",
          "things or beings touch and act on each other as described"),
    Point("action_full_body", "Action - Full-body (Character/Anthropomorphic)",
          "动作-人物/拟人全身动作", "a person or a humanlike figure moves its whole body so"),
    Point("action_hand", "Action - Hand (Character/Anthropomorphic)", "动作-人物/拟人手部动作",
          "hands do what is described, and are whole: right fingers, nothing twisted"),
    Point("action_non_contact", "Action - Non-contact Interaction", "动作-实体间无接触互动",
          "things or beings relate without touching, as by a look"),
    Point("action_state", "Action - State", "动作-状态",
          "something is in the lasting state that a verb describes"),
    Point("attribute_color", "Attribute - Color", "属性-颜色", "the colours are the named ones"),
    Point("attribute_expression", "Attribute - Expression", "属性-表情",
          "a face shows the named feeling, clearly"),
    Point("attribute_material", "Attribute - Material", "属性-材质",
          "the thing is visibly made of the named material, or has its texture"),
    Point("attribute_quantity", "Attribute - Quantity", "属性-数量",
          "there are exactly as many as the prompt says"),
    Point("attribute_shape", "Attribute - Shape", "属性-形状", "the thing has the named shape"),
    Point("attribute_size", "Attribute - Size", "属性-大小",
          "size, height, length, width or thickness is as described"),
    Point("compound_feature_matching", "Compound - Feature Matching",
          "复合考点-不同实体特征匹配", "each of several things has its own features, none swapped"),
    Point("compound_imagination", "Compound - Imagination", "复合考点-想象力",
          "something that cannot exist is shown as the prompt imagines it"),
    Point("entity_layout_2d", "Entity Layout - Two-Dimensional Space", "实体布局-二维空间",
          "things stand left, right, above, below or in a row as described"),
    Point("entity_layout_3d", "Entity Layout - Three-Dimensional Space", "实体布局-三维空间",
          "things stand before, behind, inside or around each other as described"),
    Point("grammar_consistency", "Grammar - Consistency", "语法-统一性",
          "what a sentence says of several things holds for every one of them"),
    Point("grammar_negation", "Grammar - Negation", "语法-否定",
          "what the prompt denies is absent, and the rest is there"),
    Point("grammar_pronoun", "Grammar - Pronoun Reference", "语法-代词指代",
          "a pronoun is taken for the right one of several"),
    Point("logical_reasoning", "Logical Reasoning", "逻辑推理",
          "what the prompt implies without saying it is drawn from it rightly"),
    Point("relationship_comparison", "Relationship - Comparison", "关系-比较关系",
          "of two things, one exceeds the other as described"),
    Point("relationship_composition", "Relationship - Composition", "关系-构成关系",
          "a whole is made up of the named things"),
    Point("relationship_inclusion", "Relationship - Inclusion", "关系-包含关系",
          "one thing holds another, on a surface or in a picture as well"),
    Point("relationship_similarity", "Relationship - Similarity", "关系-相似关系",
          "different things are alike in the way described"),
    Point("style", "Style", "风格", "the named style of art, design or photography, or artist"),
    Point("text_generation", "Text Generation", "文本生成",
          "the wanted text stands there letter for letter, nothing missing and nothing added"),
    Point("world_knowledge", "World Knowledge", "世界知识",
          "a known person, place, object or fact can be recognised"),
)  # fmt: skip

BY_NAME: Mapping[str, Point] = {name: p for p in POINTS for name in (p.en, p.zh)}

PRIMARY: tuple[str, ...] = tuple(sorted({p.primary for p in POINTS}))


def slug(primary: str) -> str:
    """Name of a primary dimension in columns.

    >>> slug("Entity Layout")
    'entity_layout'
    """
    return primary.lower().replace(" ", "_")


THEMES: Mapping[str, str] = {
    "艺术": "Art",
    "影视故事": "Film & Story",
    "配图": "Illustration",
    "设计": "Design",
    "创意发散": "Creative Divergence",
}
"""Chinese name of a theme -> English one, which both suites are grouped by."""

SUBJECTS: Mapping[str, str] = {
    "人物": "Character",
    "动物": "Animal",
    "其他实体": "Other Entity",
    "场景": "Scene",
    "拟人": "Anthropomorphic",
}
