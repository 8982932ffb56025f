"""Archives are read in memory, by name, and within a limit, whatever somebody put into them."""

import io
import os
import tarfile
import zipfile
import zlib

import pytest
import torch
from PIL import Image

from course_utils.data.archives import read_tar, read_zip
from course_utils.data.images import center_crop, decode, to_tensor
from course_utils.errors import CourseError

CONTENT = {"set/a.txt": b"A", "set/b.txt": b"BB", "set/a.txt.bak": b"-", "other/set/a.txt": b"no"}


def make_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def make_tar(path, members):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


FORMS = [(make_zip, read_zip), (make_tar, read_tar)]
forms = pytest.mark.parametrize(("make", "read"), FORMS, ids=["zip", "tar"])


@forms
def test_reads_the_members_that_match_in_the_order_of_names(tmp_path, make, read):
    backwards = dict(reversed(CONTENT.items()))
    path = make(tmp_path / "archive", backwards)

    found = read(path, r"set/\w+\.txt", limit=100)

    assert list(found.items()) == [("set/a.txt", b"A"), ("set/b.txt", b"BB")]


@forms
def test_names_that_climb_out_of_a_folder_write_nothing(tmp_path, make, read):
    inner = tmp_path / "inner"
    inner.mkdir()
    path = make(inner / "archive", {"../../escaped.txt": b"x", "/tmp/escaped.txt": b"x"})
    before = set(tmp_path.rglob("*"))

    assert read(path, r".*escaped\.txt", limit=100)  # they are just names of bytes in memory

    assert set(tmp_path.rglob("*")) == before


@forms
def test_members_that_unpack_to_too_much_are_refused_before_they_are_read(tmp_path, make, read):
    path = make(tmp_path / "bomb", {"a": bytes(40_000_000), "b": bytes(40_000_000)})
    assert path.stat().st_size < 200_000

    with pytest.raises(CourseError, match=r"unpacks to 80,000,000 bytes and more.*at most 50,000"):
        read(path, r"\w", limit=50_000_000)


def test_zip_that_lies_about_a_size_is_cut_off_there(tmp_path):
    path = make_zip(tmp_path / "liar.zip", {"a": bytes(30_000_000)})
    stated = (30_000_000).to_bytes(4, "little")
    content = path.read_bytes()
    assert content.count(stated) == 2  # before the member, and in the table of contents
    path.write_bytes(content.replace(stated, (10).to_bytes(4, "little")))

    with pytest.raises(CourseError, match="not a sound archive"):
        read_zip(path, "a", limit=100)


def test_links_and_devices_in_a_tar_are_no_members(tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    path = tmp_path / "links.tar"
    with tarfile.open(path, "w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo(f"set/{kind.decode()}.txt")
            info.type, info.linkname = kind, str(secret)
            archive.addfile(info)

    assert read_tar(path, r"set/.*", limit=100) == {}


@forms
@pytest.mark.parametrize("harm", ["cut off", "nonsense", "missing"])
def test_damaged_archive_is_a_clear_error(tmp_path, make, read, harm):
    path = make(tmp_path / "archive", {"a": os.urandom(50_000)})
    content = path.read_bytes()
    if harm == "cut off":
        path.write_bytes(content[: len(content) // 2])
    elif harm == "nonsense":
        path.write_bytes(b"<html>Please log in")
    else:
        path.unlink()

    with pytest.raises(CourseError, match=r"archive is not a sound archive"):
        read(path, "a", limit=100_000)


def test_member_of_a_zip_that_was_changed_is_a_clear_error(tmp_path):
    path = make_zip(tmp_path / "archive", {"a": os.urandom(50_000)})
    content = path.read_bytes()
    path.write_bytes(content[:25_000] + bytes(100) + content[25_100:])

    with pytest.raises(CourseError, match=r"archive is not a sound archive \(Bad CRC"):
        read_zip(path, "a", limit=100_000)


def picture(width, height, form="PNG"):
    stream = io.BytesIO()
    Image.new("RGB", (width, height), (255, 0, 0)).save(stream, form)
    return stream.getvalue()


def test_picture_that_claims_a_forest_of_pixels_is_refused():
    content = bytearray(picture(10, 10))
    content[16:24] = (6_000).to_bytes(4, "big") * 2  # width and height in the header …
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")  # … and its check sum

    with pytest.raises(CourseError, match=r"big\.png claims to be 6000 × 6000 pixels"):
        decode(bytes(content), name="big.png")


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", picture(50, 50)[:-60], picture(5, 5, "GIF"), picture(5, 5, "TIFF")],
    ids=["empty", "login page", "cut off", "GIF", "TIFF"],
)
def test_what_is_no_sound_jpeg_or_png_is_a_clear_error(content):
    with pytest.raises(CourseError, match=r"x\.png is not a sound picture"):
        decode(content, name="x.png")


def test_center_crop_keeps_the_middle():
    image = Image.new("RGB", (300, 100), (0, 0, 255))
    image.paste((255, 0, 0), (100, 0, 200, 100))

    square = center_crop(image, 50)

    assert square.shape == (3, 50, 50)
    assert square.dtype == torch.uint8
    inside = square[:, 1:-1, 1:-1]  # the interpolation sees a little beyond the edge
    assert (inside[0] == 255).all()  # red: the middle third and nothing of its sides
    assert (inside[2] == 0).all()
    assert (square[0] > 200).all()


def test_fraction_leaves_out_a_margin():
    image = Image.new("RGB", (100, 100), (0, 0, 255))
    image.paste((255, 0, 0), (25, 25, 75, 75))

    assert (center_crop(image, 20, fraction=0.5)[0] > 200).all()
    assert not (center_crop(image, 20)[0] > 200).all()


def test_tensors_of_pictures_can_be_changed_and_keep_rows_and_columns_apart():
    image = Image.new("RGB", (3, 2))
    image.putpixel((2, 1), (10, 20, 30))  # column 2, row 1

    tensor = to_tensor(image)

    assert tensor.shape == (3, 2, 3)
    assert tensor[:, 1, 2].tolist() == [10, 20, 30]
    tensor[:] = 0
    assert to_tensor(Image.new("L", (3, 2))).shape == (1, 2, 3)
