"""Writes wheels and sdists whose bytes depend on their content only: sorted entries, one date, no owner."""
import base64
import gzip
import hashlib
import io
import tarfile
import zipfile

DATE = (2020, 1, 1, 0, 0, 0)
SECONDS = 1577836800  # the same moment


def zip_entry(name, mode=0o100644):
    entry = zipfile.ZipInfo(name, DATE)
    entry.external_attr = mode << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def write_wheel(path, files, info):
    """`files`: name -> bytes, METADATA and WHEEL among them; `info`: the .dist-info folder. Adds RECORD."""
    record = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name in sorted(files, key=lambda n: (n.startswith(info), n)):
            digest = base64.urlsafe_b64encode(hashlib.sha256(files[name]).digest()).rstrip(b"=").decode()
            record.append(f"{name},sha256={digest},{len(files[name])}")
            wheel.writestr(zip_entry(name), files[name], compresslevel=6)
        wheel.writestr(zip_entry(f"{info}/RECORD"), "\n".join(record) + f"\n{info}/RECORD,,\n", compresslevel=6)


def write_sdist(path, files, extra=()):
    """`extra`: ready tarfile.TarInfo objects without content, e.g. links."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(files):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = len(files[name]), SECONDS, 0o644
            tar.addfile(entry, io.BytesIO(files[name]))
        for entry in extra:
            entry.mtime = SECONDS
            tar.addfile(entry)
    with open(path, "wb") as out, gzip.GzipFile("", "wb", 6, out, mtime=0) as packed:
        packed.write(raw.getvalue())
