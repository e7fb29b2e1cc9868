"""Makes wheels of the Python packages that Debian has installed: `repack.py DIRECTORY`.

The code and the metadata are the real releases'. dh_python3 takes out of the metadata each requirement that it turned into a
Debian dependency, so that the requirements stand in the table below, as upstream's release has them.
"""
import configparser
import email.parser
import pathlib
import re
import shutil
import subprocess
import sys

from archive import write_wheel

SITE = pathlib.Path("/usr/lib/python3/dist-packages")
SHIPPED = pathlib.Path("/usr/share/python-wheels")
TAG_PURE, TAG_BINARY = "py3-none-any", "cp311-cp311-linux_x86_64"

# Debian package -> requirements of the release, without extras.
RELEASES = {
    "python3-attr": [],
    "python3-build": ["packaging>=19.0", "pep517>=0.9.1", "colorama; os_name == 'nt'", "tomli>=1.1.0; python_version < '3.11'"],
    "python3-certifi": [],
    "python3-chardet": [],
    "python3-charset-normalizer": [],
    "python3-click": ["colorama; platform_system == 'Windows'"],
    "python3-colorama": [],
    "python3-dateutil": ["six>=1.5"],
    "python3-decorator": [],
    "python3-distlib": [],
    "python3-docutils": [],
    "python3-filelock": [],
    "python3-flask": ["Werkzeug>=2.2.2", "Jinja2>=3.0", "itsdangerous>=2.0", "click>=8.0"],
    "python3-idna": [],
    "python3-iniconfig": [],
    "python3-itsdangerous": [],
    "python3-jinja2": ["MarkupSafe>=2.0"],
    "python3-markupsafe": [],
    "python3-more-itertools": [],
    "python3-numpy": [],
    "python3-packaging": [],
    "python3-pep517": [],
    "python3-platformdirs": [],
    "python3-pluggy": [],
    "python3-pygments": [],
    "python3-pyparsing": [],
    # 2.28.1 says charset-normalizer<3; Debian ships it with 3.0, which 2.28.2 allows.
    "python3-requests": ["charset-normalizer>=2,<4", "idna>=2.5,<4", "urllib3>=1.21.1,<1.27", "certifi>=2017.4.17"],
    "python3-simplejson": [],
    "python3-six": [],
    "python3-tabulate": [],
    "python3-toml": [],
    "python3-tomli": [],
    "python3-tz": [],
    "python3-urllib3": ["six"],  # which Debian takes out of the release and uses its own
    "python3-werkzeug": ["MarkupSafe>=2.1.1"],
    "python3-yaml": [],
    "python3-zipp": ["more-itertools"],
}


def installed_files(package):
    """Paths below SITE that dpkg knows of the package."""
    listing = subprocess.run(["dpkg", "-L", package], capture_output=True, text=True)
    if listing.returncode != 0:
        raise SystemExit(f"mirror: Debian package {package} is not installed (deploy/deps.sh)")
    paths = (pathlib.Path(line) for line in listing.stdout.splitlines())
    return sorted(path for path in paths if SITE in path.parents and path.is_file())


def metadata_of(files):
    """The parsed metadata, and entry_points.txt where there is one."""
    metadata, entry_points = None, None
    for path in files:
        inside = path.relative_to(SITE).parts
        if inside[0].endswith((".egg-info", ".dist-info")):
            if path.name in ("PKG-INFO", "METADATA") or len(inside) == 1:
                metadata = email.parser.Parser().parsestr(path.read_text("utf-8"))
            elif path.name == "entry_points.txt":
                entry_points = path.read_text("utf-8")
    return metadata, entry_points


def check_entry_points(text):
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
    parser.optionxform = str
    parser.read_string(text)


def render_metadata(metadata, name, version, requirements):
    keep = ("Summary", "Home-page", "Author", "License", "Classifier", "Requires-Python")
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    for key in keep:
        lines += [f"{key}: {' '.join(value.split())}" for value in metadata.get_all(key, [])]
    lines += [f"Requires-Dist: {requirement}" for requirement in requirements]
    return "\n".join(lines) + "\n"


def repack(package, requirements, out):
    paths = installed_files(package)
    metadata, entry_points = metadata_of(paths)
    name = metadata["Name"]
    version = metadata["Version"].partition("+")[0]  # Debian's +repack is not upstream's
    files = {}
    for path in paths:
        inside = path.relative_to(SITE)
        if not inside.parts[0].endswith((".egg-info", ".dist-info", ".pth")) and "__pycache__" not in inside.parts:
            files[str(inside)] = path.read_bytes()
    binary = any(name.endswith(".so") for name in files)
    tag = TAG_BINARY if binary else TAG_PURE
    escaped = re.sub(r"[-_.]+", "_", name)
    info = f"{escaped}-{version}.dist-info"
    files[f"{info}/METADATA"] = render_metadata(metadata, name, version, requirements).encode()
    purelib = "false" if binary else "true"
    files[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: lazaret-mirror\nRoot-Is-Purelib: {purelib}\nTag: {tag}\n".encode()
    if entry_points:
        check_entry_points(entry_points)
        files[f"{info}/entry_points.txt"] = entry_points.encode()
    write_wheel(out / f"{escaped}-{version}-{tag}.whl", files, info)


def main():
    out = pathlib.Path(sys.argv[1])
    for name in ("pip", "setuptools", "wheel"):
        for wheel in SHIPPED.glob(f"{name}-*.whl"):
            shutil.copyfile(wheel, out / wheel.name)
    for package, requirements in RELEASES.items():
        repack(package, requirements, out)


if __name__ == "__main__":
    main()
