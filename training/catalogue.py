"""The catalogue of training sources: what each is, its terms, where it can be had, and what its labels mean to us."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cxsentiment.errors import UsageError
from training import sources
from training.sources import EMOTIONS, POLARITY, STARS, LabelledTurn

_LABELS = Path(__file__).parent / "labels"
_OPEN = (
    "STAR (MIT, RasaHQ), SGD (CC BY-SA 4.0, Google), MultiDoGO (CDLA-Permissive-1.0, Amazon), BANKING77 (CC BY 4.0, "
    "PolyAI), NatCS (CDLA-Permissive-2.0, Amazon), PriMock57 (CC BY 4.0, Babylon Health), Taskmaster-4 (CC BY 4.0, "
    "Google), ABCD (MIT, ASAPP), HarperValleyBank (CC BY 4.0, Gridspace)"
)
_OPEN_AGENTS = (
    "STAR (MIT, RasaHQ), SGD (CC BY-SA 4.0, Google), PriMock57 (CC BY 4.0, Babylon Health), Taskmaster-4 (CC BY 4.0, "
    "Google), ABCD (MIT, ASAPP), HarperValleyBank (CC BY 4.0, Gridspace)"
)
_OPEN_HOMES = (
    "github.com: RasaHQ/STAR, google-research-datasets/dstc8-schema-guided-dialogue, "
    "awslabs/multi-domain-goal-oriented-dialogues-dataset, PolyAI-LDN/task-specific-datasets, "
    "babylonhealth/primock57, google-research-datasets/Taskmaster, asappresearch/abcd, "
    "cricketclub/gridspace-stanford-harper-valley; NatCS from Amazon Science"
)
_CODEBOOK = "codebook v1: sentiment of customers, acts of agents"
_WRITTEN_LIMITS = (
    "Written by language models in the shape of real talk: fluent, varied, but kin among themselves; labels come from "
    "the writers' own codebook reading, so shared misreadings do not show."
)
_OPEN_LIMITS = (
    "Crowd workers and actors rather than customers with a stake: complaints are few and mild. Labelled by "
    "language-model annotators, whose shared errors do not show."
)


@dataclass(frozen=True, slots=True)
class Source:
    """One source of labelled turns.

    `file` that begins with `labels/` lies in this package; others lie under the folder of the data. `labels` maps the
    source's label to ours (None: dropped, for the reason in `dropped`); None where the labels are the codebook's.
    `left_out` says how many rows `read` leaves out, by reason; None where it leaves out none.
    `keyed`: the texts are looked up in the datasets that the labels name.
    `own`: split by conversation, and single texts of other domains are not. `tested`: a part of it is kept for testing.
    `calibrates`: its development part says what a probability means; that of no service talk says it of other talk.
    `read` takes the file and the folder of the data, where texts that a label file names are found.
    """

    title: str
    file: str
    texts: str
    licence: str
    credit: str
    home: str
    annotators: str
    limits: str
    read: Callable[[Path, Path], Iterator[LabelledTurn]]
    keyed: bool = False
    own: bool = True
    tested: bool = True
    calibrates: bool = True
    labels: dict[str, str | None] | None = None
    dropped: str = ""
    left_out: Callable[[Path], Counter[str]] | None = None

    def path(self, data: Path) -> Path:
        """The file of this source; UsageError where it is missing."""
        path = _LABELS.parent / self.file if self.file.startswith("labels/") else data / self.file
        if not path.exists():
            raise UsageError(
                str(path), "this source is missing", do="Give the folder of the data that training/README.md describes"
            )
        return path


def _talk(title: str, file: str) -> Source:
    return Source(
        title=title,
        file=f"labels/{file}.txt",
        texts="conversations written for this project; nobody and nothing in them is real",
        licence="Apache-2.0",
        credit="written and labelled for this project",
        home="this repository, training/labels/",
        annotators=f"language models that wrote the turns and labelled them ({_CODEBOOK})",
        limits=_WRITTEN_LIMITS,
        read=sources.written_talk,
        tested=False,
    )


def _written(title: str, file: str) -> Source:
    return Source(
        title=title,
        file=file,
        texts="conversations and exchanges written for this project; nobody and nothing in them is real",
        licence="Apache-2.0",
        credit="written and labelled for this project",
        home="this project's data; the test conversations lie in eval/bundled/",
        annotators=f"language models that wrote the turns and labelled them ({_CODEBOOK})",
        limits=_WRITTEN_LIMITS,
        read=sources.service_talk,
    )


def _keyed(speaker: str, credit: str) -> Source:
    return Source(
        title=f"Further {speaker} turns of open conversations",
        file=f"labels/{speaker}_turns.jsonl",
        texts=f"{speaker} turns, chosen where a model was unsure or a label is rare, and at random",
        licence="labels: this project's own; texts as their sources",
        credit=f"{speaker} turns of {credit}; labelled for this project",
        home=f"labels: this repository, training/labels/; texts: {_OPEN_HOMES}",
        annotators=f"language models that read each turn with the turns before it ({_CODEBOOK})",
        limits=_OPEN_LIMITS,
        read=sources.labelled_turns,
        keyed=True,
    )


SOURCES: dict[str, Source] = {
    "service_turns": Source(
        title="Real service turns",
        file="service_turns.jsonl.gz",
        texts="single turns of open service conversations, with the turns before them",
        licence="labels: this project's own; texts as their sources",
        credit=f"turns of {_OPEN}; labelled for this project",
        home=f"labels: this project's own; texts: {_OPEN_HOMES}",
        annotators=f"language models that read each turn with the turns before it ({_CODEBOOK}); a second independent "
        "pass on 917 turns agreed at kappa .96 for sentiment and .86 to 1.0 for acts with ten or more cases",
        limits=_OPEN_LIMITS,
        read=sources.service_turns,
    ),
    "service_talk": _written("Service talk", "service_talk.txt"),
    "act_gallery": _written("Act gallery", "act_gallery.txt"),
    "talk_calls": _talk("Phone calls as transcribed", "talk_calls"),
    "talk_chat": _talk("Live chat", "talk_chat"),
    "talk_customers": _talk("Customer sentiment in its shades", "talk_customers"),
    "talk_rare": _talk("Rare acts beside their near misses", "talk_rare"),
    "talk_services": _talk("Other services, e-mails, longer turns", "talk_services"),
    "talk_social": _talk("Public social-media threads", "talk_social"),
    "talk_desk": _talk("Support chats of translated and second-language talk", "talk_desk"),
    "talk_threads": _talk("Social-media support threads in the house voice of real accounts", "talk_threads"),
    "talk_borders": _talk("Acts that models miss, beside their near misses", "talk_borders"),
    "talk_conduct": _talk("Conduct: unprofessional turns and firm but polite ones", "talk_conduct"),
    "talk_moods": _talk("Customers' displeasure by degree, and what resembles it", "talk_moods"),
    "talk_pairs": _talk("Pairs of agent turns that share most words and differ in their acts", "talk_pairs"),
    "talk_floor": _talk("Outsourced contact-centre floors: macros, several short messages", "talk_floor"),
    "talk_replies": _talk("Short replies and pairs of customer turns that share most words", "talk_replies"),
    "talk_turns": _talk("Irony, but-turns, pardon, formulas, names of many origins, other languages", "talk_turns"),
    "talk_lines": _talk("Calls of other services, long e-mails and tickets", "talk_lines"),
    "talk_posts": _talk("Customers' public posts to companies", "talk_posts"),
    "talk_manners": _talk("Conduct of agents by degree beside firm, kind and informal twins", "talk_manners"),
    "talk_public": _talk("Public support threads: posts, reviews and forum entries with replies", "talk_public"),
    "talk_desks": _talk("Untidy chats, tickets and calls of many desks, several acts in a turn", "talk_desks"),
    "talk_kin": _talk("Long contexts, odd people and subtle moods", "talk_kin"),
    "talk_care": _talk("Cautions, firm requests and public posts beside rude twins", "talk_care"),
    "talk_help": _talk("Support contacts of many services, untidy and bound to their context", "talk_help"),
    "agent_turns": _keyed("agent", _OPEN_AGENTS),
    "customer_turns": _keyed("customer", _OPEN),
    "posts": Source(
        title="Posts read by the codebook",
        file="labels/posts.jsonl",
        texts="Reddit comments, turns of people who talk to a bot and posts of developers, chosen where a model was "
        "unsure or differed from the dataset's own label, and at random",
        licence="labels: this project's own; texts as their sources",
        credit="texts of GoEmotions (CC BY 4.0, Demszky et al. 2020, Google), ConvAbuse (CC BY 4.0, Cercas Curry et "
        "al. 2021) and Senti4SD (MIT, Calefato et al. 2018); labelled for this project",
        home="labels: this repository, training/labels/; texts on github.com: google-research/google-research, folder "
        "goemotions; amandacurry/convabuse; collab-uniba/Senti4SD",
        annotators="language models that read each text as if its writer had posted it to or about a company or person "
        f"they deal with ({_CODEBOOK})",
        limits="No service talk: what the writers are pleased or displeased with is mostly no service.",
        read=sources.labelled_turns,
        keyed=True,
        calibrates=False,
    ),
    "goemotions": Source(
        title="GoEmotions",
        file="goemotions.jsonl.gz",
        texts="Reddit comments in English",
        licence="CC BY 4.0",
        credit="GoEmotions, Demszky et al. 2020, Google: Reddit comments with 27 emotions",
        home="github.com/google-research/google-research, folder goemotions",
        annotators="three to five crowd workers a comment",
        limits="No service talk, no turns before the comment; disapproval and annoyance are of people and opinions.",
        read=sources.goemotions,
        own=False,
        labels=EMOTIONS,
        dropped="neither satisfaction nor dissatisfaction by the codebook; comments that have such an emotion beside "
        "one of ours, comments of two of our classes, and those that the official test repeats, are left out too",
        left_out=sources.goemotions_left_out,
    ),
    "senti4sd": Source(
        title="Senti4SD",
        file="senti4sd.jsonl.gz",
        texts="questions, answers and comments of developers on Stack Overflow",
        licence="MIT",
        credit="Senti4SD, Calefato et al. 2018: Stack Overflow posts with polarity",
        home="github.com/collab-uniba/Senti4SD",
        annotators="three trained raters a post",
        limits="Peers who help each other, not customers and agents.",
        read=sources.senti4sd,
        own=False,
        labels=POLARITY,
    ),
    "uci_reviews": Source(
        title="Sentiment Labelled Sentences",
        file="uci_reviews.jsonl.gz",
        texts="sentences of Amazon, Yelp and IMDb reviews",
        licence="CC BY 4.0",
        credit="Sentiment Labelled Sentences, Kotzias et al. 2015, UCI: sentences of Amazon, Yelp and IMDb reviews",
        home="UCI Machine Learning Repository, Sentiment Labelled Sentences",
        annotators="the reviews' own scores; only clearly good or bad sentences",
        limits="Says nothing about neutral, which is left out of its loss; products and films, not service contacts.",
        read=sources.uci_reviews,
        own=False,
        labels=STARS,
    ),
}
# What is measured with and never trained on: test splits under the data, and the tests in this repository.
TESTS = Path(__file__).parents[1] / "eval"
HELD_OUT = ("test/goemotions.jsonl.gz", "test/stanford_politeness.jsonl.gz", "test/casino.jsonl.gz")


def source_of(name: str) -> Source:
    """The source of that name; UsageError names those that exist."""
    if name not in SOURCES:
        raise UsageError(
            f"sources.{name}", "no such source", allowed=", ".join(SOURCES), do="Correct the recipe's sources"
        )
    return SOURCES[name]
