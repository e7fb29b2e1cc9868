"""Takes one program out of the npm package that carries it for this platform.

    npm_program.py NAME VERSION PACKAGE FILE INTO

NAME@VERSION must name PACKAGE at one exact version among its optional dependencies; PACKAGE's archive must have the digest
that the registry states for it (Subresource Integrity, sha512), and for the versions below the digest that stands here.
"""
import base64
import hashlib
import io
import json
import os
import sys
import tarfile
import urllib.parse
import urllib.request

REGISTRY = os.environ.get("NPM_REGISTRY", "https://registry.npmjs.org").rstrip("/")
LARGEST = 300 << 20
# As the registry had them when the tests first ran with them: whoever controls the registry later can't change these.
KNOWN = {
    ("@deno/linux-x64-glibc", "2.9.6"):
        "sha512-3md4TKLCuzsLDmfOoC5KN7NAZaxSVkMgm64vg6foD00JBADCpYS2/5QqXfzgnP5ZQz3iLP9vBQJtEgc116OAoQ==",
    ("@oven/bun-linux-x64", "1.4.5"):
        "sha512-IWX9BELoGHAUtMonkeSaNaZwXzRk+oDw6Mk+HBFXd3KHYIBNBsIGRupMZPcgNoDbJpLu6gAJjIoIVPZtt1aJ1g==",
}


def get(url):
    with urllib.request.urlopen(url, timeout=120) as answer:
        data = answer.read(LARGEST + 1)
    if len(data) > LARGEST:
        sys.exit(f"{url}: larger than {LARGEST} bytes")
    return data


def describe(package, version):
    return json.loads(get(f"{REGISTRY}/{urllib.parse.quote(package, safe='@')}/{version}"))


def main(name, version, package, file, into):
    wanted = describe(name, version).get("optionalDependencies", {}).get(package)
    if not wanted:
        sys.exit(f"{name} {version} does not name {package}")
    stated = describe(package, wanted)["dist"]
    expected = KNOWN.get((package, wanted), stated["integrity"])
    archive = get(stated["tarball"])
    digest = "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if digest != expected or digest != stated["integrity"]:
        sys.exit(f"{package} {wanted}: digest {digest}, expected {expected}, the registry says {stated['integrity']}")
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        program = packed.getmember(file)
        if not program.isfile():
            sys.exit(f"{package} {wanted}: {file} is no file")
        with open(into, "xb") as out:
            out.write(packed.extractfile(program).read())
    os.chmod(into, 0o755)


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    main(*sys.argv[1:])
