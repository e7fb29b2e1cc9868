#!/usr/bin/python3
"""Writes hostile wheels and sdists, and their innocent twins, into the folder given. Standard library only."""
import gzip
import io
import os
import struct
import sys
import tarfile
import zipfile
import zlib

OUT = sys.argv[1]


def path(name):
    return os.path.join(OUT, name)


def wheel(name, extra=(), compression=zipfile.ZIP_DEFLATED):
    """A sound wheel of project `name` 1.0, then `extra`: (entry or ZipInfo, content)."""
    file = path(f"{name}-1.0-py3-none-any.whl")
    with zipfile.ZipFile(file, "w", compression) as z:
        z.writestr(f"{name}/__init__.py", "x = 1\n")
        z.writestr(f"{name}/sub/mod.py", "")
        z.writestr(f"{name}/_native.cpython-311-x86_64-linux-gnu.so", "")
        z.writestr(f"{name}_single.py", "")
        z.writestr(f"{name}-1.0.data/purelib/{name}_pure.py", "")
        z.writestr(f"{name}-1.0.data/scripts/run.py", "")
        z.writestr(f"{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n\nName: other\n")
        z.writestr(f"{name}-1.0.dist-info/entry_points.txt",
                   f"# comment\n[console_scripts]\nrun = {name}.cli:main [extra]\nbad\n[gui_scripts]\ngui = x:y\n")
        z.writestr(f"{name}-1.0.dist-info/RECORD", "")
        for entry, content in extra:
            z.writestr(entry, content)
    return file


def link(name, target):
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = 0o120777 << 16
    return info, target


def sdist(name, extra=(), mode="w:gz", ending=".tar.gz"):
    with tarfile.open(path(f"{name}-1.0{ending}"), mode) as t:
        def add(entry, content=b"", **fields):
            info = tarfile.TarInfo(entry)
            info.size = len(content)
            for key, value in fields.items():
                setattr(info, key, value)
            t.addfile(info, io.BytesIO(content))
        top = f"{name}-1.0"
        add(f"{top}/PKG-INFO", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode())
        add(f"{top}/setup.py", b"import setuptools\n")
        add(f"{top}/src/{name}/__init__.py", b"")
        add(f"{top}/src/{name}/inner.py", b"")
        add(f"{top}/src/{name}.egg-info/entry_points.txt", f"[console_scripts]\nrun = {name}:main\n".encode())
        add(f"{top}/tests/test_x.py", b"")
        for entry, content, fields in extra:
            add(entry, content, **fields)


SYM, HARD, DEVICE, FIFO = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE

wheel("good")
wheel("pth", [("evil.pth", "import os\n"), ("pth-1.0.data/purelib/two.pth", "")])
wheel("traversal", [("../../etc/evil", "x")])
wheel("absolute", [("/etc/evil", "x")])
wheel("middle", [("a/../../b", "x")])
wheel("symlink", [link("out", "/etc/passwd")])
wheel("backslash", [("a\\..\\b", "x")])
wheel("longname", [("n" * 300, "x")])
wheel("longpath", [("/".join(["p" * 100] * 20), "x")])
wheel("deep", [("/".join(["d"] * 100), "x")])
wheel("manyfiles", [(f"m/{i}", "") for i in range(3000)])
wheel("bomb", [("zeros", b"\0" * (100 << 20))])
wheel("unicode", [("ünïcödé/mödule.py", "")])
import warnings
warnings.simplefilter("ignore")
wheel("twice", [("twice/__init__.py", "import os\n")])
with open(path("polyglot-1.0-py3-none-any.whl"), "wb") as f:
    f.write(b"#!/bin/sh\nexit\n" + open(wheel("inner"), "rb").read())

sound = open(path("good-1.0-py3-none-any.whl"), "rb").read()
for cut in (10, 100, len(sound) // 2, len(sound) - 30):
    with open(path(f"cut{cut if cut in (10, 100) else 'half' if cut < len(sound) - 30 else 'tail'}-1.0-py3-none-any.whl"), "wb") as f:
        f.write(sound[:cut])
with open(path("empty-1.0-py3-none-any.whl"), "wb") as f:
    pass
with zipfile.ZipFile(path("nofiles-1.0-py3-none-any.whl"), "w"):
    pass
with open(path("nonsense-1.0-py3-none-any.whl"), "wb") as f:
    f.write(os.urandom(5000))
with open(path("tarball-1.0-py3-none-any.whl"), "wb") as f:
    f.write(gzip.compress(b"\0" * 10240))
# A flipped byte in compressed data: the CRC is wrong.
broken = bytearray(open(wheel("crc", [("marked", b"MARK" * 250)], zipfile.ZIP_STORED), "rb").read())
broken[broken.find(b"MARKMARK") + 200] ^= 0xFF
with open(path("crc-1.0-py3-none-any.whl"), "wb") as f:
    f.write(broken)
# The encryption bit in both headers of the first entry.
locked = bytearray(sound)
locked[6] |= 1
locked[locked.find(b"PK\1\2") + 8] |= 1
with open(path("locked-1.0-py3-none-any.whl"), "wb") as f:
    f.write(locked)
# A central directory that claims 2^62 bytes through a zip64 field.
lie = bytearray(sound)
cd = lie.find(b"PK\1\2")
struct.pack_into("<I", lie, cd + 24, 0xFFFFFFFF)
with open(path("zip64-1.0-py3-none-any.whl"), "wb") as f:
    f.write(lie)

sdist("sgood")
sdist("bz", mode="w:bz2", ending=".tar.bz2")
sdist("xz", mode="w:xz", ending=".tar.xz")
sdist("straversal", [("straversal-1.0/../../evil", b"x", {})])
sdist("sabsolute", [("/etc/evil", b"x", {})])
sdist("slinkout", [("slinkout-1.0/l", b"", {"type": SYM, "linkname": "../../etc"})])
sdist("slinkabs", [("slinkabs-1.0/l", b"", {"type": SYM, "linkname": "/etc"})])
sdist("slinkin", [("slinkin-1.0/l", b"", {"type": SYM, "linkname": "src/slinkin/inner.py"})])
sdist("slinkthrough", [("slinkthrough-1.0/d", b"", {"type": SYM, "linkname": "."}), ("slinkthrough-1.0/d/x", b"x", {})])
sdist("slinkchain", [("slinkchain-1.0/a/b", b"", {"type": SYM, "linkname": ".."}),
                     ("slinkchain-1.0/c", b"", {"type": SYM, "linkname": "a/b/../../x"})])
sdist("shard", [("shard-1.0/h", b"", {"type": HARD, "linkname": "../../etc/passwd"})])
sdist("shardin", [("shardin-1.0/h", b"", {"type": HARD, "linkname": "shardin-1.0/setup.py"})])
sdist("sdevice", [("sdevice-1.0/null", b"", {"type": DEVICE, "devmajor": 1, "devminor": 3})])
sdist("sfifo", [("sfifo-1.0/f", b"", {"type": FIFO})])
sdist("stwice", [("stwice-1.0/setup.py", b"second\n", {})])
sdist("sbomb", [("sbomb-1.0/zeros", b"\0" * (100 << 20), {})])
sdist("ssetuid", [("ssetuid-1.0/s", b"x", {"mode": 0o4755, "uid": 0})])
whole = open(path("sgood-1.0.tar.gz"), "rb").read()
with open(path("scut-1.0.tar.gz"), "wb") as f:
    f.write(whole[: len(whole) // 2])
with open(path("sgarbage-1.0.tar.gz"), "wb") as f:
    f.write(whole[:40] + os.urandom(400))
with open(path("stwogz-1.0.tar.gz"), "wb") as f:  # two gzip members, the second a tar of its own
    f.write(whole + whole)
