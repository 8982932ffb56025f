import pytest
import torch

from course_utils.data import load, mnist_5k
from course_utils.errors import CourseError


@pytest.fixture(autouse=True)
def read_again():
    mnist_5k._read.cache_clear()


@pytest.mark.usefixtures("no_network")
def test_loads_without_network():
    digits = load("mnist-5k")

    assert digits.x_train.shape == (4000, 784)
    assert digits.x_test.shape == (1000, 784)
    assert digits.x_train.dtype == digits.x_test.dtype == torch.float32
    assert digits.x_train.min() == 0
    assert digits.x_train.max() == 1
    assert digits.y_train.dtype == digits.y_test.dtype == torch.int64


def test_classes_are_balanced_in_both_parts():
    digits = load("mnist-5k")

    assert digits.y_train.bincount().tolist() == [400] * 10
    assert digits.y_test.bincount().tolist() == [100] * 10


def test_rows_are_shuffled_so_that_a_batch_holds_several_classes():
    digits = load("mnist-5k")

    assert all(len(batch.unique()) >= 7 for batch in digits.y_train.split(32))


def test_no_image_is_in_both_parts():
    digits = load("mnist-5k")
    train = {row.numpy().tobytes() for row in digits.x_train}
    test = {row.numpy().tobytes() for row in digits.x_test}

    assert len(train) == 4000
    assert len(test) == 1000
    assert train.isdisjoint(test)


def test_same_name_gives_the_same_tensors_even_after_a_reader_changed_theirs():
    first = load("mnist-5k")
    kept = first.x_train.clone()
    first.x_train.zero_()
    second = load("mnist-5k")

    assert torch.equal(second.x_train, kept)
    assert torch.equal(second.y_train, first.y_train)


def test_images_belong_to_their_labels():
    # The nearest mean image of the training part knows most digits: labels were not mixed up.
    digits = load("mnist-5k")
    means = torch.stack([digits.x_train[digits.y_train == k].mean(0) for k in range(10)])
    predicted = torch.cdist(digits.x_test, means).argmin(1)

    assert (predicted == digits.y_test).float().mean() > 0.75


def test_unknown_name_lists_the_names_there_are():
    with pytest.raises(CourseError, match=r"no data set 'minst'.*mnist, mnist-5k"):
        load("minst")


def test_repr_says_what_it_is_and_the_shapes():
    text = repr(load("mnist-5k"))

    assert "CC BY-SA 3.0" in text
    assert "x_train (4000, 784)" in text
