"""What a run holds does not grow with its input: the same input in two sizes, each scored by a process of its own."""

import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxsentiment.errors import RunError
from cxsentiment.ingest.identities import FirstSeen, Sighting
from cxsentiment.phrases import PhraseBook, Phrases, _vocabulary
from cxsentiment.schema import Reject
from cxsentiment.spool import Spool

PROGRAM = """
import atexit, sys
def tell():
    peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print(peak.split()[1], "torch" in sys.modules, file=sys.stderr)
atexit.register(tell)
from cxsentiment.cli import main
main()
"""
LINES = (
    "Hello, this is Ana. How can I help?",
    "My order never came and I am very upset.",
    "I am sorry to hear that, let me check your order.",
    "I already called twice, get me a manager.",
    "Of course. Is there anything else?",
    "No. Thanks, bye!",
)
needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc to know a process's peak")


def _turns(count: int) -> list[dict[str, str]]:
    both = zip(itertools.cycle(("agent", "customer")), itertools.cycle(LINES), strict=True)
    return [{"speaker": who, "text": text} for who, text in itertools.islice(both, count)]


def _jsonl(path: Path, records: Iterable[object]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def contacts(folder: Path, count: int) -> Path:
    """So many contacts of two turns."""
    return _jsonl(folder / "contacts.jsonl", ({"id": f"c{k}", "turns": _turns(2)} for k in range(count)))


def lines_cut_off(folder: Path, count: int) -> Path:
    """One good contact, and so many lines that are no JSON."""
    path = _jsonl(folder / "lines.jsonl", [{"id": "good", "turns": _turns(2)}])
    with path.open("a", encoding="utf-8") as file:
        file.writelines(f'{{"id": "c{k}", "turns": [\n' for k in range(count))
    return path


def one_call(folder: Path, count: int) -> Path:
    """One contact of so many turns."""
    return _jsonl(folder / "call.jsonl", [{"id": "long", "turns": _turns(count)}])


def one_turn(folder: Path, count: int) -> Path:
    """One contact in which a turn has so many characters."""
    said = (" ".join(LINES) + " ") * (count // 100)
    return _jsonl(
        folder / "turn.jsonl", [{"id": "long", "turns": [{"speaker": "customer", "text": said[:count]}, *_turns(2)]}]
    )


def files(folder: Path, count: int) -> Path:
    """A folder of so many files of two turns."""
    calls = folder / "calls"
    calls.mkdir()
    for number in range(count):
        (calls / f"{number}.txt").write_text(f"Agent: {LINES[0]}\nCustomer: {LINES[1]}\n", encoding="utf-8")
    return calls


def _peak(source: Path, out: Path, model: Path) -> int:
    """The peak memory in bytes of a process that scores `source`, alone."""
    arguments = ["score", str(source), "--out", str(out), "--model", str(model), "--workers", "1", "--json"]
    done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 3), done.stderr
    peak, torch = done.stderr.split()[-2:]
    assert torch == "False", "spaCy imported torch"
    return int(peak) * 1024


@pytest.mark.slow
@needs_proc
@pytest.mark.parametrize(
    ("write", "few", "many", "bytes_each"),
    [
        (contacts, 1_000, 4_000, 1_000),  # the id's hash, and what the receipt says of its part
        (lines_cut_off, 100, 30_000, 100),  # what is refused waits on disk
        (files, 600, 2_000, 4_000),  # its path, its hash and its place in the receipt
        (one_call, 1_000, 6_000, 6_000),  # a contact is held whole: as read, as scored and as columns
        (one_turn, 20_000, 200_000, 300),  # and so is a turn, with its words and their places
    ],
    ids=lambda value: value.__name__ if callable(value) else None,
)
def test_memory_does_not_grow_with_the_input(
    tmp_path: Path, toy_bundle: Path, write: Callable[[Path, int], Path], few: int, many: int, bytes_each: int
) -> None:
    peaks = []
    for count in (few, many):
        folder = tmp_path / str(count)
        folder.mkdir()
        peaks.append(_peak(write(folder, count), folder / "run", toy_bundle))
    noise = 2 * 2**20
    assert peaks[1] - peaks[0] <= (many - few) * bytes_each + noise


@given(st.lists(st.tuples(st.text(max_size=3), st.sampled_from("ab"), st.integers(1, 2**40 - 1)), max_size=300))
def test_who_came_first_is_known_as_a_dict_knows_it(came: list[tuple[str, str, int]]) -> None:
    seen, known = FirstSeen(), dict[str, Sighting]()
    for name, source, record in came:
        assert seen.get(name) == known.get(name)
        own = Sighting(source, record, record * 7)
        assert seen.setdefault(name, own) == known.setdefault(name, own)
        assert len(seen) == len(known)
    copy = seen.copy()
    copy.setdefault("one more", Sighting("c", 1, 1))
    assert seen.get("one more") is None
    assert all(copy.get(name) == first for name, first in known.items())


def test_a_contact_that_came_takes_less_than_100_bytes_whatever_its_id() -> None:
    seen = FirstSeen()
    for number in range(20_000):
        seen.setdefault(f"{'a very long id ' * 20}{number}", Sighting("calls.jsonl", number + 1, hash(number)))
    assert seen.get(f"{'a very long id ' * 20}77") == Sighting("calls.jsonl", 78, 77)
    assert sys.getsizeof(seen._table) + sys.getsizeof(seen._sources) < 100 * 20_000


def test_refusals_come_back_as_they_were_and_leave_no_file(tmp_path: Path) -> None:
    rejects = [
        Reject("f.jsonl", k, None if k % 2 else f"c{k}", "json", f"línea \ud800 {k}", "turn") for k in range(20_000)
    ]
    with Spool(tmp_path) as spool:
        for reject in rejects:
            spool.add(reject)
        assert spool.kinds == {"turn": 20_000}
        assert list(spool) == rejects
        assert list(spool) == rejects
        assert not list(tmp_path.iterdir())  # whoever is killed leaves nothing behind


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full to fill a disk")
def test_a_full_disk_is_said(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool, Path("/dev/full").open("r+b", buffering=0) as full:
        spool._file._file = full  # type: ignore[attr-defined]  # where it would be a file on the disk
        with pytest.raises(RunError, match="No space left on device"):
            spool.add(Reject("f.jsonl", 1, None, "json", "cut off"))


def test_words_that_were_met_are_not_kept() -> None:
    book = PhraseBook({"cue": Phrases(("get me a manager",))})
    for number in range(50):
        assert book.find(f"get me a manager of word{number} and other{number}") == {"cue": (0, 16)}
    kept = [text for text in _vocabulary().strings if text.startswith(("word", "other"))]
    assert len(kept) < 10, kept
