"""Spreadsheets as scorecards: CSV and XLSX, in and out."""

import csv
import io
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from cxsentiment.errors import RubricError, UsageError
from cxsentiment.exchange.cells import carried
from cxsentiment.exchange.columns import COLUMNS, SETTINGS
from cxsentiment.exchange.files import csv_bytes, read_sheet
from cxsentiment.exchange.formats import export_rubric, import_rubric, write_template
from cxsentiment.rubric.reading import default_rubric, parse_rubric, read_rubric
from cxsentiment.rubric.scorecard import Rubric
from cxsentiment.schema import ACTS
from cxsentiment.spreadsheets import NEEDS_APOSTROPHE, neutral, plain


def _csv(path: Path, *rows: Sequence[str]) -> Path:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


def _item(tmp_path: Path, **cells: str) -> dict[str, Any]:
    """The item that a row of these cells makes (a column with a blank is written with an underscore)."""
    given = {"section": "S", "question": "Is it?"} | {key.replace("_", " "): value for key, value in cells.items()}
    imported = import_rubric(_csv(tmp_path / "one.csv", list(given), list(given.values())))
    return dict(imported.content["sections"][0]["items"][0])


@pytest.mark.parametrize("target", ["csv", "xlsx"])
def test_the_default_rubric_comes_back_whole(target: Any, tmp_path: Path) -> None:
    rubric = read_rubric(default_rubric())
    content, losses = export_rubric(rubric, target)
    assert not losses
    path = tmp_path / f"sheet.{target}"
    path.write_bytes(content)
    imported = import_rubric(path)
    assert not imported.losses
    assert parse_rubric(imported.content, "again").content() == rubric.content()


_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=3, max_size=30).filter(
    lambda text: len(carried(text)) >= 3  # what has no text has no place in a sheet
)
_ANCHOR = st.sampled_from(
    [
        {"act": ["hold"]},
        {"sentiment": "negative"},
        {"phrase": ["one moment", "hang on"]},
        {"phrase": ["cancel"], "by": "customer"},
        {"any": [{"sentiment": "negative"}, {"act": ["hold", "transfer"]}, {"phrase": ["bye"]}]},
        {"silence": 5},  # no column can say it
    ]
)


@st.composite
def _events(draw: st.DrawFn) -> dict[str, Any]:
    kinds: list[dict[str, Any]] = [
        {"act": draw(st.lists(st.sampled_from(ACTS), min_size=1, max_size=3, unique=True))},
        {"phrase": draw(st.lists(st.sampled_from(["hello", "good|fine day", "(so) sorry", "+ 5 %"]), min_size=1))},
        {"wording": draw(st.sampled_from(["this call is recorded", "= all of it; or so", "- one two three"]))},
    ]
    by = draw(st.sampled_from([None, "customer", "anyone"]))
    if by:
        for kind in kinds[1:]:
            kind["by"] = by
    chosen = draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=3, unique_by=lambda kind: next(iter(kind))))
    event = dict(chosen[0]) if len(chosen) == 1 else {"any": chosen}
    for key in ("times", draw(st.sampled_from(["in_first", "in_last"]))):
        if draw(st.booleans()):
            event[key] = draw(st.integers(1, 9))
    anchor = draw(st.sampled_from([None, "before", "after", "after_every"]))
    if anchor:
        event[anchor] = draw(_ANCHOR)
        if draw(st.booleans()):
            event["within"] = draw(st.integers(1, 9))
    return event


@st.composite
def _items(draw: st.DrawFn, name: str) -> dict[str, Any]:
    item: dict[str, Any] = {"id": name, "question": draw(_TEXT), "weight": draw(st.floats(0.001, 1000))}
    kind = draw(st.sampled_from(["rule", "never", "person", "levels", "count", "graded levels"]))
    if kind in ("rule", "never"):
        event = draw(_events())
        item["met_when"] = {"not": event} if kind == "never" else event
    elif "levels" in kind:
        item["kind"] = "ordinal"
        item["levels"] = [{"name": draw(_TEXT), "points": 1.0}, {"name": draw(_TEXT), "points": 0.25}]
        if kind == "graded levels":
            item["levels"][0]["when"] = {"act": "greet"}
    elif kind == "count":
        counted = draw(_events())
        counted.pop("times", None)  # each time counts
        item |= {"kind": "count", "count": {"of": counted, "full_at": draw(st.integers(1, 9)), "none_at": 0}}
    if draw(st.booleans()):
        item["critical"] = draw(st.sampled_from(["customer", "business", "compliance"]))
        item["effect"] = draw(st.sampled_from(["zero", "report", {"cap": 62.5}]))
    if draw(st.booleans()):
        item["applies_when"] = {"channels": ["call", draw(_TEXT)], "if": draw(_ANCHOR)}
    item["hint"] = draw(st.sampled_from(["", "=1+1", "@x", "'quoted'", "-", "#x", "two\nlines", "\ttab"]) | _TEXT)
    item |= {"uncertain_between": (0.25, 0.75)} if draw(st.booleans()) else {}
    return item | ({"belongs_at": "end"} if draw(st.booleans()) else {})


@st.composite
def _rubrics(draw: st.DrawFn) -> Rubric:
    titles = draw(st.lists(_TEXT, min_size=1, max_size=2))
    sections = [
        {
            "id": f"section_{n}",
            "title": title,
            "weight": draw(st.floats(0.001, 1000)),
            "items": [draw(_items(f"item_{n}_{k}")) for k in range(draw(st.integers(1, 2)))],
        }
        for n, title in enumerate(titles)
    ]
    head = {"name": draw(_TEXT), "version": "1.0", "description": draw(_TEXT), "flat": draw(st.booleans())}
    return parse_rubric(head | {"sections": sections}, "made")


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(_rubrics(), st.sampled_from(["csv", "xlsx"]))
def test_what_is_not_listed_as_lost_comes_back(tmp_path_factory: Any, rubric: Rubric, target: Any) -> None:
    """Whatever a rubric says: a sheet of it can be read, and each item without a loss comes back as it was."""
    content, losses = export_rubric(rubric, target)
    path = tmp_path_factory.mktemp("sheet") / f"sheet.{target}"
    path.write_bytes(content)
    again = parse_rubric(import_rubric(path).content, "again")
    lost = {loss.place for loss in losses}
    for (old_section, old), (new_section, new) in zip(rubric.pairs(), again.pairs(), strict=True):
        assert new.id == old.id
        assert new == old or old.id in lost
        assert new_section.weight == pytest.approx(old_section.weight, rel=1e-9)
        assert new_section.title == old_section.title or old_section.id in lost
    assert again.flat == rubric.flat
    assert (again.name, again.description) == (rubric.name, rubric.description) or "rubric" in lost


@given(st.text())
def test_neutral_texts_start_no_formula_and_come_back(text: str) -> None:
    assert plain(neutral(text, "#"), "#") == text
    assert neutral(text, "#")[:1] not in set("=+-@\t\r\n#")
    assert plain(neutral(text)) == text
    assert (neutral(text) != text) == bool(re.search(NEEDS_APOSTROPHE, text)), "one rule, for cells and for columns"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r="])
@pytest.mark.parametrize("target", ["csv", "xlsx"])
def test_no_cell_is_a_formula(start: str, target: Any, tmp_path: Path) -> None:
    evil = start + "HYPERLINK(0)"
    item = {"id": "i", "question": evil, "weight": 1, "hint": evil}
    rubric = parse_rubric(
        {
            "name": evil,
            "version": "1",
            "sections": [
                {"id": "s", "title": evil, "weight": 1, "items": [item]}
            ],
        },
        "t",
    )  # fmt: skip
    content, _ = export_rubric(rubric, target)
    path = tmp_path / f"x.{target}"
    path.write_bytes(content)
    if target == "csv":
        cells = [cell for row in csv.reader(io.StringIO(content.decode("utf-8-sig"))) for cell in row]
    else:
        book = load_workbook(path)
        assert all(cell.data_type != "f" for sheet in book for row in sheet.iter_rows() for cell in row)
        cells = [str(cell.value or "") for sheet in book for row in sheet.iter_rows() for cell in row]
    assert sum("HYPERLINK" in cell for cell in cells) == 4
    assert not [cell for cell in cells if cell[:1] in set("=+-@\t\r")]
    again = import_rubric(path).content
    assert again["sections"][0]["items"][0]["hint"] == evil.strip()
    assert again["sections"][0]["title"] == evil.strip()


def test_losses_of_a_sheet_are_named(tmp_path: Path) -> None:
    rubric = parse_rubric(
        {
            "name": "t",
            "version": "1",
            "cues": {"wait": {"phrase": "one moment"}},
            "flows": [{"id": "task", "steps": [{"id": "a", "title": "a", "seen": {"cue": "wait"}}]}],
            "sections": [
                {
                    "id": "s",
                    "title": "S",
                    "weight": 1,
                    "items": [
                        {"id": "both", "question": "Is it both?", "weight": 1,
                         "met_when": {"all": [{"act": "greet"}, {"act": "close"}]}},
                        {"id": "kept", "question": "Is it kept?", "weight": 1, "met_when": {"act": "greet"}},
                        {"id": "cue", "question": "Is it cued?", "weight": 1, "met_when": {"cue": "wait"}},
                        {"id": "fast", "question": "Is it fast?", "weight": 1, "kind": "count",
                         "count": {"of": {"silence": 4}, "full_at": 0, "none_at": 3}},
                    ],
                }
            ],
        },
        "t",
    )  # fmt: skip
    content, losses = export_rubric(rubric, "csv")
    assert {loss.place for loss in losses} == {"rubric", "both", "cue", "fast"}
    assert {loss.what for loss in losses if loss.place == "rubric"} == {"cues (1)", "flows (1)"}
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    items = {item["id"]: item for item in import_rubric(path).content["sections"][0]["items"]}
    assert "met_when" in items["kept"]
    assert "met_when" not in items["both"]  # a person grades it until the rule is put back


def test_a_row_of_every_rule(tmp_path: Path) -> None:
    item = _item(
        tmp_path,
        acts="Check resolved; further_help", phrases="anything else|more; (is) that all", said_by="agent", times="2",
        last_turns="3", before='close; "good bye"', within_turns="4", only_if='customer negative; customer "cancel"',
        channels="call; chat", critical="Compliance", effect="60", weight="2,5", uncertain_from="0.3",
        uncertain_to="0.7", belongs_at="end", hint="Ask.",
    )  # fmt: skip
    assert item["weight"] == 2.5
    assert (item["critical"], item["effect"], item["belongs_at"]) == ("compliance", {"cap": 60}, "end")
    assert item["met_when"] == {
        "any": [
            {"act": ["check_resolved", "further_help"]},
            {"phrase": ["anything else|more", "(is) that all"]},
        ],
        "times": 2,
        "in_last": 3,
        "within": 4,
        "before": {"any": [{"act": ["close"]}, {"phrase": ["good bye"]}]},
    }
    assert item["applies_when"] == {
        "channels": ["call", "chat"],
        "if": {"any": [{"sentiment": "negative"}, {"phrase": ["cancel"], "by": "customer"}]},
    }
    assert _item(tmp_path, acts="unprofessional", never="yes")["met_when"] == {"not": {"act": ["unprofessional"]}}
    assert "met_when" not in _item(tmp_path)
    count = _item(tmp_path, acts="probe", full_at="2", none_at="0")
    assert count["count"] == {"of": {"act": ["probe"]}, "full_at": 2, "none_at": 0}


def test_what_people_do_to_sheets(tmp_path: Path) -> None:
    """Empty rows, a section named once, other letter case, semicolons between columns, columns in any order."""
    path = tmp_path / "lead.csv"
    path.write_text(
        "\ufeff#Name;Our card\n#a note;\n\nQuestion;Section;Weight\n"
        "Is it one?;First;2\nIs it two?;;\n;;\nIs it three?;Second;1\n",
        encoding="utf-8",
    )
    with pytest.raises(RubricError, match=r"row 2: unknown setting 'a_note'"):
        import_rubric(path)
    path.write_text(path.read_text(encoding="utf-8").replace("#a note;", "# a note;"), encoding="utf-8")
    with pytest.raises(RubricError, match="unknown setting"):
        import_rubric(path)
    path.write_text(path.read_text(encoding="utf-8").replace("# a note;", "#;a note"), encoding="utf-8")
    content = import_rubric(path).content
    assert content["name"] == "Our card"
    assert [(one["id"], one["weight"], len(one["items"])) for one in content["sections"]] == [
        ("first", 3, 2),
        ("second", 1, 1),
    ]


H = ["section", "question"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[*H, "acts"], ["S", "Is it?", "verfy"]],
         r"row 2, acts: 'verfy' is not an act; did you mean 'verify'\? \(allowed: acknowledge, "),
        ([[*H, "before"], ["S", "Is it?", "greet"]], "row 2, before: there is nothing that it is"),
        ([[*H, "acts", "before"], ["S", "Is it?", "greet", "hallo"]], "row 2, before: 'hallo' is not"),
        ([[*H, "acts", "after"], ["S", "Is it?", "greet", "customer happy"]],
         "customer happy' is not known .allowed: customer negative"),
        ([[*H, "kind"], ["S", "Is it?", "yesno"]], r"row 2, kind: 'yesno' is not known; did you mean 'yes_no'"),
        ([[*H, "weight"], ["S", "Is it?", "heavy"]], "row 2, weight: 'heavy' is no number"),
        ([[*H, "weight"], ["S", "Is it?", "0"]], "row 2, weight: 0 is too small .allowed: a number above 0"),
        ([[*H, "acts", "first turns"], ["S", "Is it?", "greet", "0"]], "row 2, first turns: 0 is too small"),
        ([[*H, "acts"], ["S", "Is it?", "greet, offer help"]], "row 2, acts: .*allowed: acts separated by ;"),
        ([[*H, "channels"], ["S", "Is it?", "Phone, chat"]], "row 2, channels: .*allowed: channels separated by ;"),
        ([[*H, "critical"], ["S", "Is it?", "auto-fail"]], "row 2, critical: .*; zero under effect fails a contact"),
        ([[*H, "effect"], ["S", "Is it?", "fail"]], "row 2, effect: 'fail' is no number .allowed: report, zero, or"),
        ([[*H, "critical", "effect"], ["S", "Is it?", "customer", "150"]], "row 2, effect: 150 is too large"),
        ([[*H, "levels"], ["S", "Is it?", "Yes=1; No=0; N/A=0"]], "row 2: .*'No' and 'N/A' give the same; for"),
        ([[*H, "levels"], ["S", "Is it?", "Full=1"]], "row 2, levels: 1 is too few .allowed: at least 2"),
        ([[*H, "weight"], ["S", "Is it?", "nan"]], "row 2, weight: 'nan' is no number"),
        ([[*H, "levels"], ["S", "Is it?", "good"]], "row 2, levels: 'good' is no level"),
        ([[*H, "levels"], ["S", "Is it?", "a=0; b=1"]], "row 2: levels go from most points"),
        ([[*H, "effect"], ["S", "Is it?", "zero"]], "row 2: effect goes with a critical item"),
        ([[*H, "phrases"], ["S", "Is it?", "*"]], "would match any text"),
        ([[*H, "said by", "acts"], ["S", "Is it?", "customer", "greet"]], "acts are always the agent's"),
        ([[*H, "full at", "none at", "acts"], ["S", "Is it?", "1.5", "0", "probe"]], "1.5' is no whole"),
        ([[*H, "full at", "none at"], ["S", "Is it?", "1", "0"]], "a count needs what is counted"),
        ([[*H], ["S", "Is it?"], ["S", "Is it?"]], "row 3: the question 'Is it.' stands in row 2 too"),
        ([[*H, "id"], ["S", "Is it?", "a"], ["S", "Was it?", "a"]], "row 3: the id 'a' stands in row 2"),
        ([[*H, "id"], ["S", "Is it?", "A b"]], "row 2, id: "),
        ([[*H, "section weight"], ["S", "Is it?", "1"], ["S", "Was it?", "2"]],
         "row 3, section weight: 2, but row 2 says 1"),
        ([[*H], ["", "Is it?"]], "row 2: section is empty"),
        ([[*H], ["S", ""]], "row 2, question: "),
        ([[*H], ["S", "Is it?", "more"]], "row 2: cell 3 is under no column"),
        ([["section", "qestion"], ["S", "Is it?"]], r"row 1: unknown column 'qestion'; did you mean 'question'"),
        ([["section"], ["S"]], "row 1: the column question is missing"),
        ([[*H, "section"]], "the column section stands twice"),
        ([["section", "question"]], "has no item"),
        ([["#nam", "x"]], r"unknown setting 'nam'; did you mean 'name'"),
        ([["#flat", "maybe"]], "row 1, flat: 'maybe' is not known"),
        ([["#negative_at", "often"]], "row 1, negative_at: 'often' is no number"),
        ([["#minimum_coverage", "7"], ["section", "question"], ["S", "Is it?"]], "minimum_coverage"),
    ],
)  # fmt: skip
def test_bad_rows_name_row_column_and_what_is_allowed(rows: list[list[str]], message: str, tmp_path: Path) -> None:
    with pytest.raises(RubricError, match=message):
        import_rubric(_csv(tmp_path / "bad.csv", *rows))


def test_one_question_under_two_ids_is_two_items(tmp_path: Path) -> None:
    rows = [[*H, "id"], ["S", "Is it?", "a"], ["S", "Is it?", "b"]]
    (section,) = import_rubric(_csv(tmp_path / "two.csv", *rows)).content["sections"]
    assert [item["id"] for item in section["items"]] == ["a", "b"]


def test_files_that_are_no_sheets(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes("section,question\nS,Is it für".encode("latin-1"))
    with pytest.raises(RubricError, match="not UTF-8 text"):
        import_rubric(path)
    path.write_bytes(b"section,question\nS,\0")
    with pytest.raises(RubricError, match="NUL"):
        import_rubric(path)
    path.write_bytes(b"section,question\n" + b"S,Is it?\n" * 6_000)
    with pytest.raises(RubricError, match=r"too large for a scorecard .allowed: 5,000 rows"):
        import_rubric(path)
    path.write_bytes(b"x" * 10_000_000)
    with pytest.raises(RubricError, match="10,000,000 bytes is no scorecard"):
        import_rubric(path)
    path.write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(RubricError, match="not an XLSX file"):
        import_rubric(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("xl/workbook.xml", b" " * 200_000_000)
    with pytest.raises(RubricError, match="unpacks to 200,000,000 bytes"):
        import_rubric(path)
    path.write_text('section,question\nS,"Is it', encoding="utf-8")
    with pytest.raises(RubricError, match="not a CSV file"):
        import_rubric(path)


def test_formulas_and_further_sheets_of_a_workbook(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["section", "question", "weight"])
    sheet.append(["S", "Is it?", "=1+1"])
    path = tmp_path / "x.xlsx"
    book.save(path)
    with pytest.raises(RubricError, match="row 2, column C: is a formula"):
        import_rubric(path)
    sheet["C2"] = 2
    notes = book.create_sheet("Notes")
    notes.append(["#name", "From the second sheet"])
    notes.append(["what I wanted to say"])
    book.save(path)
    imported = import_rubric(path)
    assert imported.content["name"] == "From the second sheet"
    assert imported.content["sections"][0]["items"][0]["weight"] == 2
    assert [str(loss) for loss in imported.losses] == [
        "sheet Notes, row 2: what I wanted to say (items stand on the first sheet, settings behind a #)"
    ]


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_the_template_explains_itself_and_can_be_imported(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"template.{suffix}"
    write_template(path)
    imported = import_rubric(path)
    assert not imported.losses
    rubric = parse_rubric(imported.content, "template")
    assert [section.title for section in rubric.sections] == ["Opening", "Service"]
    if suffix == "csv":
        text = path.read_text(encoding="utf-8-sig")
        assert all(f"#,{name}," in text for name in (*COLUMNS, *SETTINGS))
    else:
        book = load_workbook(path)
        header = next(book["Items"].iter_rows(max_row=1))
        assert [cell.value for cell in header] == list(COLUMNS)
        assert all(cell.comment is not None and cell.comment.text for cell in header)
        assert {row[1].value for row in book["About"].iter_rows()} >= {*COLUMNS, *SETTINGS}
    with pytest.raises(UsageError, match="stands already"):
        write_template(path)
    with pytest.raises(UsageError, match=r"neither CSV nor XLSX"):
        write_template(tmp_path / "x.ods")


def test_control_characters_do_not_stop_a_sheet() -> None:
    assert csv_bytes([], [["a\x07b"]]) == "\ufeffab\r\n".encode()


def test_a_separator_is_what_follows_the_first_cell_whatever_later_cells_hold(tmp_path: Path) -> None:
    for separator, text in ((",", "a;b;c;d"), (";", '"a,b,c"'), ("\t", "a,b;c,d;e")):
        sheet = tmp_path / "sheet.csv"
        sheet.write_text(
            f"name{separator}{text}\nitem{separator}question\nhello{separator}Did they?\n", encoding="utf-8"
        )
        rows, _ = read_sheet(sheet)
        assert [len(row.cells) for row in rows] == [2, 2, 2]
