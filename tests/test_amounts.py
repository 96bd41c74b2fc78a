import pytest

from cxsentiment.amounts import counted, share


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 contacts"), (1, "1 contact"), (2, "2 contacts"), (1204, "1,204 contacts")]
)
def test_a_count_before_its_noun(count: int, said: str) -> None:
    assert counted(count, "contact") == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, "–"), (float("nan"), "–"), (0, "0%"), (0.004, "<1%"), (0.57, "57%"), (0.996, ">99%"), (1, "100%")],
)
def test_a_share_in_percent(value: float | None, said: str) -> None:
    assert share(value) == said
