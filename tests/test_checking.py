"""What keeps flows from going live beyond what a flow file says of itself."""

import shutil
from pathlib import Path

from bot.checking import check_flows
from bot.flow.model import Severity

ROOT = Path(__file__).resolve().parents[1]


def test_a_text_of_the_services_that_was_deleted_is_missed_before_anybody_needs_it(tmp_path: Path) -> None:
    flows = tmp_path / "flows"
    shutil.copytree(ROOT / "flows", flows)
    staff = flows / "staff.yaml"
    staff.write_text("".join(line for line in staff.read_text().splitlines(True) if "  not_delivered:" not in line))
    problems = [str(problem) for problem in check_flows(flows, ["en"]) if problem.severity is Severity.ERROR]
    expected = "error[missing-text]: the bot says 'not_delivered', which is missing in the 'texts' of 'phrases: staff'"
    assert any(problem == f"{staff}:1:1: {expected}" for problem in problems)
