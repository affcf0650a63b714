"""What the packages cost beside their peers. Run all of it with `python -m benchmarks`."""

import sys
from pathlib import Path


# The examples are scripts, not a package; their parts are measured.
sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
