from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from cxsentiment.figures import write_tables
from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate


@dataclass(frozen=True, slots=True)
class Row:
    name: str | None
    estimate: Estimate


ROWS = [
    Row("=HYPERLINK(1)", Estimate(1.5, None, None, 3, "mean", Reason("too_few", "too few"))),
    Row("-2+3", Estimate(None, None, None, 0, "mean", Reason("nothing_to_count", "@none"))),
    Row("A-01", Estimate(float("nan"), None, None, 0, "mean", None)),
    Row(None, Estimate(2.0, 1.0, 3.0, 9, "mean", None)),
]


def test_a_cell_is_never_a_formula(tmp_path: Path) -> None:
    (path,) = write_tables(tmp_path, {"rows": (Row, ROWS)}, "csv")
    text = path.read_text(encoding="utf-8")
    assert "'=HYPERLINK(1)" in text
    assert "'-2+3" in text
    assert "'@none" in text
    assert "'A-01" not in text
    assert "nan" not in text.lower()


def test_parquet_keeps_the_texts_as_they_are(tmp_path: Path) -> None:
    (path,) = write_tables(tmp_path, {"rows": (Row, ROWS)}, "parquet")
    rows = pq.read_table(path).to_pylist()
    assert [row["name"] for row in rows] == ["=HYPERLINK(1)", "-2+3", "A-01", None]
    assert [row["estimate"] for row in rows] == [1.5, None, None, 2.0]
