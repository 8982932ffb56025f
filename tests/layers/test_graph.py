"""Graph layers against formulas with matrices, differentiated by autograd."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.layers import DenseGCNConv, GATConv, GCNConv, as_module
from twins import DEVICES, DTYPES, compare, finite_differences, randn

properties = settings(max_examples=60, deadline=None, derandomize=True)


def counts(edge_index, n, add_self_loops, dtype):
    """How many edges lead to node i (row) from node j (column)."""
    source, target = edge_index
    ones = torch.ones(len(source), dtype=dtype, device=edge_index.device)
    matrix = torch.zeros(n, n, dtype=dtype, device=edge_index.device)
    matrix.index_put_((target, source), ones, accumulate=True)
    return matrix.fill_diagonal_(1) if add_self_loops else matrix


class MatrixGCN(torch.nn.Module):
    def __init__(self, m, k, add_self_loops=True, bias=True):
        super().__init__()
        self.bias = torch.nn.Parameter(randn(k, seed=5)) if bias else None
        self.lin = torch.nn.Linear(m, k, bias=False)
        self.lin.weight.data = randn(k, m, seed=6)
        self.add_self_loops = add_self_loops

    def forward(self, x, edge_index=None, adj=None):
        if adj is None:
            adj = counts(edge_index, x.shape[-2], self.add_self_loops, x.dtype)
        else:
            adj = adj.clone()
            adj.diagonal(dim1=-2, dim2=-1).fill_(1)
        degree = adj.sum(-1)
        root = torch.where(degree > 0, degree, torch.inf).pow(-0.5)
        y = torch.diag_embed(root) @ adj @ torch.diag_embed(root) @ self.lin(x)
        return y if self.bias is None else y + self.bias


class MatrixGAT(torch.nn.Module):
    def __init__(self, m, k, heads, concat, negative_slope, add_self_loops=True, bias=True):
        super().__init__()
        self.att_src = torch.nn.Parameter(randn(1, heads, k, seed=3))
        self.att_dst = torch.nn.Parameter(randn(1, heads, k, seed=4))
        width = heads * k if concat else k
        self.bias = torch.nn.Parameter(randn(width, seed=5)) if bias else None
        self.lin = torch.nn.Linear(m, heads * k, bias=False)
        self.lin.weight.data = randn(heads * k, m, seed=6)
        self.heads, self.concat, self.slope = heads, concat, negative_slope
        self.add_self_loops = add_self_loops

    def forward(self, x, edge_index):
        adj = counts(edge_index, len(x), self.add_self_loops, x.dtype)
        h = self.lin(x).view(len(x), self.heads, -1).transpose(0, 1)  # (H, N, K)
        source = h @ self.att_src[0, :, :, None]  # (H, N, 1)
        target = h @ self.att_dst[0, :, :, None]
        score = torch.nn.functional.leaky_relu(target + source.mT, self.slope)
        weight = adj * score.exp()
        total = weight.sum(-1, keepdim=True)
        z = weight / torch.where(total > 0, total, 1) @ h  # (H, N, K)
        y = z.transpose(0, 1).flatten(1) if self.concat else z.mean(0)
        return y if self.bias is None else y + self.bias


def random_edges(n, e, seed=0, device="cpu"):
    """Edges with repetitions, self-loops and nodes that nothing arrives at."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, n, (2, e), generator=generator).to(device)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", DTYPES)
@properties
@given(
    leading=st.sampled_from([(), (1,), (3,), (2, 2), (0,)]),
    n=st.integers(1, 6),
    e=st.integers(0, 15),
    m=st.integers(1, 4),
    k=st.integers(1, 4),
    loops=st.booleans(),
    bias=st.booleans(),
    seed=st.integers(0, 5),
)
def test_gcn_equals_the_product_of_matrices(
    dtype, device, leading, n, e, m, k, loops, bias, seed
):  # fmt: skip
    ours = GCNConv(m, k, add_self_loops=loops, bias=bias, dtype=dtype, device=device)
    theirs = MatrixGCN(m, k, loops, bias).to(device, dtype)
    x = randn(*leading, n, m, seed=seed, dtype=dtype, device=device)
    compare(ours, theirs, x, random_edges(n, e, seed, device))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", DTYPES)
@properties
@given(
    n=st.integers(1, 6),
    e=st.integers(0, 15),
    m=st.integers(1, 4),
    k=st.integers(1, 4),
    heads=st.integers(1, 3),
    concat=st.booleans(),
    slope=st.sampled_from([0.0, 0.2, 0.7]),
    loops=st.booleans(),
    bias=st.booleans(),
    seed=st.integers(0, 5),
)
def test_gat_equals_its_formula_over_all_pairs_of_nodes(
    dtype, device, n, e, m, k, heads, concat, slope, loops, bias, seed
):  # fmt: skip
    like = {"dtype": dtype, "device": device}
    ours = GATConv(m, k, heads, concat, slope, add_self_loops=loops, bias=bias, **like)
    theirs = MatrixGAT(m, k, heads, concat, slope, loops, bias).to(device, dtype)
    x = randn(n, m, seed=seed, **like)
    compare(ours, theirs, x, random_edges(n, e, seed, device))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shapes", [((), ()), ((3,), ()), ((3,), (3,)), ((2, 3), (3,)), ((0,), ())])
def test_dense_gcn_matches_for_weights_and_batches(shapes, dtype, device):
    like = {"dtype": dtype, "device": device}
    x = randn(*shapes[0], 5, 3, **like)
    adj = randn(*shapes[1], 5, 5, seed=1, **like).clamp(min=0)
    compare(DenseGCNConv(3, 4, **like), MatrixGCN(3, 4).to(device, dtype), x, adj=adj)
    without = DenseGCNConv(3, 4, bias=False, **like)
    compare(without, MatrixGCN(3, 4, bias=False).to(device, dtype), x, adj=adj)


def test_dense_gcn_equals_gcn_on_the_same_graph():
    edge_index = random_edges(6, 12).unique(dim=1)
    adj = counts(edge_index, 6, False, torch.float64)
    sparse = GCNConv(3, 4, dtype=torch.float64)
    dense = DenseGCNConv(3, 4, dtype=torch.float64)
    dense.load_state_dict(sparse.state_dict())
    x, dy = randn(2, 6, 3), randn(2, 6, 4, seed=1)
    torch.testing.assert_close(dense(x, adj=adj), sparse(x, edge_index))
    torch.testing.assert_close(dense.backward(dy), sparse.backward(dy))


@pytest.mark.parametrize("loops", [True, False])
def test_gradients_match_finite_differences(loops):
    edge_index, x = random_edges(4, 8), randn(4, 2)
    finite_differences(GCNConv(2, 3, add_self_loops=loops, dtype=torch.float64), x, edge_index)
    for concat in (True, False):
        layer = GATConv(2, 3, 2, concat, add_self_loops=loops, dtype=torch.float64)
        finite_differences(layer, x, edge_index)
    adj = counts(edge_index, 4, False, torch.float64)
    finite_differences(DenseGCNConv(2, 3, dtype=torch.float64), x, adj=adj)


def test_values_are_those_of_torch_geometric():
    """Computed once with torch_geometric 2.8.1, whose state these layers take."""
    x = torch.arange(8.0).view(4, 2) / 4 - 1
    edge_index = torch.tensor([[0, 1, 1, 2, 2, 3], [1, 0, 2, 1, 2, 0]])
    shared = {"lin.weight": torch.tensor([[1.0, 2], [-1, 3]]), "bias": torch.tensor([0.5, -0.5])}
    gcn = GCNConv(2, 2)
    gcn.load_state_dict(shared)
    wanted = [[0.488034, 0.010363], [-0.462542, -0.693814], [0.341752, -0.227062], [2.5, 1.25]]
    torch.testing.assert_close(gcn(x, edge_index), torch.tensor(wanted), rtol=0, atol=2e-6)
    gat = GATConv(2, 1, heads=2)
    gat.load_state_dict(
        shared
        | {
            "att_src": torch.tensor([[[1.0], [-2.0]]]),
            "att_dst": torch.tensor([[[0.5], [1.0]]]),
        }
    )
    wanted = [[1.248515, -1.323445], [-0.204414, -1.515311], [0.566424, -0.552184], [2.5, 1.25]]
    torch.testing.assert_close(gat(x, edge_index), torch.tensor(wanted), rtol=0, atol=2e-6)


def test_initial_values_have_the_spread_of_glorot_and_bengio_and_follow_the_generator():
    make = {
        "gcn": lambda g: GCNConv(300, 100, generator=g),
        "dense": lambda g: DenseGCNConv(300, 100, generator=g),
        "gat": lambda g: GATConv(300, 50, heads=2, generator=g),
    }
    for kind in make.values():
        layer = kind(torch.Generator().manual_seed(1))
        bound = (6 / 400) ** 0.5
        assert 0.99 * bound < layer.lin.weight.abs().max() <= bound
        assert abs(layer.lin.weight.std() / bound - 3**-0.5) < 0.01
        assert layer.bias.eq(0).all()
        torch.manual_seed(2)
        again = kind(torch.Generator().manual_seed(1)).state_dict()
        assert all(torch.equal(again[name], value) for name, value in layer.state_dict().items())
    bound = (6 / 52) ** 0.5
    for vectors in (layer.att_src, layer.att_dst):
        assert 0.9 * bound < vectors.abs().max() <= bound
    assert not torch.equal(layer.att_src, layer.att_dst)


@pytest.mark.parametrize("kind", [GCNConv, GATConv])
def test_renaming_the_nodes_renames_the_outputs(kind):
    layer = kind(3, 2, dtype=torch.float64)
    x, edge_index = randn(6, 3), random_edges(6, 10)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    place = order.argsort()  # where each old node stands now
    y = layer(x, edge_index)
    assert (y.unsqueeze(0) - y.unsqueeze(1)).abs().sum(-1).add(torch.eye(6)).gt(1e-3).all()
    torch.testing.assert_close(layer(x[order], place[edge_index]), y[order])
    shuffled = torch.randperm(10, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(layer(x, edge_index[:, shuffled]), y)


@pytest.mark.parametrize("kind", [GCNConv, GATConv])
def test_features_reach_exactly_the_nodes_that_edges_lead_to(kind):
    layer = kind(3, 2, dtype=torch.float64)
    edge_index = torch.tensor([[0, 0, 2], [1, 3, 0]])
    x = randn(5, 3)
    before = layer(x, edge_index)
    x[0] += 1
    changed = (layer(x, edge_index) != before).any(-1)
    assert changed.tolist() == [True, True, False, True, False]


def test_a_node_without_neighbors_has_its_self_loop_or_nothing_but_the_bias():
    edge_index = torch.tensor([[0, 1], [1, 0]])
    x, bias = randn(3, 3), randn(2, seed=1)
    for kind in (GCNConv, GATConv):
        alone = kind(3, 2, add_self_loops=False, dtype=torch.float64)
        looped = kind(3, 2, dtype=torch.float64)
        alone.bias = looped.bias = bias
        assert torch.equal(alone(x, edge_index)[2], bias)
        torch.testing.assert_close(looped(x, edge_index)[2], looped.lin.weight @ x[2] + bias)
        dx = alone.backward(torch.ones(3, 2, dtype=torch.float64))
        assert dx[2].eq(0).all()
        assert dx[:2].isfinite().all()
        no_edges = torch.zeros(2, 0, dtype=torch.long)
        torch.testing.assert_close(looped(x, no_edges), x @ looped.lin.weight.T + bias)


def test_self_loops_that_are_there_already_change_nothing():
    x, edge_index = randn(4, 3), torch.tensor([[0, 1, 2], [1, 0, 3]])
    with_loops = torch.cat([edge_index, torch.tensor([[1, 2, 2], [1, 2, 2]])], 1)
    for kind in (GCNConv, GATConv):
        layer = kind(3, 2, dtype=torch.float64)
        torch.testing.assert_close(layer(x, with_loops), layer(x, edge_index))


def test_weights_of_what_arrives_at_a_node_sum_to_one_also_for_huge_scores():
    layer = GATConv(3, 2, heads=2, dtype=torch.float64)
    edge_index = random_edges(6, 12)
    for scale in (1, 1e4):
        assert layer(scale * randn(6, 3), edge_index).isfinite().all()
        total = torch.zeros(6, 2, dtype=torch.float64).index_add_(0, layer.target, layer.alpha)
        torch.testing.assert_close(total, torch.ones(6, 2, dtype=torch.float64))


def test_on_a_regular_graph_a_constant_stays_constant():
    ring = torch.arange(6)
    edge_index = torch.stack([torch.cat([ring, ring]), torch.cat([ring.roll(1), ring.roll(-1)])])
    layer = GCNConv(3, 2, dtype=torch.float64)
    x = randn(1, 3).expand(6, 3)
    torch.testing.assert_close(layer(x, edge_index), x @ layer.lin.weight.T)


class SameDraw(GATConv):
    """Drops the same weights in each call."""

    def forward(self, x, edge_index):
        self.dropout.generator.manual_seed(3)
        return super().forward(x, edge_index)


def test_dropout_drops_weights_in_training_only():
    layer = SameDraw(2, 3, 2, dropout=0.4, generator=torch.Generator(), dtype=torch.float64)
    edge_index, x = random_edges(4, 12), randn(4, 2)
    finite_differences(layer, x, edge_index)
    dropped = layer.alpha == 0
    assert 5 < dropped.sum() < 20  # of 16 edges for two heads each
    torch.testing.assert_close(layer.alpha[~dropped], layer.softmax[~dropped] / 0.6)
    layer.eval()(x, edge_index)
    assert layer.alpha.ne(0).sum() > dropped.sum()
    finite_differences(layer, x, edge_index)


def test_wrapped_as_modules_they_train_with_autograd():
    edge_index, x = random_edges(5, 9), randn(5, 3)
    for ours, theirs in [
        (GCNConv(3, 2, dtype=torch.float64), MatrixGCN(3, 2)),
        (GATConv(3, 2, 2, dtype=torch.float64), MatrixGAT(3, 2, 2, True, 0.2)),
    ]:
        ours.load_state_dict(theirs.double().state_dict())
        module = as_module(ours)
        for net in (module, theirs):
            net(x, edge_index).square().sum().backward()
        mine = dict(module.named_parameters())
        for name, parameter in theirs.named_parameters():
            torch.testing.assert_close(mine[name].grad, parameter.grad)


def test_bfloat16_forward_is_near_float64():
    edge_index, x = random_edges(5, 9), randn(5, 3)
    for layer in (GCNConv(3, 2), GATConv(3, 2, 2)):
        wanted = layer.to(torch.float64)(x, edge_index)
        y = layer.to(torch.bfloat16)(x.bfloat16(), edge_index)
        assert y.dtype == torch.bfloat16
        torch.testing.assert_close(y.double(), wanted, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("kind", [GCNConv, GATConv])
def test_graphs_that_cannot_be_are_refused_with_the_numbers(kind):
    layer, x = kind(3, 2), torch.ones(4, 3)
    edge_index = torch.tensor([[0, 1], [1, 4]])
    with pytest.raises(ValueError, match=r"nodes 0 … 4, x has nodes 0 … 3 \(x \(4, 3\), .*\(2, 2"):
        layer(x, edge_index)
    with pytest.raises(ValueError, match=r"nodes -1 … 1"):
        layer(x, torch.tensor([[0, 1], [1, -1]]))
    with pytest.raises(ValueError, match=r"x is \(4, 3\), edge_index \(3, 2\); expected .*\(2, E"):
        layer(x, torch.zeros(3, 2, dtype=torch.long))
    with pytest.raises(TypeError, match=r"must hold integers, got torch.float32"):
        layer(x, torch.zeros(2, 2))
    with pytest.raises(ValueError, match=r"input has 5 features, weight expects 3"):
        layer(torch.ones(4, 5), edge_index[:, :1])
    with pytest.raises(TypeError, match=r"input is torch.float64, the layer is torch.float32"):
        layer(x.double(), edge_index[:, :1])
    layer(x, edge_index[:, :1])
    with pytest.raises(ValueError, match=r"\(2,\), the output had \(4, 2\)"):
        layer.backward(torch.ones(2))


def test_other_mistakes_are_refused_with_the_numbers():
    with pytest.raises(ValueError, match=r"heads=0"):
        GATConv(3, 2, heads=0)
    with pytest.raises(ValueError, match=r"in_features=0"):
        GCNConv(0, 2)
    with pytest.raises(ValueError, match=r"expected x of shape \(N, features\), got \(2, 4, 3\)"):
        GATConv(3, 2)(torch.ones(2, 4, 3), torch.zeros(2, 0, dtype=torch.long))
    dense = DenseGCNConv(3, 2)
    for shape in [(4, 5), (5, 5), (2, 4, 4)]:
        with pytest.raises(
            ValueError, match=rf"x is \(4, 3\), adj \({', '.join(map(str, shape))}\)"
        ):
            dense(torch.ones(4, 3), adj=torch.ones(shape))
    with pytest.raises(TypeError, match=r"input is torch.float64, the layer is torch.float32"):
        dense(torch.ones(4, 3), adj=torch.ones(4, 4).double())
