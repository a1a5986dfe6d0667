"""Reads the detail records of planillas with pandas or polars.

usage: read.py pandas|polars ten|all FILE-WITH-PATHS

`ten` reads ten columns, `all` the 98 of the layout. Prints one JSON object: seconds of the clock
and of the processor, records, and the sum of the health base, by which the caller sees that all
readers read the same.
"""

import csv
import json
import os
import pathlib
import sys
import time

# As the other readers, one core.
os.environ["POLARS_MAX_THREADS"] = "1"

LAYOUT = pathlib.Path(__file__).parents[2] / "crates/pila/data/layout/type2-detail.tsv"

# Documents, worker kind, days, salary, bases of pension, health and family fund, and the
# contributions to pension and health.
TEN = (3, 4, 5, 36, 40, 42, 43, 45, 47, 55)

HEALTH_BASE = "ibc_health"


def columns(which):
    """Name, first and last position from 1, and whether the field is text."""
    with LAYOUT.open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    wanted = TEN if which == "ten" else range(1, 99)
    chosen = [rows[number - 1] for number in wanted]
    return [
        (row["name_en"], int(row["start"]), int(row["end"]), row["type"] == "A") for row in chosen
    ]


def with_pandas(path, fields):
    import pandas

    frame = pandas.read_fwf(
        path,
        colspecs=[(first - 1, last) for _, first, last, _ in fields],
        names=[name for name, *_ in fields],
        header=None,
        skiprows=1,
        dtype={name: "str" for name, _, _, text in fields if text},
        encoding="cp1252",
    )
    return len(frame), int(frame[HEALTH_BASE].sum())


def with_polars(path, fields):
    import polars

    lines = polars.read_csv(
        path,
        has_header=False,
        skip_rows=1,
        separator="\x1f",
        quote_char=None,
        new_columns=["line"],
        # Every byte becomes one character, which is all the positions need.
        encoding="utf8-lossy",
    )

    def column(name, first, last, text):
        value = polars.col("line").str.slice(first - 1, last - first + 1)
        if text:
            value = value.str.strip_chars_end(" ")
        else:
            # Rates have a dot; digits alone are whole numbers.
            rate = name.startswith("rate_")
            value = value.cast(polars.Float64 if rate else polars.Int64, strict=False)
        return value.alias(name)

    frame = lines.select(column(*field) for field in fields)
    return len(frame), frame[HEALTH_BASE].sum()


def main():
    name, which, listing = sys.argv[1:]
    read = {"pandas": with_pandas, "polars": with_polars}[name]
    module = __import__(name)
    fields = columns(which)
    with open(listing, encoding="utf-8") as paths:
        files = paths.read().splitlines()
    clock = time.perf_counter()
    found = [read(path, fields) for path in files]
    print(
        json.dumps(
            {
                "reader": f"{name} {module.__version__}",
                "clock": time.perf_counter() - clock,
                "records": sum(records for records, _ in found),
                "health_base": sum(base for _, base in found),
            }
        )
    )


main()
