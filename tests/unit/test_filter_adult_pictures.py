"""adult: pictures by ONNX models made here, and every way in which a model can be other than it was described."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="the extra dev holds onnx, which makes the models of these tests")
pytest.importorskip("onnxruntime", reason="the extra adult holds onnxruntime")

from PIL import Image  # noqa: E402 - after the reasons to skip

from acquisition.errors import FilterUnavailable  # noqa: E402
from acquisition.filters.adult import Adult, AdultSettings, PictureModel  # noqa: E402
from acquisition.model import Use  # noqa: E402
from acquisition.protocols import FilterContext  # noqa: E402
from acquisition.testing.filters import check_filter, items_of  # noqa: E402

PLAIN = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0), "size": 8}


def model(path: Path, inputs: Sequence[Any], outputs: Sequence[Any], nodes: Sequence[Any]) -> str:
    """Write a model and return its digest."""
    made = onnx.helper.make_model(
        onnx.helper.make_graph(list(nodes), "judge", list(inputs), list(outputs)),
        opset_imports=[onnx.helper.make_opsetid("", 17)],
        ir_version=9,
    )
    path.write_bytes(made.SerializeToString())
    return hashlib.sha256(path.read_bytes()).hexdigest()


def tensor(name: str, shape: Sequence[int | str], kind: int = 1) -> Any:
    """Return the description of an input or output; kind 1 is float32, 2 uint8."""
    return onnx.helper.make_tensor_value_info(name, kind, shape)


def brightness(path: Path, *, size: int | str = 8, channels: int = 3) -> str:
    """Write a model whose one output is the mean of the picture: white scores 1, black 0."""
    node = onnx.helper.make_node("ReduceMean", ["pixels"], ["score"], axes=[1, 2, 3], keepdims=0)
    return model(path, [tensor("pixels", ["n", channels, size, size])], [tensor("score", ["n"])], [node])


def picture(folder: Path, name: str, tone: int, *, mode: str = "RGB", size: tuple[int, int] = (20, 12)) -> dict[str, object]:
    """Write a picture of one tone and return its item; `external` is filled by `context`."""
    image = Image.new(mode, size, tone if mode == "L" else (tone, tone, tone, 255)[: len(mode)])
    file = folder / name
    image.save(file)
    return item(file)


def item(file: Path) -> dict[str, object]:
    """Return a picture item whose blob is a file."""
    data = file.read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    return {
        "text": None,
        "modality": "image",
        "media_type": "image/png",
        "size": len(data),
        "blob": sha256,
        "locator": file.name,
        "id": file.name,
    }


def context(folder: Path) -> FilterContext:
    """Return a context that knows all files of a folder by digest."""
    files = {hashlib.sha256(file.read_bytes()).hexdigest(): str(file) for file in folder.iterdir() if file.is_file()}
    return FilterContext(Use(), {}, ("source",), "", external=files, base=str(folder))


def judged(folder: Path, rows: list[dict[str, object]], **settings: object) -> list[tuple[str, str, float]]:
    """Return item, code and score of every flag."""
    described = AdultSettings(image=PictureModel.model_validate({"model": "judge.onnx", **PLAIN, **settings}))
    tables = folder / "tables"
    tables.mkdir(exist_ok=True)
    flags = check_filter(Adult, items_of(rows), tables, settings=described, context=context(folder)).to_pylist()
    return [(flag["item"], flag["code"], round(flag["score"], 3)) for flag in flags]


def test_pictures_are_flagged_from_the_threshold_on(tmp_path: Path) -> None:
    """The score is the model's; below the threshold it is a note; grey and transparent pictures are judged like others."""
    digest = brightness(tmp_path / "judge.onnx")
    rows = [
        picture(tmp_path, "white.png", 255),
        picture(tmp_path, "black.png", 0),
        picture(tmp_path, "grey.png", 204, mode="L"),
    ]
    rows.append(picture(tmp_path, "clear.png", 255, mode="RGBA"))
    assert judged(tmp_path, rows, sha256=digest, batch=2) == [
        ("white.png", "adult.image", 1.0),
        ("black.png", "adult.image-score", 0.0),
        ("grey.png", "adult.image", 0.8),
        ("clear.png", "adult.image", 1.0),
    ]


def test_damaged_pictures_are_not_called_clean(tmp_path: Path) -> None:
    """A file that is no picture, a truncated one and one with too many pixels are not checked, and the next is judged."""
    brightness(tmp_path / "judge.onnx")
    (tmp_path / "noise.png").write_bytes(b"not a picture at all")
    picture(tmp_path, "whole.png", 10, size=(300, 300))
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:60])
    bomb = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(bomb, "PNG")
    (tmp_path / "bomb.png").write_bytes(bomb.getvalue())
    rows = [item(tmp_path / name) for name in ("noise.png", "cut.png", "bomb.png", "whole.png")]
    said = judged(tmp_path, rows)
    assert [code for _, code, _ in said] == ["adult.not-checked"] * 3 + ["adult.image-score"]


def test_an_encoder_and_a_head(tmp_path: Path) -> None:
    """The head takes the encoder's output divided by its length, and its classes are chosen by index after softmax."""
    spread = onnx.helper.make_node("ReduceMean", ["pixels"], ["embedding"], axes=[2, 3], keepdims=0)
    model(tmp_path / "judge.onnx", [tensor("pixels", ["n", 3, 8, 8])], [tensor("embedding", ["n", 3])], [spread])
    weights = onnx.numpy_helper.from_array(np.array([[0, 9], [0, 0], [0, -9]], np.float32), "weights")
    matrix = onnx.helper.make_node("MatMul", ["embedding", "weights"], ["classes"])
    graph = onnx.helper.make_graph([matrix], "head", [tensor("embedding", ["n", 3])], [tensor("classes", ["n", 2])], [weights])
    made = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    (tmp_path / "head.onnx").write_bytes(made.SerializeToString())
    Image.new("RGB", (9, 9), (255, 0, 0)).save(tmp_path / "red.png")
    Image.new("RGB", (9, 9), (0, 0, 255)).save(tmp_path / "blue.png")
    rows = [item(tmp_path / "red.png"), item(tmp_path / "blue.png")]
    said = judged(tmp_path, rows, head="head.onnx", activation="softmax", index=(1,))
    assert [(name, code) for name, code, _ in said] == [("red.png", "adult.image"), ("blue.png", "adult.image-score")]


def test_channels_last_octets_and_stretching(tmp_path: Path) -> None:
    """NHWC models of octets get what they ask for: the left half of a stretched picture is the left half of the array."""
    cast = onnx.helper.make_node("Cast", ["pixels"], ["numbers"], to=1)
    mean = onnx.helper.make_node("ReduceMean", ["numbers"], ["sum"], axes=[1, 2, 3], keepdims=0)
    scale = onnx.helper.make_node("Div", ["sum", "most"], ["score"])
    most = onnx.numpy_helper.from_array(np.array([255], np.float32), "most")
    graph = onnx.helper.make_graph(
        [cast, mean, scale], "judge", [tensor("pixels", [1, 8, 8, 3], 2)], [tensor("score", [1])], [most]
    )
    made = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    (tmp_path / "judge.onnx").write_bytes(made.SerializeToString())
    half = Image.new("RGB", (40, 10), (255, 255, 255))
    half.paste((0, 0, 0), (0, 0, 20, 10))
    half.save(tmp_path / "half.png")
    rows = [item(tmp_path / "half.png"), picture(tmp_path, "white.png", 255)]
    said = judged(tmp_path, rows, layout="NHWC", range="octet", resize="stretch", interpolation="nearest")
    assert [score for _, _, score in said] == [0.5, 1.0]


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"sha256": "0" * 64}, "another digest"),
        ({"model": "none.onnx"}, "not there"),
        ({"model": "noise.onnx"}, "cannot be loaded"),
        ({"input": "image"}, "no input 'image'"),
        ({"output": "class"}, "no output 'class'"),
        ({"size": 224}, "wants"),
        ({"layout": "NHWC"}, "channels in NHWC"),
        ({"index": (1,)}, "has 1 classes"),
        ({"head": "judge.onnx"}, "batch of embeddings"),
    ],
)
def test_a_model_that_is_not_what_was_described_is_refused(settings: dict[str, object], why: str, tmp_path: Path) -> None:
    """Digest, file, names, sides, channels and classes are checked before the first picture."""
    brightness(tmp_path / "judge.onnx")
    (tmp_path / "noise.onnx").write_bytes(b"no model")
    described = PictureModel.model_validate({"model": "judge.onnx", **PLAIN, **settings})
    with pytest.raises(FilterUnavailable, match=why):
        Adult(AdultSettings(image=described), context(tmp_path))


def test_the_model_is_among_what_answers_rest_on() -> None:
    """Both models and all lists are named as inputs, so a file that changes under the same name is looked through again."""
    settings = AdultSettings(words=("a",), urls=("b",), allow=("c",), toxic=("d",), image=PictureModel(model="e", head="f"))
    assert set(settings.inputs()) == set("abcdef")
