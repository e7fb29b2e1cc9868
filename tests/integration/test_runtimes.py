"""POST /v1/execute in every language: through a real socket, in real jails."""
import os
import unittest

import support

HELLO = {
    "python": "import sys\nfrom sdk import set_metadata, get_metadata\nset_metadata({'a': 1})\nset_metadata('b', get_metadata()['a'] + 1)\n"
              "print('hello', sys.stdin.read(), sys.argv[1:])",
    "node": "const {setMetadata} = require('./sdk');\nsetMetadata({a: 1}); setMetadata('b', 2);\n"
            "console.log('hello', require('fs').readFileSync(0, 'utf8'), process.argv.slice(2).join());",
    "go": 'package main\n\nimport (\n\t"fmt"\n\t"io"\n\t"os"\n\n\t"main/sdk"\n)\n\nfunc main() {\n\tsdk.SetMetadata(map[string]any{"a": 1})\n'
          '\tsdk.Set("b", 2)\n\tin, _ := io.ReadAll(os.Stdin)\n\tfmt.Println("hello", string(in), os.Args[1:])\n}\n',
    "rust": 'use std::io::Read;\nfn main() {\n    sdk::set_metadata("{\\"a\\":1,\\"b\\":2}").unwrap();\n    let mut text = String::new();\n'
            '    std::io::stdin().read_to_string(&mut text).unwrap();\n'
            '    println!("hello {} {:?}", text, std::env::args().skip(1).collect::<Vec<_>>());\n}\n',
    "deno": 'import { setMetadata } from "./sdk.ts";\nimport { readFileSync } from "node:fs";\nconst n: number = 1;\nsetMetadata({a: n}); setMetadata("b", 2);\n'
            'console.log("hello", readFileSync(0, "utf8"), Deno.args.join());',
    "bun": 'import { setMetadata } from "./sdk.ts";\nconst n: number = 1;\nsetMetadata({a: n}); setMetadata("b", 2);\n'
           'console.log("hello", await Bun.stdin.text(), Bun.argv.slice(2).join());',
    "ruby": "require_relative './sdk'\nset_metadata({a: 1})\nset_metadata('b', 2)\nputs \"hello #{STDIN.read} #{ARGV.inspect}\"",
}
LARGE = {  # a mebibyte of comment, and a program
    "python": ("#", "print(1)"), "ruby": ("#", "puts 1"), "node": ("//", "console.log(1)"), "deno": ("//", "console.log(1)"),
    "bun": ("//", "console.log(1)"), "go": ("//", 'package main\n\nfunc main() { println(1) }'),
    "rust": ("//", 'fn main() { println!("1") }'),
}
COMPILED = ("go", "rust")
# These reserve address space by the gibibyte, touch little of it, and start a thread per kind of work.
LIMITS = {"memory_mb": 512, "wall_ms": 30_000}


def setUpModule():
    global service
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root: the service starts the jailer and gives up its privileges")
    service = support.Service("http://127.0.0.1:1/simple", INTERACTIVE_WAIT_SEC=120, MAX_BODY_MB=80, ARTIFACT_CACHE_MB=40)


def tearDownModule():
    service.__exit__(None, None, None)


def execute(status=200, **body):
    got, answer, _ = service.request("POST", "/v1/execute", body, timeout=200)
    assert got == status, (got, answer)
    return answer


def run(runtime, source, status=200, **fields):
    return execute(status, runtime=runtime, source=source, limits=fields.pop("limits", LIMITS), **fields)


def installed(runtime):
    got, answer, _ = service.request("POST", "/v1/execute", {"runtime": runtime, "source": ""}, timeout=200)
    if got == 404 and os.environ.get("LAZARET_RUNTIMES") != "all":
        print(f"SKIPPED for {runtime}: {answer['detail']}", flush=True)
        return False
    assert got == 200, (runtime, answer)
    return True


class Runtimes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.here = [name for name in HELLO if installed(name)]

    def in_all(self, *only):
        for name in self.here:
            if not only or name in only:
                with self.subTest(name):
                    yield name

    def test_each_says_hello_with_input_arguments_and_its_sdk(self):
        for name in self.in_all():
            answer = run(name, HELLO[name], stdin="you", args=["a", "b"], return_files={"pattern": "*.json", "hidden": True})
            self.assertEqual((answer["outcome"], answer["exit_code"]), ("exited", 0), answer)
            self.assertRegex(answer["stdout"], r'^hello you \[?["\']?a["\']?,? ?["\']?b["\']?\]?\n$', answer)
            self.assertEqual([f["path"] for f in answer["files"]], [".quartermaster_metadata.json"])
            self.assertEqual(answer["files"][0]["text"].replace(" ", ""), '{"a":1,"b":2}')

    def test_nothing_of_the_service_or_the_compiler_is_among_the_files_that_come_back(self):
        for name in self.in_all():
            self.assertEqual(run(name, LARGE[name][1])["files"], [])

    def test_one_mebibyte_of_code(self):
        for name in self.in_all():
            comment, program = LARGE[name]
            answer = run(name, f"{comment}{'x' * (1 << 20)}\n{program}\n")
            self.assertEqual((answer["stdout"] or answer["stderr"]).strip(), "1", answer)

    def test_NUL_in_the_code_is_the_languages_affair(self):
        for name in self.in_all():
            comment, program = LARGE[name]
            answer = run(name, f"{comment}\0\n{program}\n")
            self.assertIn(answer["outcome"], ("exited", "compile_failed"), answer)

    def test_the_clients_files_lie_beside_the_program_and_win_over_the_sdks(self):
        for name, path, text, source in [
            ("python", "sdk.py", "n = 7", "import sdk; print(sdk.n)"), ("node", "sdk.js", "exports.n = 7", "console.log(require('./sdk').n)"),
            ("deno", "sdk.ts", "export const n = 7", "import {n} from './sdk.ts'; console.log(n)"),
            ("bun", "lib/m.ts", "export const n = 7", "import {n} from './lib/m.ts'; console.log(n)"),
            ("ruby", "m.rb", "N = 7", "require_relative './m'; puts N"),
            ("go", "m.go", "package main\n\nconst n = 7\n", 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println(n) }'),
            ("rust", "src/m.rs", "pub const N: i32 = 7;", 'mod m; fn main() { println!("{}", m::N) }'),
        ]:
            if name in self.here:
                with self.subTest(name):
                    answer = run(name, source, files=[{"path": path, "text": text}])
                    self.assertEqual(answer["stdout"], "7\n", answer)

    def test_a_compiled_program_finds_its_files_and_environment_where_it_runs(self):
        for name in self.in_all(*COMPILED):
            source = {"go": 'package main\n\nimport (\n\t"fmt"\n\t"os"\n)\n\nfunc main() {\n\tin, _ := os.ReadFile("in.txt")\n'
                            '\tfmt.Println(string(in), os.Getenv("X"))\n\tos.WriteFile("out", in, 0o644)\n}',
                      "rust": 'fn main() { let text = std::fs::read_to_string("in.txt").unwrap(); println!("{} {}", text, '
                              'std::env::var("X").unwrap()); std::fs::write("out", text).unwrap(); }'}[name]
            answer = run(name, source, files=[{"path": "in.txt", "text": "data"}], env={"X": "y"})
            self.assertEqual(answer["stdout"], "data y\n", answer)
            self.assertEqual(answer["files"], [{"path": "out", "size": 4, "text": "data"}])
            self.assertGreater(answer["compile"]["usage"]["cpu_seconds"], 0)
            self.assertTrue(answer["compile"]["succeeded"])

    def test_a_compile_error_is_an_answer(self):
        for name in self.in_all(*COMPILED):
            answer = run(name, "this is no program\n")
            self.assertEqual((answer["outcome"], answer["exit_code"], answer["stdout"], answer["usage"]), ("compile_failed", None, "", None))
            compiled = answer["compile"]
            self.assertEqual((compiled["outcome"], compiled["succeeded"]), ("exited", False))
            self.assertNotEqual(compiled["exit_code"], 0)
            self.assertIn("main.", compiled["stderr"] + compiled["stdout"])

    def test_the_compile_stage_has_limits_of_its_own(self):
        for name in self.in_all(*COMPILED):
            answer = run(name, LARGE[name][1], compile_limits={"wall_ms": 50})
            self.assertEqual((answer["outcome"], answer["compile"]["outcome"]), ("compile_failed", "wall_timeout"))
            answer = run(name, LARGE[name][1], compile_limits={"memory_mb": 16})
            self.assertEqual(answer["outcome"], "compile_failed")
            # What the compiler needs is not what the program gets.
            hog = {"go": 'package main\n\nfunc main() {\n\tb := make([]byte, 200<<20)\n\tfor i := range b {\n\t\tb[i] = 1\n\t}\n\tprintln(len(b))\n}',
                   "rust": "fn main() { let v = vec![1u8; 200 << 20]; println!(\"{}\", v.iter().map(|&b| b as u64).sum::<u64>()) }"}[name]
            answer = run(name, hog, limits={"memory_mb": 32})
            self.assertEqual((answer["outcome"], answer["compile"]["succeeded"]), ("out_of_memory", True), answer)

    def test_a_kept_program_runs_again_with_other_input(self):
        for name in self.in_all(*COMPILED):
            first = run(name, HELLO[name], stdin="one", keep=True)
            self.assertRegex(first["artifact"], "^sha256:[0-9a-f]{64}$")
            again = execute(runtime=name, artifact=first["artifact"], stdin="two", args=["x"], limits=LIMITS)
            self.assertTrue(again["stdout"].startswith("hello two"), again)
            self.assertEqual((again["compile"], again["artifact"]), (None, first["artifact"]))
            # The same sources are not compiled again, others are another program.
            same = run(name, HELLO[name], stdin="three", keep=True)
            self.assertEqual((same["artifact"], same["compile"]["kept_before"]), (first["artifact"], True))
            self.assertTrue(same["stdout"].startswith("hello three"))
            other = run(name, HELLO[name] + "\n", keep=True)
            self.assertNotEqual(other["artifact"], first["artifact"])
            self.assertFalse(other["compile"]["kept_before"])
            self.assertIsNone(run(name, HELLO[name])["artifact"])
            self.assertIn("is not kept", execute(404, runtime=name, artifact="sha256:" + "0" * 64)["detail"])

    def test_an_artifact_of_one_language_is_not_one_of_another(self):
        if not set(COMPILED) <= set(self.here):
            self.skipTest("needs go and rust")
        kept = run("go", HELLO["go"], keep=True)["artifact"]
        execute(404, runtime="rust", artifact=kept)

    def test_build_scripts_run_in_the_compilers_jail(self):
        if "rust" not in self.here:
            self.skipTest("needs rust")
        manifest = '[package]\nname = "other"\nversion = "1.0.0"\nedition = "2021"\nbuild = "build.rs"\n'
        script = ('fn main() { println!("cargo:rustc-env=HOST={}", std::fs::read_to_string("/etc/passwd").unwrap().lines().count()); '
                  'assert!(std::fs::write("/usr/x", "").is_err()); assert!(std::net::TcpStream::connect("127.0.0.1:80").is_err()); }')
        answer = run("rust", 'fn main() { println!("{}", env!("HOST")) }',
                     files=[{"path": "Cargo.toml", "text": manifest}, {"path": "build.rs", "text": script}])
        self.assertEqual(answer["stdout"], "1\n", answer)

    def test_the_prepared_caches_stay_as_they_are(self):
        for name, folder in (("go", "/opt/lazaret/runtimes/go/cache"), ("rust", "/opt/lazaret/runtimes/rust")):
            if name not in self.here or not os.path.isdir(folder):
                continue

            def listing():
                return sorted((path, names, [os.lstat(os.path.join(path, f)).st_mtime_ns for f in sorted(names)])
                              for path, _, names in os.walk(folder))
            before = listing()
            attack = {"go": 'package main\n\nimport "os"\n\nfunc main() { os.RemoveAll("/opt/lazaret/runtimes/go/cache"); println("gone") }',
                      "rust": 'fn main() { let _ = std::fs::remove_dir_all("/opt/lazaret/runtimes/rust"); println!("gone") }'}[name]
            self.assertEqual(run(name, attack)["outcome"], "exited")
            self.assertEqual(run(name, LARGE[name][1])["outcome"], "exited")
            self.assertEqual(listing(), before)

    def test_what_is_refused_names_the_field(self):
        sha = "sha256:" + "0" * 64
        for status, body, detail in [
            (422, {"runtime": "cobol", "source": ""}, "runtime: must be one of `python`, `node`, `go`, `rust`, `deno`, `bun`, `ruby`"),
            (422, {"runtime": "python"}, "source: one of `source` and `artifact` is needed"),
            (422, {"runtime": "go", "source": "", "artifact": sha}, "source: one of `source` and `artifact` is needed"),
            (422, {"runtime": "go", "artifact": "sha256:../../etc/passwd"}, "artifact: must be `sha256:` and 64 hex digits"),
            (422, {"runtime": "go", "artifact": sha, "keep": True}, "keep: an `artifact` is kept already"),
            (422, {"argv": ["true"], "keep": True}, "keep: needs a `runtime`"),
            (422, {"argv": ["true"], "compile_limits": {}}, "compile_limits: needs a `runtime`"),
            (422, {"argv": ["true"], "source": ""}, "source: needs a `runtime`"),
            (422, {"runtime": "python", "source": "", "keep": True}, "keep: python has no compile stage"),
            (422, {"runtime": "python", "source": "", "compile_limits": {}}, "compile_limits: python has no compile stage"),
            (422, {"runtime": "python", "artifact": sha}, "artifact: python has no compile stage"),
            (422, {"runtime": "python", "source": "", "keep": 1}, "keep: must be true or false"),
            (422, {"runtime": "go", "source": "", "compile_limits": {"wall_ms": 0}}, "compile_limits.wall_ms: must be an integer from 1 to 300000"),
            (422, {"runtime": "python", "source": "", "files": [{"path": "main.py", "text": ""}]}, "files[0].path: is where `source` goes"),
            (422, {"runtime": "python", "source": "x" * (2 << 20), "limits": {"disk_mb": 1}}, "source: can't be written: No space left on device"),
        ]:
            if body.get("runtime") in HELLO and body["runtime"] not in self.here:
                continue
            with self.subTest(detail):
                self.assertEqual(execute(status, **body)["detail"], detail)

    def test_what_is_not_installed_is_404_with_what_to_install(self):
        with support.Service("http://127.0.0.1:1/simple", RUNTIMES_DIR="/nonexistent/runtimes") as bare:
            got, answer, _ = bare.request("POST", "/v1/execute", {"runtime": "deno", "source": "1"}, timeout=60)
            ran, done, _ = bare.request("POST", "/v1/execute", {"argv": ["echo", "others are"]}, timeout=60)
        self.assertEqual((got, answer["detail"]), (404, "runtime: deno is not installed here (/nonexistent/runtimes/deno/deno is missing): "
                                                        "deploy/deps.sh --runtimes"))
        self.assertEqual((ran, done.get("stdout")), (200, "others are\n"), done)


if __name__ == "__main__":
    support.main()
