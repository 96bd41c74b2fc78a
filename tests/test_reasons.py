"""Reasons of figures without a number: each is made with a code, and the codes are those that the docs list."""

import ast
import copy
import json
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cxsentiment.figures import document, flat
from cxsentiment.reasons import CODES, Reason
from cxsentiment.schema import Estimate, Kpi

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "cxsentiment").rglob("*.py"))
FEW = Reason("too_few", "3 contacts are too few")
TAKES_A_REASON = {"missing": 0, "no_correlation": 0, "because": 1, "bare": 3, "Estimate": 5, "estimated": 5}
"""The place of the reason among the arguments of what makes an estimate."""


def calls() -> Iterator[tuple[str, ast.Call, str]]:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node, node.func.id


def test_no_reason_is_made_without_a_code():
    """mypy holds every variable to be a Reason; a bare text handed over directly is found here too."""
    seen, bare = 0, []
    for where, call, name in calls():
        if name in TAKES_A_REASON:
            place = TAKES_A_REASON[name]
            given = [*call.args[place : place + 1], *(one.value for one in call.keywords if one.arg == "reason")]
            seen += len(given)
            texts = [one for one in given if isinstance(one, ast.JoinedStr | ast.Constant | ast.BinOp)]
            bare += [where for one in texts if getattr(one, "value", "") is not None]
    assert seen > 100
    assert bare == []


def test_every_code_is_made_somewhere_and_known():
    used = {
        call.args[0].value for _, call, name in calls() if name == "Reason" and isinstance(call.args[0], ast.Constant)
    }
    assert used == {*CODES, "remark"}


def test_the_docs_list_the_codes():
    text = (ROOT / "docs" / "agents.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", text.split("## Why a number is missing")[1], re.MULTILINE))
    assert told == dict(CODES)


def test_a_reason_is_its_sentence_and_keeps_its_code():
    assert FEW == "3 contacts are too few"
    assert json.dumps({"reason": FEW}) == '{"reason": "3 contacts are too few"}'
    for other in (copy.copy(FEW), copy.deepcopy(FEW), pickle.loads(pickle.dumps(FEW))):
        assert (other, other.code) == (FEW, "too_few")
    assert FEW.reworded("few").code == "too_few"


def test_of_joined_reasons_the_first_that_took_the_number_away_has_the_code():
    alike, aside = Reason("constant", "alike"), Reason("remark", "cut")
    assert (FEW.joined(alike), FEW.joined(alike).code) == ("3 contacts are too few; alike", "too_few")
    assert aside.joined(alike).code == "constant"
    assert FEW.joined(aside).code == "too_few"


@pytest.mark.parametrize(
    ("estimate", "code"),
    [
        (Estimate(None, None, None, 3, "mean", FEW), "too_few"),
        (Estimate(1.0, None, None, 3, "mean", FEW), "too_few"),
        (Estimate(None, 0.0, 1.0, 3, "bounds", Reason("bounds", "these are bounds")), "bounds"),
        (Estimate(float("nan"), None, None, 0, "mean"), "undefined"),
        (Estimate(1.0, 0.0, float("inf"), 3, "mean"), "undefined"),
        (Estimate(1.0, 0.0, 2.0, 3, "mean", FEW), None),
    ],
)
def test_a_row_has_a_code_where_a_number_is_missing_and_only_there(estimate, code):
    kpi = Kpi("AHT", "s", estimate, "mean")
    assert flat(kpi)["reason_code"] == code
    if estimate.value == estimate.value and estimate.high != float("inf"):
        assert document(kpi)["estimate"]["reason_code"] == code
