"""Writes the index pages over DIR/files: `index.py DIR`. PEP 503 (HTML), PEP 691 (JSON), PEP 658 is not offered."""
import email.parser
import hashlib
import html
import json
import pathlib
import re
import sys
import tarfile
import zipfile

from collections import defaultdict


def normalised(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def project_of(filename):
    """`foo_bar-1.0-py3-none-any.whl` and `foo-bar-1.0.tar.gz` -> foo-bar."""
    if filename.endswith(".whl"):
        return normalised(filename.split("-")[0])
    return normalised(re.sub(r"\.(tar\.gz|zip)$", "", filename).rpartition("-")[0])


def requires_python(path):
    """What the release's metadata says; nothing when it can't be read (some samples are broken on purpose)."""
    try:
        if path.suffix == ".whl":
            with zipfile.ZipFile(path) as wheel:
                name = next(n for n in wheel.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", n))
                text = wheel.read(name)
        else:
            with tarfile.open(path) as sdist:
                member = next(m for m in sdist if re.fullmatch(r"[^/]+/PKG-INFO", m.name))
                text = sdist.extractfile(member).read()
        return email.parser.BytesParser().parsebytes(text)["Requires-Python"]
    except Exception:
        return None


# Samples whose behaviour is the index's: PEP 592 yanks one, another has no digest, a third one that is not the file's.
YANKED = {"lz-sample-yanked": "a sample of a yanked release"}
UNDIGESTED = {"lz-sample-undigested"}
MISDIGESTED = {"lz-sample-misdigested"}


def describe(path):
    project = project_of(path.name)
    content = b"something else" if project in MISDIGESTED else path.read_bytes()
    digest = {} if project in UNDIGESTED else {"sha256": hashlib.sha256(content).hexdigest()}
    entry = {"filename": path.name, "url": f"../../files/{path.name}", "hashes": digest}
    if project in YANKED:
        entry["yanked"] = YANKED[project]
    if needs := requires_python(path):
        entry["requires-python"] = needs
    return entry


def anchor(entry):
    needs = entry.get("requires-python")
    attribute = f' data-requires-python="{html.escape(needs)}"' if needs else ""
    if "yanked" in entry:
        attribute += f' data-yanked="{html.escape(entry["yanked"])}"'
    url = html.escape(entry["url"] + "".join(f"#{kind}={digest}" for kind, digest in entry["hashes"].items()))
    return f'<a href="{url}"{attribute}>{html.escape(entry["filename"])}</a><br>'


def page(title, lines):
    head = f'<!DOCTYPE html>\n<html><head><meta name="pypi:repository-version" content="1.0"><title>{html.escape(title)}</title></head><body>'
    return "\n".join([head, *lines, "</body></html>"]) + "\n"


def main():
    root = pathlib.Path(sys.argv[1])
    projects = defaultdict(list)
    for path in sorted((root / "files").iterdir()):
        if path.name.endswith((".whl", ".tar.gz", ".zip")):
            projects[project_of(path.name)].append(describe(path))
    simple = root / "simple"
    meta = {"api-version": "1.0"}
    for name, entries in projects.items():
        folder = simple / name
        folder.mkdir(parents=True)
        (folder / "index.html").write_text(page(name, map(anchor, entries)))
        (folder / "index.json").write_text(json.dumps({"meta": meta, "name": name, "files": entries}, indent=1))
    names = sorted(projects)
    (simple / "index.html").write_text(page("Simple index", [f'<a href="{n}/">{n}</a><br>' for n in names]))
    (simple / "index.json").write_text(json.dumps({"meta": meta, "projects": [{"name": n} for n in names]}, indent=1))
    print(f"mirror: {len(projects)} projects, {sum(map(len, projects.values()))} files")


if __name__ == "__main__":
    main()
