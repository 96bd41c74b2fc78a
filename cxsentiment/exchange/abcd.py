"""ABCD's protocols → flows: the action sequences of kb.json, or the agent guidelines of guidelines.json.

ABCD: Chen et al. 2021, "Action-Based Conversations Dataset" (github.com/asappresearch/abcd). Its actions are buttons
that the agent presses. A transcript shows only those that come with talk: `_TALK` says which, how, and why.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cxsentiment.errors import RubricError
from cxsentiment.exchange.documents import objects, text_of
from cxsentiment.exchange.flowcharts import Drawn
from cxsentiment.exchange.ids import Ids
from cxsentiment.exchange.losses import Loss

# Action → how it shows in talk. The reason stands beside it; actions that are not here are clicks.
_TALK: dict[str, dict[str, Any]] = {
    # The agent has to ask for the name or account id that the button takes.
    "pull-up-account": {"act": "verify"},
    # … for zip code, order id or account id: a second round of asking, so a sighting of its own.
    "verify-identity": {"act": "verify"},
    # … for user name, e-mail address and order id.
    "validate-purchase": {"act": "verify"},
    # The agent asks why, or how the customer wants it.
    "record-reason": {"act": "probe"},
    # The agent asks for the detail that the form takes: an address, an account id, a PIN.
    "enter-details": {"act": ["verify", "probe"]},
    # The agent looks something up while the customer waits.
    "ask-the-oracle": {"act": "hold"},
    # The agent asks for the membership level, or tells what it entitles to.
    "membership": {"phrase": ["member|membership|guest", "gold|silver|bronze (level|status|member)"]},
    # The agent asks for the shipping status, or tells it.
    "shipping-status": {"phrase": ["shipping|shipped|delivery|delivered|transit|arrived"]},
    # The agent says that the refund is made, or asks for the amount.
    "offer-refund": {"phrase": ["refund|refunds|refunded|refunding|credit|credited"]},
    # The code is read out to the customer.
    "promo-code": {"phrase": ["promo|promotional|promotion|discount|coupon (code)", "code"]},
    # The new password is read out.
    "make-password": {"phrase": ["password"]},
    # The agent says that a link is on its way.
    "send-link": {"phrase": ["link", "sent|send|sending * email|e-mail"]},
    # The agent says that others will be told.
    "notify-team": {"any": [{"act": "transfer"}, {"phrase": ["team|manager|department|website|purchasing"]}]},
    # The answer that was found is told.
    "select-faq": {"act": "inform"},
    "instructions": {"act": "inform"},
    # The customer is asked to do it.
    "try-again": {"phrase": ["try|trying * again", "retry"]},
    "log-out-in": {"phrase": ["log|logging|logged|sign|signing (yourself) (back) out|in"]},
    # Only in the guidelines: what is told in free words, and the end.
    "communication": {"act": "inform"},
    "end-conversation": {"act": ["close", "further_help"]},
}
# Buttons of the guidelines whose names differ from the actions'.
_BUTTONS = {
    "membership-privileges": "membership",
    "notify-internal-team": "notify-team",
    "select-answer": "select-faq",
    "enter-detail": "enter-details",
    "n-a": "communication",
}
_TITLE = 80


def is_sequences(document: object) -> bool:
    """Whether it is kb.json: sequences of actions by subflow."""
    return isinstance(document, Mapping) and bool(document) and all(isinstance(one, list) for one in document.values())


def is_guidelines(document: object) -> bool:
    """Whether it is guidelines.json: subflows by flow, each with actions."""
    return (
        isinstance(document, Mapping)
        and bool(document)
        and all(isinstance(one, Mapping) and "subflows" in one for one in document.values())
    )


def read_sequences(document: Mapping[str, Any], where: str) -> Drawn:
    """A flow a subflow: its actions in strict order."""
    flows, clicks = [], Counter[str]()
    for name, actions in document.items():
        if not all(isinstance(action, str) and action for action in actions) or not actions:
            raise RubricError(f"{where}: {name}", "is no sequence of actions", allowed="a list of action names")
        steps = list(_steps([(action, action.replace("-", " ")) for action in actions], clicks))
        flows.append((name, name.replace("_", " "), {"order": "strict", "steps": steps}))
    return Drawn(tuple(flows), tuple(_clicked(clicks)))


def read_guidelines(document: Mapping[str, Any], where: str) -> Drawn:
    """A flow a subflow: the buttons and messages of its guidelines in strict order; what is prose is not read."""
    flows, clicks, prose = [], Counter[str](), 0
    for flow in document.values():
        for title, subflow in flow["subflows"].items():
            at = f"{where}: {title}"
            if not isinstance(subflow, Mapping):
                raise RubricError(at, "is no subflow", allowed="actions and instructions")
            actions = objects(subflow, "actions", at)
            prose += sum(len(action.get("subtext") or ()) for action in actions) + len(
                subflow.get("instructions") or ()
            )
            steps = list(_steps([_button(action, at) for action in actions], clicks))
            flows.append((title, title, {"order": "strict", "steps": steps}))
    losses = [
        Loss("guidelines", f"{prose} sentences of instruction", "conditions in prose; write only_if and branches")
    ]
    return Drawn(tuple(flows), (*losses, *_clicked(clicks)))


def _button(action: Mapping[str, Any], at: str) -> tuple[str, str]:
    button = text_of(action, "button", at)
    name = re.sub(r"[^a-z0-9]+", "-", button.lower()).strip("-")
    name = _BUTTONS.get(name, name)
    said = text_of(action, "text", at)
    return name, (said[:_TITLE] if name == "communication" and said else button)


def _steps(actions: Sequence[tuple[str, str]], clicks: Counter[str]) -> Iterator[dict[str, Any]]:
    ids = Ids()
    for action, title in actions:
        step: dict[str, Any] = {"id": ids.take(action, action.replace("-", "_")), "title": title}
        if action in _TALK:
            step["seen"] = _TALK[action]
        else:
            clicks[action] += 1
        yield step


def _clicked(clicks: Counter[str]) -> Iterator[Loss]:
    for action, count in clicks.most_common():
        steps = f"{count} step{'s' if count > 1 else ''}"
        yield Loss(action, f"how it is seen ({steps})", "a click in another system; never missed until you write seen")
