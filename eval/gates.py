"""Floors under the figures of the shipped model: `python -m eval.gates models/default` exits with 4 if one is missed.

Four things are looked at: the committed results of `eval.run` (`results`) and what the bundle says of its export
(`bundle`), and, measured here and now on the shipped file, the bundled test set (`bundled`) and the behaviour tests
(`behaviour`). So a results file of another model, a model that was swapped and a change of the product's own path all
show.
"""

import argparse
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cxsentiment.errors import CxError, ExitCode, UsageError
from cxsentiment.kept_figures import read_figures_of
from cxsentiment.model import Model
from cxsentiment.strict_yaml import OnceOnly
from eval.baselines import truth_of
from eval.behaviour import pass_rates
from eval.metrics import calibration_error, measure
from eval.run import LABELS, answers_of
from eval.testset import Case, read_bundled

_HERE = Path(__file__).parent
GATES = _HERE / "gates.yaml"
# No number but a finite one bounds anything, and `true` is none.
Bound = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Gate(BaseModel):
    """One floor or ceiling: `path` leads through the figures of `of` to a number."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    of: Literal["results", "bundle", "bundled", "behaviour"]
    path: Annotated[tuple[str, ...], Field(min_length=1)]
    at_least: Bound | None = None
    at_most: Bound | None = None

    def missed(self, value: float) -> bool:
        """Whether `value` lies on the wrong side."""
        low, high = self.at_least, self.at_most
        return (low is not None and value < low) or (high is not None and value > high)

    def __str__(self) -> str:
        bounds = [f"at least {self.at_least}" if self.at_least is not None else ""]
        bounds += [f"at most {self.at_most}" if self.at_most is not None else ""]
        return f"{self.of}: {' / '.join(self.path)} {' and '.join(filter(None, bounds))}"


def read_gates(path: Path) -> list[Gate]:
    """The gates of a YAML list; UsageError names the one that is wrong, and says where there is none."""
    try:
        rows = yaml.load(path.read_text(encoding="utf-8"), OnceOnly)  # nosec B506  # a SafeLoader
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        what = f"cannot be read as YAML in UTF-8: {' '.join(str(error).split())}"
        raise UsageError(str(path), what, do="Restore the file") from error
    if not isinstance(rows, list) or not rows:
        raise UsageError(str(path), "holds no list of gates, so nothing could be missed", do="Restore the file")
    gates = []
    for number, row in enumerate(rows, 1):
        try:
            gate = Gate.model_validate(row)
        except ValidationError as error:
            first = error.errors()[0]
            raise UsageError(f"{path}, gate {number}", f"{first['loc']}: {first['msg']}", do="Correct it") from error
        if gate.at_least is None and gate.at_most is None:
            raise UsageError(f"{path}, gate {number}", "has no bound", allowed="at_least, at_most", do="Give one")
        gates.append(gate)
    return gates


def bundled_figures(model: Model, cases: list[Case]) -> dict[str, Any]:
    """Figures of each head on `cases`, per source and on all, as plain data."""
    found: dict[str, Any] = {}
    for head, labels in LABELS.items():
        mine = [case for case in cases if (case.sentiment is not None) == (head == "sentiment")]
        sets = {"all": mine}
        for case in mine:
            sets.setdefault(case.source, []).append(case)
        found[head] = {}
        for name, chosen in sets.items():
            answer, truth = answers_of(model, head, chosen), truth_of(chosen, head)
            conversations = [f"{case.source}/{case.conversation}" for case in chosen]
            figures = measure(labels, truth, answer.predicted, answer.scores, conversations)
            assert answer.scores is not None
            found[head][name] = asdict(figures) | {"ece": calibration_error(truth, answer.scores)}
    return found


def look_up(figures: Mapping[str, Any], gate: Gate) -> float:
    """The number that `gate` is about; UsageError names the step that leads nowhere."""
    place: Any = figures[gate.of]
    for step in gate.path:
        if not isinstance(place, Mapping) or step not in place:
            allowed = ", ".join(map(str, place)) if isinstance(place, Mapping) else "nothing below"
            raise UsageError(f"{gate}", f"no figure {step!r}", allowed=allowed, do="Correct the gate, or measure it")
        place = place[step]
    if isinstance(place, bool) or not isinstance(place, int | float) or not math.isfinite(place):
        raise UsageError(f"{gate}", f"{place!r} is no finite number", do="Correct the gate, or measure it")
    return float(place)


def check(folder: Path, results: Path, gates: Path) -> list[str]:
    """Print every gate with its figure; return a line for each that is missed. Raises CxError."""
    wanted = read_gates(gates)
    model = Model(folder)
    training = model.bundle.training
    figures = {
        "results": read_figures_of(results, model.sha256, "Run python -m eval.run on this bundle"),
        "bundle": {"bytes": sum(file.bytes for file in model.bundle.files.values())}
        | {name: training[name] for name in ("parity",) if name in training},
        "bundled": bundled_figures(model, read_bundled()),
        "behaviour": pass_rates(model),
    }
    missed = []
    for gate in wanted:
        value = look_up(figures, gate)
        if gate.missed(value):
            missed.append(f"{gate}: is {value:g}")
        print(f"{'MISSED' if gate.missed(value) else 'ok    '} {value:10.4g}  {gate}")
    return missed


def main() -> int:
    """Check the gates; 0 where all hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--results", type=Path, help="default: eval/results/<name of the model's folder>.json")
    parser.add_argument("--gates", type=Path, default=GATES)
    options = parser.parse_args()
    results = options.results or _HERE / "results" / f"{options.model.name}.json"
    try:
        missed = check(options.model, results, options.gates)
    except CxError as error:
        print(error.message)
        return int(error.exit_code)
    for line in missed:
        print(f"missed: {line}")
    return int(ExitCode.GATE) if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
