"""ABCD's and STAR's protocols as flows."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from cxsentiment.errors import RubricError
from cxsentiment.exchange.abcd import _TALK
from cxsentiment.exchange.losses import Imported
from cxsentiment.exchange.protocols import flows_text, import_flows
from cxsentiment.rubric.reading import parse_rubric

CHART = {
    "task": "book_table",
    "replies": {
        "hello": "Hello, how may I be of help?",
        "ask_name": "And what is your name?",
        "ask_day": "Which day shall it be at {place:s}, please?",
        "query": "Query",
        "full": "I am afraid all tables are taken.",
        "ask_confirm": "There is one at {time:s}. Shall I take it for you?",
        "booked": "Your table is booked now.",
        "failed": "The booking did not go through.",
        "anything_else": "Anything else that I may do for you?",
        "ask_phone": "{greeting:s}",
        "bye": "Good bye to you and yours.",
        "unavailable": "Unavailable",
        "available": "Available",
        "info_missing": "No day",
        "query_success": "Succeeded",
        "query_failure": "Failed",
        "no": "No",
    },
    "graph": {
        "hello": "ask_name",
        "ask_name": "ask_day",
        "ask_day": "query",
        "unavailable": "full",
        "available": "ask_confirm",
        "info_missing": "ask_phone",
        "ask_phone": "query",
        "query_success": "booked",
        "query_failure": "failed",
        "booked": "anything_else",
        "failed": "anything_else",
        "no": "ask_day",
    },
}


def _import(folder: Path, document: Any, name: str = "table.json") -> Imported:
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return import_flows([path], "t")


def test_the_chart_of_a_task_becomes_a_flow(tmp_path: Path) -> None:
    imported = _import(tmp_path, CHART)
    (flow,) = imported.content["flows"]
    steps = {step["id"]: step for step in flow["steps"]}
    assert list(steps) == ["hello", "ask_name", "ask_day", "ask_confirm", "ask_phone"]
    assert (flow["id"], flow["order"]) == ("book_table", "free")
    assert {name for name, step in steps.items() if step.get("required", True)} == {"hello", "ask_name", "ask_day"}
    assert [steps[name].get("after") for name in steps] == [None, ["hello"], ["ask_name"], None, None]
    assert steps["ask_name"]["seen"] == {"wording": "And what is your name?", "tolerance": 0.25}
    assert steps["ask_day"]["seen"]["wording"] == "Which day shall it be at"  # up to what is filled in
    assert steps["ask_confirm"]["seen"]["wording"] == "Shall I take it for you?"
    assert "seen" not in steps["ask_phone"]
    branches = {branch["id"]: [step["id"] for step in branch["steps"]] for branch in flow["branches"]}
    assert branches == {
        "unavailable": ["full"],
        "query_success": ["booked", "anything_else"],
        "query_failure": ["failed", "anything_else"],
    }
    assert flow["branches"][1]["steps"][1]["after"] == ["booked"]


def test_what_a_chart_cannot_tell_is_listed(tmp_path: Path) -> None:
    said = {(loss.place, loss.what) for loss in _import(tmp_path, CHART).losses}
    assert said == {
        ("book_table", "the reply bye"),
        ("book_table", "how ask_phone is seen"),
        ("book_table", "where its forks begin"),
        ("book_table", "legal jumps"),
    }


def test_endings_that_say_the_same_are_one_branch(tmp_path: Path) -> None:
    graph = CHART["graph"] | {"query_failure": "full", "unavailable": "full"}  # type: ignore[operator]
    del graph["failed"]
    (flow,) = _import(tmp_path, CHART | {"graph": graph}).content["flows"]
    assert [(one["id"], one["title"]) for one in flow["branches"]] == [
        ("unavailable", "Unavailable / Failed"),
        ("query_success", "Succeeded"),
    ]


def test_a_single_ending_is_no_branch(tmp_path: Path) -> None:
    graph = {"hello": "ask_name", "query_success": "booked", "booked": "anything_else"}
    (flow,) = _import(tmp_path, CHART | {"graph": graph}).content["flows"]
    assert "branches" not in flow
    assert [(step["id"], step.get("required", True)) for step in flow["steps"]] == [
        ("hello", True),
        ("ask_name", True),
        ("booked", False),
        ("anything_else", False),
    ]


def test_an_item_a_flow_for_the_contacts_of_its_campaign(tmp_path: Path) -> None:
    (section,) = _import(tmp_path, CHART).content["sections"]
    (item,) = section["items"]
    assert item["applies_when"] == {"campaigns": ["book_table", "table"]}
    assert item["met_when"] == {"flow": "book_table", "is": "in_order"}


def test_sequences_of_abcd(tmp_path: Path) -> None:
    sequences = {
        "change_name": ["pull-up-account", "verify-identity", "update-account"],
        "cost": ["search-faq", "select-faq", "select-faq"],
    }
    imported = _import(tmp_path, sequences, "kb.json")
    change, cost = imported.content["flows"]
    assert change["order"] == "strict"
    assert [(step["id"], step.get("seen")) for step in change["steps"]] == [
        ("pull_up_account", {"act": "verify"}),
        ("verify_identity", {"act": "verify"}),
        ("update_account", None),
    ]
    assert [step["id"] for step in cost["steps"]] == ["search_faq", "select_faq", "select_faq_2"]
    assert {loss.place for loss in imported.losses} == {"update-account", "search-faq"}
    rubric = parse_rubric(imported.content, "abcd")
    assert [item.id for _, item in rubric.pairs()] == ["change_name", "cost"]


def test_guidelines_of_abcd(tmp_path: Path) -> None:
    actions = [
        {"type": "interaction", "button": "Pull up Account", "text": "Get the name.", "subtext": []},
        {"type": "communication", "button": "N/A", "text": "Tell the customer when it comes", "subtext": ["a", "b"]},
        {"type": "interaction", "button": "Notify Internal Team", "text": "Press it.", "subtext": []},
    ]
    document = {
        "Shipping": {"description": "", "subflows": {"Late Parcel": {"actions": actions, "instructions": ["x"]}}}
    }
    imported = _import(tmp_path, document, "guidelines.json")
    (flow,) = imported.content["flows"]
    assert flow["id"] == "late_parcel"
    assert [(step["id"], step["title"]) for step in flow["steps"]] == [
        ("pull_up_account", "Pull up Account"),
        ("communication", "Tell the customer when it comes"),
        ("notify_team", "Notify Internal Team"),
    ]
    assert [str(loss) for loss in imported.losses] == [
        "guidelines: 3 sentences of instruction (conditions in prose; write only_if and branches)"
    ]


def test_several_files_in_one_rubric(tmp_path: Path) -> None:
    for name, document in (("a.json", CHART), ("b.json", CHART), ("kb.json", {"cost": ["select-faq"]})):
        (tmp_path / name).write_text(json.dumps(document), encoding="utf-8")
    imported = import_flows([tmp_path / name for name in ("a.json", "b.json", "kb.json")], "all")
    assert [flow["id"] for flow in imported.content["flows"]] == ["book_table", "book_table_2", "cost"]


def test_the_text_of_flows_says_what_the_data_says(tmp_path: Path) -> None:
    imported = _import(tmp_path, CHART)
    text = flows_text(imported, [Path("a\nname: evil.json")])
    assert parse_rubric(yaml.safe_load(text), "x").content() == parse_rubric(imported.content, "x").content()
    assert "# - book_table: legal jumps" in text


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("no json", "not JSON"),
        ({"hello": "Hello!"}, "lists replies only"),
        ([1], "is JSON of another kind .allowed: ABCD"),
        ({"a": [1]}, "a: is no sequence of actions"),
        ({"a": []}, "a: is no sequence of actions"),
        (CHART | {"graph": {"hello": "ask_nam"}}, r"there is no reply 'ask_nam'; did you mean 'ask_name'"),
        (CHART | {"graph": {"hello": "ask_name", "ask_name": "hello"}}, "has no start"),
        (CHART | {"graph": {"hello": ["ask_name"]}}, "graph is of another shape"),
        ({"F": {"subflows": {"S": {"actions": "x"}}}}, "actions is \"x\""),
        ({"F": {"subflows": {"S": 1}}}, "S: is no subflow"),
    ],
)  # fmt: skip
def test_files_that_are_no_protocol(document: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(RubricError, match=message):
        _import(tmp_path, document)


@pytest.mark.shared
def test_all_charts_of_star(shared: Path) -> None:
    folder = shared / "data" / "protocols" / "star"
    charts = sorted(path for path in folder.glob("*.json") if not path.name.endswith(".responses.json"))
    imported = import_flows(charts, "STAR")
    rubric = parse_rubric(imported.content, "star")
    assert len(charts) == len(rubric.flows) == 24
    for path, flow in zip(charts, rubric.flows, strict=True):
        chart = json.loads(path.read_text(encoding="utf-8"))
        steps = list(flow.all_steps())
        assert {step.id for step in steps} <= set(chart["replies"])
        for step in steps:
            fixed = [len(part.split()) for part in re.split(r"\{.*?\}", chart["replies"][step.id])]
            assert (step.seen is not None) == (max(fixed) >= 3), step.id
        lost = {loss.what.removeprefix("the reply ") for loss in imported.losses if loss.place == chart["task"]}
        said = {name for edge in chart["graph"].items() for name in edge if " " in chart["replies"][name].strip()}
        outcomes = ("query", "info_missing", "noanswer")
        assert {name for name in said if not name.startswith(outcomes)} <= {step.id for step in steps} | lost, flow.id
    with pytest.raises(RubricError, match="lists replies only"):
        import_flows([folder / "hotel_book.responses.json"], "x")


@pytest.mark.shared
@pytest.mark.parametrize("name", ["kb.json", "guidelines.json"])
def test_all_sequences_of_abcd(name: str, shared: Path) -> None:
    imported = import_flows([shared / "data" / "protocols" / "abcd" / name], "ABCD")
    rubric = parse_rubric(imported.content, "abcd")
    assert len(rubric.flows) == 55
    assert all(flow.order == "strict" for flow in rubric.flows)
    without = [flow.id for flow in rubric.flows if not any(step.seen for step in flow.steps)]
    assert not without
    if name == "kb.json":
        actions = json.loads((shared / "data" / "protocols" / "abcd" / name).read_text(encoding="utf-8"))
        known = {action for sequence in actions.values() for action in sequence}
        assert [len(flow.steps) for flow in rubric.flows] == [len(sequence) for sequence in actions.values()]
        assert set(_TALK) - known == {"communication", "end-conversation"}
