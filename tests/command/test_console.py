"""Whatever standard output is, a command prints to it, or says in one message that it cannot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from io import BytesIO, TextIOWrapper

import pytest

from simasgd.command import cli
from tests.build import PROGRAM, TIMING, scenario

ENCODINGS = ["ascii", "cp1252", "latin-1", "cp932", "utf-8"]
COMMANDS = [["list"], ["list", "--json"], ["schema"], ["data"], ["show", "quickstart"], ["--help"], ["run", "--help"]]


def printed(arguments, encoding, monkeypatch):
    """Return what a command prints to streams of that encoding, and its exit status."""
    streams = {name: TextIOWrapper(BytesIO(), encoding=encoding, errors="strict") for name in ("stdout", "stderr")}
    with monkeypatch.context() as patch:
        patch.setattr(sys, "argv", ["simasgd", *arguments])
        for name, stream in streams.items():
            patch.setattr(sys, name, stream)
        with pytest.raises(SystemExit) as left:
            cli.main()
        for stream in streams.values():
            stream.flush()
    out, err = (stream.buffer.getvalue().decode(encoding) for stream in streams.values())
    return out, err, left.value.code or 0


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_every_command_prints_in_every_encoding(arguments, encoding, monkeypatch):
    out, err, code = printed(arguments, encoding, monkeypatch)
    assert (code, err) == (0, "")
    assert out
    if arguments in (["list", "--json"], ["schema"]):
        assert json.loads(out) == json.loads(printed(arguments, "utf-8", monkeypatch)[0])


def test_what_an_encoding_lacks_is_printed_in_plain_letters(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    _, err, code = printed(["check", "λ…₀\udcff─‽.yaml"], "ascii", monkeypatch)
    assert (err, code) == ("'lambda...0\\udcff-\\u203d.yaml': a file's name must be UTF-8 text\n", 2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["check", "quickstart", "title=\udcff"], "is not text"), (["sweep", "quickstart", "title=a,\udcff"], "is not text")],
    ids=["override", "axis"],
)
def test_arguments_that_are_no_text_are_refused(arguments, said, monkeypatch):
    _, err, code = printed(arguments, "utf-8", monkeypatch)
    assert code == 2
    assert said in err


@pytest.mark.skipif(sys.platform != "linux", reason="other systems' file names may be text only")
def test_a_files_name_that_is_no_text_is_refused_in_a_line(tmp_path, monkeypatch):
    from simasgd.scenario.reading.yaml_layer import dump_yaml

    monkeypatch.chdir(tmp_path)
    for name in ("mine\udcff.yaml", "mine.yaml"):
        (tmp_path / name).write_text(dump_yaml(scenario(TIMING).resolved()))
    _, err, code = printed(["run", "mine.yaml", "--out", "out\udcfe", "-q"], "utf-8", monkeypatch)
    assert (err, code) == (r"out\udcfe: a folder's name must be UTF-8 text; give another place with --out" + "\n", 2)
    _, err, code = printed(["run", "mine\udcff.yaml", "--out", "out", "-q"], "utf-8", monkeypatch)
    assert (err, code) == (r"'mine\udcff.yaml': a file's name must be UTF-8 text" + "\n", 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.yaml", "mine\udcff.yaml"]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such devices")
@pytest.mark.parametrize(
    ("redirection", "message", "code"),
    [
        (">/dev/full", "standard output cannot be written: No space left on device\n", 1),
        (">&-", "standard output cannot be written: it is closed\n", 1),
        ("| true", "", 0),
    ],
    ids=["full", "closed", "nobody reads"],
)
def test_an_output_that_cannot_be_written(redirection, message, code):
    shell = ["sh", "-c", f'"$@" {redirection}', "sh", *PROGRAM, "list"]
    done = subprocess.run(shell, capture_output=True, text=True, check=False)
    assert (done.stderr, done.returncode) == (message, code)


@pytest.mark.compiles  # learning begins, in processes of their own
@pytest.mark.parametrize(
    ("command", "variable", "value", "said"),
    [
        ("sweep", "JAX_PLATFORMS", "nonsense", "JAX cannot be used with JAX_PLATFORMS=nonsense: "),
        ("run", "JAX_DISABLE_JIT", "1", "JAX_DISABLE_JIT is set, but simasgd learns in a compiled loop: unset it"),
    ],
)
def test_a_variable_of_jax_that_cannot_be_heeded_is_named(command, variable, value, said, tmp_path):
    program = [*PROGRAM, command, "digits", "stop.epochs=1", "-q"]
    others = {name: given for name, given in os.environ.items() if not name.startswith("JAX_")}
    done = subprocess.run(program, cwd=tmp_path, env={**others, variable: value}, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(said)
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
