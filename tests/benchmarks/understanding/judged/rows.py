"""A few made-up rows for each benchmark whose answers a judge reads."""

from __future__ import annotations

VISTA = [
    {"question": "Which is longer? (A) red (B) blue", "question_type": "multi_choice",
     "answer_type": "text", "choices": "['red', 'blue']", "answer": "red", "answer_option": "A",
     "task": "figure question answering", "skills": "['algebraic reasoning']", "precision": ""},
    {"question": "How many balls?", "question_type": "free_form", "answer_type": "integer",
     "choices": "[]", "answer": "14", "answer_option": "", "task": "math word problem",
     "skills": "['numeric commonsense', 'arithmetic reasoning']", "precision": ""},
    {"question": "Which years?", "question_type": "free_form", "answer_type": "list",
     "choices": "[]", "answer": "[2007, 2008]", "answer_option": "", "task": "TQA",
     "skills": "['statistical reasoning']", "precision": ""},
]  # fmt: skip
VERSE = [
    {"question": "Find x.", "question_for_eval": "Find x, whole.", "answer": "A",
     "problem_version": "Vision Only", "problem_index": "7", "question_type": "multi-choice",
     "metadata": "{'subject': 'Plane Geometry', 'subfield': \"Euclid's\"}"},
    {"question": "Find y.", "question_for_eval": "Find y.", "answer": "12 cm",
     "problem_version": "Vision Only", "problem_index": "8", "question_type": "free-form",
     "metadata": "{'subject': 'Functions', 'subfield': 'Expression'}"},
]  # fmt: skip
LOGIC = [
    {"question": "Which comes next?", "answer": "A", "skill": "['inductive']"},
    {"question": "Which two fit?", "answer": "B, D", "skill": "['spatial', 'numerical']"},
]
VET = [
    {"question": "What is x?", "answer": "-1<AND>-5", "category": "ocr,math"},
    {"question": "What is it?", "answer": "a cat", "category": "rec"},
]
ROWS: dict[str, list[dict[str, str]]] = {
    "mathvista": VISTA, "mathverse": VERSE, "logicvista": LOGIC, "mmvet": VET,
}  # fmt: skip
