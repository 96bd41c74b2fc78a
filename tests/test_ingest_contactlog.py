from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxsentiment.errors import InputError, UsageError
from cxsentiment.ingest.contactlog import ContactLog, LogJoin, LogRules, flag, read_log, seconds
from cxsentiment.ingest.dates import DateRules
from cxsentiment.ingest.joins import parse_window, read_joins
from cxsentiment.schema import Transcript


@pytest.fixture
def read(tmp_path: Path):
    def read(rows: str, rules: LogRules = LogRules(), **columns: str) -> ContactLog:  # noqa: B008
        path = tmp_path / "log.csv"
        path.write_text(rows, encoding="utf-8")
        return read_log([str(path)], rules, columns)

    return read


def codes(log: ContactLog) -> dict[int, str]:
    return {reject.record: reject.code for reject in log.rejects}


@pytest.mark.parametrize(
    ("cell", "unit", "expected"),
    [
        ("90", "s", 90),
        (90, "s", 90),
        ("1.5", "min", 90),
        ("1,5", "min", 90),
        ("1234,567", "s", 1234.567),
        ("0,125", "s", 0.125),
        ("90000", "ms", 90),
        ("0:01:30", "ms", 90),
        ("01:01:30.5", "s", 3690.5),
        ("", "s", None),
        ("n/a", "s", None),
        (None, "s", None),
    ],
)
def test_durations(cell: object, unit: str, expected: float | None) -> None:
    assert seconds(cell, unit) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize("cell", ["-5", "ninety", "1:30", "1:75:00", "90s", "9999999"])
def test_what_is_no_duration(cell: str) -> None:
    with pytest.raises(ValueError, match=r"duration|week"):
        seconds(cell, "s")


@pytest.mark.parametrize("unit", ["s", "ms", "min"])
def test_a_comma_before_three_digits_is_not_guessed_to_be_decimal(unit: str) -> None:
    with pytest.raises(ValueError, match="two numbers"):
        seconds("1,234", unit)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [("Yes", True), ("1", True), (True, True), (1.0, True), ("no", False), (0, False), ("", None), (None, None)],
)
def test_flags(cell: object, expected: bool | None) -> None:
    assert flag(cell) is expected


@pytest.mark.parametrize("cell", ["maybe", "2", "ja", "resolved"])
def test_what_is_no_flag(cell: str) -> None:
    with pytest.raises(ValueError, match="neither yes nor no"):
        flag(cell)


def test_a_row_with_a_value_that_cannot_be_read_is_refused(read) -> None:
    log = read(
        "contact_id,wait_s,abandoned,started_at\n"
        "a,12,no,2026-01-05T10:00Z\nb,long,no,\nc,1,perhaps,\nd,1,no,2026-02-30\n,1,no,2026-01-05\ne,1\n"
    )
    assert list(log.by_id) == ["a"]
    assert codes(log) == {3: "bad_wait_s", 4: "bad_abandoned", 5: "impossible_date", 6: "missing_id", 7: "bad_row"}
    assert [reject.contact_id for reject in log.rejects] == ["b", "c", "d", None, None]
    assert "perhaps" not in log.rejects[1].message


def test_columns_are_mapped_and_units_declared(read) -> None:
    log = read(
        "Call Ref;Ring (min);Skill\n7;0.5;cards\n",
        LogRules(unit="min"),
        id="Call Ref",
        wait_s="Ring (min)",
        queue="Skill",
        text="utterance",
        campaign="of_the_transcripts",
    )
    assert log.by_id["7"].values == {"wait_s": 30.0, "queue": "cards"}


def test_it_fills_what_is_missing_and_overrules_nothing(read) -> None:
    log = read(
        "contact_id,queue,agent_id,started_at,wait_s,transferred,shift\n"
        "a,cards,ben,2026-01-05T10:00:00Z,12,yes,early\nz,cards,,,90,,\n"
    )
    joining = LogJoin(log)
    joined = joining.apply(Transcript("a", (), agent_id="ana", started_at="2026-01-05T10:00:12Z"))
    assert (joined.queue, joined.agent_id, joined.started_at) == ("cards", "ana", "2026-01-05T10:00:12Z")
    assert joined.log == {"wait_s": 12.0, "transferred": True, "shift": "early"}
    assert joined.warnings == ("the contact log says another agent_id; the transcript's is kept",)
    other = Transcript("b", ())
    assert joining.apply(other) is other
    facts = joining.facts()
    assert facts["conflicts"] == {"agent_id": 1}
    assert (facts["rows"], facts["used"], facts["matched"], facts["only_in_log"]) == (2, 2, 1, 1)
    table = {row["contact_id"]: row for row in joining.table()}
    assert (table["a"]["scored"], table["z"]["scored"], table["z"]["wait_s"]) == (True, False, 90.0)


@pytest.mark.parametrize(
    ("start", "conflicts"),
    [
        ("2026-01-05T10:30:00Z", {}),
        ("2026-01-05T12:00:00+02:00", {}),
        ("2026-01-05T12:00:00Z", {"started_at": 1}),
        ("2026-01-05T23:00:00", {}),
        ("soon", {}),
    ],
)
def test_starts_differ_only_where_they_are_surely_of_two_contacts(read, start: str, conflicts: dict[str, int]) -> None:
    joining = LogJoin(read("contact_id,started_at\na,2026-01-05T10:00:00Z\n"))
    joining.values({"id": "a", "started_at": start})
    assert joining.facts()["conflicts"] == conflicts


def test_it_says_who_the_customer_was(read) -> None:
    joining = LogJoin(read("contact_id,customer_id\na,u-1\nb,u-2\n"))
    assert joining.apply(Transcript("a", ())).customer_id == "u-1"
    assert joining.apply(Transcript("b", (), customer_id="u-9")).customer_id == "u-9"
    assert joining.facts()["conflicts"] == {"customer_id": 1}


def test_of_several_rows_for_a_contact_one_is_kept(read) -> None:
    rows = "contact_id,queue,started_at\na,second,2026-01-05T11:00Z\na,first,2026-01-05T10:00Z\n"
    assert read(rows).by_id["a"].values["queue"] == "second"
    first = read(rows, LogRules(keep="first"))
    assert first.by_id["a"].values["queue"] == "first"
    assert first.duplicates == 1
    assert "the first is kept" in first.notes[0]


def test_without_ids_a_row_joins_by_customer_and_nearest_start(read) -> None:
    log = read(
        "customer_id,started_at,queue\nu,2026-01-05T10:00:00Z,a\nu,2026-01-05T15:00:00Z,b\nv,2026-01-05T10:00:00Z,c\n"
    )
    joining = LogJoin(log)

    def queue(name: str, customer: str | None, start: str | None) -> object:
        return joining.values({"id": name, "customer_id": customer, "started_at": start})[0].get("queue")

    assert queue("1", "u", "2026-01-05T14:58:00Z") == "b"
    assert queue("2", "u", "2026-01-05T15:02:00Z") is None, "the row is taken"
    assert queue("3", "u", "2026-01-05T10:05:00Z") == "a"
    assert queue("4", None, "2026-01-05T10:05:00Z") is None
    assert queue("5", "v", None) is None
    assert {row["contact_id"] for row in joining.table()} == {"1", "3", None}


def test_rows_equally_near_are_told_and_not_joined(read) -> None:
    joining = LogJoin(read("customer_id,started_at,queue\nu,2026-01-05T10:00Z,a\nu,2026-01-05T10:04Z,b\n"))
    assert joining.values({"id": "1", "customer_id": "u", "started_at": "2026-01-05T10:02Z"}) == ({}, [])
    assert "equally near" in joining.facts()["notes"][0]


def test_parquet_and_what_is_no_log(tmp_path: Path, read) -> None:
    pq.write_table(pa.table({"contact_id": ["a"], "resolved": [True], "wait_s": [3]}), tmp_path / "log.parquet")
    log = read_log([str(tmp_path / "log.parquet")], LogRules())
    assert log.by_id["a"].values == {"wait_s": 3.0, "resolved": True}
    with pytest.raises(InputError, match='no column "id"'):
        read("queue,wait_s\ncards,3\n")
    with pytest.raises(UsageError, match="no such contact log"):
        read_log([str(tmp_path / "gone.csv")], LogRules())


CELLS = st.sampled_from(["", "5", "x", "yes", "no", "0:00:05", "2026-01-05", "03/04/2025", "a", "b"])


@settings(deadline=None)  # a busy machine is no fault of the code
@given(st.lists(st.tuples(*[CELLS] * 6), max_size=15), st.lists(st.sampled_from("ab5x"), unique=True))
def test_rows_of_a_log_add_up_and_each_joins_one_contact(tmp_path_factory, rows, contacts) -> None:
    path = tmp_path_factory.mktemp("log") / "log.csv"
    lines = ["contact_id,customer_id,started_at,wait_s,abandoned,queue", *(",".join(row) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    log = read_log([str(path)], LogRules())
    joining = LogJoin(log)
    for name in contacts:
        joining.apply(Transcript(name, (), customer_id=name, started_at="2026-01-05T00:00"))
    facts = joining.facts()
    assert facts["rows"] == facts["used"] + facts["duplicates"] + facts["rejected"] == sum(map(any, rows))
    assert facts["used"] == facts["matched"] + facts["only_in_log"] == len(joining.table())
    assert facts["matched"] <= len(contacts)


@pytest.mark.parametrize(
    ("text", "expected"), [("72h", 259200), ("3d", 259200), ("30m", 1800), ("90", 90), ("1.5 h", 5400)]
)
def test_windows(text: str, expected: float) -> None:
    assert parse_window(text) == expected


@pytest.mark.parametrize(
    "options",
    [
        {"match_window": "soon"},
        {"match_window": "0h"},
        {"match": "name"},
        {"keep": "best"},
        {"log_time_unit": "hours"},
        {"date_order": "xyz"},
        {"timezone": "Middle/Earth"},
        {"map_": ["wait=x"]},
    ],
)
def test_options_that_cannot_be_used(options: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        read_joins(**options)  # type: ignore[arg-type]


@pytest.mark.shared
def test_hostile_dates_of_a_log(shared: Path) -> None:
    path = str(shared / "formats" / "hostile" / "18_dates.csv")
    columns = {"id": "conversation_id", "started_at": "timestamp"}
    log = read_log([path], LogRules(), columns)
    assert len(log.by_id) == 10
    assert {reject.code for reject in log.rejects} == {
        "future_date",
        "ambiguous_date",
        "impossible_date",
        "not_a_date",
    }
    assert "C-3" in read_log([path], LogRules(DateRules("dmy")), columns).by_id
    assert any("--timezone" in note for note in log.notes)
