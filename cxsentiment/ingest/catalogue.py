"""Every JSON format of a vendor, in the order in which they are tried. A new one is a line here and a module beside."""

from cxsentiment.ingest.formats import DocumentFormat
from cxsentiment.ingest.vendors import (
    amazon,
    freshdesk,
    intercom,
    livechat,
    liveperson,
    salesforce,
    slack,
    vcon,
    zendesk_chat,
    zendesk_ticket,
)

DOCUMENT_FORMATS: tuple[DocumentFormat, ...] = (
    amazon.CONTACT_LENS_VOICE,
    zendesk_chat.ZENDESK_CHAT,
    zendesk_ticket.ZENDESK_AUDITS,
    zendesk_ticket.ZENDESK_TICKET,
    freshdesk.FRESHDESK,
    intercom.INTERCOM,
    livechat.LIVECHAT,
    liveperson.LIVEPERSON,
    salesforce.SALESFORCE_ENTRIES,
    slack.SLACK,
    vcon.VCON,
)
