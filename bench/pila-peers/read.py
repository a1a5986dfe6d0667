"""Reads ten columns of every detail record of the given planillas with pandas or polars.

usage: read.py pandas|polars FILE-WITH-PATHS

Prints one JSON object: seconds of the clock and of the processor, records, and the sum of the
health base, by which the caller sees that all readers read the same.
"""

import json
import os
import sys
import time

# As the other readers, one core.
os.environ["POLARS_MAX_THREADS"] = "1"

# First and last position of each field, from 1.
COLUMNS = {
    "document_type": (8, 9),
    "document_number": (10, 25),
    "worker_type": (26, 27),
    "days_pension": (184, 185),
    "basic_salary": (192, 200),
    "ibc_pension": (202, 210),
    "ibc_health": (211, 219),
    "ibc_ccf": (229, 237),
    "contrib_pension": (245, 253),
    "contrib_health": (315, 323),
}
TEXT = ("document_type", "document_number", "worker_type")


def with_pandas(path):
    import pandas

    frame = pandas.read_fwf(
        path,
        colspecs=[(first - 1, last) for first, last in COLUMNS.values()],
        names=list(COLUMNS),
        header=None,
        skiprows=1,
        dtype={name: "str" if name in TEXT else "int64" for name in COLUMNS},
        encoding="cp1252",
    )
    return len(frame), int(frame["ibc_health"].sum())


def with_polars(path):
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

    def column(name, first, last):
        text = polars.col("line").str.slice(first - 1, last - first + 1)
        if name in TEXT:
            return text.str.strip_chars_end(" ").alias(name)
        return text.cast(polars.Int64).alias(name)

    frame = lines.select(column(name, *span) for name, span in COLUMNS.items())
    return len(frame), frame["ibc_health"].sum()


def main():
    name, listing = sys.argv[1:]
    read = {"pandas": with_pandas, "polars": with_polars}[name]
    module = __import__(name)
    with open(listing, encoding="utf-8") as paths:
        files = paths.read().splitlines()
    clock, processor = time.perf_counter(), time.process_time()
    found = [read(path) for path in files]
    print(
        json.dumps(
            {
                "reader": f"{name} {module.__version__}",
                "clock": time.perf_counter() - clock,
                "processor": time.process_time() - processor,
                "records": sum(records for records, _ in found),
                "health_base": sum(base for _, base in found),
            }
        )
    )


main()
