"""The network under training: against a plain version, its gradients, padding, published sizes."""

import pytest
import torch
from torch import nn

from heschl.models.encodecmae.network import initialise
from heschl.pretrain.frames import Frames
from heschl.pretrain.network import PretrainingNetwork

SMALL = {"dim": 24, "depth": 3, "heads": 4, "hidden": 32, "decoder_depth": 2}


@pytest.fixture
def network():
    torch.manual_seed(0)
    return PretrainingNetwork(nn.Identity(), 10, n_codebooks=3, n_codes=5, **SMALL)


def batch(n=3, n_longest=40, lengths=(40, 31, 12), n_features=10):
    torch.manual_seed(1)
    frames = Frames.draw(lengths[:n], range(n), n_longest, gap=5, proportion=0.5)
    return torch.randn(n, n_longest, n_features), frames


def plain(network, x, mask):
    """One clip without padding, step by step as the paper says: (n_frames, n_features)."""
    encoded = network.wav_encoder.post_net(x)
    encoded = network.masker.positional_encoder(encoded[None])
    visible = layers(network.visible_encoder, encoded[:, ~mask])
    visible = network.visible_encoder.post_net(visible)
    whole = torch.zeros(1, len(x), visible.shape[-1])
    whole[:, ~mask] = visible
    decoded = layers(network.decoder, network.decoder.positional_encoder(whole))
    return network.head.layer(decoded)[0].reshape(len(x), network.head.n_codebooks, -1)


def layers(encoder, x):
    first = second = x
    for layer in encoder.encoder_layers:
        a = attention(layer.att_layer, first)
        first, second = layer.norm1(first + a), second + a
        f = layer.ff_layer(first)
        first, second = layer.norm2(first + f), second + f
    return first + encoder.final_norm(second)


def attention(layer, x):
    n, dim = x.shape[1], layer.wq.weight.shape[0]
    size = dim // layer.heads
    q, k, v = ((w(x)[0]).reshape(n, size, layer.heads) for w in (layer.wq, layer.wk, layer.wv))
    out = torch.empty(n, size, layer.heads)
    for h in range(layer.heads):
        weights = torch.softmax(q[..., h] @ k[..., h].T / size**0.5, dim=-1)
        out[..., h] = weights @ v[..., h]
    return layer.wo(out.reshape(1, n, dim))


def test_a_padded_batch_equals_the_plain_version_of_each_clip(network):
    x, frames = batch()
    found = network(x, frames)
    for i, n in enumerate((40, 31, 12)):
        wanted = plain(network, x[i, :n], frames.mask[i, :n])
        torch.testing.assert_close(found[i, :n], wanted, atol=1e-5, rtol=1e-4)


def test_gradients_flow_only_from_visible_frames(network):
    x, frames = batch()
    x.requires_grad_()
    network(x, frames).square().sum().backward()
    visible = ~frames.mask & frames.valid
    assert (x.grad[~visible] == 0).all()
    assert (x.grad[visible].abs().sum(-1) > 0).all()


def test_hidden_frames_and_padding_are_never_looked_at(network):
    x, frames = batch()
    hidden = frames.mask | ~frames.valid
    changed = torch.where(hidden[..., None], torch.randn_like(x) * 100, x)
    before, after = network(x, frames), network(changed, frames)
    torch.testing.assert_close(after[frames.valid], before[frames.valid], atol=0, rtol=0)


def test_the_first_part_is_not_trained():
    class Doubled(nn.Linear):
        def forward(self, x):
            return super().forward(x) * 2

    encoder = Doubled(10, 10)
    network = PretrainingNetwork(encoder, 10, n_codebooks=3, n_codes=5, **SMALL)
    network.train()
    assert not encoder.training
    x, frames = batch()
    network(x, frames).sum().backward()
    assert encoder.weight.grad is None
    assert network.wav_encoder.post_net.weight.grad is not None


def test_all_else_is_trained(network):
    x, frames = batch()
    network(x, frames).square().sum().backward()
    without = [name for name, one in network.named_parameters() if one.grad is None]
    assert not without


def test_first_weights_are_those_before_the_published_training(network):
    torch.manual_seed(0)
    initialise(network)
    for module in network.modules():
        if isinstance(module, nn.Linear):
            n_out, n_in = module.weight.shape
            assert module.weight.abs().max() <= (6 / (n_in + n_out)) ** 0.5
            assert module.bias is None or not module.bias.any()
    assert network.masker.positional_encoder.scale == 1


def test_half_precision_keeps_positions_apart(network):
    x = torch.zeros(1, 600, 24, dtype=torch.bfloat16)
    found = network.masker.positional_encoder(x)
    wanted = network.masker.positional_encoder(x.float())
    torch.testing.assert_close(found.float(), wanted, atol=1e-6, rtol=0)


def test_mixed_precision_is_the_network_to_rounding(network):
    x, frames = batch()
    exact = network(x, frames)
    with torch.autocast("cpu", torch.bfloat16):
        found = network(x, frames)
    error = (found.float() - exact)[frames.valid].square().mean().sqrt()
    assert 0 < error < 0.03 * exact[frames.valid].square().mean().sqrt()


@pytest.mark.parametrize(
    ("dim", "depth", "millions"), [(768, 5, 36.2), (768, 10, 48.0), (1024, 20, 118.5)]
)
def test_published_sizes(dim, depth, millions):
    # models.md, section 2 (7): with decoder and the heads of 8 codebooks
    with torch.device("meta"):
        network = PretrainingNetwork(
            nn.Identity(),
            256,
            dim=dim,
            depth=depth,
            heads=12,
            hidden=4096,
            decoder_depth=2,
            n_codebooks=8,
            n_codes=1024,
        )
    assert round(sum(p.numel() for p in network.parameters()) / 1e6, 1) == millions
