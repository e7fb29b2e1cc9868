"""Archives that no packaging tool makes, and beside each its innocent twin: what looks alike at a glance and is in order.
What the former would do is up to whoever unpacks them."""
import tarfile
import warnings
import zipfile
import zlib

from dataclasses import dataclass, field

from archive import DATE, write_sdist, zip_entry


@dataclass
class archive:
    name: str
    make: object                # (path, module, metadata) -> None
    suffix: str = "-1.0-py3-none-any.whl"
    verdict: str = "malicious"  # or None: depends on who unpacks it
    rules: frozenset = field(default_factory=frozenset)
    ok: bool = False            # whether pip itself, without Lazaret's look at the archive, would install it

    def write(self, out, metadata):
        module = self.name.replace("-", "_")
        stem = module if self.suffix.endswith(".whl") else self.name
        self.make(out / f"{stem}{self.suffix}", module, metadata)


ALL = []


def broken(name, rule, suffix=None, verdict="malicious", ok=False):
    def register(make):
        extra = {"suffix": suffix} if suffix else {}
        ALL.append(archive(f"lz-sample-{name}", make, verdict=verdict, rules=frozenset(rule.split()), ok=ok, **extra))
        return make
    return register


def twin(name, suffix=None):
    return broken(f"{name}-twin", "", suffix, verdict="benign", ok=True)


def plain_wheel(path, module, metadata):
    wheel = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)
    info = f"{module}-1.0.dist-info"
    wheel.writestr(zip_entry(f"{module}/__init__.py"), b"")
    wheel.writestr(zip_entry(f"{info}/METADATA"), metadata)
    wheel.writestr(zip_entry(f"{info}/WHEEL"), b"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    return wheel


def close(wheel):
    info = next(n for n in wheel.namelist() if n.endswith("/METADATA")).split("/")[0]
    wheel.writestr(zip_entry(f"{info}/RECORD"), "".join(f"{n},,\n" for n in wheel.namelist()) + f"{info}/RECORD,,\n")
    wheel.close()


@broken("wheel-traversal", "archive_traversal")
def traversal(path, module, metadata):
    wheel = plain_wheel(path, module, metadata)
    wheel.writestr(zip_entry("../../home/.bashrc"), b"evil\n")
    close(wheel)


@twin("wheel-traversal")
def traversal_twin(path, module, metadata):
    wheel = plain_wheel(path, module, metadata)
    wheel.writestr(zip_entry(f"{module}/..data/...bashrc"), b"a name may begin with dots\n")
    close(wheel)


@broken("wheel-absolute", "archive_traversal")
def absolute(path, module, metadata):
    wheel = plain_wheel(path, module, metadata)
    wheel.writestr(zip_entry("/work/home/.bashrc"), b"evil\n")
    close(wheel)


@twin("wheel-absolute")
def absolute_twin(path, module, metadata):
    wheel = plain_wheel(path, module, metadata)
    wheel.writestr(zip_entry(f"{module}/work/home/.bashrc"), b"a template\n")
    close(wheel)


@broken("wheel-symlink", "archive_link_escape", ok=True)
def symlink(path, module, metadata):
    wheel = plain_wheel(path, module, metadata)
    wheel.writestr(zip_entry(f"{module}/passwd", 0o120777), b"/etc/passwd")
    close(wheel)


@twin("wheel-symlink")
def symlink_twin(path, module, metadata):
    wheel = plain_wheel(path, module, metadata)
    wheel.writestr(zip_entry(f"{module}/target"), b"content\n")
    wheel.writestr(zip_entry(f"{module}/link", 0o120777), b"target")
    close(wheel)


@broken("wheel-bomb", "archive_bomb")
def bomb(path, module, metadata):
    """600 MB of zeros in 0.6 MB: more than a run's volume holds."""
    wheel = plain_wheel(path, module, metadata)
    with wheel.open(zip_entry(f"{module}/zeros.bin"), "w") as out:
        for _ in range(600):
            out.write(bytes(1_000_000))
    close(wheel)


@twin("wheel-bomb")
def bomb_twin(path, module, metadata):
    """Zeros too, as tables are, but few."""
    wheel = plain_wheel(path, module, metadata)
    wheel.writestr(zip_entry(f"{module}/zeros.bin"), bytes(4_000_000))
    close(wheel)


@broken("wheel-many", "archive_limits", verdict="suspicious", ok=None)
def many(path, module, metadata):
    wheel = plain_wheel(path, module, metadata)
    for i in range(101_000):  # more than the download stage lists
        wheel.writestr(zipfile.ZipInfo(f"{module}/d/{i}", DATE), b"")
    close(wheel)


@twin("wheel-many")
def many_twin(path, module, metadata):
    wheel = plain_wheel(path, module, metadata)
    for i in range(2_000):
        wheel.writestr(zipfile.ZipInfo(f"{module}/d/{i}", DATE), b"")
    close(wheel)


@broken("wheel-deep", "archive_limits", verdict="suspicious", ok=True)
def deep(path, module, metadata):
    wheel = plain_wheel(path, module, metadata)
    wheel.writestr(zip_entry(f"{module}/" + "d/" * 300 + "x"), b"")
    close(wheel)


@twin("wheel-deep")
def deep_twin(path, module, metadata):
    wheel = plain_wheel(path, module, metadata)
    wheel.writestr(zip_entry(f"{module}/" + "d/" * 30 + "x"), b"")
    close(wheel)


@broken("wheel-long-name", "archive_limits", verdict="suspicious")
def long_name(path, module, metadata):
    wheel = plain_wheel(path, module, metadata)
    wheel.writestr(zip_entry(f"{module}/" + "n" * 1000), b"")
    close(wheel)


@twin("wheel-long-name")
def long_name_twin(path, module, metadata):
    wheel = plain_wheel(path, module, metadata)
    wheel.writestr(zip_entry(f"{module}/" + "n" * 200), b"")
    close(wheel)


@broken("wheel-cut", "archive_corrupt", verdict="suspicious")
def cut(path, module, metadata):
    close(plain_wheel(path, module, metadata))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


@twin("wheel-cut")
def cut_twin(path, module, metadata):
    """A zip may end with a comment; nothing is missing from this one."""
    wheel = plain_wheel(path, module, metadata)
    wheel.comment = b"the end"
    close(wheel)


@broken("wheel-encrypted", "archive_encrypted", verdict="suspicious")
def encrypted(path, module, metadata):
    wheel = plain_wheel(path, module, metadata)
    wheel.writestr(zip_entry(f"{module}/secret.py"), b"x = 1\n")
    close(wheel)
    content = bytearray(path.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # APPNOTE.TXT 4.3.7 and 4.3.12
        at = content.find(signature)
        while at >= 0:
            name = content[at:at + 200]
            if b"secret.py" in name:
                content[at + flags] |= 1
            at = content.find(signature, at + 1)
    path.write_bytes(content)


@twin("wheel-encrypted")
def encrypted_twin(path, module, metadata):
    wheel = plain_wheel(path, module, metadata)
    wheel.writestr(zip_entry(f"{module}/secret.py"), b"x = 1\n")
    close(wheel)


@broken("wheel-duplicate", "archive_duplicate", verdict="suspicious", ok=None)
def duplicate(path, module, metadata):
    wheel = plain_wheel(path, module, metadata)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for content in (b"x = 'shown'\n", b"x = 'run'\n"):
            wheel.writestr(zip_entry(f"{module}/twice.py"), content)
    close(wheel)


@twin("wheel-duplicate")
def duplicate_twin(path, module, metadata):
    wheel = plain_wheel(path, module, metadata)
    for name in ("twice.py", "Twice.py"):
        wheel.writestr(zip_entry(f"{module}/{name}"), b"x = 'both'\n")
    close(wheel)


@broken("wheel-polyglot", "archive_polyglot", verdict="suspicious", ok=None)
def polyglot(path, module, metadata):
    close(plain_wheel(path, module, metadata))
    path.write_bytes(b"#!/bin/sh\nexit 0\n" + path.read_bytes())


@twin("wheel-polyglot")
def polyglot_twin(path, module, metadata):
    wheel = plain_wheel(path, module, metadata)
    wheel.writestr(zip_entry(f"{module}/run.sh"), b"#!/bin/sh\nexit 0\n")
    close(wheel)


@broken("needs-denied", "denied_dependency", verdict="inconclusive")
def needs_denied(path, module, metadata):
    """Asks for what PACKAGE_DENYLIST refuses: the gateway does not hand it out, so the install fails."""
    close(plain_wheel(path, module, metadata + b"Requires-Dist: torch\n"))


@twin("needs-denied")
def needs_denied_twin(path, module, metadata):
    close(plain_wheel(path, module, metadata + b"Requires-Dist: six\nRequires-Dist: torch; extra == 'never'\n"))


@broken("needs-misdigested", "digest_mismatch", verdict="suspicious")
def needs_misdigested(path, module, metadata):
    """The gateway does not hand out a file that is another than the index says (deploy/mirror/index.py)."""
    close(plain_wheel(path, module, metadata + b"Requires-Dist: lz-sample-misdigested\n"))


@twin("needs-misdigested")
def needs_misdigested_twin(path, module, metadata):
    close(plain_wheel(path, module, metadata + b"Requires-Dist: lz-sample-misdigested-twin\n"))


@broken("wheel-misnamed", "metadata_mismatch", verdict="suspicious", ok=True)
def misnamed(path, module, metadata):
    close(plain_wheel(path, module, metadata.replace(b"Name: lz-sample-wheel-misnamed", b"Name: something-else")))


@twin("wheel-misnamed")
def misnamed_twin(path, module, metadata):
    """The same name to PEP 503, which knows neither case nor the kind of separator."""
    close(plain_wheel(path, module, metadata.replace(b"Name: lz-sample-wheel-misnamed", b"Name: LZ_sample.wheel-Misnamed")))


def sdist(path, metadata, entries=(), **files):
    top = path.name.removesuffix(".tar.gz")
    setup = f"from setuptools import setup\nsetup(name={top.removesuffix('-1.0')!r}, version='1.0', packages=[])\n".encode()
    files = {"PKG-INFO": metadata, "setup.py": setup} | files
    write_sdist(path, {f"{top}/{name}": content for name, content in files.items()}, entries)


def link(name, kind, target):
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry


@broken("sdist-symlink", "archive_link_escape", suffix="-1.0.tar.gz", ok=True)
def sdist_symlink(path, module, metadata):
    sdist(path, metadata, [link("lz-sample-sdist-symlink-1.0/etc", tarfile.SYMTYPE, "/etc")])


@twin("sdist-symlink", suffix="-1.0.tar.gz")
def sdist_symlink_twin(path, module, metadata):
    sdist(path, metadata, [link("lz-sample-sdist-symlink-twin-1.0/README", tarfile.SYMTYPE, "PKG-INFO")])


@broken("sdist-hardlink", "archive_link_escape", suffix="-1.0.tar.gz", ok=True)
def sdist_hardlink(path, module, metadata):
    sdist(path, metadata, [link("lz-sample-sdist-hardlink-1.0/p", tarfile.LNKTYPE, "../../etc/passwd")])


@twin("sdist-hardlink", suffix="-1.0.tar.gz")
def sdist_hardlink_twin(path, module, metadata):
    top = "lz-sample-sdist-hardlink-twin-1.0"
    sdist(path, metadata, [link(f"{top}/README", tarfile.LNKTYPE, f"{top}/PKG-INFO")])


@broken("sdist-device", "archive_device", suffix="-1.0.tar.gz")
def sdist_device(path, module, metadata):
    entry = link("lz-sample-sdist-device-1.0/null", tarfile.CHRTYPE, "")
    entry.devmajor, entry.devminor = 1, 3
    sdist(path, metadata, [entry])


@twin("sdist-device", suffix="-1.0.tar.gz")
def sdist_device_twin(path, module, metadata):
    sdist(path, metadata, [link("lz-sample-sdist-device-twin-1.0/dev/null", tarfile.REGTYPE, "")])


@broken("sdist-traversal", "archive_traversal", suffix="-1.0.tar.gz")
def sdist_traversal(path, module, metadata):
    sdist(path, metadata, [link("lz-sample-sdist-traversal-1.0/../../evil", tarfile.DIRTYPE, "")])


@twin("sdist-traversal", suffix="-1.0.tar.gz")
def sdist_traversal_twin(path, module, metadata):
    sdist(path, metadata, [link("lz-sample-sdist-traversal-twin-1.0/..evil", tarfile.DIRTYPE, "")])


@broken("sdist-bomb", "archive_bomb", suffix="-1.0.tar.gz")
def sdist_bomb(path, module, metadata):
    """A gzip stream of 600 MB of zeros behind a proper beginning."""
    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    entry = tarfile.TarInfo("lz-sample-sdist-bomb-1.0/zeros.bin")
    entry.size = 600_000_000
    with open(path, "wb") as out:
        out.write(pack.compress(entry.tobuf()))
        for _ in range(600):
            out.write(pack.compress(bytes(1_000_000)))
        out.write(pack.compress(bytes(10240)) + pack.flush())


@twin("sdist-bomb", suffix="-1.0.tar.gz")
def sdist_bomb_twin(path, module, metadata):
    sdist(path, metadata, zeros=bytes(4_000_000))
