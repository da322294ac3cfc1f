"""Run every benchmark there is and print what it found: `make bench`."""

from rich.console import Console
from rich.table import Table

from benchmarks import parse

table = Table("DAG file", "import, warm", "target", "providers it loads", title="Parse")
for file in sorted((parse.ROOT / "dags").glob("*.py")):
    took, providers = parse.measure(file)
    table.add_row(file.name, f"{took:.0f} ms", f"<= {parse.TARGET:.0f} ms", ", ".join(providers) or "none")
Console().print(table)
