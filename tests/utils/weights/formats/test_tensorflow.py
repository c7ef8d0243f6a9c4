import os
import subprocess
import sys
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from utils.errors import UserError
from utils.weights.formats import leveldb
from utils.weights.formats.tensorflow import CompressedBlockError, is_tensorflow_checkpoint, read

# TensorFlow writes the checkpoints and says what is in them, in a separate process.
WRITE = """
import sys
import numpy as np
import tensorflow.compat.v1 as tf

folder = sys.argv[1]
rng = np.random.default_rng(0)
plain = {
    "net/conv1/weights": rng.normal(size=(3, 3, 2, 5)).astype("f4"),
    "net/conv1/biases": rng.normal(size=5).astype("f4"),
    "net/scalar": np.float32(2.5),
    "global_step": np.array(-3, "i8"),
    "counts": np.array([-1, 0, 2**31 - 1], "i4"),
    "double": rng.normal(size=(2, 2)),
}
large = {"net/fc/weights": rng.normal(size=(300, 100)).astype("f4")}
more = {
    "half": rng.normal(size=4).astype("f2"),
    "bytes": np.arange(250, 256, dtype="u1"),
    "shorts": np.array([-5, 5], "i2"),
    "flags": np.array([True, False, True]),
    "complex": (rng.normal(size=2) + 1j).astype("c8"),
    "empty": np.zeros((0, 4), "f4"),
    "text": np.array(b"left out"),
}

def write(name, values, version, **options):
    with tf.Graph().as_default(), tf.Session(config=tf.ConfigProto(device_count={"CPU": 2})) as session:
        for index, (key, value) in enumerate(values.items()):
            with tf.device(f"/cpu:{index % 2 if options else 0}"):
                tf.get_variable(key, initializer=tf.constant(value), use_resource=version == 2)
        session.run(tf.global_variables_initializer())
        saver = tf.train.Saver(write_version=version, **options)
        saver.save(session, f"{folder}/{name}", write_meta_graph=False)
    reader = tf.train.load_checkpoint(f"{folder}/{name}")
    kept = [key for key in reader.get_variable_to_shape_map() if key != "text"]
    np.savez(f"{folder}/{name}.npz", **{key: reader.get_tensor(key) for key in kept})

write("v1.ckpt", {**plain, **large}, 1)
write("v2.ckpt", {**plain, **large, **more}, 2)
write("shards.ckpt", {**plain, **large}, 2, sharded=True)
write("small_v1.ckpt", plain, 1)
write("small_v2.ckpt", plain, 2)
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tensorflow")
    env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run([sys.executable, "-c", WRITE, str(folder)], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def copied(written, tmp_path, name):
    """A copy of a checkpoint's files under the same names."""
    for file in [*written.glob(f"{name}.index"), *written.glob(f"{name}.data*"), *written.glob(name)]:
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path / name


@pytest.mark.parametrize("name", ["v1.ckpt", "v2.ckpt", "shards.ckpt", "small_v2.ckpt.index"])
def test_reads_what_tensorflow_reads(written, name):
    ours = read(written / name)
    with np.load(written / f"{name.removesuffix('.index')}.npz") as reference:
        assert sorted(ours) == sorted(reference.files)
        for key, array in ours.items():
            assert array.dtype == reference[key].dtype and array.shape == reference[key].shape, key
            np.testing.assert_array_equal(array, reference[key], err_msg=key)
            assert array.flags.writeable and array.flags.aligned


def test_the_written_checkpoints_are_what_the_tests_mean(written):
    assert (written / "v1.ckpt").is_file() and not (written / "v1.ckpt.index").exists()
    assert len(list(written.glob("shards.ckpt.data-*-of-00002"))) == 2
    assert len(read(written / "v2.ckpt")) == 13


def test_knows_a_checkpoint_by_its_content(written, tmp_path):
    for name in ("v1.ckpt", "v2.ckpt", "v2.ckpt.index"):
        assert is_tensorflow_checkpoint(written / name)
    other = tmp_path / "other.ckpt"
    other.write_bytes(b"PK" + bytes(100))
    for path in (other, tmp_path / "absent", tmp_path, written / "v2.ckpt.data-00000-of-00001"):
        assert not is_tensorflow_checkpoint(path)
        with pytest.raises(UserError, match=r"no such file|without \.index"):
            read(path)


def test_a_missing_or_cut_data_file_is_named(written, tmp_path):
    path = copied(written, tmp_path, "v2.ckpt")
    data = tmp_path / "v2.ckpt.data-00000-of-00001"
    whole = data.read_bytes()
    data.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="outside"):
        read(path)
    data.write_bytes(bytes(len(whole)))  # of another checkpoint of the same network
    with pytest.raises(UserError, match="checksum"):
        read(path)
    data.unlink()
    with pytest.raises(UserError, match=r"v2\.ckpt\.data-00000-of-00001: cannot be read"):
        read(path)


def varint(number):
    return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + varint(number >> 7)


def block(*entries, kind=0):
    body = b"".join(varint(0) + varint(len(k)) + varint(len(v)) + k + v for k, v in entries)
    body += bytes(4) + (1).to_bytes(4, "little") + bytes([kind])
    return body + leveldb.masked_crc32c(body).to_bytes(4, "little")


def table(*blocks):
    """A table file of finished blocks."""
    content, places = b"", []
    for data in blocks:
        places.append(varint(len(content)) + varint(len(data) - leveldb.TRAILER_BYTES))
        content += data
    index = block(*((b"%03d" % number, place) for number, place in enumerate(places)))
    handles = varint(0) + varint(0) + varint(len(content)) + varint(len(index) - leveldb.TRAILER_BYTES)
    return content + index + handles.ljust(40, b"\0") + leveldb.MAGIC


def field(number, content):
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


HEADER = (b"", field(1, 1))
ONES = np.ones(4, "<f4").tobytes()


def entry(**changes):
    """A BundleEntryProto of 4 floats."""
    values = {"dtype": 1, "dim": 4, "shard": 0, "offset": 0, "size": 16, **changes}
    content = field(1, values["dtype"]) + field(2, field(2, field(1, values["dim"])))
    content += field(3, values["shard"]) + field(4, values["offset"]) + field(5, values["size"])
    return content + b"\x35" + leveldb.masked_crc32c(ONES).to_bytes(4, "little") + changes.get("more", b"")


def write_v2(folder, *blocks):
    (folder / "made.ckpt.index").write_bytes(table(*blocks))
    (folder / "made.ckpt.data-00000-of-00001").write_bytes(ONES)
    return folder / "made.ckpt"


def test_the_handmade_tables_are_right(tmp_path):
    known = 0xE3069283  # CRC-32C of "123456789", RFC 3720 and others
    assert leveldb.masked_crc32c(b"123456789") == ((known >> 15 | known << 17) + 0xA282EAD8) % 2**32
    made = read(write_v2(tmp_path, block(HEADER), block((b"a", entry()))))
    np.testing.assert_array_equal(made["a"], np.ones(4, "f4"))


def test_compressed_blocks_have_a_separate_error(tmp_path):
    with pytest.raises(CompressedBlockError, match="compressed; read it with TensorFlow"):
        read(write_v2(tmp_path, block(HEADER), block((b"a", entry()), kind=1)))


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([block((b"a", entry()))], "does not begin with a header"),
        ([block(HEADER, kind=7)], "an unknown kind, 7"),
        ([block((b"", field(1, 1) + field(2, 1)))], "big-endian"),
        ([block((b"", field(1, b"1")), (b"a", entry()))], "bytes where a number belongs"),
        ([block(HEADER, (b"a", entry(size=17)))], "17 bytes at 0 are outside"),
        ([block(HEADER, (b"a", entry(offset=2**63)))], "outside"),
        ([block(HEADER, (b"a", entry(dim=5)))], "shape .5. has 16 bytes"),
        ([block(HEADER, (b"a", entry(dim=2**64 - 1)))], "has the shape"),
        ([block(HEADER, (b"a", entry(dtype=14)))], "a type that is not read, 14"),
        ([block(HEADER, (b"a", entry(shard=1)))], "absent data file 1"),
        ([block(HEADER, (b"a", entry(more=field(7, b""))))], "partitioned"),
        ([block(HEADER, (b"a", entry()), (b"a", entry()))], "listed twice"),
        ([block(HEADER, (b"a", entry()), (b"b", entry()))], "share their bytes"),
        ([block(HEADER, (b"\xff", entry()))], "not text"),
        ([block(HEADER, (b"a", field(2, 1) * 65))], "too many fields"),
        ([block(HEADER, (b"a" * 5000, entry()))], "key"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, blocks, message):
    with pytest.raises(UserError, match=message):
        read(write_v2(tmp_path, *blocks))


def test_one_block_listed_many_times_is_refused():
    data = block((b"a", entry()))
    place = varint(0) + varint(len(data) - leveldb.TRAILER_BYTES)
    index = block(*[(b"k", place)] * 100)
    handles = varint(0) + varint(0) + varint(len(data)) + varint(len(index) - leveldb.TRAILER_BYTES)
    with pytest.raises(leveldb.DamagedTableError, match="too many blocks"):
        list(leveldb.entries(memoryview(data + index + handles.ljust(40, b"\0") + leveldb.MAGIC)))


def mutated(content, changes, length):
    content = bytearray(content)
    for position, byte in changes:
        content[position % len(content)] = byte
    return bytes(content[: len(content) - length])


@pytest.mark.parametrize("checked", [True, False], ids=["checksums", "no checksums"])
@pytest.mark.parametrize("name", ["small_v1.ckpt", "small_v2.ckpt.index"])
def test_damage_never_ends_in_another_error(written, tmp_path, name, checked, monkeypatch):
    """Without checksums the damage reaches the parsers, as in a hostile file."""
    path = copied(written, tmp_path, name.removesuffix(".index"))
    path = path.with_name(name)
    content = path.read_bytes()
    if not checked:
        monkeypatch.setattr(leveldb, "CHECKED_BYTES", -1)
    byte = st.sampled_from([0, 1, 127, 128, 255]) | st.integers(0, 255)
    change = st.tuples(st.integers(0, len(content) - 1), byte)
    cut = st.just(0) if not checked else st.sampled_from([0, 0, 0, 1, 48, len(content)])

    @settings(max_examples=150, deadline=2000, suppress_health_check=cast(Any, list(HealthCheck)))
    @given(st.lists(change, min_size=1, max_size=4), cut)
    def damage(changes, length):
        path.write_bytes(mutated(content, changes, length))
        try:
            arrays = read(path)
        except UserError as error:
            assert str(path) in str(error) or "data-" in str(error)
            return
        assert sum(array.nbytes for array in arrays.values()) <= 10 * len(content) + 10_000

    damage()
