"""The front end `quartermaster` against its contract (compat/quartermaster.md), line by line, through a real socket: on a port of
its own (FRONTENDS) and in the forms that its clients send. What a client of the original sees is what is looked at."""
import concurrent.futures
import contextlib
import http.client
import json
import os
import pathlib
import subprocess
import threading
import time
import unittest
import urllib.error
import urllib.request

import support

MIB = 1 << 20


class Quartermaster(support.Service):
    """lazaretd with the code runner on a port of its own as well."""

    def start(self):
        self.settings.setdefault("FRONTENDS", "quartermaster:0")
        super().start()

    def _drain(self, stream):
        with contextlib.suppress(ValueError):
            for line in stream:
                if "listening on" in line:
                    self.own_port = int(line.rsplit(":", 1)[1])


def started(**settings):
    made = Quartermaster("http://127.0.0.1:1/simple", INTERACTIVE_WAIT_SEC=60, **settings)
    made.until(lambda: getattr(made, "own_port", 0), 10, "the front end's own port is printed")
    return made


def setUpModule():
    global service
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root: the service starts the jailer and gives up its privileges")
    service = started()


def tearDownModule():
    service.__exit__(None, None, None)


def ask(body=None, method="POST", path="/run", headers=None, port=None, timeout=120):
    """(status, parsed JSON, headers), as http.client sends it."""
    connection = http.client.HTTPConnection("127.0.0.1", port or service.own_port, timeout=timeout)
    try:
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        fields = ({"Content-Type": "application/json"} if raw is not None else {}) if headers is None else headers
        connection.request(method, path, raw, fields)
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None, answer.headers
    finally:
        connection.close()


def get(path, **more):
    return ask(None, "GET", path, **more)


def run(code, **fields):
    status, answer, _ = ask({"code": code, **fields})
    assert status == 200, (status, answer)
    return answer


class Answers(unittest.TestCase):
    def test_what_the_readme_shows(self):
        answer = run("print(sum(range(1, 101)))", image="python")
        self.assertEqual((answer["stdout"], answer["stderr"], answer["exit_code"]), ("5050\n", "", 0))
        self.assertIsInstance(answer["execution_time"], float)
        self.assertNotIn("metadata", answer)

    def test_the_time_is_measured_and_has_four_decimals(self):
        for seconds in (0.2, 1.1):
            took = run(f"import time; time.sleep({seconds})")["execution_time"]
            self.assertEqual(took, round(took, 4))
            self.assertGreaterEqual(took, seconds)
            self.assertLess(took, seconds + 2)

    def test_both_streams_and_the_programs_own_code(self):
        answer = run("import sys; print('out'); sys.stderr.write('error message'); sys.exit(3)")
        self.assertEqual((answer["stdout"], answer["stderr"], answer["exit_code"]), ("out\n", "error message", 3))
        for code in (0, 1, 255):
            self.assertEqual(run(f"import sys; sys.exit({code})")["exit_code"], code)
        self.assertIn("ZeroDivisionError", run("1 / 0")["stderr"])

    def test_a_signal_is_told_as_a_shell_tells_it(self):
        for number in (6, 9, 11, 15):
            self.assertEqual(run(f"import os; os.kill(os.getpid(), {number})")["exit_code"], 128 + number)

    def test_out_of_memory_is_137(self):
        answer = run("a = bytearray(200 * 1024 * 1024)", mem_limit="100m")
        self.assertEqual((answer["exit_code"], answer["reason"]), (137, "out_of_memory"))

    def test_a_time_out_is_minus_one_with_what_was_printed(self):
        answer = run("import sys, time\nprint('here', flush=True)\nprint('there', file=sys.stderr)\ntime.sleep(30)", timeout=1)
        self.assertEqual((answer["exit_code"], answer["stdout"], answer["stderr"]), (-1, "here\n", "there\n"))
        self.assertGreaterEqual(answer["execution_time"], 1)
        self.assertLess(answer["execution_time"], 3)

    def test_a_busy_program_is_ended_by_the_same_time_out(self):
        self.assertEqual(run("while True: pass", timeout=1)["exit_code"], -1)

    def test_native_fields_beside_it(self):
        answer = run("print(1)")
        self.assertEqual((answer["reason"], answer["output_truncated"]), ("exited", False))
        self.assertGreater(answer["usage"]["cpu_seconds"], 0)
        self.assertGreater(answer["usage"]["peak_memory_bytes"], MIB)
        self.assertEqual(answer["usage"]["processes"], 1)

    def test_output_beyond_the_limit_is_cut_and_said_so(self):
        answer = run("import sys; sys.stdout.write('x' * (12 << 20)); sys.stderr.write('end')")
        self.assertEqual((len(answer["stdout"]), answer["stderr"], answer["output_truncated"]), (10 << 20, "end", True))

    def test_bytes_that_are_no_text_are_replaced(self):
        self.assertEqual(run(r"import os; os.write(1, b'a\xffb')")["stdout"], "a\ufffdb")


class Entrypoints(unittest.TestCase):
    def test_the_default_is_python_main_py(self):
        answer = run("import sys; print(__name__, sys.argv, __file__)")
        self.assertEqual(answer["stdout"], "__main__ ['main.py'] /workspace/main.py\n")

    def test_a_shell_command_instead(self):
        answer = run("print('as written')", entrypoint="echo before; python main.py && python -c 'print(2)' | tr 2 3; exit 5")
        self.assertEqual((answer["stdout"], answer["exit_code"]), ("before\nas written\n3\n", 5))

    def test_no_code_but_an_entrypoint(self):
        self.assertEqual(run("", entrypoint="ls -A; echo 'hello'")["stdout"].splitlines()[-1], "hello")

    def test_neither(self):
        for body in ({"code": ""}, {"code": "", "entrypoint": ""}, {"code": "", "entrypoint": None, "files": {"main.py": "1"}}):
            status, answer, _ = ask(body)
            self.assertEqual((status, answer), (400, {"detail": "Either code or entrypoint must be provided."}))

    def test_a_long_one(self):
        answer = run("", entrypoint="echo begin\n" + "# " + "x" * 300_000 + "\necho end")
        self.assertEqual(answer["stdout"], "begin\nend\n")

    def test_a_program_that_is_not_there(self):
        self.assertEqual(run("", entrypoint="no-such-program")["exit_code"], 127)


class Files(unittest.TestCase):
    def test_beside_the_main_file(self):
        answer = run("import os, a\nfrom utils.helpers import text\nprint(a.x, text(), os.getcwd(), open('data.txt').read())",
                     files={"a.py": "x = 42", "utils/helpers.py": "def text(): return 'nested'", "data.txt": "d\u00e4ta"})
        self.assertEqual(answer["stdout"], "42 nested /workspace d\u00e4ta\n")

    def test_one_may_stand_for_the_main_file(self):
        self.assertEqual(run("print(1)", files={"main.py": "print(2)"})["stdout"], "2\n")
        self.assertEqual(run("", files={"main.py": "print(3)"}, entrypoint="python main.py")["stdout"], "3\n")

    def test_names_that_lead_elsewhere(self):
        for name in ("../a.py", "a/../../b", "/etc/passwd", "..", "a/..", "a\0b", "", ".", "dir/", "n" * 256, "x/" * 2500 + "f"):
            with self.subTest(name=name[:20]):
                status, answer, _ = ask({"code": "1", "files": {name: ""}})
                self.assertEqual((status, answer), (400, {"detail": f"Invalid filename: {name[:4096]}"}))

    def test_a_file_over_a_directory(self):
        for files, name in (({"d/x": "", "d": ""}, "d"), ({"a": "", "a/b": ""}, "a/b"), ({"a": "", "a/b/c": ""}, "a/b/c"),
                            ({"main.py/x": ""}, "main.py/x")):
            status, answer, _ = ask({"code": "1", "files": files})
            self.assertEqual(status, 400)
            self.assertTrue(answer["detail"].startswith(f"Invalid filename: {name} ("), answer)

    def test_harmless_ones(self):
        names = ["./a", "b//c", ".hidden", "sp ace", "\u00fc\u00f1\u00ed.txt", "-rf", "back\\slash", "line\nbreak", "*"]
        answer = run("import os\nfor d, _, f in os.walk('.'):\n for n in f: print(repr(os.path.join(d, n)), open(os.path.join(d, n)).read())",
                     files={name: name for name in names})
        for name in names:
            self.assertIn(repr("./" + name.removeprefix("./").replace("//", "/")), answer["stdout"])

    def test_of_one_name_the_last_counts(self):
        status, answer, _ = ask(b'{"code": "print(open(\'a\').read())", "files": {"a": "1", "./a": "2", "a": "3"}}')
        self.assertEqual((status, answer["stdout"] in ("2\n", "3\n")), (200, True))

    def test_ten_thousand(self):
        answer = run("import os; print(sum(len(f) for _, _, f in os.walk('d')))", files={f"d/{i % 100}/{i}": "x" for i in range(10_000)})
        self.assertEqual(answer["stdout"], "10000\n")
        status, answer, _ = ask({"code": "1", "files": {str(i): "" for i in range(10_001)}})
        self.assertEqual((status, answer["detail"][0]["loc"]), (422, ["body", "files"]))

    def test_more_than_the_disk_holds(self):
        status, answer, _ = ask({"code": "1", "disk_limit": "1m", "files": {"a": "x" * (600 << 10), "b": "", "d/c": "y" * (400 << 10)}})
        self.assertIn(status, (200, 400), answer)
        status, answer, _ = ask({"code": "1", "disk_limit": "1m", "files": {f"f{i}": "x" for i in range(1000)}})
        self.assertEqual(status, 400, answer)
        self.assertIn("disk_limit", answer["detail"])


class Size(unittest.TestCase):
    def test_one_mebibyte_runs(self):
        code = "print(1)\n"
        self.assertEqual(run(code + "#" * (MIB - len(code)))["stdout"], "1\n")
        self.assertEqual(run("import sys; print(len(open('a').read()))", files={"a": "\0\n\"\\\u00e9" * 170_000})["stdout"], "850000\n")

    def test_one_byte_more_does_not(self):
        for body in ({"code": "a" * (MIB + 1)}, {"code": "a" * MIB, "files": {"b": "b"}}, {"code": "\u00e9" * (MIB // 2) + "a"},
                     {"code": "", "entrypoint": "true", "files": {"a": "a" * MIB, "b": "b"}}):
            status, answer, _ = ask(body)
            self.assertEqual((status, answer), (413, {"detail": "Code size exceeds the limit."}))

    def test_a_body_beyond_every_limit(self):
        connection = http.client.HTTPConnection("127.0.0.1", service.own_port, timeout=60)
        connection.putrequest("POST", "/run")
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", str(80 * MIB))
        connection.endheaders()
        answer = connection.getresponse()
        self.assertEqual((answer.status, json.load(answer)), (413, {"detail": "Code size exceeds the limit."}))
        connection.close()


class Validation(unittest.TestCase):
    def wrong(self, body, *expected, **more):
        status, answer, headers = ask(body, **more)
        self.assertEqual(status, 422, answer)
        self.assertEqual(headers.get_content_type(), "application/json")
        self.assertEqual([(e["type"], e["loc"]) for e in answer["detail"]], list(expected), answer)
        for error in answer["detail"]:
            self.assertTrue(error["msg"])
        return answer["detail"][0]["msg"]

    def test_code_is_required(self):
        self.assertEqual(self.wrong({}, ("missing", ["body", "code"])), "Field required")
        self.wrong({"image": "python"}, ("missing", ["body", "code"]))
        self.wrong({"code": None}, ("string_type", ["body", "code"]))

    def test_wrong_types_name_their_fields_in_order(self):
        self.wrong({"code": 1, "image": 2, "files": [], "entrypoint": {}, "timeout": "soon", "mem_limit": 3, "cpu_shares": 1.5,
                    "disk_limit": [], "allow_network": "perhaps", "environment": "A=B", "prebuild_spec": "x"},
                   ("string_type", ["body", "code"]), ("string_type", ["body", "image"]), ("dict_type", ["body", "files"]),
                   ("string_type", ["body", "entrypoint"]), ("int_parsing", ["body", "timeout"]),
                   ("string_type", ["body", "mem_limit"]), ("int_from_float", ["body", "cpu_shares"]),
                   ("string_type", ["body", "disk_limit"]), ("bool_parsing", ["body", "allow_network"]),
                   ("dict_type", ["body", "environment"]), ("model_attributes_type", ["body", "prebuild_spec"]))

    def test_items_name_themselves(self):
        self.wrong({"code": "1", "files": {"a": 1}}, ("string_type", ["body", "files", "a"]))
        self.wrong({"code": "1", "environment": {"A": None}}, ("string_type", ["body", "environment", "A"]))
        self.wrong({"code": "1", "prebuild_spec": {"base_image": "python"}}, ("missing", ["body", "prebuild_spec", "setup_script"]))

    def test_null_stands_for_the_default(self):
        fields = ("files", "entrypoint", "timeout", "mem_limit", "cpu_shares", "disk_limit", "environment", "prebuild_spec")
        self.assertEqual(run("print(1)", **dict.fromkeys(fields))["stdout"], "1\n")

    def test_numbers_and_truths_may_be_written_as_text(self):
        answer = run("print(1)", timeout="5", cpu_shares=256.0, allow_network="no")
        self.assertEqual(answer["stdout"], "1\n")

    def test_unknown_fields_are_ignored(self):
        self.assertEqual(run("print(1)", surprise={"a": [1]})["stdout"], "1\n")

    def test_over_a_servers_maximum(self):
        for field, value, kind, setting in (("timeout", 301, "less_than_equal", "MAX_TIMEOUT"),
                                            ("timeout", 10 ** 30, "less_than_equal", "MAX_TIMEOUT"),
                                            ("mem_limit", "2049m", "value_error", "MAX_MEMORY_MB"),
                                            ("mem_limit", "1t", "value_error", "MAX_MEMORY_MB"),
                                            ("cpu_shares", 4097, "less_than_equal", "MAX_CPU_CORES"),
                                            ("cpu_shares", 2 ** 64 - 1, "less_than_equal", "MAX_CPU_CORES"),
                                            ("disk_limit", "5001m", "value_error", "MAX_DISK_MB")):
            with self.subTest(field=field, value=value):
                self.assertIn(setting, self.wrong({"code": "1", field: value}, (kind, ["body", field])))

    def test_too_little(self):
        for field, value in (("timeout", 0), ("timeout", -(10 ** 30)), ("cpu_shares", 1), ("mem_limit", "1m"), ("disk_limit", "0")):
            message = self.wrong({"code": "1", field: value},
                                 ("greater_than_equal" if isinstance(value, int) else "value_error", ["body", field]))
            self.assertIn("least" if isinstance(value, str) else "greater", message)

    def test_amounts_that_are_none(self):
        for value in ("", "m", "1x", "-1m", "1mm", "nan", "inf", "1e3m", "0x10", "1 m", "9" * 400):
            self.wrong({"code": "1", "mem_limit": value}, ("value_error", ["body", "mem_limit"]))

    def test_amounts_in_every_form(self):
        for value in ("64m", "64M", "64mb", "65536k", "67108864", "67108864b", "0.0625g", "64MB"):
            self.assertEqual(run("print(1)", mem_limit=value)["stdout"], "1\n", value)

    def test_reserved_variables(self):
        for name in ("ENCODED_CODE", "ENCODED_FILES", "CUSTOM_ENTRYPOINT"):
            message = self.wrong({"code": "1", "environment": {name: "x"}}, ("value_error", ["body", "environment"]))
            self.assertEqual(message, f"Value error, Environment variable '{name}' is reserved and cannot be set.")

    def test_variables_that_are_none(self):
        for name, value in (("", "x"), ("A=B", "x"), ("A\0", "x"), ("A", "x\0"), ("A", "x" * 131072)):
            self.wrong({"code": "1", "environment": {name: value}}, ("value_error", ["body", "environment"]))
        self.wrong({"code": "1", "environment": {f"V{i}": "x" * 1000 for i in range(600)}}, ("value_error", ["body", "environment"]))

    def test_an_entrypoint_that_is_none(self):
        self.wrong({"code": "", "entrypoint": "a\0b"}, ("value_error", ["body", "entrypoint"]))
        self.wrong({"code": "", "entrypoint": "a" * (MIB + 1)}, ("string_too_long", ["body", "entrypoint"]))

    def test_what_is_no_json(self):
        for body in (b"{", b"nope", b'{"code": "\xff"}', b'{"code": "a"} x', b'{"code": "\\ud800"}', b"[" * 5000, b'{"code":' * 5000):
            status, answer, _ = ask(body)
            self.assertEqual((status, answer["detail"][0]["type"], answer["detail"][0]["loc"][0]), (422, "json_invalid", "body"))
            self.assertEqual(answer["detail"][0]["msg"], "JSON decode error")

    def test_what_is_no_object(self):
        for body in (b"[]", b"1", b'"code"', b"null"):
            self.wrong(body, ("model_attributes_type", ["body"]))
        self.wrong(b"", ("missing", ["body"]))
        self.wrong(b'{"code": "1"}', ("model_attributes_type", ["body"]), headers={"Content-Type": "application/x-www-form-urlencoded"})

    def test_a_content_type_with_parameters_or_none(self):
        for headers in ({"Content-Type": "application/json; charset=utf-8"}, {}):
            self.assertEqual(ask(b'{"code": "print(3)"}', headers=headers)[1]["stdout"], "3\n")

    def test_other_methods_and_paths(self):
        for method in ("GET", "PUT", "DELETE", "PATCH"):
            status, answer, headers = ask(None, method, "/run")
            self.assertEqual((status, answer), (405, {"detail": "Method Not Allowed"}))
            self.assertIn("POST", headers["Allow"])
        for path in ("/nothing", "/v1/execute", "/healthz", "/metrics", "/eval", "/run/"):
            self.assertEqual(get(path)[:2], (404, {"detail": "Not Found"}))


class Images(unittest.TestCase):
    def test_all_names_of_one(self):
        for image in ("python", "code-runner-python"):
            self.assertEqual(run("print(1)", image=image)["stdout"], "1\n")

    def test_unknown_ones_are_named(self):
        for image in ("cobol", "code-runner-cobol", "prebuilt-none", "", "../python", "a\0b", "x" * 10_000):
            status, answer, _ = ask({"code": "1", "image": image})
            self.assertEqual(status, 404, answer)
            self.assertIn(repr(image[:100])[1:-1] if "\0" not in image else "a\0b", answer["detail"])

    def test_the_list(self):
        for path in ("/images", "/runtimes"):
            status, answer, _ = get(path)
            self.assertEqual((status, answer["default"]), (200, "code-runner-python"))
            self.assertEqual([image["id"] for image in answer["images"][:6]],
                             [f"code-runner-{name}" for name in ("python", "node", "go", "rust", "deno", "bun")])
            for image in answer["images"]:
                self.assertEqual(image["completions"], [])
                self.assertTrue(all(isinstance(image[field], str) and image[field] for field in ("name", "description")))
                self.assertEqual("install" in image, not image["available"])
        python = answer["images"][0]
        self.assertEqual([python[f] for f in ("name", "default_entrypoint", "file_extension", "main_file", "available")],
                         ["Python", "python main.py", ".py", "main.py", True])
        entries = [image["default_entrypoint"] for image in answer["images"][1:6]]
        self.assertEqual(entries, ["node main.js", "go run main.go", "cargo run --release -q", "deno run --allow-all main.ts",
                                   "bun main.ts"])
        self.assertEqual([image["main_file"] for image in answer["images"][1:6]],
                         ["main.js", "main.go", "src/main.rs", "main.ts", "main.ts"])

    def test_one_that_is_not_installed_says_what_to_install(self):
        absent = [image for image in get("/images")[1]["images"] if not image["available"]]
        for image in absent:
            status, answer, _ = ask({"code": "1", "image": image["id"]})
            self.assertEqual(status, 404)
            self.assertIn(image["id"], answer["detail"])
            self.assertIn(image["install"], answer["detail"])
        if not absent:
            self.skipTest("every runtime is installed here")


class Jail(unittest.TestCase):
    def test_the_root_is_read_only(self):
        for path in ("/app/test.txt", "/test.txt", "/etc/x", "/usr/x", "/usr/bin/python3", "/dev/x", "/proc/x", "/sys/x"):
            answer = run(f"open({path!r}, 'w')")
            self.assertEqual(answer["exit_code"], 1)
            self.assertRegex(answer["stderr"], "Read-only file system|Permission denied|No such file or directory: '/proc/x'")

    def test_its_places_are_writable_up_to_the_disk_limit(self):
        for place in ("/tmp", "/workspace"):
            self.assertEqual(run(f"open('{place}/x', 'w').write('x' * (3 << 20))", disk_limit="4m")["exit_code"], 0)
            self.assertIn("No space left", run(f"open('{place}/x', 'w').write('x' * (3 << 20))", disk_limit="2m")["stderr"])
            self.assertEqual(run("", entrypoint=f"printf '#!/bin/sh\\necho ran' > {place}/p; chmod +x {place}/p; {place}/p")["stdout"],
                             "ran\n")

    def test_the_environment(self):
        answer = run("import os; print(os.environ['A'], os.environ['B'], os.environ['HOME'])", environment={"A": "1", "B": "\u00e9 =\n"})
        self.assertEqual(answer["stdout"], "1 \u00e9 =\n /tmp\n")
        self.assertNotIn("TOKEN", run("import os; print(list(os.environ))")["stdout"])
        self.assertEqual(run("import os; print(os.environ['HOME'])", environment={"HOME": "/workspace"})["stdout"], "/workspace\n")

    def test_a_network_where_the_operator_has_one(self):
        status, answer, _ = ask({"code": "1", "allow_network": True})
        self.assertEqual((status, answer["detail"][0]["loc"]), (422, ["body", "allow_network"]))
        self.assertIn("ALLOW_OUTBOUND", answer["detail"][0]["msg"])
        code = "import os, socket; print(sorted(os.listdir('/sys/class/net')), sorted(n for _, n in socket.if_nameindex()))"
        with started(ALLOW_OUTBOUND="true", DEFAULT_ALLOW_NETWORK="true") as open_house:
            for fields, seen in (({}, ["eth0", "lo"]), ({"allow_network": True}, ["eth0", "lo"]), ({"allow_network": False}, ["lo"])):
                status, answer, _ = ask({"code": code, **fields}, port=open_house.own_port)
                self.assertEqual((status, answer["stdout"]), (200, f"{seen} {seen}\n"), answer)
            status, answer, _ = ask({"code": "import socket; socket.create_connection(('127.0.0.1', %d), 3)" % open_house.port},
                                    port=open_house.own_port)
            self.assertEqual(answer["exit_code"], 1)

    def test_there_is_no_network(self):
        answer = run("import os; print(os.listdir('/sys/class/net'))", allow_network=False)
        self.assertEqual(answer["stdout"], "['lo']\n")
        answer = run("import socket; print(socket.if_nameindex()); socket.create_connection(('1.1.1.1', 53), 2)")
        self.assertEqual((answer["stdout"], answer["exit_code"]), ("[(1, 'lo')]\n", 1))

    def test_cpu_shares_are_a_weight_while_others_want_the_processor(self):
        """Two runs that spin on all processors for the same time."""
        code = """import os, time
end = time.monotonic() + 2
for _ in range(os.cpu_count() - 1):
    if os.fork() == 0: break
while time.monotonic() < end: pass"""
        with concurrent.futures.ThreadPoolExecutor() as pool:
            much, little = pool.map(lambda n: run(code, cpu_shares=n)["usage"]["cpu_seconds"], (2048, 128))
        self.assertGreater(much, 3 * little)

    def test_one_run_leaves_nothing_for_the_next(self):
        run("for p in ('/tmp/left', '/workspace/left', '/metadata/left'): open(p, 'w').write('x')")
        answer = run("import os; print(os.listdir('/tmp'), [f for f in os.listdir('/workspace') + os.listdir('/metadata') if f == 'left'])")
        self.assertEqual(answer["stdout"], "[] []\n")


class Metadata(unittest.TestCase):
    def left(self, code, **fields):
        return run(code, **fields).get("metadata", "none")

    def test_what_the_program_stored(self):
        code = "import json\njson.dump({!r}, open('/metadata/.quartermaster_metadata.json', 'w'))"
        for value in ({"status": "success", "count": 42, "items": ["a", "b"]}, [1, 2.5], "text \u00e9", 7, True, {}):
            self.assertEqual(self.left(code.format(value)), value)

    def test_of_a_program_that_failed_or_was_ended(self):
        code = "open('/metadata/.quartermaster_metadata.json', 'w').write('{\"a\": 1}')\n"
        self.assertEqual(self.left(code + "1 / 0"), {"a": 1})
        self.assertEqual(self.left(code + "import time; time.sleep(30)", timeout=1), {"a": 1})

    def test_by_the_sdk(self):
        answer = run("from sdk import set_metadata, get_metadata\nset_metadata({'n': 1})\nprint(get_metadata())")
        self.assertEqual((answer["stdout"], answer["metadata"]), ("{'n': 1}\n", {"n": 1}))

    def test_the_sdk_gives_null_where_nothing_was_stored(self):
        here = {one["id"].removeprefix("code-runner-") for one in ask(method="GET", path="/images")[1]["images"] if one["available"]}
        for image, code, said in (
                ("python", "from sdk import *; print(get_metadata(), get_metadata('k', 7)); set_metadata('a', 1)", "None 7\n"),
                ("node", "const sdk = require('./sdk'); console.log(sdk.getMetadata()); sdk.setMetadata('a', 1)", "null\n"),
                ("deno", "import * as sdk from './sdk.ts'; console.log(sdk.getMetadata()); sdk.setMetadata('a', 1)", "null\n"),
                ("bun", "import * as sdk from './sdk.ts'; console.log(sdk.getMetadata()); sdk.setMetadata('a', 1)", "null\n"),
                ("ruby", "require './sdk'; p get_metadata; set_metadata('a', 1)", "nil\n"),
                ("go", 'package main\nimport ("fmt"; "main/sdk")\nfunc main() { var kept map[string]any; fmt.Println(sdk.GetMetadata(&kept), kept == nil); '
                       'sdk.Set("a", 1) }', "<nil> true\n")):
            if image in here:
                answer = run(code, image=image, mem_limit="512m")
                self.assertEqual((answer["stdout"], answer.get("metadata")), (said, {"a": 1}), (image, answer))

    def test_of_a_program_that_keeps_it_to_itself(self):
        code = "import os; os.umask(0o777); open('/metadata/.quartermaster_metadata.json', 'w').write('[1]'); os.chmod('/workspace', 0)"
        self.assertEqual(self.left(code), [1])

    def test_what_is_none_is_left_out(self):
        for code in ("pass", "open(F, 'w')", "open(F, 'w').write('{')", "open(F, 'wb').write(b'\\xff')", "os.mkdir(F)", "os.mkfifo(F)",
                     "os.symlink('/etc/passwd', F)", "open(F, 'w').write('[' * 100000)", "open(F, 'w').write('\"' + 'x' * (1 << 20) + '\"')",
                     "open(F, 'w').truncate(1 << 40)", "open(F, 'w').write('null')"):
            self.assertEqual(self.left(f"import os\nF = '/metadata/.quartermaster_metadata.json'\n{code}"), "none", code)


class OwnPort(unittest.TestCase):
    def test_root(self):
        self.assertEqual(get("/")[:2], (200, {"message": "Code Runner is operational."}))

    def test_health(self):
        # On a busy host a layer may fail its self-test once; that is told, and the next test sets it right.
        service.until(lambda: get("/health")[1]["status"] == "ok", 60, "every layer of the jail holds")
        status, answer, _ = get("/health")
        self.assertEqual((status, answer), (200, {"status": "ok", "docker_connected": True, "auth_enabled": False}))

    def test_whoever_reaches_it_is_served_while_there_is_no_key(self):
        self.assertEqual(run("print(1)")["stdout"], "1\n")


class MainPort(unittest.TestCase):
    def test_its_paths_are_there_too_with_the_token(self):
        status, answer, _ = service.request("POST", "/run", {"code": "print(1)"})
        self.assertEqual((status, answer["stdout"]), (200, "1\n"))
        self.assertEqual(service.request("GET", "/images", token=None)[0], 200)

    def test_without_a_token(self):
        status, answer, _ = service.request("POST", "/run", {"code": "print(1)"}, token=None)
        self.assertEqual((status, answer), (401, {"detail": "Not authenticated. Provide X-API-Key header or Authorization Bearer token."}))

    def test_root_and_health_stay_native(self):
        self.assertIn("<html", service.request("GET", "/")[1])
        self.assertIn("layers", service.request("GET", "/health")[1])


class Keys(unittest.TestCase):
    MISSING = (401, {"detail": "Not authenticated. Provide X-API-Key header or Authorization Bearer token."})
    WRONG = (403, {"detail": "Invalid API Key"})

    @classmethod
    def setUpClass(cls):
        cls.guarded = started(CODE_RUNNER_API_KEYS="key-1, key-2", AUTH_TOKEN="bearer-1")

    @classmethod
    def tearDownClass(cls):
        cls.guarded.__exit__(None, None, None)

    def ask(self, headers, port=None, path="/run", body=b'{"code": "print(1)"}'):
        return ask(body, path=path, headers={"Content-Type": "application/json", **headers}, port=port or self.guarded.own_port)[:2]

    def test_on_both_ports(self):
        for port in (self.guarded.own_port, self.guarded.port):
            for headers in ({"X-API-Key": "key-1"}, {"x-api-key": "key-2"}, {"Authorization": "Bearer bearer-1"},
                            {"X-API-Key": "wrong", "Authorization": "Bearer bearer-1"}, {"Authorization": f"Bearer {support.TOKEN}"}):
                status, answer = self.ask(headers, port)
                self.assertEqual((status, answer.get("stdout")), (200, "1\n"), headers)
            for headers in ({"X-API-Key": "wrong"}, {"X-API-Key": "key-1 key-2"}, {"X-API-Key": "bearer-1"},
                            {"X-API-Key": "key-", "Authorization": "Bearer wrong"}):
                self.assertEqual(self.ask(headers, port), self.WRONG, headers)
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer key-1"}, {"Authorization": "Basic YTpi"},
                            {"X-API-Key": ""}, {"Authorization": "Bearer "}):
                self.assertEqual(self.ask(headers, port), self.MISSING, headers)

    def test_keys_come_before_the_body(self):
        self.assertEqual(self.ask({}, body=b"nonsense"), self.MISSING)

    def test_whatever_changes_state_needs_one(self):
        for method, path in (("POST", "/prebuild"), ("DELETE", "/prebuilds/x"), ("POST", "/prebuilds/cleanup")):
            for port in (self.guarded.own_port, self.guarded.port):
                self.assertEqual(ask(None, method, path, headers={}, port=port)[:2], self.MISSING)
                self.assertEqual(ask(None, method, path, headers={"X-API-Key": "no"}, port=port)[:2], self.WRONG)

    def test_reading_needs_none(self):
        for path in ("/", "/health", "/images", "/runtimes", "/prebuilds"):
            self.assertEqual(get(path, port=self.guarded.own_port)[0], 200)
        self.assertTrue(get("/health", port=self.guarded.own_port)[1]["auth_enabled"])


class Clients(unittest.TestCase):
    def test_curl(self):
        url = f"http://127.0.0.1:{service.own_port}/run"
        made = subprocess.run(["curl", "-sS", "-X", "POST", url, "-H", "Content-Type: application/json", "-d",
                               '{"code": "print(sum(range(1, 101)))", "image": "python"}'], capture_output=True, text=True, check=True)
        self.assertEqual(json.loads(made.stdout)["stdout"], "5050\n")

    def test_urllib_as_requests_and_httpx_send_it(self):
        for agent in ("python-requests/2.31.0", "python-httpx/0.27.0"):
            asked = urllib.request.Request(f"http://127.0.0.1:{service.own_port}/run", json.dumps({"code": "print('é')"}).encode(),
                                           {"User-Agent": agent, "Accept": "*/*", "Accept-Encoding": "gzip, deflate",
                                            "Connection": "keep-alive", "Content-Type": "application/json"})
            with urllib.request.urlopen(asked) as answer:
                self.assertEqual(json.load(answer)["stdout"], "é\n")

    def test_one_connection_for_many(self):
        connection = http.client.HTTPConnection("127.0.0.1", service.own_port, timeout=60)
        for i in range(5):
            connection.request("POST", "/run", json.dumps({"code": f"print({i})"}), {"Content-Type": "application/json"})
            self.assertEqual(json.loads(connection.getresponse().read())["stdout"], f"{i}\n")
        connection.close()


class Prebuilds(support.NeedsRoot):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.index = support.Index()
        cls.shop = Quartermaster(cls.index.url, INTERACTIVE_WAIT_SEC=60, MAX_DISK_MB=64, MAX_MEMORY_MB=512, DEFAULT_DISK="64m")
        cls.shop.until(lambda: getattr(cls.shop, "own_port", 0), 10, "the front end's own port is printed")

    @classmethod
    def tearDownClass(cls):
        cls.shop.__exit__(None, None, None)
        cls.index.__exit__(None, None, None)

    def ask(self, method, path, body=None):
        return ask(body, method, path, port=self.shop.own_port, timeout=300)[:2]

    def build(self, tag, script, base="python", status=200):
        got, answer = self.ask("POST", "/prebuild", {"tag": tag, "base_image": base, "setup_script": script})
        self.assertEqual(got, status, answer)
        return answer

    def run_with(self, image, code, **fields):
        status, answer = self.ask("POST", "/run", {"code": code, "image": image, **fields})
        self.assertEqual(status, 200, answer)
        return answer

    def tags(self):
        return [one["tag"] for one in self.ask("GET", "/prebuilds")[1]["prebuilds"]]

    def test_what_a_script_writes_is_there_for_later_runs(self):
        script = ("mkdir -p /usr/local/lib/python3.11/dist-packages /srv/data && echo 'x = 7' > /usr/local/lib/python3.11/dist-packages/mod.py\n"
                  "echo text > /srv/data/f; ln -s f /srv/data/link; mkfifo /srv/pipe; chmod 4777 /srv/data/f\n"
                  "printf '#!/bin/sh\\necho tool' > /usr/local/bin/tool\n"
                  "chmod +x /usr/local/bin/tool; chmod 000 /srv/data; sleep 1000 &")
        answer = self.build("written", script)
        self.assertEqual((answer["tag"], answer["base_image"], answer["status"]), ("prebuilt-written", "code-runner-python", "ready"))
        self.assertGreater(answer["layer_size_bytes"], 0)
        self.assertGreaterEqual(answer["size_bytes"], answer["layer_size_bytes"])
        for image in ("written", "prebuilt-written"):
            answer = self.run_with(image, "import mod, os, stat\nprint(mod.x, open('/srv/data/link').read().strip(), os.path.exists('/srv/pipe'),"
                                          " oct(os.stat('/srv/data/f').st_mode & 0o7777), os.popen('tool').read().strip())")
            self.assertEqual(answer["stdout"], "7 text False 0o755 tool\n", answer["stderr"])
        self.assertIn("Read-only file system", self.run_with("written", "open('/srv/data/new', 'w')")["stderr"])

    def test_pip_installs_from_the_index(self):
        self.build("idna", "pip install --ignore-installed idna && pip3 --version && python3 -m pip --version")
        answer = self.run_with("idna", "import idna; print(idna.__file__, idna.encode('\u00fc.example').decode())")
        self.assertEqual(answer["stdout"], "/usr/local/lib/python3.11/dist-packages/idna/__init__.py xn--tda.example\n", answer["stderr"])

    def test_a_script_has_no_other_network(self):
        answer = self.build("net", "python -c \"import socket; socket.create_connection(('1.1.1.1', 80), 3)\"", status=400)
        self.assertIn("Network is unreachable", answer["detail"])

    def test_a_script_that_fails(self):
        answer = self.build("broken", "echo to stdout; echo to stderr >&2; exit 3", status=400)
        self.assertTrue(answer["detail"].startswith("Build failed: to stdout\nto stderr\n"), answer)
        self.assertIn("exited with code 3", answer["detail"])
        self.assertNotIn("prebuilt-broken", self.tags())

    def test_a_long_log_keeps_its_end(self):
        answer = self.build("long", "python -c \"print('x' * 1000000)\"; echo the end; exit 1", status=400)
        self.assertLess(len(answer["detail"]), 100_000)
        self.assertIn("the end\n", answer["detail"])

    def test_a_layer_that_is_too_large(self):
        for script in ("head -c 70000000 /dev/zero > /srv/x", "head -c 40000000 /dev/zero > /srv/x; head -c 40000000 /dev/zero > /var/x",
                       "truncate -s 1T /srv/x", "truncate -s 60M /srv/x; cp --sparse=always /srv/x /srv/y; truncate -s 60M /var/y"):
            self.assertTrue(self.build("large", script, status=400)["detail"].startswith("Build failed: "), script)
        self.assertNotIn("prebuilt-large", self.tags())

    def test_a_failed_build_leaves_the_old_one(self):
        self.build("kept", "echo 1 > /srv/v")
        self.build("kept", "echo 2 > /srv/v; exit 1", status=400)
        self.assertEqual(self.run_with("kept", "print(open('/srv/v').read())")["stdout"], "1\n\n")
        self.build("kept", "echo 3 > /srv/v")
        self.assertEqual(self.run_with("kept", "print(open('/srv/v').read())")["stdout"], "3\n\n")

    def test_list_show_and_delete(self):
        self.build("listed", "echo 1 > /srv/a")
        listed = next(one for one in self.ask("GET", "/prebuilds")[1]["prebuilds"] if one["tag"] == "prebuilt-listed")
        self.assertEqual(set(listed), {"tag", "size_bytes", "created", "labels"})
        self.assertRegex(listed["created"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        for path in ("/prebuilds/listed", "/prebuilds/prebuilt-listed"):
            self.assertEqual(self.ask("GET", path), (200, listed))
        self.assertEqual(self.ask("DELETE", "/prebuilds/listed"), (200, {"status": "deleted", "tag": "prebuilt-listed"}))
        for method in ("GET", "DELETE"):
            self.assertEqual(self.ask(method, "/prebuilds/listed"), (404, {"detail": "Prebuilt image 'prebuilt-listed' not found."}))
            self.assertEqual(self.ask(method, "/prebuilds/..%2f..%2fetc")[0], 404)
        self.assertEqual(self.ask("POST", "/run", {"code": "1", "image": "listed"})[0], 404)

    def test_one_that_is_deleted_while_in_use_is_there_to_the_end(self):
        self.build("used", "for i in $(seq 50); do echo $i > /srv/$i; done")
        code = ("import os, time\nprint('in', flush=True)\nend = time.time() + 30\n"
                "while not os.path.exists('/srv/gone') and time.time() < end - 27: time.sleep(0.05)\n"
                "print(len(os.listdir('/srv')), open('/srv/50').read().strip())")

        answers = []
        running = threading.Thread(target=lambda: answers.append(self.run_with("used", code)))
        running.start()
        in_flight = lambda: next(s for s in self.shop.request("GET", "/v1/stages")[1]["stages"] if s["name"] == "interactive")["in_flight"]
        self.shop.until(lambda: in_flight() == 1, 20, "the run goes on")
        self.assertEqual(self.ask("DELETE", "/prebuilds/used")[0], 200)
        running.join()
        self.assertEqual(answers[0]["stdout"], "in\n50 50\n", answers[0])
        layers = self.shop.data / "prebuilds" / "trash"
        self.shop.until(lambda: not any(layers.iterdir()), 20, "its tree is gone afterwards")

    def test_cleanup(self):
        self.build("old", "echo 1 > /srv/a")
        self.assertEqual(self.ask("POST", "/prebuilds/cleanup"), (200, {"removed": [], "count": 0}))
        self.assertEqual(self.ask("POST", "/prebuilds/cleanup?max_age_days=1"), (200, {"removed": [], "count": 0}))
        status, answer = self.ask("POST", "/prebuilds/cleanup?max_age_days=0")
        self.assertIn("prebuilt-old", answer["removed"])
        self.assertEqual((status, answer["count"], self.tags()), (200, len(answer["removed"]), []))
        for query in ("-1", "x", "", "1.5"):
            status, answer = self.ask("POST", f"/prebuilds/cleanup?max_age_days={query}")
            self.assertEqual((status, answer["detail"][0]["loc"]), (422, ["query", "max_age_days"]))

    def test_on_the_fly(self):
        recipe = {"base_image": "python", "setup_script": "echo 5 > /srv/n"}
        answer = self.run_with("prebuilt-fly", "print(open('/srv/n').read().strip())", prebuild_spec=recipe)
        self.assertEqual(answer["stdout"], "5\n")
        self.assertIn("prebuilt-fly", self.tags())
        other = {"base_image": "python", "setup_script": "exit 1"}
        self.assertEqual(self.run_with("fly", "print(1)", prebuild_spec=other)["stdout"], "1\n")  # it is there already
        status, answer = self.ask("POST", "/run", {"code": "1", "image": "fly2", "prebuild_spec": other})
        self.assertEqual(status, 503)
        self.assertTrue(answer["detail"].startswith("Prebuilt image 'prebuilt-fly2' could not be rebuilt: "), answer)
        status, answer = self.ask("POST", "/run", {"code": "1", "image": "a/b", "prebuild_spec": {**recipe, "base_image": "cobol"}})
        self.assertEqual((status, [e["loc"] for e in answer["detail"]]), (422, [["body", "image"], ["body", "prebuild_spec", "base_image"]]))

    def test_wrong_requests(self):
        for body, loc in (({"tag": "a/b", "setup_script": ""}, "tag"), ({"tag": " ", "setup_script": ""}, "tag"),
                          ({"tag": "..", "setup_script": ""}, "tag"), ({"tag": "x" * 129, "setup_script": ""}, "tag"),
                          ({"setup_script": ""}, "tag"), ({"tag": "a"}, "setup_script"),
                          ({"tag": "a", "base_image": "cobol", "setup_script": ""}, "base_image"),
                          ({"tag": "a", "setup_script": "a\0b"}, "setup_script")):
            status, answer = self.ask("POST", "/prebuild", body)
            self.assertEqual((status, answer["detail"][0]["loc"]), (422, ["body", loc]), answer)

    def test_they_survive_a_restart(self):
        self.build("durable", "echo 1 > /srv/a")
        self.shop.kill()
        del self.shop.own_port
        self.shop.start()
        self.shop.until(lambda: getattr(self.shop, "own_port", 0), 10, "the front end's own port is printed")
        self.assertEqual(self.run_with("durable", "print(open('/srv/a').read().strip())")["stdout"], "1\n")


class FullStage(unittest.TestCase):
    def test_who_finds_no_place_is_told_when_to_come_back(self):
        with started(INTERACTIVE_CONCURRENCY=1, INTERACTIVE_QUEUE_LIMIT=1) as narrow:
            def busy():
                connection = http.client.HTTPConnection("127.0.0.1", narrow.own_port)
                connection.request("POST", "/run", json.dumps({"code": "import time; time.sleep(60)", "timeout": 60}),
                                   {"Content-Type": "application/json"})
                return connection

            def stage():
                stages = narrow.request("GET", "/v1/stages")[1]["stages"]
                found = next(s for s in stages if s["name"] == "interactive")
                return found["in_flight"], found["queue_depth"]

            first = busy()
            narrow.until(lambda: stage() == (1, 0), 20, "the first is run")
            second = busy()
            narrow.until(lambda: stage() == (1, 1), 20, "the second waits")
            status, answer, headers = ask({"code": "1"}, port=narrow.own_port)
            self.assertEqual((status, answer), (503, {"detail": "queue full"}))
            self.assertGreaterEqual(int(headers["Retry-After"]), 1)
            first.close()
            second.close()
            narrow.until(lambda: stage() == (0, 0), 20, "who went away is forgotten")


if __name__ == "__main__":
    support.main()
