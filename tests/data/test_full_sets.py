"""Full data sets, read from COURSE_DATA where that names them: the facts that are published."""

import collections

import pytest
import torch
from graphs import assert_undirected

from course_utils.data import fashion_mnist, imagenette, load
from course_utils.data.catalog import ENTRIES

FULL = {name: entry for name, entry in ENTRIES.items() if entry.files is not None}


@pytest.mark.parametrize("name", FULL)
def test_same_name_gives_the_same_data(name, published):
    published(FULL[name].files.folder)

    first, second = vars(load(name)), vars(load(name))

    for key, part in first.items():
        if isinstance(part, torch.Tensor):
            assert torch.equal(part, second[key]), key
        elif not isinstance(part, dict):
            assert part == second[key], key


@pytest.mark.parametrize("name", FULL)
def test_description_says_what_it_is_where_from_and_on_what_terms(name, published):
    published(FULL[name].files.folder)
    description = load(name).description

    terms = ("MIT", "CC B", "BSD", "Apache", "public domain", "non-commercial", "asks to be cited")
    assert any(term in description for term in terms)
    assert description.endswith(").")


def test_published_sizes_are_the_sizes_of_the_files(published):
    for entry in FULL.values():
        folder = published(entry.files.folder)
        if all((folder / name).exists() for name in entry.files.hashes):
            size = sum((folder / name).stat().st_size for name in entry.files.hashes)
            assert size == entry.files.size


def test_fashion_mnist_is_balanced_and_named(published):
    published("fashion_mnist")

    clothes = load("fashion-mnist")

    assert clothes.x_train.shape == (60_000, 784)
    assert clothes.y_train.bincount().tolist() == [6000] * 10
    assert clothes.y_test.bincount().tolist() == [1000] * 10
    assert clothes.classes == fashion_mnist.CLASSES
    assert clothes.classes[clothes.y_train[0]] == "Ankle boot"
    # Trousers are narrow, bags wide: labels belong to their images.
    images = clothes.x_test.unflatten(1, (28, 28))
    width = (images.amax(1) > 0.1).sum(1).float()
    trouser, bag = (clothes.classes.index(name) for name in ("Trouser", "Bag"))
    assert width[clothes.y_test == trouser].mean() + 8 < width[clothes.y_test == bag].mean()


def test_cifar10_images_are_upright_and_belong_to_their_labels(published):
    published("cifar10")

    cifar = load("cifar10")

    assert cifar.x_train.shape[1:] == cifar.x_test.shape[1:] == (3, 32, 32)
    assert cifar.x_train.dtype == torch.float32
    assert 0 <= cifar.x_train.min() < cifar.x_train.max() <= 1
    counts = cifar.y_train.bincount()
    assert len(set(counts.tolist())) == 1
    assert len(counts) == len(cifar.classes) == 10
    # Ships and airplanes are before blue, which the upper edge of frogs and deer is not.
    sky = cifar.x_train[:, :, :8].mean((2, 3))  # mean color of the upper quarter
    blueness = sky[:, 2] - sky[:, 0]
    of_class = [blueness[cifar.y_train == k].mean() for k in range(10)]
    names = [cifar.classes[k] for k in torch.stack(of_class).argsort(descending=True)]
    assert set(names[:2]) == {"airplane", "ship"}
    # Light comes from above, and as often from the left as from the right.
    for images in (cifar.x_train, cifar.x_test):
        light = images.mean((0, 1))
        assert light[:8].mean() - light[-8:].mean() > 0.02
        assert abs(light[:, :8].mean() - light[:, -8:].mean()) < 0.01


def test_hymenoptera_has_the_published_counts(published):
    published("hymenoptera")

    insects = load("hymenoptera")

    assert insects.x_train.shape == (244, 3, 224, 224)
    assert insects.x_train.dtype == torch.uint8
    assert insects.y_train.bincount().tolist() == [123, 121]
    assert insects.y_test.bincount().tolist() == [70, 83]
    assert insects.classes == ("ant", "bee")


def test_imagenette_has_ten_balanced_classes_of_imagenet(published):
    published("imagenette")

    photographs = load("imagenette")

    assert photographs.x_train.shape[1:] == photographs.x_test.shape[1:] == (3, 160, 160)
    assert photographs.x_train.dtype == torch.uint8
    assert len(photographs.y_train.unique()) == len(photographs.classes) == 10
    names = load("efficientnet-lite0").classes
    for ours, index in zip(photographs.classes, imagenette.IMAGENET_CLASSES, strict=True):
        assert ours.lower() in names[index].lower()


class TestOmniglot:
    def test_characters_of_the_test_part_are_new(self, published):
        published("omniglot")

        drawings = load("omniglot")

        assert drawings.x_train.shape == (2720, 1, 105, 105)
        assert drawings.x_test.shape == (2120, 1, 105, 105)
        assert drawings.y_train.bincount().tolist() == [20] * 136
        assert drawings.y_test.unique().tolist() == list(range(136, 242))
        assert len(set(drawings.classes)) == len(drawings.classes) == 242
        alphabets = [name.split("/")[0] for name in drawings.classes]
        assert len(set(alphabets[:136])) == 5
        assert len(set(alphabets[136:])) == 3
        assert not set(alphabets[:136]) & set(alphabets[136:])

    def test_ink_is_one_and_little(self, published):
        published("omniglot")
        drawings = load("omniglot")

        assert set(drawings.x_train.unique().tolist()) == {0, 1}
        assert 0.01 < drawings.x_train.mean() < 0.1

    def test_each_run_has_one_drawing_of_each_character_in_both_parts(self, published):
        published("omniglot")

        runs = load("omniglot-runs")

        assert runs.x_train.shape == runs.x_test.shape == (20, 20, 1, 105, 105)
        assert (runs.y_train.sort(1).values == torch.arange(20)).all()
        assert (runs.y_test.sort(1).values == torch.arange(20)).all()
        assert (runs.y_test != torch.arange(20)).any()

    def test_labels_of_the_runs_belong_to_their_drawings(self, published):
        published("omniglot")
        runs = load("omniglot-runs")
        train = runs.x_train.flatten(2)
        test = runs.x_test.flatten(2)

        # The nearest drawing, pixel by pixel, is poor at this task and still far above chance.
        nearest = torch.cdist(test, train).argmin(2)
        guessed = runs.y_train.gather(1, nearest)

        assert (guessed == runs.y_test).float().mean() > 0.15


def test_tinyshakespeare_has_65_characters(published):
    published("tinyshakespeare")

    text = load("tinyshakespeare").text

    assert len(text) == 1_115_394
    assert len(set(text)) == 65
    assert text.startswith("First Citizen:\nBefore we proceed any further, hear me speak.\n")


def test_names_are_32033_words_of_26_letters(published):
    published("names")

    names = load("names")

    assert len(names.strings) == 32_033
    assert set("".join(names.strings)) == set("abcdefghijklmnopqrstuvwxyz")
    assert names.strings[:4] == ["emma", "olivia", "ava", "isabella"]
    assert names.labels is None


def test_names_by_language_have_the_published_counts_and_are_shuffled(published):
    published("names_by_language")

    names = load("names-by-language")

    counts = dict(zip(names.classes, names.labels.bincount().tolist(), strict=True))
    assert len(names.strings) == sum(counts.values()) == 20_050
    expected = {"Russian": 9384, "English": 3668, "Arabic": 2000, "Korean": 94, "Vietnamese": 73}
    assert {language: counts[language] for language in expected} == expected
    assert len(counts) == 18
    of = collections.defaultdict(set)
    for name, label in zip(names.strings, names.labels.tolist(), strict=True):
        of[names.classes[label]].add(name)
    assert "Chekhov" in of["Russian"]
    assert "Schmidt" in of["German"]
    assert "Nguyen" in of["Vietnamese"]
    assert "O'Neill" in of["Irish"]
    assert all(len(batch.unique()) >= 5 for batch in names.labels[:3200].split(100))
    assert not [name for name in names.strings if name != name.strip() or not name]


def test_rt_polarity_is_balanced_shuffled_and_keeps_labels_with_sentences(published):
    published("rt_polarity")

    reviews = load("rt-polarity")

    assert reviews.labels.bincount().tolist() == [5331, 5331]
    assert reviews.classes == ("negative", "positive")
    assert 0.4 < reviews.labels[:1000].float().mean() < 0.6
    label_of = dict(zip(reviews.strings, reviews.labels.tolist(), strict=True))
    first_of_the_file = next(s for s in reviews.strings if s.startswith("the rock is destined"))
    assert label_of[first_of_the_file] == 1
    assert label_of[next(s for s in reviews.strings if s.startswith("simplistic , silly"))] == 0


def test_fra_eng_has_two_columns_of_sentences(published):
    published("fra_eng")

    pairs = load("fra-eng")

    assert len(pairs.source) == len(pairs.target) == 142_787
    assert len(set(pairs.source)) == 98_659
    assert (pairs.source[0], pairs.target[0]) == ("Go.", "Va !")
    assert not [s for s in pairs.source + pairs.target if "\t" in s or "\n" in s or not s]


@pytest.mark.parametrize(
    ("name", "nodes", "features", "edges", "counts", "labeled"),
    [
        ("cora", 2708, 1433, 5278, [351, 217, 418, 818, 426, 298, 180], 140),
        ("citeseer", 3327, 3703, 4552, [249, 590, 668, 701, 596, 508], 120),
    ],
)
class TestPlanetoidGraphs:
    @pytest.fixture
    def graph(self, published, name):
        published("planetoid")
        return load(name)

    def test_have_the_published_sizes(self, graph, nodes, features, edges, counts, labeled):
        assert graph.x.shape == (nodes, features)
        assert graph.edge_index.shape == (2, 2 * edges)
        assert graph.y[graph.y >= 0].bincount().tolist() == counts
        assert len(graph.classes) == len(counts)
        assert_undirected(graph)

    def test_have_the_published_split(self, graph, nodes, features, edges, counts, labeled):
        assert graph.train_mask.sum() == labeled
        assert graph.val_mask.sum() == 500
        assert graph.test_mask.sum() == 1000
        masks = torch.stack([graph.train_mask, graph.val_mask, graph.test_mask])
        assert (masks.sum(0) <= 1).all()
        assert graph.y[graph.train_mask].bincount().tolist() == [20] * len(counts)
        assert (graph.y[masks.any(0)] >= 0).all()

    def test_unknown_papers_have_no_features(self, graph, nodes, features, edges, counts, labeled):
        unknown = graph.y < 0
        assert unknown.sum() == nodes - sum(counts)
        assert (graph.x[unknown] == 0).all()
        assert (graph.x[~unknown].sum(1) > 0).all()

    def test_neighbors_share_their_topic_more_often_than_not(
        self, graph, nodes, features, edges, counts, labeled
    ):
        # A row of features or labels in the wrong place would show here: 0.81 and 0.74 by the
        # papers that measured homophily, 0.2 by chance.
        source, target = graph.y[graph.edge_index]
        assert (source == target).float().mean() > 0.7

    def test_features_belong_to_their_nodes(self, graph, nodes, features, edges, counts, labeled):
        # Test nodes are in a shuffled order in the files; their words must fit their labels.
        known = (graph.y >= 0) & ~graph.test_mask
        means = torch.stack([graph.x[known & (graph.y == k)].mean(0) for k in range(len(counts))])
        scores = (
            torch.nn.functional.normalize(graph.x, dim=1)
            @ torch.nn.functional.normalize(means, dim=1).T
        )
        right = scores.argmax(1) == graph.y
        assert right[graph.test_mask].float().mean() > 0.6
