"""Names of people, by Presidio where the extra `presidio` is installed; everything runs on this machine."""

from functools import cache
from importlib.util import find_spec
from typing import Any

from cxsentiment.errors import UsageError
from cxsentiment.privacy.marks import Found

_LANGUAGE = "en"
_MIN_SCORE = 0.5
_MODELS = ("en_core_web_lg", "en_core_web_md", "en_core_web_sm")


def names(text: str) -> list[Found]:
    """People's names in a text. Raises UsageError where Presidio is not installed."""
    results = _analyzer().analyze(text=text, language=_LANGUAGE, entities=["PERSON"])
    return [Found(one.start, one.end, "NAME") for one in results if one.score >= _MIN_SCORE and _is_free(text, one)]


def _is_free(text: str, one: Any) -> bool:
    """Marks are in capitals and look like names to some models."""
    return "[" not in text[max(0, one.start - 1) : one.end]


@cache
def _analyzer() -> Any:
    try:
        from presidio_analyzer import AnalyzerEngine  # heavy, and optional
        from presidio_analyzer.nlp_engine import NlpEngineProvider
    except ImportError:
        raise UsageError(
            "masking",
            "names cannot be masked: Presidio is not installed",
            allowed="every kind but NAME without it",
            do="Install it (pip install 'cxsentiment[presidio]') or leave NAME out",
        ) from None
    # Left to itself, Presidio fetches a model from the network.
    model = next((name for name in _MODELS if find_spec(name) is not None), None)
    if model is None:
        raise UsageError(
            "masking",
            "names cannot be masked: no English spaCy model with names is installed",
            allowed=", ".join(_MODELS),
            do="Install one of these packages or leave NAME out",
        )
    configuration = {"nlp_engine_name": "spacy", "models": [{"lang_code": _LANGUAGE, "model_name": model}]}
    engine = NlpEngineProvider(nlp_configuration=configuration).create_engine()
    return AnalyzerEngine(nlp_engine=engine, supported_languages=[_LANGUAGE])
