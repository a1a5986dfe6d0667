"""`bench/all`: what was read is kept and told, what failed is noted, and nothing goes on running."""

import json
import time
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from shlex import quote

import pytest

ROOT = Path(__file__).resolve().parent.parent
FIGURES = """key\tset\tfigure\tunit\tgoal\tjudged\tpeer\trecorded\treason
fast\tone\thow fast\tlines/s\t>= 0.5 x\t\tanother\t\tit is slow
slow\ttwo\thow slow\tms\t<= 20\t\t\t40\t
big\ttwo\thow big\tMB\t\t\t\t\t
binary\tbinary\tas packed\tMB\t<= 25\t\t\t\t
"""
FAST = {"key": "fast", "runs": [{"value": 40, "peer": 100, "others": 3.2}], "median": 40, "ratio": 0.4}
SLOW = {"key": "slow", "runs": [{"value": 9.5}, {"value": 10.5}, {"value": 1234}], "median": 10.5,
        "ratio": None}
SLOWER = {**SLOW, "runs": [{"value": 30}], "median": 30}
BIG = {"key": "big", "runs": [{"value": 3}], "median": 3, "ratio": None}


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
    monkeypatch.setattr(module, "FAULT_SETS", ("faults",))
    # What is owed is refused where a test asks for it.
    monkeypatch.setattr(module, "MAY_WAIT", ("one", "two", "binary", "faults"))
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
    assert figures.measure(["one", "two"], "debug", []) == []
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
    figures.measure(["one", "two"], "debug", stored)
    monkeypatch.setattr(figures, "commit", lambda: "decaf")
    benchmark(tmp_path, "second", SLOWER)
    figures.measure(["two"], "debug", stored)
    commits = {line["key"]: line["commit"] for line in stored}
    assert commits == {"fast": "c0ffee", "slow": "decaf"}
    assert row(figures, "slow")[6] == "**missed**"
    assert "| **`debug`, not optimized** |" in figures.PAGE.read_text()
    kept = figures.STORE.read_text().splitlines()
    assert [json.loads(line) for line in kept] == stored


def test_a_failure_is_noted_and_the_next_set_is_read(figures, tmp_path):
    stored = []
    benchmark(tmp_path, "first", FAST)
    benchmark(tmp_path, "second", SLOW, BIG)
    figures.measure(["two"], "debug", stored)
    benchmark(tmp_path, "second", SLOWER, then="exit 3")
    assert figures.measure(["two", "one"], "debug", stored) == ["two"]
    assert row(figures, "slow")[6] == "**missed**"
    assert row(figures, "big")[4] == "3.00 MB", "an older reading went with a failed run"
    assert row(figures, "fast")[4] == "40.0 lines/s"
    assert "The last run of `two` failed (a): exit code 3." in figures.PAGE.read_text()
    benchmark(tmp_path, "second", SLOW)
    assert figures.measure(["two"], "debug", stored) == []
    assert "failed" not in figures.PAGE.read_text()
    assert row(figures, "big")[4] == "not run"


def test_what_takes_too_long_is_ended_with_everything_it_started(figures, tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "SETS", {"one": ("first", 0.5)})
    started = tmp_path / "started"
    benchmark(tmp_path, "first", FAST, then=f"sleep 600 & echo $! >{started}; wait")
    assert figures.measure(["one"], "debug", []) == ["one"]
    assert "failed (a): not done after 0.5 minutes." in figures.PAGE.read_text()
    deadline = time.monotonic() + 60
    while runs(started.read_text().strip()):
        assert time.monotonic() < deadline, "a process goes on"


def test_missed_goals_of_faults_are_no_failure(figures, tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "SETS", {"faults": ("faults", 1)})
    told = {"row": "A1 killed", "goal": "nothing lost", "met": False, "told": "1 lost"}
    benchmark(tmp_path, "faults", told, then="exit 1")
    assert figures.measure(["faults"], "debug", []) == []
    assert "| A1 killed (`faults`) | nothing lost | 1 lost | **missed** | a |" in figures.PAGE.read_text()


@pytest.fixture
def built(figures, tmp_path, monkeypatch):
    """With cargo and packaging/tarball played by scripts: `built(script)` is what the latter does to its binary."""
    loader = SourceFileLoader("building", str(ROOT / "bench/all"))
    whole = module_from_spec(spec_from_loader(loader.name, loader))
    loader.exec_module(whole)
    target, programs, pack = tmp_path / "target", tmp_path / "programs", tmp_path / "pack"
    for folder in (target / "release", target / "dist", programs):
        folder.mkdir(parents=True)
    for name, reading in (("first", FAST), ("second", SLOW)):
        benchmark(target / "release", name, reading, then=f"cp \"${{0%/*}}\"/vinculo {tmp_path}/measured")
    cargo = programs / "cargo"
    cargo.write_text(f"#!/bin/bash\n[ $1 = build ] && echo \"$@\" >>{tmp_path}/asked\n"
                     f"echo '{json.dumps({'target_directory': str(target)})}'\n")
    cargo.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setattr(figures, "build", lambda *arguments: whole.build(*arguments))
    for module in (figures, whole):
        monkeypatch.setattr(module, "TARBALL", str(pack))
        monkeypatch.setattr(module, "FIGURES", figures.FIGURES)
        monkeypatch.setattr(module, "SETS", {"one": ("first", 1), "two": ("second", 1), "binary": (str(pack), 1)})
        monkeypatch.setattr(module, "BY_ITSELF", ("two",))

    def packs(script):
        benchmark(tmp_path, "pack", then=script.replace("BINARY", str(target / "dist/vinculo")))

    return packs


def test_what_is_measured_is_what_is_packed(figures, built, tmp_path):
    (tmp_path / "target/dist/vinculo").write_bytes(b"built before")
    built("truncate --size 24000000 BINARY")
    stored = []
    assert figures.measure(["one"], "dist", stored) == []
    assert (tmp_path / "measured").stat().st_size == 24_000_000
    assert "--release" in (tmp_path / "asked").read_text()
    # Its size costs nothing more.
    assert {line["key"]: line["profile"] for line in stored} == {"binary": "dist", "fast": "dist"}
    assert (row(figures, "binary")[4], row(figures, "binary")[6]) == ("24.0 MB", "held")
    page = figures.PAGE.read_text()
    assert "| `dist`, as packed |" in page and "| `one` | `target/measured/first` |" in page


def test_a_program_that_is_refused_for_its_size_is_measured_and_told(figures, built, tmp_path):
    built("truncate --size 26000000 BINARY; exit 1")
    assert figures.measure(["binary"], "dist", []) == []
    assert (row(figures, "binary")[4], row(figures, "binary")[6]) == ("26.0 MB", "**missed**")
    (tmp_path / "target/dist/vinculo").write_bytes(b"built before")
    for script in ("exit 1", "exit 0", "truncate --size 24000000 BINARY; exit 1"):
        built(script)
        with pytest.raises(SystemExit, match="the program was not packed"):
            figures.measure(["one"], "dist", [])


def test_a_benchmark_that_needs_no_program_packs_none(figures, built, tmp_path):
    built("touch BINARY; touch packed")
    stored = []
    assert figures.measure(["two"], "dist", stored) == ["two"]  # It cannot copy what is not there.
    assert not (tmp_path / "target/dist/vinculo").exists()
    assert {line["profile"] for line in stored} == {"release"}
    assert "| `release`, not as packed |" in figures.PAGE.read_text()


@pytest.mark.parametrize("arguments", [["one"], ["--build", "one"]])
def test_another_one_is_refused_while_one_builds_or_measures(figures, tmp_path, monkeypatch, arguments):
    benchmark(tmp_path, "first", FAST)
    monkeypatch.setattr(figures, "target_folder", lambda: tmp_path)
    monkeypatch.setattr(figures.signal, "signal", lambda *_: None)
    monkeypatch.setattr("sys.argv", ["all", "--profile", "debug", *arguments])
    with figures.alone(), pytest.raises(SystemExit, match="another bench/all or bench/soak is at work"):
        figures.main()
    assert not figures.STORE.exists()
    figures.main()
    assert figures.STORE.exists() == (arguments == ["one"])


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
    benchmark(tmp_path, "second", SLOWER)
    benchmark(tmp_path, "faults", *rows, then="exit 1")
    stored = []
    figures.measure(["one"], "debug", stored)
    checked(figures, monkeypatch)
    figures.measure(["two", "faults"], "debug", stored)
    assert "| A2 kill (`faults`) | nothing lost | 1 lost | **missed**: it is hard | a |" in figures.PAGE.read_text()
    with pytest.raises(SystemExit, match="missed without a reason in bench/.*: slow; A1 kill$"):
        checked(figures, monkeypatch)


@pytest.mark.parametrize("reason", ["by 2 ms; not looked into", "why was not found", "Unknown", "nobody knows"])
def test_that_nobody_looked_is_no_reason(figures, tmp_path, monkeypatch, reason):
    benchmark(tmp_path, "first", FAST)
    figures.FIGURES.write_text(FIGURES.replace("it is slow", reason))
    figures.measure(["one"], "debug", [])
    with pytest.raises(SystemExit, match="a reason that says nobody looked: fast$"):
        checked(figures, monkeypatch)
    figures.FIGURES.write_text(FIGURES)
    figures.FAULTS.write_text(f"row\treason\nA2 \t{reason}\n")
    figures.write_page(figures_read(figures))
    with pytest.raises(SystemExit, match="a reason that says nobody looked: A2$"):
        checked(figures, monkeypatch)


def figures_read(module):
    return [json.loads(line) for line in module.STORE.read_text().splitlines()]


def test_a_goal_that_is_held_again_keeps_no_reason(figures, tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "SETS", {"one": ("first", 1), "faults": ("faults", 1)})
    benchmark(tmp_path, "first", {**FAST, "ratio": 0.6})
    met = {"row": "A2 kill", "goal": "nothing lost", "met": True, "told": "0 lost"}
    benchmark(tmp_path, "faults", met, {**met, "row": "A2 pause", "met": False}, then="exit 1")
    stored = []
    figures.measure(["one", "faults"], "debug", stored)
    with pytest.raises(SystemExit, match="not missed, and has a reason in bench/.*: fast$"):
        checked(figures, monkeypatch)
    figures.FIGURES.write_text(FIGURES.replace("it is slow", ""))
    benchmark(tmp_path, "faults", met)
    figures.measure(["faults"], "debug", stored)
    with pytest.raises(SystemExit, match="not missed, and has a reason in bench/.*: A2 kill$"):
        checked(figures, monkeypatch)


def test_a_goal_has_to_be_read_of_what_is_packed(figures, tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "SETS", {"one": ("first", 1), "two": ("second", 1), "faults": ("faults", 1)})
    rows = [{"row": row, "goal": "nothing lost", "met": True, "told": "0 lost"} for row in ("A1: kill", "A5 ends")]
    benchmark(tmp_path, "first", {**FAST, "ratio": 0.6})
    benchmark(tmp_path, "second", SLOW, BIG)
    benchmark(tmp_path, "faults", *rows)
    figures.FIGURES.write_text(FIGURES.replace("it is slow", "").replace("binary\tbinary", "large\tthree"))
    figures.FAULTS.write_text("row\treason\n")
    stored = []
    figures.measure(["one", "two", "faults"], "debug", stored)
    told = "**Goals that were not read of the program as it is packed**: `fast` of `one` (debug); `slow` of `two` " \
           "(debug); `large` of `three` (not run); `A1` of `faults` (debug)."
    assert told in figures.PAGE.read_text()
    monkeypatch.setattr(figures, "MAY_WAIT", ("one", "two", "three", "faults"))
    checked(figures, monkeypatch)
    for of, name in [("one", "fast (debug)"), ("three", "large (not run)"), ("faults", "A1: kill (debug)")]:
        monkeypatch.setattr(figures, "MAY_WAIT", tuple({"one", "two", "three", "faults"} - {of}))
        with pytest.raises(SystemExit) as refused:
            checked(figures, monkeypatch)
        assert str(refused.value) == f"bench/all: a goal that was not read of the program as it is packed: {name}"


def test_what_nobody_packs_has_another_build_and_is_not_owed(figures, tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "SETS", {"one": ("first", 1), "faults": ("faults", 1), "binary": ("pack", 1)})
    monkeypatch.setattr(figures, "lines_of", lambda name, *_: (
        [{"one": FAST, "binary": {"key": "binary", "runs": [{"value": 20}], "median": 20},
          "faults": {"row": "A5 ends", "goal": "nothing lost", "met": True, "told": "0 lost"}}[name]], None))
    monkeypatch.setattr(figures, "MAY_WAIT", ())
    monkeypatch.setattr(figures, "NEVER_PACKED", ("A5 ", "fas"))
    monkeypatch.setattr(figures, "FAULT_SETS", ("faults",))
    figures.FIGURES.write_text("".join(line for line in FIGURES.splitlines(True) if not line.startswith("slow")))
    figures.FAULTS.write_text("row\treason\n")
    stored = []
    figures.measure(["one", "faults"], "dist", stored)
    assert {figures.id_of(line): line["profile"] for line in stored} == {
        "fast": "dist", "binary": "dist", "A5 ends": "release"}
    assert "Goals that" not in figures.PAGE.read_text()
    checked(figures, monkeypatch)
    # One whole name is not the beginning of others.
    monkeypatch.setattr(figures, "NEVER_PACKED", ("fast",))
    assert [name for _, name, _ in figures.owed(stored)] == ["A5 ends"]
    figures.measure(["one"], "dist", stored)
    assert figures.owed(stored) == [("faults", "A5 ends", "release")]
    assert {line["profile"] for line in stored if figures.id_of(line) == "fast"} == {"release"}


def test_where_each_run_is_judged_the_worst_decides(figures, tmp_path):
    benchmark(tmp_path, "first", {**FAST, "runs": [{"value": 60, "peer": 100}, {"value": 40, "peer": 100}], "ratio": 0.6})
    benchmark(tmp_path, "second", SLOW)
    stored = []
    figures.measure(["one", "two"], "debug", stored)
    assert (row(figures, "fast")[6], row(figures, "slow")[6]) == ("held", "held")
    worst = FIGURES.replace("0.5 x\t", "0.5 x\tworst").replace("<= 20\t", "<= 20\tworst")
    figures.FIGURES.write_text(worst)
    figures.write_page(stored)
    assert row(figures, "slow")[3] == "≤ 20 ms in each run"
    assert row(figures, "slow")[5].startswith("61.7 × of the target in the worst run; ")
    assert row(figures, "fast")[5] == "0.60 × of another (100 / 100); 0.40 × in the worst run"
    assert (row(figures, "fast")[6], row(figures, "slow")[6]) == ("**missed**: it is slow", "**missed**")


def test_what_was_read_of_more_and_more_is_told_with_how_much(figures, tmp_path):
    grown = {**BIG, "runs": [{"value": 3, "at": 1_000_000}, {"value": 4.5, "at": 10_000_000}]}
    benchmark(tmp_path, "second", grown)
    figures.measure(["two"], "debug", [])
    assert row(figures, "big")[4] == "3.00 / 4.50 MB at 1,000,000 / 10,000,000"


def test_the_page_says_how_old_a_reading_is(figures, tmp_path, monkeypatch):
    """How much came later is said when the page is written; that more came since makes it no other page."""
    benchmark(tmp_path, "first", FAST)
    figures.measure(["one"], "debug", [])
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
