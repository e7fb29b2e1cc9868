"""Each fault point of actors/fault_point.hpp stands in exactly one place, and no place names another one."""
import collections
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
header = (root / "actors" / "fault_point.hpp").read_text()
listed = re.findall(r'"([a-z_]+\.[a-z_]+)"', header[header.index("fault_points{"):header.index("};")])
used = collections.Counter()
for room in ("actors", "http", "sandbox", "metrics"):
    for path in sorted((root / room).rglob("*.[ch]pp")):
        if path.name != "fault_point.hpp":
            used.update(re.findall(r'LAZARET_FAULT_POINT\("([^"]*)"\)', path.read_text()))
wrong = [f"{name} stands in {used[name]} places" for name in sorted(set(listed) | set(used)) if used[name] != 1 or name not in listed]
wrong += [f"{name} is listed twice" for name, n in collections.Counter(listed).items() if n > 1]
if len(listed) < 40:
    wrong.append(f"only {len(listed)} fault points are listed")
print("\n".join(wrong) or f"{len(listed)} fault points, each in one place")
sys.exit(bool(wrong))
