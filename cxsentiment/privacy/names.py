"""Names of people, by Presidio where the extra `presidio` is installed; everything runs on this machine."""

from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from typing import Any

from cxsentiment.errors import UsageError
from cxsentiment.privacy.marks import Found

_LANGUAGE = "en"
_PERSON = "PERSON"
_MIN_SCORE = 0.5
# What else spaCy's English models name, but for what Presidio knows by itself.
_UNUSED = "CARDINAL EVENT LANGUAGE LAW MONEY ORDINAL PERCENT PRODUCT QUANTITY WORK_OF_ART".split()
MODELS = ("en_core_web_lg", "en_core_web_md", "en_core_web_sm")


def names(text: str) -> list[Found]:
    """People's names in a text. Raises UsageError where Presidio is not installed."""
    results = _analyzer().analyze(text=text, language=_LANGUAGE, entities=[_PERSON])
    return [Found(one.start, one.end, "NAME") for one in results if one.score >= _MIN_SCORE and _is_free(text, one)]


def _is_free(text: str, one: Any) -> bool:
    """Marks are in capitals and look like names to some models."""
    return "[" not in text[max(0, one.start - 1) : one.end]


def _is_installed(model: str) -> bool:
    """A model that only one of the two finds cannot be loaded, and Presidio would fetch it from the network."""
    try:
        distribution(model)
    except PackageNotFoundError:
        return False
    return find_spec(model) is not None


@cache
def _analyzer() -> Any:
    try:
        from presidio_analyzer import AnalyzerEngine, RecognizerRegistry  # heavy, and optional
        from presidio_analyzer.nlp_engine import NlpEngineProvider
        from presidio_analyzer.predefined_recognizers import SpacyRecognizer
    except ImportError:
        raise UsageError(
            "masking",
            "names cannot be masked: Presidio is not installed",
            allowed="every kind but NAME without it",
            do="Install it (pip install 'cxsentiment[presidio]') or leave NAME out",
        ) from None
    model = next((name for name in MODELS if _is_installed(name)), None)
    if model is None:
        raise UsageError(
            "masking",
            "names cannot be masked: no English spaCy model with names is installed",
            allowed=", ".join(MODELS),
            do="Install one of these packages or leave NAME out",
        )
    configuration = {
        "nlp_engine_name": "spacy",
        "models": [{"lang_code": _LANGUAGE, "model_name": model}],
        "ner_model_configuration": {"labels_to_ignore": _UNUSED},  # each of them is a warning a turn otherwise
    }
    engine = NlpEngineProvider(nlp_configuration=configuration).create_engine()
    registry = RecognizerRegistry()  # of Presidio's some forty recognisers, the one that finds people
    registry.add_recognizer(SpacyRecognizer(supported_language=_LANGUAGE, supported_entities=[_PERSON]))
    return AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=[_LANGUAGE])
