"""Let tests import the project as its scripts do, from the root of the checkout, and share the cores."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent))

from utils.engines.environment import VARIABLES

for name, value in VARIABLES.items():  # before torch is imported, as the program does for its workers
    os.environ.setdefault(name, value)
if "PYTEST_XDIST_WORKER" in os.environ:  # the test processes share the cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")
