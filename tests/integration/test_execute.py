"""POST /v1/execute through a real socket: what it answers, and what it refuses."""
import base64
import os
import unittest

import support


def setUpModule():
    global service
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root: the service starts the jailer and gives up its privileges")
    service = support.Service("http://127.0.0.1:1/simple", INTERACTIVE_WAIT_SEC=60)


def tearDownModule():
    service.__exit__(None, None, None)


def execute(status=200, **body):
    got, answer, _ = service.request("POST", "/v1/execute", body, timeout=60)
    assert got == status, (got, answer)
    return answer


def python(source, **fields):
    return execute(runtime="python", source=source, **fields)


class Execute(unittest.TestCase):
    def test_a_program_and_all_that_is_said_of_it(self):
        answer = python("import sys; print('out'); print('err', file=sys.stderr); open('f', 'w').write('x'); sys.exit(3)")
        self.assertEqual((answer["outcome"], answer["exit_code"], answer["signal"]), ("exited", 3, None))
        self.assertEqual((answer["stdout"], answer["stderr"], answer["stdout_bytes"]), ("out\n", "err\n", 4))
        self.assertEqual((answer["files"], answer["files_complete"]), ([{"path": "f", "size": 1, "text": "x"}], True))
        usage = answer["usage"]
        self.assertGreater(usage["wall_seconds"], 0)
        self.assertGreater(usage["cpu_seconds"], 0)
        self.assertGreater(usage["peak_memory_bytes"], 1 << 20)
        self.assertEqual(usage["processes"], 1)

    def test_argv_stdin_args_environment_and_files(self):
        answer = execute(argv=["/bin/sh", "-c", "cat; cat in/a; printf %s \"$X\""], stdin="1", env={"X": "3"},
                         files=[{"path": "in/a", "base64": base64.b64encode(b"2").decode()}])
        self.assertEqual((answer["stdout"], answer["files"]), ("123", []))
        self.assertEqual(execute(argv=["echo", "by name"])["stdout"], "by name\n")
        self.assertEqual(python("import sys, helper; print(sys.argv[1:], helper.n)", args=["a", ""],
                                files=[{"path": "helper.py", "text": "n = 7"}])["stdout"], "['a', ''] 7\n")

    def test_merged_output_keeps_its_order(self):
        answer = execute(argv=["sh", "-c", "for i in 1 2 3; do echo $i; echo $i >&2; done"], output="merged")
        self.assertEqual((answer["stdout"], answer["stderr"]), ("1\n1\n2\n2\n3\n3\n", ""))

    def test_every_ending_has_its_name(self):
        for outcome, source, limits in [
            ("wall_timeout", "import time; time.sleep(60)", {"wall_ms": 300}),
            ("cpu_timeout", "while True: pass", {"cpu_ms": 200}),
            ("out_of_memory", "x = bytearray(200 << 20)", {"memory_mb": 32}),
            ("signalled", "import os; os.kill(os.getpid(), 11)", {}),
            ("exited", "print('x' * 5000)", {"output_bytes": 100}),
        ]:
            with self.subTest(outcome):
                answer = python(source, limits=limits)
                self.assertEqual(answer["outcome"], outcome, answer)
                self.assertEqual(answer["output_truncated"], "output_bytes" in limits)

    def test_bytes_that_are_no_text_come_back_whole(self):
        answer = python("import sys; sys.stdout.buffer.write(b'a\\xff'); open('b', 'wb').write(b'\\xfe')")
        self.assertEqual((answer["stdout"], base64.b64decode(answer["stdout_base64"])), ("a\ufffd", b"a\xff"))
        self.assertEqual(base64.b64decode(answer["files"][0]["base64"]), b"\xfe")

    def test_what_comes_back_is_asked_for(self):
        source = "import os; os.mkdir('d'); os.mkdir('.e')\nfor p in ('a.txt', 'b.bin', 'd/c.txt', '.e/.f'): open(p, 'w').write('1')"
        for wanted, paths in [({"pattern": "*.txt"}, ["a.txt"]), ({"pattern": "**/*.txt"}, ["a.txt", "d/c.txt"]),
                              ({"pattern": "d/[!x]*"}, ["d/c.txt"]),
                              ({"hidden": True, "pattern": "**/.*"}, [".e/.f"]), ({"max_files": 1}, ["a.txt"]), ({"max_bytes": 2}, ["a.txt", "b.bin"]), ({"max_files": 0}, [])]:
            self.assertEqual([f["path"] for f in python(source, return_files=wanted)["files"]], paths, wanted)

    def test_what_stays_behind_is_named_with_the_reason(self):
        answer = python("import os; os.mkfifo('p'); os.symlink('/etc/passwd', 'l'); open('big', 'w').truncate(1 << 20)",
                        return_files={"max_bytes": 1000})
        self.assertEqual({left["path"]: left["why"] for left in answer["files_left"]},
                         {"l": "symbolic_link", "big": "too_large", "p": "fifo"})

    def test_one_mebibyte_of_source(self):
        self.assertEqual(python("#" * (1 << 20) + "\nprint(1)")["stdout"], "1\n")

    def test_what_is_refused_names_the_field(self):
        for body, detail in [
            ({"runtime": "python", "source": "", "surprise": 1}, "`surprise`: unknown field"),
            ({"argv": ["/no/such/program"]}, "argv[0]: can't be run: No such file or directory"),
            ({"argv": ["true"], "files": [{"path": "d/x"}, {"path": "d"}]}, "files[1]: can't be written: Is a directory"),
            ({"argv": ["true"], "limits": {"disk_mb": 1}, "files": [{"path": "x", "text": "y" * (2 << 20)}]},
             "files[0]: can't be written: No space left on device"),
        ]:
            self.assertEqual(execute(422, **body)["detail"], detail)
        self.assertEqual(service.request("POST", "/v1/execute", {"argv": ["true"]}, token=None)[0], 401)


class Prepared(unittest.TestCase):
    def test_the_metrics_say_which_jails_had_been_prepared(self):
        """The jailer prepares none before a kind was asked for again: the first are cold, later ones are not."""
        with support.Service("http://127.0.0.1:1/simple") as fresh:
            started = lambda path: fresh.metric('lazaret_jail_start_seconds_count{path="%s"}' % path)
            asked = 0

            def runs():
                nonlocal asked
                status, answer, _ = fresh.request("POST", "/v1/execute", {"runtime": "python", "source": "print(1)"}, timeout=60)
                self.assertEqual((status, answer["stdout"]), (200, "1\n"))
                asked += 1
                return started("warm")
            self.assertEqual(runs(), 0)
            self.assertEqual(started("cold"), 1)
            fresh.until(runs, 30, "a jail is there before it is asked for")
            self.assertEqual(started("cold") + started("warm"), asked)


if __name__ == "__main__":
    support.main()
