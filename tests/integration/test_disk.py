"""A disk that is full, read-only or broken: new work is refused with a reason, what was accepted is kept, and the service
goes on by itself when the disk is well again."""
import contextlib
import fcntl
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest

from support import ENDED, Index, NeedsRoot, Service, main
from test_jobs import form
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


class ImageDisk(contextlib.AbstractContextManager):
    """An ext4 of its own as DATA_DIR, in a file: it can be made to fail, and its power be cut. What nobody synced stays in
    memory (`commit`: the journal's own clock, which would do it every five seconds)."""

    OPTIONS = "errors=remount-ro,commit=300"
    SHUTDOWN = 0x8004587D  # ext4.h, EXT4_IOC_SHUTDOWN
    NO_LOG_FLUSH = (2).to_bytes(4, sys.byteorder)

    def __init__(self):
        if not os.path.exists("/dev/loop-control") or "\text4\n" not in pathlib.Path("/proc/filesystems").read_text():
            raise unittest.SkipTest("needs loop devices and ext4")
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-disk-", dir="/var/tmp"))
        self.image = self.path.with_suffix(".ext4")
        with open(self.image, "wb") as image:
            image.truncate(192 << 20)
        subprocess.run(["mkfs.ext4", "-q", self.image], check=True)
        self.mount()
        shutil.chown(self.path, "nobody")
        os.chmod(self.path, 0o755)
        os.rmdir(self.path / "lost+found")

    def mount(self):
        subprocess.run(["mount", "-o", f"loop,{self.OPTIONS}", self.image, self.path], check=True)

    def turn_read_only(self):
        """The kernel's own answer to an error of the disk; pages of mapped files are clean by then, so that the next
        store to one of them finds out."""
        os.sync()
        (device,) = [os.path.basename(fields[0]) for line in pathlib.Path("/proc/self/mounts").read_text().splitlines()
                     if (fields := line.split())[1] == str(self.path)]
        pathlib.Path(f"/sys/fs/ext4/{device}/trigger_fs_error").write_text("test")

    def cut_power(self):
        place = os.open(self.path, os.O_RDONLY)
        fcntl.ioctl(place, self.SHUTDOWN, self.NO_LOG_FLUSH)
        os.close(place)

    def repair(self):
        """By hand, as it is done: no ext4 that stopped becomes writable again by itself."""
        subprocess.run(["umount", self.path], check=True)
        # The jailer's mount namespaces are gone a moment after it: until then it would be the same mount again.
        attached = lambda: subprocess.run(["losetup", "-j", self.image], stdout=subprocess.PIPE, check=True).stdout
        Service.until(lambda: not attached(), 20, "nobody holds the disk")
        checked = subprocess.run(["e2fsck", "-p", self.image], stdout=subprocess.PIPE, text=True)
        if checked.returncode > 1:
            raise AssertionError(checked.stdout)
        self.mount()

    def __exit__(self, *exc):
        subprocess.run(["umount", "-l", self.path], check=True)
        os.rmdir(self.path)
        for suffix in (".ext4", ".log"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path.with_suffix(suffix))


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
            ended = lambda: (now := service.request("GET", path)[1])["status"] in ("completed", "failed") and now
            now = service.until(ended, 30, "the execution ends")
            if now["status"] == "failed":  # its two seconds were over before there was room for what it said
                self.assertEqual(now["error"], "its answer could not be kept")
            self.assertEqual(service.stop(), 0)

    def test_a_data_folder_that_is_read_only_from_the_start_is_named(self):
        with Index() as index, SmallDisk() as disk:
            disk.remount("ro")
            with self.assertRaises(RuntimeError) as refused, Service(index.url, disk.path):
                pass
            self.assertIn(str(disk.path), str(refused.exception))

    def test_that_turns_read_only_while_it_runs(self):
        """The store's files stay open, and what is written to them fails. A restart on the repaired disk goes on with all
        that was accepted; until then it is not ready, answers what needs no disk, and does not crash."""
        with Index() as index, ImageDisk() as disk, Service(index.url, disk.path) as service:
            version = version_of("six")
            before = service.triage("six", version)["run_id"]
            runs = [service.submit("six", version) for _ in range(2)]
            status, answer, _ = service.request("POST", "/v1/execute", {"argv": ["sleep", "2"], "async": True})
            self.assertEqual(status, 202)
            disk.turn_read_only()
            service.until(lambda: service.request("GET", "/readyz")[0] == 503, 20, "the disk is noticed")
            for _ in range(3):
                self.check_refused(service)
                self.assertEqual(service.request("GET", f"/v1/runs/{before}/report.json")[0], 200)
            status, now, _ = service.request("POST", "/v1/execute", {"argv": ["echo", "hi"]})
            self.assertEqual((status, now.get("stdout")), (200, "hi\n"))
            self.assertEqual(service.stop(), 0)
            disk.repair()
            service.start()
            self.check_well(service, version)
            for run_id in (before, *runs):
                self.assertEqual(service.wait(run_id)["status"], "completed")
            path = f"/v1/executions/{answer['execution_id']}"
            service.until(lambda: service.request("GET", path)[1]["status"] == "completed", 30, "the execution ends")

    @contextlib.contextmanager
    def immutable(self, data):
        """chattr(1): writing to a file that is open fails, too. Not the -shm: a store to a page of it would be a fault of
        memory there, which no disk that is read-only makes of it."""
        what = [str(one) for one in (data, *data.rglob("*")) if not one.name.endswith("-shm")]
        subprocess.run(["chattr", "+i", *what], check=True)
        try:
            yield
        finally:
            subprocess.run(["chattr", "-i", *what], check=True)

    def test_that_can_not_be_written_for_a_while(self):
        with Index() as index, ImageDisk() as disk, Service(index.url, disk.path) as service:
            version = version_of("six")
            service.triage("six", version)
            runs = [service.submit("six", version) for _ in range(2)]
            with self.immutable(disk.path):
                service.until(lambda: service.request("GET", "/readyz")[0] == 503, 20, "the disk is noticed")
                self.check_refused(service)
            self.check_well(service, version)
            for run_id in runs:
                self.assertIn(service.wait(run_id)["status"], ENDED)

    def test_after_a_power_cut_whatever_was_called_done_is_whole(self):
        with Index() as index, ImageDisk() as disk, Service(index.url, disk.path) as service:
            body, kind = form({"entry": "main.py"}, code=[("main.py", "print('said')\nopen('/workspace/output/made', 'w').write('made')")])
            status, answer, _ = service.request("POST", "/jobs", body, headers={"Content-Type": kind})
            self.assertEqual(status, 200, answer)
            job = answer["job_id"]
            status, answer, _ = service.request("POST", "/v1/execute", {"argv": ["echo", "hi"], "async": True})
            self.assertEqual(status, 202, answer)
            execution = f"/v1/executions/{answer['execution_id']}"
            service.until(lambda: service.request("GET", f"/jobs/{job}")[1]["job"]["status"] == "succeeded", 20, "the job ends")
            service.until(lambda: service.request("GET", execution)[1]["status"] == "completed", 20, "the execution ends")
            run = service.submit("six", version_of("six"))
            service.until(lambda: service.run(run)["status"] in ENDED, 60, "the run ends")
            asked = [f"/v1/runs/{run}/report.json", f"/v1/runs/{run}/report.html", f"/jobs/{job}/logs",
                     f"/jobs/{job}/artifacts/made", execution]
            before = {path: service.request("GET", path)[:2] for path in asked}
            files = {str(one.relative_to(disk.path)): one.read_bytes() for one in (disk.path / "blobs").rglob("*") if one.is_file()}
            disk.cut_power()
            service.kill()
            disk.repair()
            lost = [name for name, content in files.items()
                    if not (disk.path / name).exists() or (disk.path / name).read_bytes() != content]
            self.assertEqual(lost, [])
            self.assertGreater(len(files), 10)
            service.start()
            for path, (status, answer) in before.items():
                self.assertEqual(status, 200, path)
                self.assertEqual(service.request("GET", path)[:2], (status, answer), path)

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
