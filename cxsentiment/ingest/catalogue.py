"""Every JSON format of a vendor, in the order in which they are tried. A new one is a line here and a module beside."""

from cxsentiment.ingest.formats import DocumentFormat
from cxsentiment.ingest.vendors import (
    amazon_connect,
    amazon_transcribe,
    azure_conversations,
    azure_speech,
    google_insights,
    google_speech,
)

DOCUMENT_FORMATS: tuple[DocumentFormat, ...] = (
    amazon_connect.CONTACT_LENS_VOICE,
    amazon_connect.CONTACT_LENS_CHAT,
    amazon_transcribe.TRANSCRIBE,
    amazon_transcribe.CALL_ANALYTICS,
    amazon_transcribe.PCA,
    google_speech.SPEECH,
    google_insights.UPLOAD,
    google_insights.CONVERSATION,
    google_insights.BIGQUERY,
    google_insights.DIALOGFLOW,
    azure_speech.BATCH,
    azure_speech.FAST,
    azure_speech.LIVE,
    azure_conversations.ANALYSIS,
    azure_conversations.MINED,
)
