"""The attempts lie beside the tests that judge them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
