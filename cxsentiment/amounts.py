"""How a count stands before its noun; the one home of the plural."""


def counted(count: int, noun: str) -> str:
    """`1 contact`, `0 contacts`, `1,204 contacts`: of nouns whose plural is an s at the end."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
