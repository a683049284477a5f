"""Makes the shared example report importable and hands it to tests."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from shop_report import Example, example


@pytest.fixture
def shop() -> Example:
    return example()
