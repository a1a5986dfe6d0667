#!/usr/bin/env python3
"""Checks licences, bans and sources of every dependency against deny.toml.

Covers the part of `cargo deny check licenses bans sources` that this repository uses, for machines
without cargo-deny, and asks for what deny.toml allows and nothing needs. Prints one line per problem
and exits 1 if there is any. Needs nothing but Python and cargo.
"""

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    from pip._vendor import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
TOKEN = re.compile(r"\(|\)|[^\s()/]+|/")


def cargo(*arguments):
    command = [os.environ.get("CARGO", "cargo"), *arguments, "--locked"]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def linked_packages(targets):
    """Every package that a target of deny.toml links, tests and build scripts included.

    `cargo metadata` knows licences and sources but lists packages that no feature turns on;
    `cargo tree` knows which are really there.
    """
    linked = set()
    for target in targets:
        tree = cargo("tree", "--workspace", "--prefix=none", "--format={p}", "--target", target)
        linked |= {tuple(line.split()[:2]) for line in tree.splitlines()}
    metadata = json.loads(cargo("metadata", "--format-version=1"))
    packages = [p for p in metadata["packages"] if (p["name"], f"v{p['version']}") in linked]
    return sorted(packages, key=lambda p: (p["name"], p["version"]))


def satisfied(expression, allowed):
    """Whether an SPDX expression can be met with the allowed licences; `/` is an old `OR`."""
    tokens = TOKEN.findall(expression)

    def either():
        result = both()
        while tokens and tokens[0] in ("OR", "/"):
            tokens.pop(0)
            result = both() or result
        return result

    def both():
        result = one()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            result = one() and result
        return result

    def one():
        token = tokens.pop(0)
        if token == "(":
            result = either()
            if tokens.pop(0) != ")":
                raise ValueError(expression)
            return result
        if tokens[:1] == ["WITH"]:
            token = f"{token} WITH {tokens[1]}"
            del tokens[:2]
        return token in allowed

    try:
        result = either()
    except IndexError as error:
        raise ValueError(expression) from error
    if tokens:
        raise ValueError(expression)
    return result


def licence_problem(package, allowed):
    expression = package["license"]
    try:
        if expression and satisfied(expression, allowed):
            return None
    except ValueError:
        return f"licence {expression!r} cannot be read"
    return f"licence {expression!r} is not allowed"


def source_problem(package, registries):
    if package["source"] is None:
        inside = ROOT in Path(package["manifest_path"]).resolve().parents
        return None if inside else f"{package['manifest_path']} is outside the repository"
    if package["source"].removeprefix("registry+") in registries:
        return None
    return f"source {package['source']} is not allowed"


def is_skipped(package, skips):
    """A skip is `name` or `name@version`, where the version may be cut after any number."""
    for skip in skips:
        name, _, version = skip["crate"].partition("@")
        if package["name"] == name and f"{package['version']}.".startswith(f"{version}."):
            return True
    return False


def unneeded_skips(packages, skips):
    """Exceptions from the ban of a second version where there is none."""
    for skip in skips:
        matched = [p for p in packages if is_skipped(p, [skip])]
        names = {p["name"] for p in matched}
        if not matched:
            yield f"skip of {skip['crate']}: no such package"
        elif not any(p["name"] in names for p in packages if p not in matched):
            yield f"skip of {skip['crate']}: there is no other version"


def unneeded_licences(packages, allowed):
    """Allowed licences without which every package would be allowed all the same."""
    for licence in sorted(allowed):
        without = allowed - {licence}
        if not any(
            licence_problem(package, without) and not licence_problem(package, allowed)
            for package in packages
        ):
            yield f"licence {licence!r}: nothing needs it"


def problems(packages, rules):
    allowed = set(rules["licenses"]["allow"])
    registries = set(rules["sources"]["allow-registry"])
    banned = {ban["crate"]: ban["reason"] for ban in rules["bans"]["deny"]}
    versions = defaultdict(list)
    for package in packages:
        name = f"{package['name']} {package['version']}"
        for problem in (licence_problem(package, allowed), source_problem(package, registries)):
            if problem:
                yield f"{name}: {problem}"
        if package["name"] in banned:
            yield f"{name}: banned: {banned[package['name']]}"
        if not is_skipped(package, rules["bans"]["skip"]):
            versions[package["name"]].append(package["version"])
    for name, found in versions.items():
        if len(found) > 1:
            yield f"{name}: several versions: {', '.join(found)}"
    yield from unneeded_skips(packages, rules["bans"]["skip"])
    yield from unneeded_licences(packages, allowed)


def main():
    rules = tomllib.loads((ROOT / "deny.toml").read_text(encoding="utf-8"))
    packages = linked_packages(rules["graph"]["targets"])
    found = list(problems(packages, rules))
    for problem in found:
        print(problem, file=sys.stderr)
    print(f"{len(packages)} packages checked against deny.toml, {len(found)} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
