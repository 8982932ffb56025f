"""20,050 surnames in 18 languages: which language is a name from? (S. Robertson's tutorial)"""

from __future__ import annotations

import torch

from course_utils.data.dataset import Strings
from course_utils.data.files import PublishedFiles, locate
from course_utils.data.text import lines_of, shuffled

FILES = PublishedFiles(
    folder="names_by_language",
    mirrors=(
        "https://raw.githubusercontent.com/spro/practical-pytorch/"
        "c520c52e68e945d88fff563dba1c028b6ec0197b/data/names/",
    ),
    hashes={
        "Arabic.txt": "6f424a8dbe51cbbbabab7a57d38b617210125e4e3991f3c657cb79b8f104bafc",
        "Chinese.txt": "09ba8f1f7e38dbc99372d461b26ad4433b811fc6bfa6a3ecca6fe11a9a777465",
        "Czech.txt": "e17ab0ec47616a72c39cb85c783f70c3663ab64488721e5d8378f146d2226be7",
        "Dutch.txt": "924f32b635170eae561f84538632138fc07d4c8bbd70ba3fb980de1ecc4d2af3",
        "English.txt": "9cca037066d3d5989e24bc01801416162de506b5e28e15b7c092a47905d29bf2",
        "French.txt": "81e65b36c60ed5b89a17422f6edcadbb89546f38ad69e960e64e7ba682012a95",
        "German.txt": "7449cd590b97a733e18d613a4155decd77ec35dc5f8aadd7a82204dce4f051db",
        "Greek.txt": "3555b5186de7f401e6d991b088e9e644ca3099116477818c25ab5793801389e6",
        "Irish.txt": "cf8c7013256252a88d2503127b87282a11f21b2ff6db1bded68834c19a1ec058",
        "Italian.txt": "f88414c27d0606a11a678b4859277828c2565d6cc4d9ee932deef6e94f3b35e4",
        "Japanese.txt": "e0e717e114fec3e7eade4d9dabe0067c475f43147e36a22b47902ee76ad9e67f",
        "Korean.txt": "cd54221ccb362a6cba4c78828838cf3268a0e59744767a37cf6ec4b74036b136",
        "Polish.txt": "45bab898af2f60ed3a728bbf6980e28821011a7caa53227553b5785903a40826",
        "Portuguese.txt": "50a8735f41f4f73757c8ce5b16cb0275cd86b2b214bcbc8c9805f508cb131c53",
        "Russian.txt": "0cfe53ac18041e8f63666aa77313e0a3ff378facb132abee052d8ebdc8c3d62c",
        "Scottish.txt": "78d0252711d87d948ea86fe34826c51d2d794a8e52d15b5d6f7b6244d45d62dd",
        "Spanish.txt": "1bcb462ed3316756a85781d68232bddae04498fdddd5d9219c53fd1fbdeba7a7",
        "Vietnamese.txt": "f3f9e4164ab47601178a6e45b216464a64122f49d05541f24bf18a757253281d",
    },
    size=163_419,
)
CLASSES = tuple(name.removesuffix(".txt") for name in FILES.hashes)
DESCRIPTION = (
    "Names by language: 20,050 surnames in 18 languages, nearly half of them Russian "
    "(S. Robertson, github.com/spro/practical-pytorch; MIT)."
)


def load() -> Strings:
    """The names, shuffled, and the language of each; some have letters beyond a–z."""
    folder = locate(FILES)
    names: list[str] = []
    labels: list[int] = []
    for label, language in enumerate(CLASSES):
        of_language = lines_of(folder / f"{language}.txt")
        names += of_language
        labels += [label] * len(of_language)
    return shuffled(Strings(names, torch.tensor(labels), DESCRIPTION, CLASSES))
