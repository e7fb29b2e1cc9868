"""The front end `snekbox` against its contract (compat/snekbox.md), line by line, through a real socket: on a port of its
own (FRONTENDS) and in the forms that its clients send. What a client of the original sees is all that is looked at."""
import base64
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

import support

PATH_PATTERN = r"'^(?!/)(?!.*\\\\0).*$'"


class Snekbox(support.Service):
    """lazaretd with /eval on a port of its own as well."""

    def start(self):
        self.settings.setdefault("FRONTENDS", "snekbox:0")
        super().start()

    def _drain(self, stream):
        with contextlib.suppress(ValueError):
            for line in stream:
                if "listening on" in line:
                    self.own_port = int(line.rsplit(":", 1)[1])


def setUpModule():
    global service, folder
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root: the service starts the jailer and gives up its privileges")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-snekbin-", dir="/var/tmp"))
    folder.chmod(0o755)
    binaries = folder / "bin"
    other = binaries / "python" / "other" / "bin"
    other.mkdir(parents=True)
    (other / "python").symlink_to("/usr/bin/python3")
    (binaries / "secret").symlink_to("/etc/shadow")
    (binaries / "notes").write_text("not a program")
    (binaries / "text").write_text("no program either")
    (binaries / "text").chmod(0o755)
    site = folder / "user_base" / "lib" / "python3.11" / "site-packages"
    site.mkdir(parents=True)
    (site / "operators_package.py").write_text("answer = 42\n")
    service = Snekbox("http://127.0.0.1:1/simple", SNEKBOX_BIN_DIR=binaries, SNEKBOX_USER_BASE=folder / "user_base",
                      INTERACTIVE_WAIT_SEC=60)
    service.until(lambda: getattr(service, "own_port", 0), 10, "the front end's own port is printed")


def tearDownModule():
    service.__exit__(None, None, None)
    shutil.rmtree(folder)


def ask(body, method="POST", path="/eval", headers=None, port=None, timeout=60):
    """(status, parsed JSON, headers), as http.client sends it."""
    connection = http.client.HTTPConnection("127.0.0.1", port or service.own_port, timeout=timeout)
    try:
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        fields = {"Content-Type": "application/json"} if headers is None else headers
        connection.request(method, path, raw, fields)
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None, answer.headers
    finally:
        connection.close()


def evaluate(code, **fields):
    status, answer, _ = ask({"input": code, **fields})
    assert status == 200, (status, answer)
    return answer


def file(path, content=b""):
    return {"path": path, "content": base64.b64encode(content).decode()}


def contents(answer):
    return {f["path"]: base64.b64decode(f["content"]) for f in answer["files"]}


class Arguments(unittest.TestCase):
    def test_input_is_run_as_code(self):
        self.assertEqual(evaluate("print(1 + 1)"), {"stdout": "2\n", "returncode": 0, "files": []})

    def test_the_answer_has_three_fields_and_no_other(self):
        self.assertEqual(set(evaluate("pass")), {"stdout", "returncode", "files"})

    def test_args_alone(self):
        status, answer, _ = ask({"args": ["-c", "print('a')"]})
        self.assertEqual((status, answer["stdout"]), (200, "a\n"))

    def test_input_is_appended_to_args(self):
        self.assertEqual(evaluate("import sys; print(sys.flags.optimize)", args=["-O", "-c"])["stdout"], "1\n")

    def test_leading_empty_strings_are_dropped_and_others_kept(self):
        answer = ask({"args": ["", "", "-c", "import sys; print(sys.argv)", "", "x"]})[1]
        self.assertEqual(answer["stdout"], "['-c', '', 'x']\n")

    def test_an_empty_list_and_no_input_reads_standard_input_which_is_empty(self):
        self.assertEqual(ask({"args": []})[1], {"stdout": "", "returncode": 0, "files": []})

    def test_unknown_fields_are_ignored(self):
        self.assertEqual(evaluate("print(1)", stuff="foo", nested={"a": [1]})["stdout"], "1\n")
        self.assertEqual(evaluate("print(1)", files=[{**file("a"), "more": 1}])["returncode"], 0)

    def test_one_mebibyte_of_code(self):
        code = "x = 0\n" + "x += 1  # and a comment, as long as it is dull\n" * 23000 + "import sys; print(x, sys.argv)\n"
        self.assertGreater(len(code), 1 << 20)
        self.assertEqual(evaluate(code)["stdout"], "23000 ['-c']\n")

    def test_more_arguments_than_a_program_can_have(self):
        for args in (["-c", "0", *["x"] * 10_000], ["-c", "0", *["x" * 100_000] * 30]):
            answer = ask({"args": args})[1]
            self.assertEqual((answer["returncode"], answer["stdout"]), (None, "OSError: Argument list too long"))

    def test_too_long_an_argument_for_another_program(self):
        answer = ask({"args": ["x" * 200_000]})[1]
        self.assertEqual((answer["returncode"], answer["stdout"]), (None, "OSError: Argument list too long"))


class Validation(unittest.TestCase):
    def fails(self, body, title, description, **more):
        status, answer, headers = ask(body, **more)
        self.assertEqual((status, answer), (400, {"title": title, **({"description": description} if description else {})}))
        self.assertEqual(headers.get_content_type(), "application/json")

    def invalid(self, body, description):
        self.fails(body, "Request data failed validation", description)

    def test_the_words_of_jsonschema(self):
        for body, description in [
            ({"stuff": "foo"}, "{'stuff': 'foo'} is not valid under any of the given schemas"),
            ({}, "{} is not valid under any of the given schemas"),
            ({"files": 1.5e300}, "{'files': 1.5e+300} is not valid under any of the given schemas"),
            ({"input": 400}, "400 is not of type 'string'"),
            ({"input": None}, "None is not of type 'string'"),
            ({"args": 400}, "400 is not of type 'array'"),
            ({"args": "-c"}, "'-c' is not of type 'array'"),
            ({"args": [True]}, "True is not of type 'string'"),
            ({"input": "", "executable_path": 7}, "7 is not of type 'string'"),
            ({"input": "", "files": {"a": "it's"}}, "{'a': \"it's\"} is not of type 'array'"),
            ({"input": "", "files": [215]}, "215 is not of type 'object'"),
            ({"input": "", "files": [{}]}, "'path' is a required property"),
            ({"input": "", "files": [{"path": 1.0}]}, "1.0 is not of type 'string'"),
            ({"input": "", "files": [{"path": "a", "content": ["\u200b"]}]}, "['\\u200b'] is not of type 'string'"),
            ({"input": "", "files": [{"path": "/etc"}]}, f"'/etc' does not match {PATH_PATTERN}"),
            ({"input": "", "files": [{"path": "a\\0b"}]}, f"'a\\\\0b' does not match {PATH_PATTERN}"),
            ({"input": "", "files": [{"path": "a\nb"}]}, f"'a\\nb' does not match {PATH_PATTERN}"),
            ([1], "[1] is not of type 'object'"),
        ]:
            with self.subTest(body=body):
                self.invalid(body, description)

    def test_a_path_that_leaves_the_root(self):
        for path in ("../x", "a/../../x", "a/b/../../../c/d", ".."):
            self.fails({"input": "", "files": [file(path)]}, "Request file is invalid",
                       f"File path '{path}' may not traverse beyond root")

    def test_content_that_is_not_base64(self):
        for content in ("a", "a===", "ab=c", "????", "YQ", "YQ=", "Y Q==", "\u00e9\u00e9\u00e9\u00e9"):
            self.fails({"input": "", "files": [{"path": "x", "content": content}]}, "Request file is invalid",
                       "Invalid base64 encoding for file 'x'")

    def test_line_breaks_within_base64_are_fine(self):
        content = base64.encodebytes(b"x" * 200).decode()
        self.assertEqual(evaluate("print(len(open('x').read()))", files=[{"path": "x", "content": content}])["stdout"], "200\n")

    def test_a_file_name_with_nul(self):
        status, answer, _ = ask({"input": "", "files": [file("a\0b")]})
        self.assertEqual((status, answer["title"]), (400, "Request file is invalid"))

    def test_a_body_that_is_not_json(self):
        for body in (b"", b"{", b"nope", b'{"input": "\xff"}', b"[" * 5000, b'{"input": "a"} x'):
            with self.subTest(body=body[:20]):
                self.assertEqual(ask(body)[0], 400)

    def test_a_wrong_content_type(self):
        for kind in ("application/xml", "text/plain; charset=utf-8"):
            status, answer, _ = ask(b"{}", headers={"Content-Type": kind})
            self.assertEqual((status, answer), (415, {"title": "415 Unsupported Media Type",
                                                      "description": f"{kind} is an unsupported media type."}))

    def test_a_content_type_with_parameters_or_none_at_all(self):
        for headers in ({"Content-Type": "application/json; charset=UTF-8"}, {}, {"Content-Type": "APPLICATION/JSON"}):
            self.assertEqual(ask(b'{"input": "print(3)"}', headers=headers)[1]["stdout"], "3\n")

    def test_other_methods(self):
        for method in ("GET", "PUT", "DELETE", "PATCH"):
            status, answer, headers = ask(None, method=method)
            self.assertEqual((status, answer), (405, {"title": "405 Method Not Allowed"}))
            self.assertIn("POST", headers["Allow"])

    def test_options(self):
        for port in (service.own_port, service.port):
            status, answer, headers = ask(None, method="OPTIONS", port=port)
            self.assertEqual((status, answer, headers["Allow"]), (200, None, "POST"))

    def test_other_paths_of_its_own_port(self):
        for path in ("/", "/healthz", "/v1/stages", "/eval/", "/metrics"):
            self.assertEqual(ask(None, method="GET", path=path)[:2], (404, {"title": "404 Not Found"}))


class Executables(unittest.TestCase):
    def fails(self, path, title):
        status, answer, _ = ask({"input": "print(1)", "executable_path": path})
        self.assertEqual((status, answer), (400, {"title": title}), path)

    def test_missing(self):
        # What the host has and a jail has not is missing as well: the answer tells nothing of the host.
        for path in ("/abc/def", "/snekbin/none", "/etc/shadow", "/root", "/snekbin/secret", "/usr/../etc/shadow", "python3", "",
                     "/proc/self/exe", "/var", "/snekbin/../../etc/shadow"):
            if path:
                self.fails(path, "executable_path does not exist")

    def test_not_a_file(self):
        for path in ("/snekbin", "/snekbin/python", "/usr/lib", "/", "/home", "/usr/bin/"):
            self.fails(path, "executable_path is not a file")

    def test_not_executable(self):
        for path in ("/snekbin/notes", "/etc/passwd"):
            self.fails(path, "executable_path is not executable")

    def test_the_default_is_the_systems_python_where_there_is_none(self):
        self.assertEqual(evaluate("import sys; print(sys.executable)")["stdout"], "/usr/bin/python3\n")
        named = evaluate("print(1)", executable_path="/snekbin/python/default/bin/python")
        self.assertEqual(named["stdout"], "1\n")

    def test_another_interpreter(self):
        code = "import sys; print(sys.executable, sys.version_info[0])"
        answer = evaluate(code, executable_path="/snekbin/python/other/bin/python")
        self.assertEqual(answer["stdout"], "/snekbin/python/other/bin/python 3\n")

    def test_a_program_that_is_no_python(self):
        answer = ask({"args": ["hello"], "executable_path": "/usr/bin/echo"})[1]
        self.assertEqual((answer["stdout"], answer["returncode"]), ("hello\n", 0))

    def test_something_that_the_kernel_will_not_run(self):
        self.assertEqual(ask({"args": [], "executable_path": "/snekbin/text"})[1]["returncode"], 255)


class Returncodes(unittest.TestCase):
    def check(self, code, returncode, **fields):
        answer = evaluate(code, **fields)
        self.assertEqual(answer["returncode"], returncode, answer)
        return answer["stdout"]

    def test_the_programs_own(self):
        for n in (0, 1, 42, 255):
            self.check(f"import sys; sys.exit({n})", n)
        self.assertIn("ZeroDivisionError", self.check("1 / 0", 1))

    def test_time(self):
        began = time.monotonic()
        self.assertEqual(self.check("print('here')\nwhile True: pass", 137), "here\n")
        self.assertGreater(time.monotonic() - began, 5.5)
        self.assertLess(time.monotonic() - began, 9)

    def test_time_of_sleeping_children(self):
        self.check("import subprocess; subprocess.Popen(['sleep', '100']).wait()", 137)

    def test_memory(self):
        self.check("x = []\nwhile True: x.append(bytearray(1 << 20)); x[-1][::4096] = b'1' * 256", 137)

    def test_address_space(self):
        self.assertIn("MemoryError", self.check("bytearray(1 << 30)", 1))

    def test_segfault(self):
        self.check("import ctypes; ctypes.string_at(0)", 139)

    def test_bus_error(self):
        self.check("import mmap\nwith open('f', 'w+b') as f:\n f.truncate(8192); m = mmap.mmap(f.fileno(), 8192)\n"
                   " f.truncate(0); m[0]", 135)

    def test_other_signals(self):
        for number in (9, 15, 6):
            self.check(f"import os; os.kill(os.getpid(), {number})", 128 + number)

    def test_output_over_the_limit(self):
        output = self.check("while True: print('abcdefghij' * 100)", 143)
        self.assertGreater(len(output), 900_000)
        self.assertLess(len(output), 1_200_000)

    def test_output_over_the_limit_is_not_cut_within_a_character(self):
        output = self.check("print('a', end='')\nwhile True: print('\u20ac' * 1000, end='')", 143)
        self.assertEqual(set(output), {"a", "\u20ac"})

    def test_output_below_the_limit_is_whole(self):
        self.assertEqual(len(self.check("print('x' * 900_000, end='')", 0)), 900_000)

    def test_a_forbidden_call(self):
        # The original's filter lets most calls fail; some end the program. Nothing of the sort gets anywhere.
        output = self.check("import ctypes; l = ctypes.CDLL(None, use_errno=True); print(l.unshare(0x10000000))", 0)
        self.assertEqual(output, "-1\n")


class NoResult(unittest.TestCase):
    def check(self, answer, reason):
        self.assertEqual(answer, {"stdout": reason, "returncode": None, "files": []})

    def test_output_that_is_not_utf8(self):
        for code in (r"import sys; sys.stdout.buffer.write(b'a\xff')", r"import os; os.write(2, b'\xed\xa0\x80')"):
            self.check(evaluate(code), "UnicodeDecodeError: invalid Unicode in output pipe")

    def test_nul_in_an_argument(self):
        self.check(evaluate("print('\0')"), "ValueError: embedded null byte")
        self.check(ask({"args": ["-c", "0", "a\0"]})[1], "ValueError: embedded null byte")

    def test_a_file_over_a_directory(self):
        self.check(evaluate("", files=[file("dir/x"), file("dir")]), "IsADirectoryError: Failed to create file 'dir'.")
        self.check(evaluate("", files=[file("./")]), "IsADirectoryError: Failed to create file './'.")

    def test_a_file_below_a_file(self):
        self.check(evaluate("", files=[file("a"), file("a/b")]), "FileExistsError: Failed to create file 'a/b'.")
        self.check(evaluate("", files=[file("a"), file("a/b/c")]), "NotADirectoryError: Failed to create file 'a/b/c'.")

    def test_too_long_a_name_and_too_much_content(self):
        name = "n" * 256
        self.check(evaluate("", files=[file(name)]), f"OSError: Failed to create file '{name}'.")
        self.check(evaluate("", files=[file("big", bytes(50 << 20))]), "OSError: Failed to create file 'big'.")

    def test_too_deep(self):
        code = "import os\nfor _ in range(1000): os.mkdir('d'); os.chdir('d')\nopen('f', 'w').close()"
        self.check(evaluate(code), "FileParsingError: Exceeded directory depth limit while parsing attachments")

    def test_a_file_name_that_is_not_utf8(self):
        self.check(evaluate(r"open(b'\xff\xfe', 'w').write('x')"),
                   "FileParsingError: invalid bytes in filename while parsing attachments")


class Files(unittest.TestCase):
    def test_new_files_come_back(self):
        answer = evaluate("open('a.txt', 'w').write('hello'); open('b.bin', 'wb').write(bytes(range(256)))")
        self.assertEqual(answer["files"][0], {"path": "a.txt", "size": 5, "content": "aGVsbG8="})
        self.assertEqual(contents(answer), {"a.txt": b"hello", "b.bin": bytes(range(256))})

    def test_uploaded_files_are_there_and_stay(self):
        answer = evaluate("print(open('in/a').read()); print(open('empty').read() == '')",
                          files=[file("in/a", b"text"), {"path": "empty"}])
        self.assertEqual((answer["stdout"], answer["files"]), ("text\nTrue\n", []))

    def test_uploaded_files_come_back_when_they_were_modified(self):
        answer = evaluate("open('a', 'a').write('!'); open('b').read(); import os; os.utime('c')",
                          files=[file("a", b"1"), file("b", b"2"), file("c", b"3")])
        self.assertEqual(contents(answer), {"a": b"1!", "c": b"3"})

    def test_a_quick_program_that_rewrites_a_file_in_the_same_tick(self):
        for _ in range(5):
            code = "open('a', 'w').write('new')"
            self.assertEqual(contents(evaluate(code, files=[file("a", b"old")])), {"a": b"new"})

    def test_an_uploaded_program_can_be_run_and_changed(self):
        code = "import os, subprocess; os.chmod('s.sh', 0o700); print(subprocess.run(['./s.sh'], capture_output=True).stdout)"
        self.assertEqual(evaluate(code, files=[file("s.sh", b"#!/bin/sh\necho ran\n")])["stdout"], "b'ran\\n'\n")

    def test_paths_are_normalised(self):
        answer = evaluate("import os; print(sorted(os.listdir()))", files=[file("a//b/../c"), file("./d"), file("x\n")])
        self.assertEqual(answer["stdout"], "['a', 'd', 'x\\n']\n")

    def test_of_two_files_with_one_name_the_last_counts(self):
        answer = evaluate("print(open('a').read())", files=[file("a", b"first"), file("./a", b"second")])
        self.assertEqual((answer["stdout"], answer["files"]), ("second\n", []))

    def test_sorted_by_path(self):
        answer = evaluate("import os\nos.makedirs('m/n')\nfor p in ('z', 'm/b', 'a', 'm/n/c', 'B'): open(p, 'w').write('1')")
        self.assertEqual([f["path"] for f in answer["files"]], ["B", "a", "m/b", "m/n/c", "z"])

    def test_hidden_ones_and_those_with_an_underscore_stay(self):
        answer = evaluate("import os\nos.makedirs('.h/d'); os.mkdir('v')\n"
                          "for p in ('.f', '_f', '.h/x', '.h/d/x', 'v/_x', 'v/.x', 'v/y'): open(p, 'w').write('1')")
        self.assertEqual(list(contents(answer)), ["v/y"])

    def test_at_most_100(self):
        answer = evaluate("for i in range(250): open(f'{i:03}', 'w').write('1')")
        self.assertEqual([f["path"] for f in answer["files"]], [f"{i:03}" for i in range(100)])

    def test_files_without_any_right_come_back(self):
        answer = evaluate("import os\nos.mkdir('d')\nfor p in ('a', 'd/b'): open(p, 'w').write('1'); os.chmod(p, 0)\n"
                          "os.chmod('d', 0); os.chmod('.', 0)")
        self.assertEqual(contents(answer), {"a": b"1", "d/b": b"1"})

    def test_links(self):
        answer = evaluate("import os\nopen('a', 'w').write('1'); os.mkdir('d')\nos.symlink('a', 'b'); os.symlink('/home/a', 'c')\n"
                          "os.symlink('../a', 'd/e'); os.symlink('/etc/passwd', 'f'); os.symlink('../../etc/passwd', 'g')\n"
                          "os.symlink('d', 'h'); os.symlink('loop', 'loop'); os.symlink('nowhere', 'i')\n"
                          "os.symlink('/proc/self/environ', 'j'); os.mkfifo('k'); os.symlink('k', 'l')")
        self.assertEqual(contents(answer), {"a": b"1", "b": b"1", "c": b"1", "d/e": b"1"})

    def test_a_sparse_file_counts_with_its_apparent_size(self):
        answer = evaluate("open('a', 'w').write('1'); open('b', 'wb').truncate(1 << 40); open('c', 'w').write('1')")
        self.assertEqual(contents(answer), {"a": b"1"})

    def test_what_fits_comes_back_whole(self):
        answer = evaluate("open('big', 'wb').write(b'x' * (30 << 20))")
        self.assertEqual([(f["path"], f["size"]) for f in answer["files"]], [("big", 30 << 20)])

    def test_files_come_back_from_a_program_that_failed(self):
        self.assertEqual(contents(evaluate("open('a', 'w').write('1'); 1 / 0")), {"a": b"1"})

    def test_ten_thousand_files(self):
        answer = evaluate("import os; print(sum(len(f) for _, _, f in os.walk('.')))",
                          files=[file(f"d{i % 100}/{i}", b"x") for i in range(10_000)])
        self.assertEqual((answer["stdout"], answer["files"]), ("10000\n", []))


class Jail(unittest.TestCase):
    def prints(self, code, output, **fields):
        answer = evaluate(code, **fields)
        self.assertEqual(answer["stdout"], output)

    def test_output_is_merged_in_order(self):
        self.prints("import sys, os\nfor i in range(50): print(i); print(i, file=sys.stderr); os.system(f'echo {i}; echo {i} >&2')",
                    "".join(f"{i}\n" * 4 for i in range(50)))

    def test_the_environment(self):
        wanted = {"LANG": "en_US.UTF-8", "PYTHONDONTWRITEBYTECODE": "true", "PYTHONIOENCODING": "utf-8:strict",
                  "PYTHONUNBUFFERED": "true", "PYTHONUSERBASE": "/snekbox/user_base", "PYTHON_COLORS": "1", "HOME": "/home",
                  "OMP_NUM_THREADS": "15", "OPENBLAS_NUM_THREADS": "15", "MKL_NUM_THREADS": "15",
                  "VECLIB_MAXIMUM_THREADS": "15", "NUMEXPR_NUM_THREADS": "15"}
        have = json.loads(evaluate("import os, json; print(json.dumps(dict(os.environ)))")["stdout"])
        have.pop("LC_CTYPE", None)  # Python's own, when the host has no such locale (PEP 538)
        self.assertEqual(have, wanted)

    def test_where_it_is(self):
        self.prints("import os, socket; print(os.getcwd(), os.listdir(), socket.gethostname())", "/home [] snekbox\n")

    def test_places(self):
        self.prints("import os; print([os.path.exists(p) for p in ('/tmp', '/proc/1', '/proc/self', '/dev/shm', '/root', '/var')])",
                    "[False, False, False, True, False, False]\n")

    def test_everything_else_is_read_only(self):
        for path in ("/x", "/usr/x", "/etc/x", "/snekbin/x", "/snekbox/user_base/x", "/dev/x"):
            self.assertIn("Read-only file system", evaluate(f"open({path!r}, 'w')")["stdout"], path)

    def test_home_holds_48_mebibytes(self):
        self.prints("import os; s = os.statvfs('/home'); print(s.f_blocks * s.f_frsize >> 20)", "48\n")
        self.assertIn("No space left on device", evaluate("f = open('/home/x', 'wb', 0)\nwhile True: f.write(bytes(1 << 16))")["stdout"])

    def test_shm_holds_40_mebibytes(self):
        self.prints("import os; s = os.statvfs('/dev/shm'); print(s.f_blocks * s.f_frsize >> 20)", "40\n")
        self.prints("open('/dev/shm/x', 'w').write('1'); print(open('/dev/shm/x').read())", "1\n")

    def test_processes(self):
        self.prints("import os, time\nn = 0\ntry:\n while True:\n  if os.fork() == 0: time.sleep(20)\n  n += 1\n"
                    "except BlockingIOError: print(n)\nos._exit(0)", "14\n")

    def test_limits_of_a_process(self):
        self.prints("import resource; print(resource.getrlimit(resource.RLIMIT_AS)[0] >> 20)", "700\n")

    def test_no_network_not_even_loopback(self):
        self.prints("import socket\nfor a in ('127.0.0.1', '1.1.1.1'):\n try: socket.create_connection((a, 80), 2)\n"
                    " except OSError as e: print(e.strerror)", "Network is unreachable\n" * 2)

    def test_standard_input_is_empty(self):
        self.assertIn("EOFError", evaluate("input()")["stdout"])

    def test_an_operators_packages(self):
        self.prints("import operators_package; print(operators_package.answer)", "42\n")

    def test_one_run_leaves_nothing_for_the_next(self):
        evaluate("open('/dev/shm/x', 'w').write('1'); open('/home/x', 'w').write('1')")
        self.prints("import os; print(os.listdir('/dev/shm'), os.listdir('/home'))", "[] []\n")


class Clients(unittest.TestCase):
    """The forms that real clients send."""

    def test_urllib(self):
        request = urllib.request.Request(f"http://127.0.0.1:{service.own_port}/eval",
                                         json.dumps({"input": "print(1)"}).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            self.assertEqual(json.load(answer)["stdout"], "1\n")
        with self.assertRaises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(urllib.request.Request(request.full_url, b"{}", {"Content-Type": "application/json"}))
        self.assertEqual(error.exception.code, 400)
        error.exception.close()

    def curl(self, *arguments):
        done = subprocess.run(["curl", "-sS", *arguments, f"http://127.0.0.1:{service.own_port}/eval"], capture_output=True,
                              check=True, timeout=60)
        return json.loads(done.stdout)

    @unittest.skipUnless(shutil.which("curl"), "curl is not installed")
    def test_curl(self):
        self.assertEqual(self.curl("-H", "Content-Type: application/json", "-d", '{"input": "print(2)"}')["stdout"], "2\n")
        self.assertEqual(self.curl("-d", '{"input": "print(2)"}')["title"], "415 Unsupported Media Type")

    @unittest.skipUnless(shutil.which("curl"), "curl is not installed")
    def test_curl_with_a_large_body_expects_100_continue(self):
        with tempfile.NamedTemporaryFile("w") as body:
            json.dump({"input": "print(len(open('a').read()))", "files": [file("a", b"x" * (5 << 20))]}, body)
            body.flush()
            answer = self.curl("-H", "Content-Type: application/json", "--data-binary", "@" + body.name)
        self.assertEqual(answer["stdout"], f"{5 << 20}\n")

    def test_a_chunked_body_as_generators_of_requests_send_it(self):
        connection = http.client.HTTPConnection("127.0.0.1", service.own_port, timeout=30)
        connection.request("POST", "/eval", (p for p in (b'{"input": ', b'"print(4)"}')),
                           {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}, encode_chunked=True)
        self.assertEqual(json.loads(connection.getresponse().read())["stdout"], "4\n")
        connection.close()

    def test_a_session_that_is_kept(self):
        connection = http.client.HTTPConnection("127.0.0.1", service.own_port, timeout=30)
        for i in range(5):
            connection.request("POST", "/eval", json.dumps({"input": f"print({i})"}), {"Content-Type": "application/json"})
            self.assertEqual(json.loads(connection.getresponse().read())["stdout"], f"{i}\n")
        connection.close()

    def test_the_main_port_asks_a_local_client_for_nothing(self):
        self.assertEqual(ask({"input": "print(5)"}, port=service.port)[1]["stdout"], "5\n")

    def test_the_main_port_asks_for_a_token_behind_a_proxy(self):
        kind = {"Content-Type": "application/json"}
        for header in ({"X-Forwarded-For": "1.2.3.4"}, {"Forwarded": "for=1.2.3.4"}, {"Via": "1.1 x"}, {"Host": "lazaret.example"}):
            status, answer, _ = ask({"input": "print(5)"}, port=service.port, headers={**kind, **header})
            self.assertEqual((status, answer["title"]), (401, "401 Unauthorized"), header)
            with_token = {**kind, **header, "Authorization": f"Bearer {support.TOKEN}"}
            self.assertEqual(ask({"input": "print(5)"}, port=service.port, headers=with_token)[0], 200)

    def test_a_client_that_reads_a_byte_at_a_time_holds_nobody_up(self):
        body = json.dumps({"input": "print('x' * 900_000)"}).encode()
        slow = socket.create_connection(("127.0.0.1", service.own_port))
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.sendall(b"POST /eval HTTP/1.1\r\nHost: x.localhost\r\nContent-Type: application/json\r\n"
                     b"Content-Length: %d\r\n\r\n" % len(body) + body)
        for _ in range(3):
            self.assertTrue(slow.recv(1))
            self.assertEqual(evaluate("print(1)")["returncode"], 0)
        slow.close()

    def test_a_client_that_goes_away_ends_its_run(self):
        canceled = 'lazaret_jail_outcomes_total{outcome="canceled",runtime="python"}'
        before = service.metric(canceled)
        body = b'{"input": "while True: pass"}'
        gone = socket.create_connection(("127.0.0.1", service.own_port))
        gone.sendall(b"POST /eval HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        service.until(lambda: service.metric('lazaret_stage_in_flight{stage="interactive"}') > 0, 5, "it runs")
        gone.close()
        service.until(lambda: service.metric(canceled) == before + 1, 2, "it was canceled")

    def test_too_large_a_body(self):
        connection = socket.create_connection(("127.0.0.1", service.own_port))
        connection.sendall(b"POST /eval HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                           b"Content-Length: 140000000\r\n\r\n")
        self.assertIn(b" 413 ", connection.recv(100))
        connection.close()

    def test_many_at_once_each_get_their_own_answer(self):
        answers = {}

        def one(n):
            answers[n] = evaluate(f"print({n})")["stdout"]

        threads = [threading.Thread(target=one, args=(n,)) for n in range(40)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(answers, {n: f"{n}\n" for n in range(40)})


class Line(unittest.TestCase):
    """The stage behind it: its line is bounded, and tunable while it runs."""

    def test_a_full_line_is_said_at_once(self):
        self.assertEqual(service.request("PATCH", "/v1/stages/interactive", {"concurrency": 1, "queue_limit": 1})[0], 200)
        results = []
        busy = [threading.Thread(target=lambda: results.append(evaluate("import time; time.sleep(2)"))) for _ in range(2)]
        try:
            for t in busy:
                t.start()
            stage = lambda: {s["name"]: s for s in service.request("GET", "/v1/stages")[1]["stages"]}["interactive"]
            service.until(lambda: (stage()["in_flight"], stage()["queue_depth"]) == (1, 1), 5, "one runs and one waits")
            began = time.monotonic()
            status, answer, headers = ask({"input": "print(1)"})
            self.assertEqual((status, answer["title"]), (503, "503 Service Unavailable"))
            self.assertGreater(int(headers["Retry-After"]), 0)
            self.assertLess(time.monotonic() - began, 1)
        finally:
            for t in busy:
                t.join()
            service.request("PATCH", "/v1/stages/interactive", {"concurrency": 4, "queue_limit": 64})
        self.assertEqual([r["returncode"] for r in results], [0, 0])

    def test_metrics(self):
        before = service.metric('lazaret_submissions_total{frontend="snekbox",outcome="accepted"}')
        ended = service.metric('lazaret_jail_outcomes_total{outcome="exited",runtime="python"}')
        evaluate("print(1)")
        self.assertEqual(service.metric('lazaret_submissions_total{frontend="snekbox",outcome="accepted"}'), before + 1)
        self.assertEqual(service.metric('lazaret_jail_outcomes_total{outcome="exited",runtime="python"}'), ended + 1)


if __name__ == "__main__":
    support.main()
