"""Every JSON format of a vendor, in the order in which they are tried. A new one is a line here and a module beside."""

from cxsentiment.ingest.formats import DocumentFormat
from cxsentiment.ingest.vendors import (
    amazon,
    assemblyai,
    bbckaldi,
    deepgram,
    harpervalley,
    revai,
    speechmatics,
    whisper,
)

DOCUMENT_FORMATS: tuple[DocumentFormat, ...] = (
    amazon.CONTACT_LENS_VOICE,
    deepgram.DEEPGRAM,
    assemblyai.ASSEMBLYAI,
    revai.REVAI,
    speechmatics.SPEECHMATICS,
    speechmatics.SPEECHMATICS_LEGACY,
    bbckaldi.BBC_KALDI,
    harpervalley.HARPER_VALLEY,
    whisper.WHISPERX,
    whisper.WHISPER,
    whisper.WHISPER_CPP,
    whisper.WHISPER_CHUNKS,
)
