import pytest

from cxsentiment.amounts import counted


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 contacts"), (1, "1 contact"), (2, "2 contacts"), (1204, "1,204 contacts")]
)
def test_a_count_before_its_noun(count: int, said: str) -> None:
    assert counted(count, "contact") == said
