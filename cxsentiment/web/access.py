"""Who may see what: every page and action by name, with the roles that may. What is not here is nobody's.

The application asks this table before it runs anything, and the tests walk it, each page with each role.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cxsentiment.reviews.accounts import Role

_STAFF: frozenset[Role] = frozenset({"admin", "qa", "trainer"})
_LEADS: frozenset[Role] = frozenset({"admin", "qa"})
_EVERYBODY: frozenset[Role] = frozenset({"admin", "qa", "trainer", "agent", "client"})

ACCESS: Mapping[str, frozenset[Role]] = {
    "home": _EVERYBODY,
    "sign_out": _EVERYBODY,
    "overview": _STAFF | {"client"},  # a client sees totals only
    "contacts": _STAFF | {"agent"},  # an agent sees their own only
    "contact": _STAFF | {"agent"},
    "agents": _STAFF,
    "coaching": _STAFF | {"agent"},
    "queue": _STAFF,
    "pick": _STAFF,
    "review": _STAFF,
    "grade": _STAFF,
    "save_grade": _STAFF,
    "assign": _LEADS,
    "batch": _STAFF,
    "turns": _STAFF,
    "save_turns": _STAFF,
    "disputes": _STAFF | {"agent"},
    "dispute": _STAFF | {"agent"},
    "contest": _STAFF | {"agent"},
    "withdraw": _STAFF | {"agent"},
    "decide": _LEADS,
    "export": _LEADS,
    "export_file": _LEADS,
    "audit": frozenset({"admin"}),
    "users": frozenset({"admin"}),
    "add_user": frozenset({"admin"}),
    "user": frozenset({"admin"}),
    "set_user": frozenset({"admin"}),
    "set_role": frozenset({"admin"}),
    "set_password": frozenset({"admin"}),
}
OPEN = frozenset({"sign_in", "try_sign_in", "enter", "static", "health"})
"""What anybody may ask for without having signed in."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks: their name, role, agent id (of agents), the token that their forms carry, how they came in."""

    name: str
    role: Role
    agent_id: str | None
    csrf: str
    way: str

    def may(self, page: str) -> bool:
        """Whether this person's role may see a page."""
        return self.role in ACCESS[page]

    def sees(self, agent_id: str | None) -> bool:
        """Whether this person may see a contact of this agent: an agent sees their own only, a client none."""
        if self.role == "client":
            return False
        return self.role != "agent" or (agent_id is not None and agent_id == self.agent_id)
