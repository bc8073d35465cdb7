"""The bundled model needs neither torchvision nor flash-attn nor a network."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import importlib.abc, importlib.util, sys
HIDDEN = {"torchvision", "flash_attn", "einops", "timm"}
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, *a: None if name.split(".")[0] in HIDDEN else real(name, *a)
class Hide(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in HIDDEN:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hide())
import socket
def refuse(*args, **kwargs):
    raise AssertionError("a network was asked for")
socket.socket.connect = refuse
from PIL import Image
from model.internvlu.pipeline import InternVLUPipeline
from model.internvlu.tiny import write_tiny
from pathlib import Path
folder = write_tiny(Path(sys.argv[1]) / "tiny")
pipe = InternVLUPipeline.from_pretrained(folder, device="cpu")
image = pipe.generate(["a red panda"], steps=1)[0].image
image = pipe.edit(["make it blue"], [[image]], steps=1)[0].image
from model.internvlu.vlm import Sampling
pipe.answer(["what is it?"], [[image]], sampling=Sampling(max_new_tokens=2))
assert not HIDDEN & set(sys.modules), HIDDEN & set(sys.modules)
print("done")
"""


def test_no_torchvision_no_flash_attention_no_network(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip().endswith("done"), done.stderr[-2000:]
