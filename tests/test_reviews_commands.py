"""`cxsentiment labels import|list|export|log` on the command line."""

import json

import pytest

HEAD = "contact_id,item,grader,value,purpose\n"


@pytest.fixture
def command(command, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOGNAME", "lea")  # the audit log names who runs a command, whatever they are called
    return command


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text(HEAD + "c1,greeting,anna,met,random\nc1,greeting,ben,no,coaching\nc2,greeting,anna,well,random\n")
    return path


def test_import_says_what_became_of_each_row(command, file, tmp_path):
    done = command("labels", "import", file, "--db", "labels.db", "--by", "lea")
    assert done.code == 3
    assert "2 verdicts in 3 rows: 2 new, 0 known before" in done.out
    assert "1 refused" in done.out
    assert "unknown_value" in done.out
    (reject,) = map(json.loads, (tmp_path / "labels-rejects.jsonl").read_text().splitlines())
    assert (reject["code"], reject["record"], reject["contact_id"]) == ("unknown_value", 4, "c2")
    again = command("labels", "import", file, "--db", "labels.db", "--value", "well=met", "--json")
    assert again.code == 0
    told = json.loads(again.out)
    assert (told["new"], told["known"], told["rejected"]) == (1, 2, 0)
    assert (tmp_path / "labels-rejects.jsonl").read_text() == "", "rejects of an earlier import must not stay"


def test_the_first_refused_rows_are_shown_and_the_others_counted(command, tmp_path):
    (tmp_path / "odd.csv").write_text(HEAD + "".join(f"c{k},greeting,anna,well,random\n" for k in range(7)))
    done = command("labels", "import", "odd.csv", "--db", "labels.db")
    assert (done.out.count("unknown_value"), "  … and 2 more" in done.out) == (5, True)


def test_a_column_that_is_called_after_no_item_is_named(command, tmp_path):
    form = tmp_path / "form.csv"
    form.write_text("contact_id,grader,purpose,agent_id,greeting,apologize\nc1,anna,random,A1,yes,no\n")
    arguments = ("labels", "import", form, "--db", "labels.db", "--rubric", "default")
    done = command(*arguments)
    assert "1 verdict in 1 row" in done.out
    assert "not read, for they are called after no item: columns apologize" in done.out
    assert json.loads(command(*arguments, "--json").out)["columns_not_read"] == ["apologize"]


def test_list_export_and_log(command, file):
    command("labels", "import", file, "--db", "labels.db", "--by", "lea")
    told = json.loads(command("labels", "list", "--db", "labels.db", "--json").out)
    assert (told["labels"], told["for_calibration"], told["left_out"]) == (2, 1, {"coaching": 1})
    assert told["counts"][0] == {
        "grader": "anna", "item": "greeting", "purpose": "random", "labels": 1,
        "met": 1, "not_met": 0, "not_applicable": 0, "points": 0,
    }  # fmt: skip
    assert "1 may not: picked for coaching" in command("labels", "list", "--db", "labels.db").out
    assert "2 labels written to out.csv" in command("labels", "export", "--db", "labels.db", "-o", "out.csv").out
    log = json.loads(command("labels", "log", "--db", "labels.db", "--json").out)
    assert [line["action"] for line in log] == ["migrated", "imported", "exported"]
    assert log[1]["who"] == "lea"
    assert "exported" in command("labels", "log", "--db", "labels.db").out
    assert "2 labels erased" in command("labels", "erase", "--contact", "c1", "--db", "labels.db").out


@pytest.mark.parametrize("id_", [" c\u00e9 ", "ce\u0301", "x" * 600])
def test_labels_are_erased_by_the_id_as_the_file_has_it(command, tmp_path, id_):
    file = tmp_path / "odd.csv"
    file.write_text(f"contact_id,item,grader,value,purpose\n{id_},greeting,anna,yes,random\n", encoding="utf-8")
    assert command("labels", "import", file, "--db", "labels.db").code == 0
    assert "1 label erased" in command("labels", "erase", "--contact", id_, "--db", "labels.db").out


def test_erasing_labels_says_which_contacts_had_none_and_keeps_no_id(command, file):
    command("labels", "import", file.name, "--db", "labels.db")  # a path of the machine may hold any letters
    erase = ("labels", "erase", "--db", "labels.db", "--contact")
    told = command(*erase, "c1", "--reason", "the customer of c1_chat")
    assert (told.code, "holds the id, which would stay" in told.err) == (2, True)
    assert command(*erase, " ").code == 2
    told = command(*erase, "c1", "--contact", "c01", "--reason", "ticket 7")
    assert "2 labels erased\nno label was of c01; ids are compared as text" in told.out
    assert "c1" not in command("labels", "log", "--db", "labels.db").out


def test_what_cannot_be_done_says_what_to_do(command, file):
    nothing = command("labels", "list", "--db", "none.db")
    assert nothing.code == 1
    assert "labels import" in nothing.err
    wrong = command("labels", "import", file, "--db", "labels.db", "--purpose", "fun")
    assert wrong.code == 2
    assert "random, double, targeted, coaching" in wrong.err
    other = command("labels", "import", file, "--db", "oracle://x/y")
    assert other.code == 2
    assert "postgresql+psycopg" in other.err


def test_a_labels_item_must_be_in_the_scorecard_named(command, file, tmp_path):
    file.write_text(HEAD + "c1,greeting,anna,met,random\nc1,dancing,anna,met,random\n")
    done = command("labels", "import", file, "--db", "labels.db", "--rubric", "default", "--json")
    assert done.code == 3
    assert json.loads((tmp_path / "labels-rejects.jsonl").read_text())["code"] == "unknown_item"
