from __future__ import annotations

import pytest

from bot.faq.finding import Understanding
from tests.bench import faq


@pytest.fixture(scope="session")
def shipped() -> Understanding:
    """That of the shipped flows, in every language that has phrasings; trained once."""
    understood = faq.understanding()
    understood.prepare()
    return understood
