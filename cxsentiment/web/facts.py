"""What a run says, held in memory for pages: a DuckDB table with one row a contact, and one of what needs a person.

A run folder has thousands of Parquet files when it has a million contacts; opening them at every page would take
seconds. Contacts are read once, with one small column for the verdict of each item; texts stay on the disk.
"""

import re
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from cxsentiment import runs
from cxsentiment.errors import RunError
from cxsentiment.rubric.reading import in_parts, texts_of
from cxsentiment.schema import ItemText

VERDICTS = ("met", "not_met", "not_applicable", "unscored")
"""The verdicts by their code in the columns v_0, v_1 …, which starts at 1; 0 is a contact without the item."""
_TEXTS = ("agent_id", "customer_id", "campaign", "channel", "queue", "started_at", "null_reason")
_REALS = ("score", "coverage", "duration_s", "sentiment_mean", "sentiment_start", "sentiment_end", "sentiment_min")
_SEARCHES_KEPT = 8
_SEARCH_MOST = 20_000  # contacts that a search of texts finds before it stops and says so
_PART = re.compile(r"part-([0-9]{1,9})\.parquet$")


class Facts:
    """The tables of one finished run. Safe to ask from several threads: each question has a cursor of its own."""

    def __init__(self, run: Path) -> None:
        """Read the run. Raises RunError where it is none, is unfinished, lacks a part or cannot be read."""
        self.run = run
        self.receipt = runs.require_complete(run)
        self.key = str(self.receipt.get("identity") or run.name)[:64]
        self.stamp = stamp(run)
        self.rubric: dict[str, Any] = self.receipt["rubric"]
        self.texts: dict[str, ItemText] = texts_of(self.rubric["content"])
        self.in_parts = in_parts(self.rubric["content"])
        self._require_parts()
        self.kept: dict[str, Any] = {}  # what pages worked out and need again
        self._searches: OrderedDict[str, tuple[int, ...]] = OrderedDict()
        self._lock = threading.Lock()
        self._base = duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false", "threads": "2"})
        try:
            self.items = self._read()
        except duckdb.Error as error:
            raise RunError(
                str(run), f"cannot be read: {_first_line(error)}", do="Score again into a new folder, or rescore it"
            ) from error

    def close(self) -> None:
        """Give the memory back."""
        self._base.close()

    def ask(self, question: str, values: Sequence[object] = ()) -> list[dict[str, Any]]:
        """The rows of a question by column name. Values are always bound, never written into the question."""
        cursor = self._base.cursor()
        try:
            cursor.execute(question, list(values))
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        finally:
            cursor.close()

    def table(self, question: str, values: Sequence[object] = ()) -> Any:
        """The rows of a question as an Arrow table."""
        cursor = self._base.cursor()
        try:
            return cursor.sql(question, params=list(values)).to_arrow_table()
        finally:
            cursor.close()

    def number(self, question: str, values: Sequence[object] = ()) -> int:
        """The one number that a question gives."""
        return int(next(iter(self.ask(question, values)[0].values())) or 0)

    def code_of(self, item: str) -> int | None:
        """The place of an item's column, v_0 being the first; None for an item that the run does not have."""
        return self.items.index(item) if item in self.items else None

    def saying(self, words: str) -> tuple[tuple[int, ...], bool]:
        """Places of the contacts in which somebody says these words (case aside), and whether the search stopped early.

        The first search for some words reads all texts of the run; the next pages of it do not.
        """
        with self._lock:  # one at a time: each keeps every core busy
            if words not in self._searches:
                rows = self.ask(
                    "SELECT DISTINCT c.place FROM read_parquet(?) t JOIN contacts c USING (contact_id) "
                    "WHERE contains(lower(t.text), lower(?)) LIMIT ?",
                    [self._files("turns"), words, _SEARCH_MOST + 1],
                )
                self._searches[words] = tuple(sorted(row["place"] for row in rows))
                while len(self._searches) > _SEARCHES_KEPT:
                    self._searches.popitem(last=False)
            found = self._searches[words]
        return found[:_SEARCH_MOST], len(found) > _SEARCH_MOST

    def _files(self, table: str) -> list[str]:
        return [str(path) for path in runs.part_paths(self.run, table, self.receipt)]

    def _require_parts(self) -> None:
        """Every file of the receipt must stand. Raises RunError which names the first that does not."""
        missing = sorted(
            name for name in self.receipt.get("files") or {} if _PART.search(name) and not (self.run / name).exists()
        )
        if missing:
            raise RunError(
                str(self.run / missing[0]),
                f"is missing ({len(missing)} of the run's files are)",
                do="Copy the whole run folder, or run the same cxsentiment score command again",
            )

    def _read(self) -> tuple[str, ...]:
        files = self._files("contacts")
        if not files:
            raise RunError(str(self.run / "contacts"), "holds no contacts", do="Score again into a new folder")
        present = set(pq.read_schema(files[0]).names)
        columns = ["contact_id", *_TEXTS, *_REALS, "turns"]
        taken = ", ".join(name if name in present else f"NULL AS {name}" for name in columns)
        items = tuple(self.texts)
        self._base.execute(
            f"CREATE TEMP TABLE plain AS SELECT {taken}, "  # nosec B608  # names of ours; values are bound
            "CAST(regexp_extract(filename, 'part-([0-9]+)', 1) AS INTEGER) AS shard, "
            "file_row_number AS row "
            "FROM read_parquet(?, filename = true, file_row_number = true, union_by_name = true)",
            [files],
        )
        verdicts = self._files("items")
        if verdicts:
            codes = ", ".join(
                f"CAST(max(CASE WHEN item = ${k + 2} THEN list_position({list(VERDICTS)}, verdict) ELSE 0 END) "
                f"AS TINYINT) AS v_{k}"
                for k in range(len(items))
            )
            self._base.execute(
                # names of ours; values are bound
                f"CREATE TEMP TABLE wide AS SELECT contact_id, {codes} FROM read_parquet($1) GROUP BY contact_id",  # nosec B608
                [verdicts, *items],
            )
        none = ", ".join(f"CAST(0 AS TINYINT) AS v_{k}" for k in range(len(items)))
        # names of ours; values are bound
        source = "plain LEFT JOIN wide USING (contact_id)" if verdicts else f"(SELECT *, {none} FROM plain)"  # nosec B608
        # Newest first; an order of whole numbers makes a page a range, however far down it lies.
        self._base.execute(
            # names of ours; values are bound
            "CREATE TABLE contacts AS SELECT CAST(row_number() OVER (ORDER BY started_at DESC NULLS LAST, shard, row) "  # nosec B608
            f"AS INTEGER) AS place, * FROM {source} ORDER BY place"
        )
        self._base.execute(
            "ALTER TABLE contacts ADD COLUMN low INTEGER; UPDATE contacts SET low = ranked.low FROM (SELECT place, "
            "row_number() OVER (ORDER BY score ASC NULLS LAST, place) AS low FROM contacts) ranked "
            "WHERE contacts.place = ranked.place"
        )
        self._base.execute("CREATE INDEX by_id ON contacts (contact_id)")
        self._read_queue(verdicts)
        for name in ("plain", "wide"):
            self._base.execute(f"DROP TABLE IF EXISTS {name}")
        return items

    def _read_queue(self, verdicts: list[str]) -> None:
        """What cxsentiment.queue gives, in its order; as a table, for of a million contacts it has a million rows."""
        self._base.execute(
            "CREATE TABLE queue (pos INTEGER, place INTEGER, contact_id VARCHAR, agent_id VARCHAR, item VARCHAR, "
            "critical VARCHAR, why VARCHAR, p_error DOUBLE, reason VARCHAR)"
        )
        if verdicts:
            self._base.execute(
                "INSERT INTO queue SELECT row_number() OVER (ORDER BY why = 'uncertain', list_position("
                "['compliance', 'customer', 'business', 'none'], critical), -coalesce(p_error, 0), contact_id, item), "
                "* FROM (SELECT c.place, c.contact_id, c.agent_id, i.item, i.critical, CASE WHEN i.verdict = 'not_met' "
                "THEN 'flag' ELSE 'uncertain' END AS why, round(1 - i.p_met, 5) AS p_error, i.reason "
                "FROM read_parquet(?) i JOIN contacts c USING (contact_id) WHERE (i.verdict = 'unscored' AND "
                "i.p_met IS NOT NULL) OR (i.verdict = 'not_met' AND i.critical <> 'none'))",
                [verdicts],
            )


def stamp(run: Path) -> tuple[int, int]:
    """What changes whenever a run's receipt is written anew. Raises RunError where there is none any more."""
    try:
        found = (run / runs.RECEIPT).stat()
    except OSError as error:
        raise RunError(
            str(run), "is gone, or cannot be read", do="Put the run folder back, or restart serve"
        ) from error
    return found.st_mtime_ns, found.st_size


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
