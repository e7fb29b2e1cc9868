"""Builds the sample packages: `build.py DIRECTORY`, or `build.py --manifest` for what each is expected to be found as.

samples.py holds those that run, broken.py the archives that no tool would make. All are called `lz-sample-...`, have version
1.0, and do nothing outside a jail that could hurt: hosts are reserved names and addresses (RFC 2606, RFC 5737).
"""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "deploy/mirror"))

import broken  # noqa: E402
import samples  # noqa: E402
from archive import write_sdist, write_wheel  # noqa: E402

SETUP = """\
from setuptools import setup
setup(name={name!r}, version="1.0", packages=[{module!r}], package_data={{{module!r}: ["*"]}}, **OPTIONS)
"""
BACKEND = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


def metadata(name):
    return f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nSummary: A sample of tests/packages\n".encode()


def encode(files):
    return {name: content.encode() if isinstance(content, str) else content for name, content in files.items()}


def wheel_files(name, module, files, scripts=()):
    info = f"{module}-1.0.dist-info"
    content = {f"{info}/METADATA": metadata(name),
               f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: lazaret\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
    if scripts:
        content[f"{info}/entry_points.txt"] = ("[console_scripts]\n" + "\n".join(scripts) + "\n").encode()
    return {f"{module}/__init__.py": b"", **encode(files), **content}, info


def build(sample, out):
    name, module = sample.name, sample.name.replace("-", "_")
    top = f"{name}-1.0"
    if sample.kind == "wheel":
        files, info = wheel_files(name, module, {k.format(m=module): v for k, v in sample.files.items()},
                                  [s.format(m=module) for s in sample.scripts])
        write_wheel(out / f"{module}-1.0-py3-none-any.whl", files, info)
        return
    files = {f"{module}/__init__.py": "", "PKG-INFO": metadata(name)}
    if sample.kind == "setup":
        files["setup.py"] = "OPTIONS = {}\n" + sample.code + "\n" + SETUP.format(name=name, module=module)
    else:
        wheel, info = wheel_files(name, module, {})
        files["pyproject.toml"] = BACKEND
        files["backend.py"] = sample.code + "\n" + samples.BACKEND_BODY.format(
            wheel=f"{module}-1.0-py3-none-any.whl", info=info, files={k: v.decode() for k, v in wheel.items()})
    files.update({k.format(m=module): v for k, v in sample.files.items()})
    write_sdist(out / f"{top}.tar.gz", {f"{top}/{k}": v for k, v in encode(files).items()})


def manifest():
    rows = [{"name": s.name, "version": "1.0", "mode": s.mode, "verdict": s.verdict, "rules": sorted(s.rules), "ok": s.ok,
             "entrypoint": s.entrypoint} for s in samples.ALL]
    rows += [{"name": b.name, "version": "1.0", "mode": "install", "verdict": b.verdict, "rules": sorted(b.rules),
              "ok": b.ok, "entrypoint": None} for b in broken.ALL]
    return json.dumps(rows, indent=1)


def main():
    if sys.argv[1] == "--manifest":
        print(manifest())
        return
    out = pathlib.Path(sys.argv[1])
    for sample in samples.ALL:
        build(sample, out)
    for archive in broken.ALL:
        archive.write(out, metadata(archive.name))
    (out.parent / "samples.json").write_text(manifest())


if __name__ == "__main__":
    main()
