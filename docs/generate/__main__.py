"""Write every generated part."""

from __future__ import annotations

from docs.generate.parts import ROOT, files

for name, content in files().items():
    path = ROOT / name
    if path.read_text("utf-8") != content:
        path.write_text(content, "utf-8")
        print(f"{name}: written anew")
