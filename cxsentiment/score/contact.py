"""One contact with its predictions, indexed for the questions a scorecard asks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from cxsentiment.schema import Evidence, Transcript, Turn, TurnPrediction

_QUOTE_CHARACTERS = 300
# A place in a contact as one number: the turn's place in time order, then the character. No turn is that long.
_BITS = 32
_STRIDE = 1 << _BITS
SPEAKERS = ("agent", "customer", "bot", "system", "other", "anyone")


@dataclass(frozen=True, slots=True)
class Labels:
    """What the model's numbers mean: the labels of its acts, in order, and the threshold of each (0-1)."""

    acts: tuple[str, ...]
    thresholds: tuple[float, ...]


class Sighting(NamedTuple):
    """Where something was, or may have been, seen: the turn's place in time, its characters, and how sure it is.

    `margin` is `p` (0-1) less the threshold from which it counts as seen; `what` names it where there is a choice.
    """

    place: int
    start: int
    end: int
    p: float
    margin: float
    what: str

    @property
    def at(self) -> int:
        """Its place in the contact as one number."""
        return (self[0] << _BITS) + self[1]

    @property
    def sure(self) -> bool:
        """Whether it counts as seen."""
        return self.margin >= 0


class Contact:
    """A transcript with predictions and measures; places are positions in the transcript's turns (time order).

    `measured` holds the measures by name (seconds, counts, shares; see cxsentiment.signals), None where unknown.
    """

    def __init__(
        self,
        transcript: Transcript,
        predictions: Sequence[TurnPrediction],
        measured: Mapping[str, Any],
        labels: Labels,
    ) -> None:
        self.transcript = transcript
        self.turns = transcript.turns
        self.labels = labels
        self.measured = measured
        self.by_turn = {prediction.turn: prediction for prediction in predictions}
        self.memo: dict[Any, Any] = {}
        # Turns stand in time order, which need not be the order of their numbers in the source.
        self._places: dict[str, list[int]] = {speaker: [] for speaker in SPEAKERS}
        for place, turn in enumerate(self.turns):
            if turn.speaker in ("agent", "customer") and turn.index not in self.by_turn:
                continue
            if turn.speaker in self._places:
                self._places[turn.speaker].append(place)
            self._places["anyone"].append(place)

    def places(self, speaker: str) -> list[int]:
        """The places of a speaker's turns with text, in time order."""
        return self._places[speaker]

    def prediction(self, place: int) -> TurnPrediction:
        """What the model says of the (agent's or customer's) turn at a place."""
        return self.by_turn[self.turns[place].index]

    def number(self, place: int) -> int:
        """The number of a turn as the source counts it (0-based): what reasons and evidence name."""
        return self.turns[place].index

    def quote(self, sighting: Sighting, why: str = "") -> Evidence:
        """Evidence: the words of a sighting; long quotes end in …."""
        turn: Turn = self.turns[sighting.place]
        end = min(sighting.end, sighting.start + _QUOTE_CHARACTERS)
        quote = turn.text[sighting.start : end] + ("…" if end < sighting.end else "")
        return Evidence(turn.index, sighting.start, end, quote, why)

    def whole_turn(self, place: int) -> Sighting:
        """A sighting that is a whole turn, for quoting where nothing was seen."""
        return Sighting(place, 0, len(self.turns[place].text), 0.0, -1.0, "")


def start_of(place: int) -> int:
    """The place of a turn's first character as one number."""
    return place * _STRIDE


def end_of(place: int) -> int:
    """The place of a turn's last character as one number."""
    return (place + 1) * _STRIDE - 1
