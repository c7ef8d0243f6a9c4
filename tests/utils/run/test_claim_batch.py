"""How many videos a run claims at once."""

from types import SimpleNamespace

from utils.run import claim_batch


def test_a_run_claims_about_what_it_hands_out_in_a_second(monkeypatch):
    """What it claims ahead is kept from the others, so that it must be little where videos are long."""
    now_s, batch = [0.0], claim_batch.ClaimBatch()
    monkeypatch.setattr(claim_batch, "time", SimpleNamespace(monotonic=lambda: now_s[0]))
    sizes = []
    for rate_per_s, n in ((1000.0, 10), (20.0, 6), (0.1, 6)):
        for _ in range(n):
            sizes.append(batch.next_size())
            now_s[0] += sizes[-1] / rate_per_s
    assert sizes == [1, 2, 4, 8, 16, 32, 64, 128, 256, 256, 256, 128, 64, 32, 32, 32, 32, 16, 8, 4, 2, 1]
