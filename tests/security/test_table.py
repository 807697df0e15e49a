"""Every row of the table of promises (docs/security.md) has a test by its id, and the table names it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
TABLE = HERE.parents[1] / "docs" / "security.md"
COUNTS = {"a": 7, "s": 6, "z": 2, "i": 4, "f": 4, "l": 2, "c": 5, "u": 9}
IDS = [f"{letter}{number}" for letter, count in COUNTS.items() for number in range(1, count + 1)]
_ROW = re.compile(r"^\| ([A-Z]\d) \|.*\| ([^|]+) \|$", re.MULTILINE)


def functions_of(file: Path) -> list[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return [each.name for each in functions if each.name.startswith("test_")]


TESTS = {name for file in HERE.glob("test_*.py") for name in functions_of(file)}


def test_every_row_has_a_test() -> None:
    named = {name.split("_")[1] for name in TESTS}
    assert [row for row in IDS if row not in named] == []
    assert len(IDS) == 39


def test_the_table_names_tests_that_exist_for_every_row() -> None:
    rows = dict(_ROW.findall(TABLE.read_text(encoding="utf-8")))
    assert [row.lower() for row in rows] == IDS
    for row, cell in rows.items():
        files = re.findall(r"`(\w+\.py)`", cell)
        assert files, row
        for file in files:
            assert any(name.startswith(f"test_{row.lower()}_") for name in functions_of(HERE / file)), (row, file)
