"""Writes the classes' submissions into a course directory: python assignments/sample_class DIR"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

if len(sys.argv) != 2:
    sys.exit(f"usage: python {Path(__file__).parent} COURSE_DIR")
for script in sorted(Path(__file__).parent.glob("a[0-9]_*.py")):
    made_up = runpy.run_path(str(script))["CLASS"]
    try:
        made_up.write(Path(sys.argv[1]))
    except FileNotFoundError as error:
        print(f"{made_up.assignment}: there is no {error.filename}. Release it first.")
        continue
    print(f"{made_up.assignment}: {len(made_up.students)} submissions written.")
