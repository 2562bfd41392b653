"""ImageNet's layout, in folders that the tests make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from simasgd.errors import DataMissing
from simasgd.learning.data.files import VARIABLE
from simasgd.learning.data.image_folder import LazyImages
from simasgd.learning.data.partition import parts
from simasgd.learning.data.sets import Dataset, load
from simasgd.scenario.learning.data import ImageNet
from simasgd.scenario.learning.partition import Dirichlet, Shards
from tests.learning.data.images import save_image

PLAIN: dict[str, Any] = {"resolution": 4, "classes": 2, "train": 5, "test": 2}


def uniform(value: int, height: int = 4, width: int = 4) -> np.ndarray:
    return np.full((height, width, 3), value)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three images of one class and two of another, whose red, green and blue are their number, and one of each to test."""
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    folder = tmp_path / "imagenet"
    for name, values in (("train/n00000002/n00000002_", (51, 102, 153)), ("train/n00000001/n00000001_", (0, 255))):
        for number, value in enumerate(values):
            save_image(folder / f"{name}{number}.JPEG", uniform(value))
    save_image(folder / "val/n00000001/ILSVRC2012_val_00000001.JPEG", uniform(255))
    save_image(folder / "val/n00000002/ILSVRC2012_val_00000002.JPEG", uniform(51))
    (folder / "train/n00000001/readme.txt").write_text("no image")
    (folder / "train/empty").mkdir()
    return folder


def lazy(data: Dataset) -> tuple[LazyImages, LazyImages]:
    assert isinstance(data.train_inputs, LazyImages)
    assert isinstance(data.test_inputs, LazyImages)
    return data.train_inputs, data.test_inputs


def test_classes_are_the_folders_in_order(root: Path) -> None:
    data = load(ImageNet(**PLAIN))
    train, test = lazy(data)
    assert data.train_labels.tolist() == [0, 0, 1, 1, 1]
    assert data.test_labels.tolist() == [0, 1]
    assert data.train_labels.dtype == np.int32
    assert (len(train), train.shape, test.shape) == (5, (5, 48), (2, 48))
    taken = train.take([4, 1, 1, 2])
    assert taken.dtype == np.float32
    assert taken.shape == (4, 48)
    assert np.array_equal(taken, np.repeat(np.float32([[153], [255], [255], [51]]) / np.float32(255), 48, axis=1))
    assert test.take(np.arange(2))[:, 0].tolist() == pytest.approx([1.0, 0.2])
    assert train.take([]).shape == (0, 48)


def test_the_square_in_the_middle_is_scaled(root: Path) -> None:
    wide = np.zeros((8, 16, 3))
    wide[:, 4:8], wide[:, 8:12], wide[:, :4] = (255, 0, 0), (0, 0, 255), 255  # what is left and right of the square is cut off
    save_image(root / "train/n00000001/n00000001_0.JPEG", wide)
    save_image(root / "train/n00000001/n00000001_1.JPEG", wide.transpose(1, 0, 2))
    train, _ = lazy(load(ImageNet(**PLAIN | {"resolution": 8})))
    first, second = train.take([0, 1]).reshape(2, 8, 8, 3)
    assert np.array_equal(first, np.concatenate([np.tile([1.0, 0, 0], (8, 4, 1)), np.tile([0, 0, 1.0], (8, 4, 1))], axis=1))
    assert np.array_equal(second, first.transpose(1, 0, 2))
    halved, _ = lazy(load(ImageNet(**PLAIN | {"resolution": 2})))
    middle = halved.take([0]).reshape(2, 2, 3)
    # The filter is a triangle two new pixels wide: 1/8 of its weight is on the white beside the square, 3/4 on the red.
    assert middle[:, 0] == pytest.approx(np.tile([0.875, 0.125, 0.25], (2, 1)), abs=1 / 255)
    assert middle[:, 1] == pytest.approx(np.tile([0.125, 0.0, 0.75], (2, 1)), abs=1 / 255)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "1"])
def test_whatever_the_colours_are_stored_as_they_are_three(mode: str, root: Path) -> None:
    path = root / "train/n00000001/n00000001_1.JPEG"
    Image.fromarray(uniform(255).astype(np.uint8)).convert(mode).save(path, format="tiff" if mode == "CMYK" else "png")
    train, _ = lazy(load(ImageNet(**PLAIN)))
    assert train.take([1]) == pytest.approx(np.ones((1, 48)), abs=1 / 255)


def test_a_jpeg_of_many_sizes_is_about_the_same_image(root: Path) -> None:
    """A large JPEG is decoded at a part of its size; what comes out is still its square, to a few levels of 256."""
    ramp = np.linspace(0, 255, 640)[None, :, None] * np.ones((480, 1, 3))
    path = root / "train/n00000001/n00000001_0.JPEG"
    Image.fromarray(ramp.astype(np.uint8)).save(path, format="jpeg", quality=95)
    train, _ = lazy(load(ImageNet(**PLAIN | {"resolution": 16})))
    columns = train.take([0]).reshape(16, 16, 3).mean(axis=(0, 2))
    # The square is pixels 80 to 560 of 640, and a new pixel the mean of those around the middle of its 30.
    wanted = (80 + 30 * (np.arange(16) + 0.5)) / 640
    assert columns == pytest.approx(wanted, abs=0.005)


def test_the_mean_training_image_is_subtracted_from_all(root: Path) -> None:
    train, test = lazy(load(ImageNet(**PLAIN, subtract_mean=True)))
    mean = (0 + 255 + 51 + 102 + 153) / 5 / 255
    assert train.take([0, 1]) == pytest.approx(np.repeat([[-mean], [1 - mean]], 48, axis=1), abs=1e-6)
    assert test.take([1]) == pytest.approx(np.full((1, 48), 0.2 - mean), abs=1e-6)
    assert train.take(range(5)).mean(axis=0) == pytest.approx(np.zeros(48), abs=1e-6)


def test_nothing_is_decoded_before_it_is_asked_for(root: Path) -> None:
    (root / "train/n00000002/n00000002_1.JPEG").write_bytes(b"no image at all")
    train, _ = lazy(load(ImageNet(**PLAIN)))
    assert len(train.take([0, 1, 2, 4])) == 4
    with pytest.raises(DataMissing, match=r"imagenet: .*n00000002_1\.JPEG cannot be decoded"):
        train.take([0, 3])


@pytest.mark.parametrize(("most", "kept"), [(48 * 5, [0, 1, 3]), (48 * 2, [0, 1])])
def test_an_image_is_decoded_once_as_long_as_there_is_room(
    most: int, kept: list[int], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageNet, "kept_bytes", most)
    train, test = lazy(load(ImageNet(**PLAIN, subtract_mean=False)))
    first = np.concatenate([train.take([number]) for number in (1, 0, 3)])
    for path in root.rglob("*.JPEG"):
        path.unlink()
    assert np.array_equal(train.take([1, 0]), first[:2])
    assert sorted(train.kept) == kept
    if 3 in kept:
        assert np.array_equal(train.take([3]), first[2:])
    with pytest.raises(DataMissing, match="cannot be decoded"):
        train.take([2])
    with pytest.raises(DataMissing, match="cannot be decoded"):
        test.take([0])


def test_a_file_that_is_cut_off_is_named(root: Path) -> None:
    path = root / "train/n00000001/n00000001_0.JPEG"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).save(path, format="jpeg")
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(DataMissing, match=r"n00000001_0\.JPEG cannot be decoded: .*truncated"):
        lazy(load(ImageNet(**PLAIN)))[0].take([0])


@pytest.mark.parametrize("wrong", [{"classes": 1000}, {"train": 1_281_167}, {"test": 50_000}])
def test_other_counts_are_told_with_the_keys_that_fit(wrong: dict[str, int], root: Path) -> None:
    with pytest.raises(DataMissing, match=r"holds 5 images in 2 folders .* would fit: classes: 2, train: 5, test: 2$"):
        load(ImageNet(**PLAIN | wrong))


def test_a_class_that_is_only_tested_is_refused(root: Path) -> None:
    save_image(root / "val/n00000003/x.JPEG", uniform(1))
    with pytest.raises(DataMissing, match=r"val/n00000003 is of a class that .*train does not have"):
        load(ImageNet(**PLAIN))


def test_a_flat_validation_folder_is_refused(root: Path) -> None:
    for path in list((root / "val").rglob("*.JPEG")):
        path.rename(root / "val" / path.name)
    with pytest.raises(DataMissing, match=r"there are no images in .*val, as nXXXXXXXX/\*\.JPEG"):
        load(ImageNet(**PLAIN))


def test_a_missing_folder_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "val").rename(root / "validation")
    with pytest.raises(DataMissing, match=r"imagenet: val \(with a folder for each class\) is not in .*imagenet"):
        load(ImageNet(**PLAIN))
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(DataMissing, match="set SIMASGD_DATA to the folder that holds imagenet/"):
        load(ImageNet(**PLAIN))


@pytest.mark.parametrize("partition", [Shards(), Dirichlet(concentration=0.3)], ids=str)
def test_its_images_can_be_parted(partition: Shards | Dirichlet, root: Path) -> None:
    own = parts(partition, load(ImageNet(**PLAIN)).train_labels, 2, seed=0)
    assert own is not None
    assert sorted(np.concatenate(own).tolist()) == list(range(5))
