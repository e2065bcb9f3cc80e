import sys, torch
from pathlib import Path
from training.loop import *; from training.presets import PRESETS; from training.corpus import Corpus
torch.set_num_threads(2)
preset, data, out, minutes, steps, comp = sys.argv[1:7]
o=Options(preset,PRESETS[preset],Path(out),f"litteragpt train --preset {preset} --data data/{data} --out {out}"+(f" --minutes {minutes}" if float(minutes) else ''),minutes=float(minutes) or None,steps=int(steps) or None,compile=comp=='1', resume='--resume' in sys.argv, save_seconds=240)
t=Trainer(o,Corpus.load(Path('data')/data),print)
print(t.run())
