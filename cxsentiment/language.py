"""Which language a text is in, by its script and its commonest words; enough to say what the model was not made for.

No dictionary is needed: function words make up a third of ordinary talk. A text of few known words stays undecided.
"""

import re
from collections import Counter

# Function words by ISO 639-1 code; "tl" is Filipino, with the particles that Taglish keeps.
_WORDS: dict[str, frozenset[str]] = {
    code: frozenset(words.split())
    for code, words in {
        "en": "the and you to is it that of for i my a in on have this with not can was your what are be do me but so "
        "we yes no just how please thanks thank when will would there they if or at from it's i'm don't",
        "es": "el la los las de que y en un una por para con no es mi su se lo le me te qué cómo está estoy gracias "
        "señor señora usted pero muy ya porque cuando hola buenos días sí",
        "fr": "le la les des de et un une est je vous nous il elle que qui pas pour dans sur avec mon ma votre c'est "
        "bonjour merci oui non mais ça j'ai être suis à",
        "de": "der die das und ist ich sie nicht ein eine zu mit für auf mein meine ihr haben wir es von dem den danke "
        "bitte ja nein aber wie was wenn kann noch auch",
        "pt": "o a os as de que e em um uma por para com não é meu minha seu sua você eu está obrigado obrigada sim "
        "mas muito já quando olá bom dia isso",
        "it": "il lo la gli le di che e in un una per con non è mio mia sono grazie sì ma molto già quando ciao "
        "buongiorno come della del ho può",
        "nl": "de het een en van ik je u is niet dat op voor met mijn uw hebben we ja nee maar hoe wat bedankt dank "
        "kan ook nog wel goed",
        "pl": "i w na nie to się z do jest że jak mam pan pani dziękuję proszę tak ale czy dzień dobry mi już co",
        "tr": "ve bir bu ne için ben sen çok var yok evet hayır teşekkür merhaba lütfen ama değil mi nasıl benim",
        "id": "yang dan di ini itu saya anda tidak ada untuk dengan bisa apa ya terima kasih mohon sudah belum dari "
        "kami pak bu",
        "tl": "ang ng sa na po ko mo ako ikaw siya hindi ay mga may wala opo naman lang kasi pa ba yung salamat "
        "magandang niyo namin kayo",
    }.items()
}
# Letters of a script that one language of contact centres, or a group of them, is written in.
_SCRIPTS = (
    ("ru", re.compile(r"[\u0400-\u04ff]")),
    ("el", re.compile(r"[\u0370-\u03ff]")),
    ("he", re.compile(r"[\u0590-\u05ff]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
    ("th", re.compile(r"[\u0e00-\u0e7f]")),
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("zh", re.compile(r"[\u4e00-\u9fff]")),
)
# Every code that `language_of` may give.
LANGUAGES = tuple(sorted({*_WORDS, *(code for code, _ in _SCRIPTS)}))
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_READ = 4000  # characters: the start of a contact tells
_LEAST_WORDS = 4  # known words of one language, below which it stays undecided
_SCRIPT_SHARE = 0.3


def language_of(text: str) -> str | None:
    """The ISO 639-1 code of the language that most of `text` is in; None where that cannot be told.

    Cyrillic counts as Russian, Arabic script as Arabic, and so on: the code names the script's commonest language.
    """
    words = _WORD.findall(text[:_READ].lower().replace("’", "'"))
    letters = sum(map(len, words))
    for code, script in _SCRIPTS:
        if len(script.findall(text[:_READ])) > _SCRIPT_SHARE * max(letters, 1):
            return code
    known: Counter[str] = Counter()
    for word in words:
        known.update(code for code, common in _WORDS.items() if word in common)
    if not known:
        return None
    (best, count), *others = known.most_common(2)
    if count < _LEAST_WORDS or (others and others[0][1] == count):
        return None
    return best
