"""Every JSON format of a vendor, in the order in which they are tried. A new one is a line here and a module beside."""

from cxsentiment.ingest.formats import DocumentFormat
from cxsentiment.ingest.vendors import aircall, amazon, dialpad, genesys, twilio

DOCUMENT_FORMATS: tuple[DocumentFormat, ...] = (
    amazon.CONTACT_LENS_VOICE,
    twilio.CONVERSATIONS,
    twilio.VOICE_INTELLIGENCE,
    genesys.GENESYS,
    aircall.AIRCALL,
    dialpad.DIALPAD,
)
