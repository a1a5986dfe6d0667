"""`bench/all`: what was read is kept and told, what failed is noted, and nothing goes on running."""

import json
import time
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from shlex import quote

import pytest

ROOT = Path(__file__).resolve().parent.parent
FIGURES = """key\tset\tfigure\tunit\tgoal\tpeer\trecorded\treason
fast\tone\thow fast\tlines/s\t>= 0.5 x\tanother\t\tit is slow
slow\ttwo\thow slow\tms\t<= 20\t\t40\t
big\ttwo\thow big\tMB\t\t\t\t
"""
FAST = {"key": "fast", "runs": [{"value": 40, "peer": 100, "others": 3.2}], "median": 40, "ratio": 0.4,
        "held": False}
SLOW = {"key": "slow", "runs": [{"value": 9.5}, {"value": 10.5}, {"value": 1234}], "median": 10.5,
        "ratio": None, "held": True}
BIG = {"key": "big", "runs": [{"value": 3}], "median": 3, "ratio": None, "held": None}


@pytest.fixture
def figures(tmp_path, monkeypatch):
    """The module on a page of its own; its benchmarks are what a test writes into its folder."""
    loader = SourceFileLoader("figures_of_all", str(ROOT / "bench/all"))
    module = module_from_spec(spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    names = {"FIGURES": "figures.tsv", "FAULTS": "faults.tsv", "STORE": "readings.jsonl", "PAGE": "page.md"}
    for name, file in names.items():
        monkeypatch.setattr(module, name, tmp_path / file)
    module.FIGURES.write_text(FIGURES)
    module.FAULTS.write_text("row\treason\nA2 \tit is hard\n")
    module.PAGE.write_text(f"before\n{module.BEGIN}\n{module.END}\nafter\n")
    monkeypatch.setattr(module, "SETS", {"one": ("first", 1), "two": ("second --more", 1)})
    monkeypatch.setattr(module, "build", lambda profile, wanted: tmp_path)
    monkeypatch.setattr(module, "commit", lambda: "c0ffee")
    return module


def benchmark(folder, name, *readings, then="exit 0"):
    """A program that appends these readings to the file it is given last."""
    lines = "".join(f"echo {quote(json.dumps(reading))} >>\"${{!#}}\"\n" for reading in readings)
    program = folder / name
    program.write_text(f"#!/bin/bash\n{lines}{then}\n")
    program.chmod(0o755)


def runs(pid):
    """Whether there is such a process, other than a dead one that nobody has asked about yet."""
    try:
        return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def row(module, key):
    """The cells of a figure's row."""
    line = next(line for line in module.PAGE.read_text().splitlines() if line.startswith(f"| {key} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_every_reading_is_told_with_its_raw_values(figures, tmp_path):
    benchmark(tmp_path, "first", FAST)
    benchmark(tmp_path, "second", SLOW)
    assert figures.measure(["one", "two"], "release", []) == []
    assert row(figures, "fast") == ["fast", "`one`", "how fast", "≥ 0.5 ×", "40.0 lines/s",
                                    "0.40 × of another (100)", "**missed**: it is slow", "3.20", "a"]
    assert row(figures, "slow") == ["slow", "`two`", "how slow", "≤ 20 ms",
                                    "9.50 / 10.5 / 1,234 ms (spread 11662 %)",
                                    "0.53 × of the target; 0.26 × of svix-server as recorded (40.0)",
                                    "held", "", "a"]
    assert row(figures, "big")[4] == "not run"
    page = figures.PAGE.read_text()
    assert page.startswith("before\n") and page.endswith("after\n") and "`c0ffee`" in page


def test_other_sets_keep_their_readings_with_their_commit(figures, tmp_path, monkeypatch):
    stored = []
    benchmark(tmp_path, "first", FAST)
    benchmark(tmp_path, "second", SLOW)
    figures.measure(["one", "two"], "release", stored)
    monkeypatch.setattr(figures, "commit", lambda: "decaf")
    benchmark(tmp_path, "second", {**SLOW, "held": False})
    figures.measure(["two"], "debug", stored)
    commits = {line["key"]: line["commit"] for line in stored}
    assert commits == {"fast": "c0ffee", "slow": "decaf"}
    assert row(figures, "slow")[6] == "**missed**"
    assert "**debug, not optimized**" in figures.PAGE.read_text()
    kept = figures.STORE.read_text().splitlines()
    assert [json.loads(line) for line in kept] == stored


def test_a_failure_is_noted_and_the_next_set_is_read(figures, tmp_path):
    stored = []
    benchmark(tmp_path, "first", FAST)
    benchmark(tmp_path, "second", SLOW, BIG)
    figures.measure(["two"], "release", stored)
    benchmark(tmp_path, "second", {**SLOW, "held": False}, then="exit 3")
    assert figures.measure(["two", "one"], "release", stored) == ["two"]
    assert row(figures, "slow")[6] == "**missed**"
    assert row(figures, "big")[4] == "3.00 MB", "an older reading went with a failed run"
    assert row(figures, "fast")[4] == "40.0 lines/s"
    assert "The last run of `two` failed (a): exit code 3." in figures.PAGE.read_text()
    benchmark(tmp_path, "second", SLOW)
    assert figures.measure(["two"], "release", stored) == []
    assert "failed" not in figures.PAGE.read_text()
    assert row(figures, "big")[4] == "not run"


def test_what_takes_too_long_is_ended_with_everything_it_started(figures, tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "SETS", {"one": ("first", 0.1)})
    started = tmp_path / "started"
    benchmark(tmp_path, "first", FAST, then=f"sleep 600 & echo $! >{started}; wait")
    assert figures.measure(["one"], "release", []) == ["one"]
    assert "failed (a): not done after 0.1 minutes." in figures.PAGE.read_text()
    deadline = time.monotonic() + 60
    while runs(started.read_text().strip()):
        assert time.monotonic() < deadline, "a process goes on"


def test_missed_goals_of_faults_are_no_failure(figures, tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "SETS", {"faults": ("faults", 1)})
    told = {"row": "A1 killed", "goal": "nothing lost", "met": False, "told": "1 lost"}
    benchmark(tmp_path, "faults", told, then="exit 1")
    assert figures.measure(["faults"], "release", []) == []
    assert "| A1 killed (`faults`) | nothing lost | 1 lost | **missed** | a |" in figures.PAGE.read_text()


def test_the_binary_is_judged_by_what_packs_it(figures, tmp_path, monkeypatch):
    packed = tmp_path / "dist/vinculo"
    packed.parent.mkdir()
    packed.write_bytes(b"built before")
    pack = tmp_path / "pack"
    monkeypatch.setattr(figures, "TARBALL", str(pack))
    monkeypatch.setattr(figures, "SETS", {"binary": (str(pack), 1)})
    monkeypatch.setattr(figures, "build", lambda profile, wanted: tmp_path / "release")
    figures.FIGURES.write_text(FIGURES + "binary\tbinary\tas packed\tMB\t<= 25\t\t\t\n")
    for script, read, verdict in [
        (f"truncate --size 26000000 {packed}; exit 1", "26.0 MB", "**missed**"),
        (f"truncate --size 24000000 {packed}", "24.0 MB", "held"),
    ]:
        benchmark(tmp_path, "pack", then=script)
        assert figures.measure(["binary"], "release", []) == []
        assert (row(figures, "binary")[4], row(figures, "binary")[6]) == (read, verdict)
    benchmark(tmp_path, "pack", then="exit 1")
    assert figures.measure(["binary"], "release", []) == ["binary"]
    assert row(figures, "binary")[4] == "not run"


def test_unknown_sets_are_named(figures, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["all", "reed"])
    with pytest.raises(SystemExit):
        figures.main()
    assert "there is no set 'reed'; there are one, two" in capsys.readouterr().err


def test_a_page_that_was_edited_is_refused(figures, monkeypatch):
    monkeypatch.setattr("sys.argv", ["all", "--check"])
    with pytest.raises(SystemExit, match="is not what bench/all --render writes"):
        figures.main()
    monkeypatch.setattr("sys.argv", ["all", "--render"])
    figures.main()
    monkeypatch.setattr("sys.argv", ["all", "--check"])
    figures.main()


def checked(module, monkeypatch):
    monkeypatch.setattr("sys.argv", ["all", "--check"])
    module.main()


def test_a_missed_goal_needs_a_reason(figures, tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "SETS", {"one": ("first", 1), "two": ("second", 1), "faults": ("faults", 1)})
    rows = [{"row": row, "goal": "nothing lost", "met": False, "told": "1 lost"} for row in ("A1 kill", "A2 kill")]
    benchmark(tmp_path, "first", FAST)
    benchmark(tmp_path, "second", {**SLOW, "held": False})
    benchmark(tmp_path, "faults", *rows, then="exit 1")
    stored = []
    figures.measure(["one"], "release", stored)
    checked(figures, monkeypatch)
    figures.measure(["two", "faults"], "release", stored)
    assert "| A2 kill (`faults`) | nothing lost | 1 lost | **missed**: it is hard | a |" in figures.PAGE.read_text()
    with pytest.raises(SystemExit, match="missed without a reason in bench/.*: slow; A1 kill$"):
        checked(figures, monkeypatch)


def test_the_page_says_how_old_a_reading_is(figures, tmp_path, monkeypatch):
    """How much came later is said when the page is written; that more came since makes it no other page."""
    benchmark(tmp_path, "first", FAST)
    figures.measure(["one"], "release", [])
    assert "`c0ffee`, of an unknown commit" in figures.PAGE.read_text()
    for later in ["no commit on `crates/` later", "**12 commits on `crates/` later**"]:
        monkeypatch.setattr(figures, "age", lambda line, later=later: later)
        checked(figures, monkeypatch)
        monkeypatch.setattr("sys.argv", ["all", "--render"])
        figures.main()
        assert f"`c0ffee`, {later}" in figures.PAGE.read_text()


def test_the_age_of_a_reading_is_counted_in_commits_on_the_program(figures, tmp_path, monkeypatch):
    place = tmp_path / "repository"
    place.mkdir()
    monkeypatch.setattr(figures, "ROOT", place)

    def committed(file):
        (place / file).parent.mkdir(parents=True, exist_ok=True)
        (place / file).write_text("")
        figures.output("git", "add", file)
        figures.output("git", "-c", "user.name=Ejemplo", "-c", "user.email=ejemplo@example.com", "commit",
                       "--quiet", "--message", file)
        return figures.output("git", "rev-parse", "HEAD").strip()

    assert figures.age({"commit": "c0ffee"}) == "of an unknown commit"
    figures.output("git", "init", "--quiet")
    first = committed("crates/one")
    committed("docs/page")
    committed("crates/one_more/tests/it")
    assert figures.age({"commit": first}) == figures.age({"commit": f"{first}+"}) == "no commit on `crates/` later"
    committed("crates/two")
    committed("crates/three")
    assert figures.age({"commit": first}) == "**2 commits on `crates/` later**"
    assert figures.age({"commit": "0" * 40}) == "of an unknown commit"
