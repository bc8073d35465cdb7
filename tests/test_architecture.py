"""The import rules of docs/architecture.md, read from the code, and the weight of start-up."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("evals", "benchmarks", "model", "judges", "metrics", "synth", "reports")
LEAVES = ("metrics", "judges", "synth", "reports")

# Who may import whom, besides its own package. `evals` here means the harness above the floor.
ALLOWED: dict[str, set[str]] = {
    "evals.core": set(),
    "metrics": {"evals.core"},
    "synth": {"evals.core"},
    "reports": {"evals.core"},
    "judges": {"evals.core", "metrics"},
    "benchmarks": {"evals.core", "metrics", "judges", "synth"},
    "model": {"evals.core", "metrics", "judges", "synth"},
    "evals": {"evals.core", "benchmarks", "model", "metrics", "judges", "synth", "reports"},
}
HEAVY = {
    "torch", "pandas", "onnxruntime", "rapidocr", "paddle", "paddleocr", "openai", "transformers",
    "diffusers", "open_clip", "lpips", "cv2", "skimage", "scipy", "PIL", "jinja2", "numpy",
}  # fmt: skip


def area(module: str) -> str:
    """Which row of the rules a module belongs to."""
    top = module.split(".", maxsplit=1)[0]
    if top == "evals" and module.split(".")[1:2] == ["core"]:
        return "evals.core"
    return top


def modules() -> list[tuple[str, Path]]:
    found = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found.append((".".join(parts).removesuffix(".__init__"), path))
    return found


def imports(path: Path, module: str) -> set[str]:
    """All modules of ours that a file imports, wherever in the file."""
    found: set[str] = set()
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(a.name for a in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            found.add(".".join([*base, *([node.module] if node.module else [])]))
            if node.module and not node.level:
                found.update(f"{node.module}.{a.name}" for a in node.names)
    return {f for f in found if f.split(".")[0] in PACKAGES}


def edges() -> list[tuple[str, str, str]]:
    return [
        (module, target, area(module))
        for module, path in modules()
        for target in sorted(imports(path, module))
    ]


def test_every_import_is_allowed() -> None:
    bad = [
        f"{module} imports {target}"
        for module, target, row in edges()
        if area(target) != row
        and area(target) not in ALLOWED[row]
        # `from evals import __version__` is the floor's own name.
        and not (row != "evals.core" and target in {"evals", "evals.__version__"})
    ]
    assert not bad, "\n".join(bad)


def test_the_rule_catches_a_wrong_edge(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text("def f():\n    from evals.runner import execute\n")
    assert imports(wrong, "reports.wrong") >= {"evals.runner"}
    assert area("evals.runner") not in ALLOWED["reports"]


def test_only_the_command_line_imports_the_runner() -> None:
    allowed = {"evals.cli", "evals.commands", "evals.dry_run", "evals.finetune_scoring"}
    bad = {m for m, target, _ in edges() if target.startswith("evals.runner") and m not in allowed}
    assert not bad


def test_leaves_do_not_know_each_other() -> None:
    for module, target, row in edges():
        if row in LEAVES and row != "judges" and area(target) in LEAVES:
            assert area(target) == row, f"{module} imports {target}"


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["run", "--help"]])
def test_start_up_is_light(words: list[str]) -> None:
    code = (
        "import sys, json, contextlib, io\n"
        "from evals.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        "    try: main(sys.argv[1:])\n"
        "    except SystemExit: pass\n"
        "print(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert not loaded & HEAVY


def test_import_evals_is_light() -> None:
    code = "import evals, sys; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & HEAVY


def test_public_names_resolve() -> None:
    import evals

    for name in evals.__all__:
        assert getattr(evals, name) is not None


@pytest.mark.parametrize("module_and_path", modules(), ids=lambda m: m[0])
def test_every_module_says_what_it_is(module_and_path: tuple[str, Path]) -> None:
    module, path = module_and_path
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert doc, module
    assert "TODO" not in doc, module
