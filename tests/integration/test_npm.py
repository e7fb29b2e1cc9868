"""npm in a prebuild's setup script: its registry is a static one of this test's, reached through the service's gateway and nothing else."""
import base64
import hashlib
import http.client
import http.server
import io
import json
import os
import shutil
import tarfile
import threading
import unittest
import urllib.parse

import support


def tarball(files):
    """As `npm pack` makes them: gzip, everything below package/."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo("package/" + name)
            entry.size, entry.mode = len(content), 0o755
            archive.addfile(entry, io.BytesIO(content.encode()))
    return out.getvalue()


class Registry(http.server.ThreadingHTTPServer):
    """Packages by name, each of one version; what was asked for is in `asked`."""
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/registry"
        self.packages, self.bodies, self.redirects, self.asked = {}, {}, {}, []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def put(self, name, files=None, link=None, digest=None, **manifest):
        body = tarball({"package.json": json.dumps({"name": name, "version": "1.2.3", **manifest}), **(files or {})})
        path = f"/registry/{name}/-/{name.split('/')[-1]}-1.2.3.tgz"
        self.bodies[path] = body
        integrity = "sha512-" + base64.b64encode(hashlib.sha512(digest or body).digest()).decode()
        link = link or f"http://127.0.0.1:{self.server_port}{path}"
        self.packages[name] = {"name": name, "dist-tags": {"latest": "1.2.3"}, "versions": {
            "1.2.3": {"name": name, "version": "1.2.3", "dist": {"tarball": link, "integrity": integrity}, **manifest}}}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.asked.append(self.path)
        name = urllib.parse.unquote(self.path.removeprefix("/registry/"))
        if name in self.server.packages:
            return self.answer(200, json.dumps(self.server.packages[name]).encode(), "application/json")
        if self.path in self.server.redirects:
            return self.answer(302, b"", "text/plain", self.server.redirects[self.path])
        if self.path == "/registry/endless.tgz":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
            self.close_connection = True
            try:
                while True:
                    self.wfile.write(bytes(1 << 20))
            except OSError:
                return None
        if self.path in self.server.bodies:
            return self.answer(200, self.server.bodies[self.path], "application/octet-stream")
        return self.answer(404, b"{}", "application/json")

    def answer(self, status, body, kind, location=None):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if location:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(body)


class Npm(support.NeedsRoot):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if shutil.which("npm", path="/usr/bin:/bin:/opt/lazaret/runtimes/npm/bin") is None:
            raise unittest.SkipTest("needs npm: deploy/deps.sh --runtimes")
        cls.registry, cls.other = Registry(), Registry()
        cls.service = support.Service("http://127.0.0.1:1/simple", NPM_REGISTRY_URL=cls.registry.url, INTERACTIVE_WAIT_SEC=60,
                                      MAX_DISK_MB=64, MAX_MEMORY_MB=768, DEFAULT_DISK="64m", MAX_DOWNLOAD_BYTES=20_000_000)
        put, own = cls.registry.put, f"http://127.0.0.1:{cls.registry.server_port}"
        put("@team/helper", {"index.js": "module.exports = name => 'hello ' + name"})
        put("greeter", {"index.js": "module.exports = require('@team/helper')('world')", "cli.js": "#!/usr/bin/env node\nconsole.log(require('.'))"},
            main="index.js", bin={"greet": "cli.js"}, dependencies={"@team/helper": "^1.0.0"})
        put("scripted", {"index.js": "module.exports = require('fs').readFileSync(__dirname + '/made', 'utf8')"},
            scripts={"install": "echo at install > made"})
        cls.other.put("stray")
        put("elsewhere", link=f"{cls.other.url}/stray/-/stray-1.2.3.tgz")
        put("upwards", link=f"{own}/registry/../secret.tgz")
        put("escaped", link=f"{own}/registry/%2e%2e/secret.tgz")
        put("user", link=f"http://a:b@127.0.0.1:{cls.registry.server_port}/registry/user.tgz")
        put("file", link="file:///etc/passwd")
        put("forged", digest=b"other content")
        put("endless", link=f"{own}/registry/endless.tgz")
        for name, where in {"to-metadata": "http://169.254.169.254/latest/", "to-loopback": f"{cls.other.url}/stray/-/stray-1.2.3.tgz",
                            "to-service": f"{cls.service.url}/healthz", "to-file": "file:///etc/passwd", "to-v6": "http://[::1]:1/x"}.items():
            put(name, link=f"{own}/registry/{name}.tgz")
            cls.registry.redirects[f"/registry/{name}.tgz"] = where
        cls.registry.bodies["/secret.tgz"] = b"secret"

    @classmethod
    def tearDownClass(cls):
        cls.service.__exit__(None, None, None)
        for one in (cls.registry, cls.other):
            one.shutdown()
            one.server_close()

    def build(self, tag, script, base="node"):
        return self.service.request("POST", "/prebuild", {"tag": tag, "base_image": base, "setup_script": script}, timeout=300)[:2]

    def run_with(self, image, code):
        status, answer, _ = self.service.request("POST", "/run", {"code": code, "image": image}, timeout=60)
        self.assertEqual(status, 200, answer)
        return answer

    def test_what_npm_installs_globally_can_be_required_and_called(self):
        status, answer = self.build("greeter", "npm install -g greeter")
        self.assertEqual(status, 200, answer)
        answer = self.run_with("greeter", "console.log(require('greeter'), require('child_process').execSync('greet').toString().trim(),"
                                          " require.resolve('greeter'))")
        self.assertEqual(answer["stdout"], "hello world hello world /usr/local/lib/node_modules/greeter/index.js\n", answer["stderr"])
        self.assertEqual({path.partition("?")[0] for path in self.registry.asked if "greeter" in path or "helper" in path},
                         {"/registry/greeter", "/registry/@team%2fhelper", "/registry/greeter/-/greeter-1.2.3.tgz",
                          "/registry/@team/helper/-/helper-1.2.3.tgz"})

    def test_a_project_with_a_lock_file_and_install_scripts(self):
        status, answer = self.build("project", "mkdir -p /srv/app && cd /srv/app && echo '{\"dependencies\": {\"greeter\": \"1\", \"scripted\": \"1\"}}' > package.json"
                                               " && npm install && rm -r node_modules && npm ci")
        self.assertEqual(status, 200, answer)
        answer = self.run_with("project", "console.log(require('/srv/app/node_modules/greeter'), require('/srv/app/node_modules/scripted'))")
        self.assertEqual(answer["stdout"], "hello world at install\n\n", answer["stderr"])

    def test_a_tarball_that_is_not_what_was_promised(self):
        status, answer = self.build("forged", "npm install -g forged")
        self.assertEqual(status, 400, answer)
        self.assertIn("EINTEGRITY", answer["detail"])

    def test_links_that_lead_out_of_the_registry(self):
        for name in ("elsewhere", "upwards", "escaped", "user", "file"):
            status, answer = self.build("out", f"npm install -g {name}")
            self.assertEqual(status, 400, answer)
            self.assertIn("403", answer["detail"], name)
        self.assertEqual(self.other.asked, [])
        self.assertEqual([path for path in self.registry.asked if "secret" in path], [])

    def test_redirects_to_where_nobody_should_get(self):
        for name in ("to-metadata", "to-loopback", "to-service", "to-file", "to-v6"):
            status, answer = self.build("led", f"npm install -g --fetch-retries=0 {name}")
            self.assertEqual(status, 400, answer)
            self.assertIn("403", answer["detail"], name)
        self.assertEqual(self.other.asked, [])

    def test_a_body_without_end_costs_the_cap_and_no_more(self):
        status, answer = self.build("endless", "npm install -g --fetch-retries=0 endless")
        self.assertEqual(status, 400, answer)
        self.assertIn("403", answer["detail"])

    def test_what_else_a_script_may_ask_the_gateway(self):
        script = """python3 - <<'END'
import http.client
for method, path in (("GET", "/npm/../simple/idna"), ("GET", "/npm/%2e%2e/secret.tgz"), ("GET", "/npm/..%2fsecret.tgz"), ("GET", "/npm/@team/../secret"),
                     ("GET", "/npm/http://127.0.0.1:1/"), ("GET", "/npm//etc/passwd"), ("GET", "/npm/a%00b"), ("GET", "/npm/"),
                     ("GET", "/npm/-/files/0/../../secret.tgz"), ("GET", "/npm/-/files/99/1.2.3.tgz"), ("GET", "/npm/-/files/0/9.9.9.tgz"),
                     ("GET", "/npm/-/files/-1/1.2.3.tgz"), ("GET", "/npm/-/files/0/.tgz"), ("GET", "/npm/-/v1/search?text=x"),
                     ("POST", "/npm/-/npm/v1/security/advisories/bulk"), ("PUT", "/npm/greeter"), ("GET", "/npm/absent"), ("GET", "/npm/" + "a" * 2000)):
    c = http.client.HTTPConnection("127.0.0.1", 3141)
    c.putrequest(method, path, skip_host=True); c.putheader("Host", "x"); c.putheader("Content-Length", "0"); c.endheaders()
    print(c.getresponse().status, method, path[:60])
END
exit 1"""
        self.registry.asked.clear()
        status, answer = self.build("asks", script, "python")
        self.assertEqual(status, 400, answer)
        lines = [line.split(" ")[0] for line in answer["detail"].removeprefix("Build failed: ").splitlines() if line[:3].isdigit()]
        self.assertEqual(lines, ["404"] * 14 + ["405", "405", "404", "414"], answer)
        self.assertEqual(self.registry.asked, ["/registry/absent"])


if __name__ == "__main__":
    support.main()
