"""YAML as this project reads it: plain data alone, and no key twice, of which YAML would drop the first."""

from typing import Any

import yaml

# The loader in C takes a tenth of the time; PyYAML may have been built without it.
SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class OnceOnly(SafeLoader):  # type: ignore[misc]
    """The safe loader, but a key that stands twice in one mapping is an error (MarkedYAMLError, with its line)."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping as a dict. Raises MarkedYAMLError for a key that stands twice."""
        seen: set[str] = set()
        for key, _ in node.value:
            name = str(key.value)
            if name in seen:
                raise yaml.MarkedYAMLError(problem=f"the key {name!r} stands twice", problem_mark=key.start_mark)
            seen.add(name)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping
