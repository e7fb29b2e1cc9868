"""A disk that is full, read-only or broken: new work is refused with a reason, what was accepted is kept, and the service
goes on by itself when the disk is well again."""
import contextlib
import os
import pathlib
import shutil
import sqlite3
import subprocess
import tempfile
import unittest

from support import ENDED, Index, NeedsRoot, Service, main
from test_triage import version_of

JOB = b"""--x\r\nContent-Disposition: form-data; name="spec"\r\n\r\n{"entry": "main.py"}\r\n--x\r
Content-Disposition: form-data; name="code_files"; filename="main.py"\r\n\r\nprint(1)\r\n--x--\r\n"""
FORM = {"Content-Type": "multipart/form-data; boundary=x"}


class SmallDisk(contextlib.AbstractContextManager):
    """A tmpfs as DATA_DIR."""

    def __init__(self, size="48m"):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-disk-", dir="/var/tmp"))
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", self.path], check=True)
        shutil.chown(self.path, "nobody")

    def remount(self, how):
        subprocess.run(["mount", "-o", f"remount,{how}", self.path], check=True)

    def fill(self):
        with open(self.path / "ballast", "wb", buffering=0) as ballast:
            with contextlib.suppress(OSError):
                while True:
                    ballast.write(bytes(1 << 12))

    def free(self):
        os.unlink(self.path / "ballast")

    def __exit__(self, *exc):
        subprocess.run(["umount", "-l", self.path], check=True)
        os.rmdir(self.path)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path.with_suffix(".log"))


class Unready(Service):
    def until(self, condition, seconds, what):
        return what == "the service is ready" or super().until(condition, seconds, what)


class Disk(NeedsRoot):
    def check_refused(self, service):
        for method, path, body, headers in (("POST", "/v1/triage", {"package_name": "six", "version": "1.0"}, {}),
                                            ("POST", "/jobs", JOB, FORM),
                                            ("POST", "/v1/execute", {"argv": ["true"], "async": True}, {})):
            status, answer, headers_back = service.request(method, path, body, headers=headers)
            self.assertEqual(status, 503, f"{path}: {answer}")
            self.assertIn("the store can't be written", str(answer), path)
            self.assertTrue(headers_back["Retry-After"], path)
        status, answer, _ = service.request("GET", "/readyz")
        self.assertEqual(status, 503)
        self.assertIn("can't be written", str(answer))
        self.assertEqual(service.request("GET", "/healthz")[0], 200)
        self.assertIn(service.request("GET", "/v1/runs")[0], (200, 503))

    def check_well(self, service, version):
        service.until(lambda: service.request("GET", "/readyz")[0] == 200, 20, "the service is ready again")
        self.assertEqual(service.triage("six", version)["status"], "completed")
        status, answer, _ = service.request("POST", "/jobs", JOB, headers=FORM)
        self.assertEqual(status, 200, answer)
        job = answer["job_id"]
        service.until(lambda: service.request("GET", f"/jobs/{job}")[1]["job"]["status"] == "succeeded", 20, "the job ends")

    def test_full_with_work_in_hand(self):
        with Index() as index, SmallDisk() as disk, Service(index.url, disk.path) as service:
            version = version_of("six")
            self.assertEqual(service.triage("six", version)["status"], "completed")
            runs = [service.submit("six", version) for _ in range(3)]
            status, answer, _ = service.request("POST", "/v1/execute", {"argv": ["sleep", "2"], "async": True})
            self.assertEqual(status, 202)
            disk.fill()
            service.until(lambda: service.request("GET", "/readyz")[0] == 503, 20, "the full disk is noticed")
            self.check_refused(service)
            # What needs no disk goes on.
            status, now, _ = service.request("POST", "/v1/execute", {"argv": ["echo", "hi"]})
            self.assertEqual((status, now.get("stdout")), (200, "hi\n"))
            disk.free()
            self.check_well(service, version)
            for run_id in runs:
                self.assertIn(service.wait(run_id)["status"], ENDED)
            path = f"/v1/executions/{answer['execution_id']}"
            service.until(lambda: service.request("GET", path)[1]["status"] == "completed", 30, "the execution ends")
            self.assertEqual(service.stop(), 0)

    def test_a_data_folder_that_is_read_only_from_the_start_is_named(self):
        with Index() as index, SmallDisk() as disk:
            disk.remount("ro")
            with self.assertRaises(RuntimeError) as refused, Service(index.url, disk.path):
                pass
            self.assertIn(str(disk.path), str(refused.exception))

    def damage(self, data):
        """Every page but the first, as a disk does that forgot what it was told."""
        file = data / "lazaret.sqlite"
        with contextlib.closing(sqlite3.connect(file)) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            size = database.execute("PRAGMA page_size").fetchone()[0]
        with open(file, "r+b") as pages:
            end = pages.seek(0, os.SEEK_END)
            for at in range(size, end, size):
                pages.seek(at)
                pages.write(os.urandom(size))

    def test_a_store_with_damaged_pages_is_refused_or_never_ready_and_says_why(self):
        """Which of both depends on the page: those that are met at the start are refused there."""
        with Index() as index, SmallDisk() as disk:
            with Service(index.url, disk.path) as service:
                service.triage("six", version_of("six"))
            self.damage(disk.path)
            try:
                with Unready(index.url, disk.path) as service:
                    service.until(lambda: "malformed" in str(service.request("GET", "/readyz")[1]), 20, "readyz says why")
                    self.assertEqual(service.request("GET", "/readyz")[0], 503)
                    self.check_refused(service)
            except RuntimeError as refused:
                self.assertIn("lazaret.sqlite", str(refused))
                self.assertRegex(str(refused), "malformed|not a database")

    def test_a_page_that_is_damaged_while_it_runs_costs_no_crash(self):
        with Index() as index, Service(index.url) as service:
            version = version_of("six")
            service.triage("six", version)
            self.damage(service.data)
            status, answer, _ = service.request("POST", "/v1/triage", {"package_name": "six", "version": version})
            for _ in range(20):
                self.assertIn(service.request("GET", "/v1/runs")[0], (200, 503))
                self.assertIn(service.request("GET", "/readyz")[0], (200, 503))
                self.assertEqual(service.request("GET", "/healthz")[0], 200)
            self.assertIn(status, (202, 503), answer)
            self.assertIsNone(service.process.poll())


if __name__ == "__main__":
    main()
