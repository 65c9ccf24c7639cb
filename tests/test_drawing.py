"""`vestibule draw`: everything is in the picture, nothing hides anything else, and whatever is written is only text."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bot.flow.model import CallStep
from bot.workshop.drawing.layout import GAP_ACROSS, Spot, plan
from bot.workshop.drawing.lettering import shortened, width, wrap
from bot.workshop.drawing.mermaid import mermaid
from bot.workshop.drawing.picture import OUT, TO_MENU, Arrow, Box, Picture, picture
from bot.workshop.drawing.svg import svg
from bot.workshop.stage import Stage
from tests.shell import vestibule

ROOT = Path(__file__).parents[1]
STAGE = Stage(ROOT / "flows")
FLOWS = sorted(STAGE.library.flows)
LOCALES = STAGE.locales
SVG = "{http://www.w3.org/2000/svg}"
NASTY = "<b>&\"'`|{}[]()#;-->\\</text></svg>%%\x00\x1b\ud800\ufffe"


def drawn(flow: str, locale: str = "en") -> Picture:
    return picture(STAGE.library, STAGE.running(flow), STAGE.texts, flow, locale)


def nasty() -> Picture:
    boxes = (Box("a", "ask", NASTY, NASTY, NASTY), Box("b", "call", "b", "", ""), Box(OUT, "end", "", NASTY, NASTY))
    arrows = (Arrow("a", "b", (NASTY, "x")), Arrow("b", "a", ()), Arrow("a", "a", ("again",)), Arrow("b", OUT, ()))
    return Picture(NASTY, NASTY, boxes, arrows, (NASTY,), "en")


class TestPicture:
    @pytest.mark.parametrize("flow", FLOWS)
    def test_every_step_of_the_file_is_a_box(self, flow: str) -> None:
        steps = [step.name for step in STAGE.library.flows[flow].steps]
        boxes = [box.id for box in drawn(flow).boxes]
        assert boxes[: len(steps)] == steps
        assert len(boxes) == len(set(boxes))

    @pytest.mark.parametrize("flow", FLOWS)
    def test_every_way_of_the_compiled_machine_is_an_arrow(self, flow: str) -> None:
        compiled = STAGE.running(flow)
        first = next(name for name in compiled.states if f"/{flow}/" in f"/{name}") if flow != "main" else ""
        prefix = first[: first.rindex("/") + 1] if first else ""
        prefix = prefix[: prefix.index(f"{flow}/") + len(flow) + 1] if prefix else ""

        def box(state: str) -> str:
            inside = state.startswith(prefix) and state != "end"
            return state.removeprefix(prefix).split("/")[0] if inside else (TO_MENU if state == "menu" else OUT)

        ways = {
            (box(source), box(target))
            for source, trigger, target in compiled.edges()
            if source.startswith(prefix) and not trigger.startswith("command:")
            if flow != "main" or compiled.entry_of(source) is None  # what is entered otherwise is drawn by itself
        }
        calls = {step.name for step in STAGE.library.flows[flow].steps if isinstance(step, CallStep)}
        expected = {way for way in ways if way[0] != way[1] or way[0] not in calls}
        assert {(arrow.source, arrow.target) for arrow in drawn(flow).arrows} == expected
        assert expected

    def test_the_answers_stand_on_the_arrows(self) -> None:
        labels = {(arrow.source, arrow.target): arrow.labels for arrow in drawn("eligibility").arrows}
        assert labels["role", "not_covered"] == ("None of these",)
        assert len(labels["role", "whom"]) == 5
        assert labels["not_covered", "ask_anyway"] == ()
        assert labels["ask_anyway", TO_MENU] == ("No, go back to the menu",)

    def test_a_question_that_leads_back_to_itself_does_so_in_the_picture(self, tmp_path: Path) -> None:
        shutil.copytree(ROOT / "flows", tmp_path / "flows")
        again = "flow: again\nabout: Later.\nsteps:\n  - yesno: ready\n    text: Ready?\n    go: {no: ready}\n"
        (tmp_path / "flows/again.yaml").write_text(again)
        stage = Stage(tmp_path / "flows")
        shown = picture(stage.library, stage.running("again"), stage.texts, "again", "en")
        assert Arrow("ready", "ready", ("No",)) in shown.arrows
        paths = [path for path in read(svg(shown)).iter(f"{SVG}path") if path.get("marker-end")]
        assert len(paths) == len(shown.arrows)

    def test_the_words_understood_everywhere_are_listed_and_not_drawn(self) -> None:
        assert "person" in drawn("eligibility").words
        assert "persona" in drawn("eligibility", "es").words
        assert ("role", "person") not in {(arrow.source, arrow.target) for arrow in drawn("eligibility").arrows}

    def test_a_branch_shows_what_it_looks_at(self) -> None:
        labels = {(arrow.source, arrow.target): arrow.labels for arrow in drawn("behalf").arrows}
        assert labels["whose", "knows"] == ("otherwise",)
        assert labels["whose", OUT] == ("eligibility.whom: Yes, for myself, or for a group that I am part of",)

    def test_of_a_long_text_the_question_is_shown(self) -> None:
        (vouch,) = (box for box in drawn("referral").boxes if box.id == "vouch")
        assert vouch.gist == "Is there such a person or organization?"
        assert vouch.text.startswith("Our check goes faster")


def read(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 - we wrote it


def spot(rect: ET.Element) -> Spot:
    return Spot(*(float(rect.get(name, "")) for name in ("x", "y", "width", "height")))


def boxes_of(root: ET.Element) -> list[Spot]:
    groups = root.findall(f"{SVG}g/{SVG}g")
    return [spot(rect) for group in groups if (rect := group.find(f"{SVG}rect")) is not None]


def labels_of(root: ET.Element) -> list[Spot]:
    return [spot(rect) for rect in root.findall(f"{SVG}g/{SVG}rect")]


class TestSvg:
    @pytest.mark.parametrize("locale", LOCALES)
    @pytest.mark.parametrize("flow", FLOWS)
    def test_it_is_whole_and_every_box_is_in_it(self, flow: str, locale: str) -> None:
        shown = drawn(flow, locale)
        root = read(svg(shown))
        assert root.tag == f"{SVG}svg"
        texts = [text.text for text in root.iter(f"{SVG}text")]
        for box in shown.boxes:
            assert not box.name or f"{box.kind}: {box.name}" in texts
        assert len(boxes_of(root)) == len(shown.boxes)
        arrows = [path for path in root.iter(f"{SVG}path") if path.get("marker-end")]
        assert len(arrows) == len(shown.arrows)

    @pytest.mark.parametrize("locale", LOCALES)
    @pytest.mark.parametrize("flow", FLOWS)
    def test_no_text_leaves_its_box_or_the_page(self, flow: str, locale: str) -> None:
        root = read(svg(drawn(flow, locale)))
        across = float(root.get("width", ""))
        for group, box in zip(root.findall(f"{SVG}g/{SVG}g"), boxes_of(root), strict=True):
            for text in group.findall(f"{SVG}text"):
                half = width(text.text or "", float(text.get("font-size", ""))) / 2
                x, y = float(text.get("x", "")), float(text.get("y", ""))
                assert box.x <= x - half
                assert x + half <= box.x + box.width
                assert box.y < y < box.y + box.height
        for text in root.findall(f"{SVG}text"):
            assert float(text.get("x", "")) + width(text.text or "", float(text.get("font-size", ""))) <= across

    def test_it_runs_from_right_to_left_where_the_language_does(self) -> None:
        texts = list(read(svg(drawn("eligibility", "ar"))).iter(f"{SVG}text"))
        ways = {text.text: text.get("direction") for text in texts}
        assert ways["ما موضوع المشكلة؟"] == "rtl"
        assert ways["choose: problem"] is None
        assert ways["To the menu."] is None

    def test_whatever_is_written_is_only_text(self) -> None:
        root = read(svg(nasty()))
        assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
            "svg", "title", "desc", "defs", "marker", "path", "rect", "g", "text",
        }  # fmt: skip
        assert "<b>&\"'`|" in "".join(text.text or "" for text in root.iter(f"{SVG}text"))


class TestMermaid:
    @pytest.mark.parametrize("flow", FLOWS)
    def test_every_box_and_every_arrow_is_in_it(self, flow: str) -> None:
        shown = drawn(flow)
        lines = mermaid(shown).splitlines()
        assert lines[0] == "flowchart TD"
        boxes = [line for line in lines if re.match(r'  n\d+\W+".*"\W+$', line)]
        arrows = [line for line in lines if re.match(r"  n\d+ -->", line)]
        assert (len(boxes), len(arrows)) == (len(shown.boxes), len(shown.arrows))

    def test_whatever_is_written_is_only_text(self) -> None:
        for line in mermaid(nasty()).splitlines()[2:-1]:
            quoted = re.findall(r'"([^"]*)"', line)
            for label in quoted:
                assert not re.search(r"[<>`|{}\[\]()]", label.replace("<br/>", ""))
                assert not re.search(r"#(?!\d+;)", label)
            assert re.fullmatch(r'  n\d+(\W+"[^"]*"\W+| (-->(\|"[^"]*"\|)?) n\d+)', line)


def overlapping(spots: Iterator[Spot]) -> list[tuple[Spot, Spot]]:
    return [
        (one, other)
        for one, other in combinations(spots, 2)
        if one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    ]


class TestLayout:
    @pytest.mark.parametrize("locale", LOCALES)
    @pytest.mark.parametrize("flow", FLOWS)
    def test_no_two_boxes_or_answers_of_a_shipped_flow_overlap(self, flow: str, locale: str) -> None:
        root = read(svg(drawn(flow, locale)))
        assert overlapping(iter([*boxes_of(root), *labels_of(root)])) == []

    @pytest.mark.parametrize("seed", range(60))
    def test_whatever_the_links_no_two_boxes_overlap_and_every_route_touches_its_boxes(self, seed: int) -> None:
        lots = random.Random(seed)
        boxes = [f"b{number}" for number in range(lots.randint(1, 40))]
        sizes = {box: (lots.uniform(20, 300), lots.uniform(10, 150)) for box in boxes}
        pairs = {(lots.choice(boxes), lots.choice(boxes)) for _ in range(lots.randint(0, 90))}
        links = [pair for pair in sorted(pairs) if pair[0] != pair[1]]
        made = plan(sizes, links)
        assert made.spots.keys() == set(boxes)
        assert overlapping(iter(made.spots.values())) == []
        assert all(spot.x > -0.01 and spot.x + spot.width < made.width + 0.01 for spot in made.spots.values())
        assert made.routes.keys() == set(links)
        for (source, target), points in made.routes.items():
            for box, (x, y) in ((source, points[0]), (target, points[-1])):
                spot = made.spots[box]
                assert spot.x <= x <= spot.x + spot.width
                assert min(abs(y - spot.y), abs(y - spot.y - spot.height)) < 0.01

    def test_boxes_that_follow_each_other_stand_in_one_line(self) -> None:
        sizes = dict.fromkeys("abc", (100.0, 40.0))
        spots = plan(sizes, [("a", "b"), ("b", "c")]).spots
        assert spots["a"].x == spots["b"].x == spots["c"].x
        assert spots["a"].y < spots["b"].y < spots["c"].y

    def test_a_long_arrow_passes_beside_the_boxes(self) -> None:
        sizes = dict.fromkeys("abc", (100.0, 40.0))
        made = plan(sizes, [("a", "b"), ("b", "c"), ("a", "c")])
        passed = made.spots["b"]
        for x, y in made.routes["a", "c"][1:-1]:
            if passed.y < y <= passed.y + passed.height:
                assert x <= passed.x - GAP_ACROSS or x >= passed.x + passed.width + GAP_ACROSS

    def test_five_hundred_boxes_take_no_time_to_speak_of(self) -> None:
        boxes = [f"b{number}" for number in range(500)]
        links = [(boxes[number], boxes[number + step]) for number in range(490) for step in (1, 7)]
        assert len(plan(dict.fromkeys(boxes, (100.0, 40.0)), links).spots) == 500


class TestLettering:
    @pytest.mark.parametrize(
        "text", ["one two three " * 9, "w" * 200, "日本語の長い文章" * 20, "", "نص طويل جدًا " * 12]
    )
    def test_no_line_is_wider_than_it_may_be(self, text: str) -> None:
        lines = wrap(text, 120, 13)
        assert all(width(line, 13) <= 120 for line in lines)
        assert "".join("".join(lines).split()) == "".join(text.split())
        assert len(shortened(lines, 2, 120, 13)) <= 2
        assert all(width(line, 13) <= 120 for line in shortened(lines, 2, 120, 13))

    def test_a_wide_letter_is_wider(self) -> None:
        assert width("i", 10) < width("a", 10) < width("M", 10) <= width("語", 10)
        assert width("\u064e", 10) == 0


class TestCommand:
    @pytest.fixture(autouse=True)
    def _at_the_root(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(ROOT)

    def test_to_standard_output_and_to_a_file(self, tmp_path: Path) -> None:
        code, out, err = vestibule("draw", "eligibility")
        assert (code, err) == (0, "")
        file = tmp_path / "drawn.svg"
        assert vestibule("draw", "flows/eligibility.yaml", "-o", str(file)) == (0, "", "")
        assert file.read_text() == out

    def test_in_another_language_as_mermaid(self) -> None:
        assert "¿De qué se trata?" in vestibule("draw", "eligibility", "--locale", "es", "--format", "mermaid").out

    def test_a_flow_that_nothing_calls_yet(self, tmp_path: Path) -> None:
        shutil.copytree(ROOT / "flows", tmp_path / "flows")
        extra = "flow: extra\nabout: Later.\nsteps:\n  - ask: colour\n    text: Which colour?\n"
        (tmp_path / "flows/extra.yaml").write_text(extra)
        assert "Which colour?" in vestibule("draw", str(tmp_path / "flows/extra.yaml")).out

    @pytest.mark.parametrize(
        "arguments",
        [("nothing",), ("nowhere/main.yaml",), ("main", "--locale", "xx"), ("main", "-o", "nowhere/x.svg")],
    )
    def test_what_cannot_be_drawn_is_one_line(self, arguments: tuple[str, ...]) -> None:
        code, out, err = vestibule("draw", *arguments)
        assert (code, out) == (2, "")
        assert err.count("\n") == 1
