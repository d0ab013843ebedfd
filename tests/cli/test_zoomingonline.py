"""Command lines of ZoomingOnline, as its own text writes them."""

import json

import h5py
import numpy as np
import pytest
import zarr
from tests.cli_runner import fail, run, succeed


def test_generate_data_to_zarr(tmp_path):
    """`generate_data.py -o output.zarr --channels 2 --samples 1e8`, shorter."""
    succeed(
        "generate_data", "-o", "output.zarr", "--channels", "2", "--samples", "1e5", cwd=tmp_path
    )
    group = zarr.open_group(tmp_path / "output.zarr", mode="r")
    assert group["raw"].shape == (2, 1, 3, 100_000)
    assert group["overview"]["0"][0, 0, 0, 0].max() <= group["overview"]["0"][0, 0, 0, 1].max()
    for name in ("horiz_interval", "vertical_gains", "vertical_offsets"):
        assert name in group.attrs


def test_generate_data_to_hdf5(tmp_path):
    """`generate_data.py -o output.h5 --signal square --segments 2`, shorter."""
    succeed("generate_data", "-o", "output.h5", "--signal", "square", "--segments", "2", "--samples", "1e5", cwd=tmp_path)  # fmt: skip
    with h5py.File(tmp_path / "output.h5") as file:
        assert file["data"].shape == (2, 1, 2, 100_000)
        assert (file["data"].dtype, file["data"].compression) == (np.int16, "gzip")


@pytest.mark.slow
def test_generate_data_minimal(tmp_path):
    succeed("generate_data", "--minimal", cwd=tmp_path)
    assert zarr.open_group(tmp_path / "output.zarr", mode="r")["raw"].shape == (2, 3, 5, 1_000_000)


def test_convert_hdf5_to_zarr(tmp_path):
    """Its generator's file goes through its converter, which it never did."""
    succeed("generate_data", "-o", "input.h5", "--samples", "1e5", cwd=tmp_path)
    succeed("convert_hdf5_to_zarr", "-i", "input.h5", "-o", "output.zarr", cwd=tmp_path)
    succeed("convert_hdf5_to_zarr", "-i", "input.h5", "--output-dir", "stores", cwd=tmp_path)
    (tmp_path / "folder").mkdir()
    succeed("convert_hdf5_to_zarr", "-i", "input.h5", "-o", "folder", cwd=tmp_path)
    succeed("convert_hdf5_to_zarr", "--input", "input.h5", "--output", "x.zarr", cwd=tmp_path)
    for store in ("output.zarr", "stores/input.zarr", "folder/input.zarr", "x.zarr"):
        succeed("verify", store, "--against", "input.h5", cwd=tmp_path)


def test_the_dataset_may_be_called_samples(tmp_path):
    codes = np.arange(2 * 3 * 1003, dtype=np.int16).reshape(2, 1, 3, 1003)
    with h5py.File(tmp_path / "in.h5", "w") as file:
        file["samples"] = codes
        file["vertical_gain"] = [1e-4, 2e-4]
        file["vertical_offset"] = [0.1, 0.2]
        file["horiz_offset"] = -1e-6
        file.attrs["horiz_interval"] = 1e-9
        file.attrs["operator"] = "Ada"
    succeed("convert_hdf5_to_zarr", "-i", "in.h5", "-o", "out.zarr", cwd=tmp_path)
    group = zarr.open_group(tmp_path / "out.zarr", mode="r")
    assert group.attrs["vertical_gains"] == [[1e-4], [2e-4]]
    assert group.attrs["vertical_offsets"] == [[0.1], [0.2]]
    assert group.attrs["horiz_interval"] == 1e-9
    assert group.attrs["operator"] == "Ada"
    np.testing.assert_array_equal(group["raw"][...], codes)


def test_old_outputs_are_replaced_with_a_word(tmp_path):
    first = succeed("generate_data", "-o", "o.zarr", "--samples", "1e4", cwd=tmp_path)
    assert "replacing" not in first
    again = run("generate_data", "-o", "o.zarr", "--samples", "2e4", cwd=tmp_path)
    assert again.returncode == 0
    assert "replacing o.zarr" in again.stderr
    assert zarr.open_group(tmp_path / "o.zarr", mode="r")["raw"].shape[-1] == 20_000
    (tmp_path / "home.zarr").mkdir()
    (tmp_path / "home.zarr/thesis.tex").write_text("precious")
    done = run("generate_data", "-o", "home.zarr", "--samples", "1e4", cwd=tmp_path)
    assert done.returncode == 2
    assert "refusing to replace" in done.stderr
    assert (tmp_path / "home.zarr/thesis.tex").read_text() == "precious"


def test_importer_over_a_folder(tmp_path):
    """`data_to_s3_importer.py data/ --bucket B --skip-upload`; one bad file does not stop it."""
    data = tmp_path / "data"
    data.mkdir()
    for name in ("a.h5", "b.hdf5", "c.hdf"):
        succeed("generate", data / "x.h5", "--samples", "1e4", "--overwrite")
        (data / "x.h5").rename(data / name)
    (data / "broken.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    (data / "notes.txt").write_text("not a waveform")
    done = run("data_to_s3_importer", "data/", "--bucket", "B", "--skip-upload", cwd=tmp_path)
    assert done.returncode == 1
    assert "broken.h5" in done.stderr
    assert "3 converted, 0 kept, 1 failed" in done.stdout
    for name in ("a", "b", "c"):
        succeed("verify", data / f"{name}.zarr")
    (data / "broken.h5").unlink()
    done = run("import", data, "--skip-upload")
    assert done.returncode == 0
    assert "0 converted, 3 kept, 0 failed" in done.stdout
    done = run("data_to_s3_importer", "-i", data / "c.hdf", "-o", tmp_path / "out", "--skip-upload")
    assert done.returncode == 0
    succeed("verify", tmp_path / "out/c.zarr")


def test_importer_gathers_sets_of_lecroy_files(tmp_path):
    from tests.formats.trc_files import write_trc

    rng = np.random.default_rng(2)
    for channel in (1, 2):
        for number in (0, 1, 2):
            codes = rng.integers(-100, 100, (1, 500)).astype(np.int16)
            write_trc(tmp_path / f"C{channel}--run--{number:05}.trc", codes)
    succeed("import", tmp_path, "--skip-upload")
    report = json.loads(succeed("info", tmp_path / "run.zarr", "--json"))
    assert list(report["shape"].values()) == [2, 3, 1, 500]


def test_importer_uploads_and_removes_its_store(
    tmp_path, moto_environment, moto_bucket, monkeypatch
):
    """`data_to_s3_importer.py -i FILE -o DIR --mc-alias A`, bucket, keys and address in `.env`."""
    server = moto_environment
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name)
    (tmp_path / ".env").write_text(
        f"AWS_ACCESS_KEY_ID={server.access_key}\nAWS_SECRET_ACCESS_KEY={server.secret_key}\n"
        f"S3_ENDPOINT_URL={server.endpoint}\nS3_BUCKET_NAME={moto_bucket}\n"
    )
    succeed("generate_data", "-o", "in.h5", "--samples", "1e4", cwd=tmp_path)
    (tmp_path / "in.h5").rename(tmp_path / "run7.hdf")
    line = ["data_to_s3_importer", "-i", "run7.hdf", "-o", "out"]
    done = run(*line, "--mc-alias", "cyf-public", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "--mc-alias has no effect" in done.stderr
    assert server.secret_key not in done.stdout + done.stderr
    keys = server.sizes(moto_bucket)
    assert {key.split("/")[0] for key in keys} == {"run7"}
    assert "run7/run7.zarr/.zgroup" in keys
    assert (tmp_path / "run7.hdf").exists()
    assert not list((tmp_path / "out").glob("*.zarr"))
    succeed("verify", f"s3://{moto_bucket}/run7/run7.zarr", cwd=tmp_path)
    done = run(*line, "--keep-local", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"replacing s3://{moto_bucket}/run7/run7.zarr" in done.stderr
    assert (tmp_path / "out/run7.zarr/.zgroup").exists()


def test_what_the_importer_needs(tmp_path):
    (tmp_path / "data").mkdir()
    words = ["--bucket", "missing", "--skip-upload"]
    for command in ("data_to_s3_importer", "import"):
        fail(command, "data", status=2, words=words, cwd=tmp_path, env={"S3_BUCKET_NAME": ""})
    fail("import", "data", "--skip-upload", status=2, words="no waveform file", cwd=tmp_path)
    fail(
        "import", "data", "--bucket", "https://x.org", status=2, words="not a bucket", cwd=tmp_path
    )


def test_the_old_commands_are_not_listed_but_have_help():
    assert "generate_data" not in succeed("--help")
    for name in ("generate_data", "convert_hdf5_to_zarr", "data_to_s3_importer", "cors_server"):
        assert "Usage" in succeed(name, "--help")
