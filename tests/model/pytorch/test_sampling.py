"""Samples follow the distribution, temperature and nucleus."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from model.pytorch.sampling import sample

LOGITS = torch.log(torch.tensor([0.1, 0.4, 0.3, 0.2]))


def draw(logits: torch.Tensor, temperature: float, top_p: float, uniform: float) -> int:
    parameters = (torch.tensor([value]) for value in (temperature, top_p, uniform))
    return int(sample(logits[None], *parameters)[0][0])


def shares(temperature: float, top_p: float, draws: int = 20_000) -> torch.Tensor:
    uniform = torch.rand(draws, generator=torch.Generator().manual_seed(0))
    ids, likelihoods = sample(
        LOGITS.expand(draws, -1),
        torch.full((draws,), temperature),
        torch.full((draws,), top_p),
        uniform,
    )
    torch.testing.assert_close(likelihoods, LOGITS[ids])  # at temperature 1, all of them
    return ids.bincount(minlength=4) / draws


def test_sample_frequencies_equal_probabilities() -> None:
    torch.testing.assert_close(shares(1.0, 1.0), LOGITS.exp(), atol=0.012, rtol=0)


def test_temperature_sharpens() -> None:
    torch.testing.assert_close(shares(0.5, 1.0), torch.softmax(LOGITS / 0.5, 0), atol=0.012, rtol=0)


def test_top_p_keeps_smallest_nucleus() -> None:
    kept = torch.tensor([0.0, 4 / 7, 3 / 7, 0.0])
    torch.testing.assert_close(shares(1.0, 0.65), kept, atol=0.012, rtol=0)


def test_temperature_zero_is_greedy() -> None:
    assert {draw(LOGITS, 0.0, 1.0, u / 10) for u in range(10)} == {1}


@given(
    st.lists(st.floats(-30, 30), min_size=2, max_size=12),
    st.floats(0, 2),
    st.floats(0.01, 1),
    st.floats(0, 1, exclude_max=True),
    st.data(),
)
def test_masked_id_is_never_sampled(
    values: list[float], temperature: float, top_p: float, uniform: float, data: st.DataObject
) -> None:
    allowed = data.draw(st.integers(0, len(values) - 1))
    forbidden = [i != allowed and data.draw(st.booleans()) for i in range(len(values))]
    logits = torch.tensor(values).masked_fill(torch.tensor(forbidden), -torch.inf)
    assert not forbidden[draw(logits, temperature, top_p, uniform)]


def test_sequences_are_sampled_independently() -> None:
    logits = torch.randn(8, 20, generator=torch.Generator().manual_seed(3))
    settings = [torch.full((8,), value) for value in (0.8, 0.9)]
    uniform = torch.rand(8, generator=torch.Generator().manual_seed(4))
    together, _ = sample(logits, *settings, uniform)
    alone = [draw(logits[i], 0.8, 0.9, float(uniform[i])) for i in range(8)]
    assert together.tolist() == alone
