"""CIFAR-10, Imagenette and Hymenoptera as they are published: archives of the same layout, small.

COURSE_DATA holds reduced copies of these three, so the archives here are made by the tests.
"""

import io
import tarfile
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from serving import Server

from course_utils.data import cifar10, imagenette, load
from course_utils.errors import CourseError


def add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


def jpeg(color, size=(200, 160)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, color).save(stream, "JPEG", quality=95)
    return stream.getvalue()


class TestCifar10:
    @pytest.fixture
    def images(self):
        generator = torch.Generator().manual_seed(0)
        return torch.randint(0, 256, (12, 3, 32, 32), dtype=torch.uint8, generator=generator)

    @pytest.fixture
    def served(self, server: Server, images, monkeypatch) -> Server:
        """Two images a batch: records of a label and three planes, and a file for people."""
        with tarfile.open(server.folder / cifar10.ARCHIVE, "w:gz") as archive:
            names = [*(f"data_batch_{k}.bin" for k in range(1, 6)), "test_batch.bin"]
            for k, name in enumerate(names):
                records = [
                    bytes([2 * k + j - k]) + images[2 * k + j].numpy().tobytes() for j in (0, 1)
                ]
                add(archive, f"cifar-10-batches-bin/{name}", b"".join(records))
            add(archive, "cifar-10-batches-bin/readme.html", b"<html>")
            add(archive, "cifar-10-batches-py/data_batch_1", b"cos\nsystem\n(S'touch pwned'\ntR.")
        files = server.publish("cifar10", cifar10.ARCHIVE)
        monkeypatch.setattr(cifar10, "FILES", files)
        return server

    def test_is_downloaded_and_read_in_the_order_of_the_batches(self, served, images):
        cifar = load("cifar10")

        assert torch.equal((cifar.x_train * 255).round().byte(), images[:10])
        assert torch.equal((cifar.x_test * 255).round().byte(), images[10:])
        assert cifar.y_train.tolist() == [0, 1, 1, 2, 2, 3, 3, 4, 4, 5]
        assert cifar.y_test.tolist() == [5, 6]
        assert cifar.x_train.dtype == torch.float32
        assert cifar.classes[6] == "frog"
        assert served.asked == ["/" + cifar10.ARCHIVE]

    def test_published_archive_of_ones_own_comes_before_the_reduced_copy(
        self, served, tmp_path, monkeypatch
    ):
        folder = tmp_path / "own" / "cifar10"
        folder.mkdir(parents=True)
        (folder / cifar10.ARCHIVE).write_bytes((served.folder / cifar10.ARCHIVE).read_bytes())
        (folder / "cifar10_jpeg_subset.npz").write_bytes(b"not even opened")
        monkeypatch.setenv("COURSE_DATA", str(tmp_path / "own"))

        assert len(load("cifar10").y_train) == 10
        assert served.asked == []

    def test_wrong_archive_is_refused_before_it_is_opened(self, served, caches):
        (served.folder / cifar10.ARCHIVE).write_bytes(b"\x1f\x8b something else")

        with pytest.raises(CourseError, match=r"is not the published cifar-10-binary\.tar\.gz"):
            load("cifar10")
        assert not list((caches / "cifar10").iterdir())

    def test_reduced_copy_that_holds_a_pickle_is_refused(self, tmp_path):
        np.savez(tmp_path / "copy.npz", x_train=np.array([object()], dtype=object))

        with pytest.raises(ValueError, match="allow_pickle=False"):
            cifar10._read_copy(tmp_path / "copy.npz")


class TestImagenette:
    COLORS = ((250, 10, 10), (10, 250, 10))

    @pytest.fixture
    def served(self, server: Server, monkeypatch) -> Server:
        name = "imagenette2-160.tgz"
        with tarfile.open(server.folder / name, "w:gz") as archive:
            for k, number in enumerate(("n01440764", "n03888257")):
                for part, count in (("train", 3), ("val", 2)):
                    for j in range(count):
                        content = jpeg(self.COLORS[k])
                        path = f"imagenette2-160/{part}/{number}/{number}_{j}.JPEG"
                        add(archive, path, content)
            add(archive, "imagenette2-160/noisy_imagenette.csv", b"path,noisy_labels_0\n")
        monkeypatch.setattr(imagenette, "FILES", server.publish("imagenette", name, md5=True))
        return server

    def test_is_downloaded_checked_by_md5_and_read(self, served):
        photographs = load("imagenette")

        assert photographs.x_train.shape == (6, 3, 160, 160)
        assert photographs.x_test.shape == (4, 3, 160, 160)
        assert sorted(photographs.y_train.tolist()) == [0, 0, 0, 9, 9, 9]
        assert photographs.classes[9] == "parachute"
        for image, label in zip(photographs.x_train, photographs.y_train, strict=True):
            color = torch.tensor(self.COLORS[0 if label == 0 else 1])
            assert (image.float().mean((1, 2)) - color).abs().max() < 5

    def test_changed_archive_is_refused(self, served):
        path = served.folder / "imagenette2-160.tgz"
        path.write_bytes(path.read_bytes() + b"\0")

        with pytest.raises(CourseError, match=r"not the published imagenette2-160\.tgz: its md5"):
            load("imagenette")


COUNTS = {("train", "ants"): 123, ("train", "bees"): 121, ("val", "ants"): 70, ("val", "bees"): 83}


class TestHymenoptera:
    @pytest.fixture
    def own(self, tmp_path, monkeypatch):
        folder = tmp_path / "own" / "hymenoptera"
        folder.mkdir(parents=True)
        monkeypatch.setenv("COURSE_DATA", str(tmp_path / "own"))
        return folder / "hymenoptera_data.zip"

    @staticmethod
    def archive(path, counts, **others: bytes) -> None:
        red, blue = jpeg((250, 0, 0), (500, 333)), jpeg((0, 0, 250), (333, 500))
        with zipfile.ZipFile(path, "w") as archive:
            for (part, kind), count in counts.items():
                for k in range(count):
                    content = red if kind == "ants" else blue
                    suffix = "jpeg" if k == 0 else "jpg"
                    archive.writestr(f"hymenoptera_data/{part}/{kind}/{k}.{suffix}", content)
            for name, content in others.items():
                archive.writestr(name, content)

    def test_published_archive_that_a_reader_fetched_is_read(self, own):
        gif = "hymenoptera_data/train/ants/imageNotFound.gif"
        self.archive(own, COUNTS, **{gif: b"GIF89a", "__MACOSX/._0.jpg": b"?"})

        insects = load("hymenoptera")

        assert insects.x_train.shape == (244, 3, 224, 224)
        assert insects.x_test.shape == (153, 3, 224, 224)
        red = insects.x_train[insects.y_train == 0].float().mean((0, 2, 3))
        assert red[0] > 240
        assert red[2] < 10

    def test_archive_with_other_counts_is_not_the_published_one(self, own):
        self.archive(own, COUNTS | {("val", "ants"): 69})

        with pytest.raises(CourseError, match=r"\(69, 83\) .* in val/, expected \(70, 83\)"):
            load("hymenoptera")

    def test_damaged_picture_is_named(self, own):
        bad = "hymenoptera_data/val/ants/bad.jpg"
        self.archive(own, COUNTS, **{bad: b"<html>"})

        with pytest.raises(CourseError, match=r"val/ants/bad\.jpg is not a sound picture"):
            load("hymenoptera")

    def test_archive_that_unpacks_to_too_much_is_refused(self, own):
        with zipfile.ZipFile(own, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("hymenoptera_data/val/ants/big.jpg", bytes(2**27 + 1))

        with pytest.raises(CourseError, match=r"unpacks to 134,217,729 bytes and more"):
            load("hymenoptera")
