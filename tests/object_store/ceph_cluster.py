"""The smallest Ceph that speaks S3: one monitor, one disk in memory, one gateway, in one folder.

Run as a program it keeps the daemons alive until its standard input ends, which happens when the
last process that holds the other end closes it or dies, however it dies. It then ends the daemons
and removes their folder. The first line it prints is a JSON object that says how to reach them, or
what went wrong.
"""

import base64
import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

PROGRAMS = ("monmaptool", "ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "ceph", "setpriv")
USER = "ceph"
"""The user whom the Debian packages make; the daemons run as this one when we are root."""
START_SECONDS = 90

CONF = """\
[global]
fsid = {fsid}
mon_host = [v2:127.0.0.1:{mon_port}]
# With authentication off the disk and the gateway of this release never come up.
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
keyring = {folder}/keyring
run_dir = {folder}
admin_socket = {folder}/$name.sock
crash_dir = {folder}/crash
pid_file =
log_file = {folder}/$name.log
mon_cluster_log_file = {folder}/cluster.log
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_max_pg_per_osd = 1000

[mon]
mon_data = {folder}/mon
mon_allow_pool_size_one = true
# Each pool is a decision of the monitor, which by default waits a second for others to join it.
paxos_propose_interval = 0.05
paxos_min_wait = 0.01
# A disk that others have filled is no reason for a server in memory to refuse.
mon_data_avail_warn = 2
mon_data_avail_crit = 1

[osd]
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
osd_data = {folder}/osd
osd_objectstore = memstore
memstore_device_bytes = {memory_bytes}
osd_class_load_list = *
osd_class_default_list = *

[client]
rgw_frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
rgw_thread_pool_size = 64
rgw_enable_usage_log = false
rgw_dynamic_resharding = false
rgw_override_bucket_index_max_shards = 1
# What is deleted leaves memory within seconds; the default is two hours.
rgw_gc_obj_min_wait = 1
rgw_gc_processor_period = 2
rgw_gc_processor_max_time = 2
"""

CAPS = {
    "mon.": {"mon": "allow *"},
    "client.admin": {"mon": "allow *", "osd": "allow *", "mgr": "allow *"},
    "osd.0": {"mon": "allow profile osd", "osd": "allow *"},
    "client.rgw.a": {"mon": "allow rwx", "osd": "allow rwx"},
}
"""What each of the parties may do."""


class ClusterError(Exception):
    """The cluster did not come up."""


def missing_programs() -> list[str]:
    """Programs that have to be installed first."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


class CephCluster:
    """Daemons that end with this process.

    Parameters
    ----------
    memory_bytes
        How much the disk in memory holds.
    """

    def __init__(self, memory_bytes: int) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="s3-server-"))
        self.port, self._mon_port = _free_port(), _free_port()
        self._fsid = str(uuid.uuid4())
        self.users: dict[str, tuple[str, str]] = {}
        self._daemons: list[subprocess.Popen] = []
        self._as_user = []
        conf = CONF.format(
            fsid=self._fsid,
            folder=self.folder,
            mon_port=self._mon_port,
            port=self.port,
            memory_bytes=memory_bytes,
        )
        (self.folder / "ceph.conf").write_text(conf)
        (self.folder / "keyring").write_text(_keyring())
        (self.folder / "osd").mkdir()
        (self.folder / "mon").mkdir()
        if os.geteuid() == 0:
            self._as_user = ["--reuid", USER, "--regid", USER, "--clear-groups"]
            for path in [self.folder, *self.folder.iterdir()]:
                shutil.chown(path, USER, USER)

    @property
    def endpoint(self) -> str:
        """Address of the gateway."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, users: tuple[str, ...]) -> None:
        """Start the daemons and make users; `users` then has the key and secret of each."""
        monmap = self.folder / "monmap"
        address = f"[v2:127.0.0.1:{self._mon_port}]"
        self._run("monmaptool", "--create", "--fsid", self._fsid, "--addv", "a", address, monmap)
        self._run("ceph-mon", "-i", "a", "--mkfs", "--monmap", monmap)
        self._daemon("ceph-mon", "-i", "a")
        osd_uuid = str(uuid.uuid4())
        self._run("ceph", "--connect-timeout", "30", "osd", "new", osd_uuid, "0")
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd_uuid)
        self._daemon("ceph-osd", "-i", "0")
        for name in users:
            self.users[name] = self._make_user(name)
        self._daemon("radosgw", "-n", "client.rgw.a")
        self._wait_until_it_answers()

    def stop(self) -> None:
        """End the daemons and remove their folder."""
        for daemon in self._daemons:
            daemon.kill()  # nothing is kept: a polite end takes 5 s and has no use
        for daemon in self._daemons:
            daemon.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _command(self, program, *arguments):
        """A command line that drops rights, and ends with this process."""
        own = ["setpriv", *self._as_user, "--no-new-privs", "--pdeathsig", "KILL"]
        return [*own, program, "-c", str(self.folder / "ceph.conf"), *map(str, arguments)]

    def _run(self, *command):
        done = subprocess.run(
            self._command(*command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=START_SECONDS,
            check=False,
        )
        if done.returncode:
            raise ClusterError(
                f"{command[0]} ended with {done.returncode}: {self._told(done.stderr)}"
            )
        return done.stdout

    def _daemon(self, *command):
        with (self.folder / f"{command[0]}.out").open("wb") as out:
            self._daemons.append(
                subprocess.Popen(
                    [*self._command(*command), "--foreground"],
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    cwd=self.folder,
                )
            )

    def _make_user(self, name):
        words = ["user", "create", "--uid", name, "--display-name", name]
        made = json.loads(self._run("radosgw-admin", *words))
        return made["keys"][0]["access_key"], made["keys"][0]["secret_key"]

    def _wait_until_it_answers(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), urllib.request.urlopen(self.endpoint, timeout=5):
                return
            for daemon in self._daemons:
                if daemon.poll() is not None:
                    program = daemon.args[daemon.args.index("-c") - 1]
                    told = (self.folder / f"{program}.out").read_bytes()
                    raise ClusterError(f"{program} ended: {self._told(told)}")
            time.sleep(0.1)
        raise ClusterError(f"the gateway does not answer within {START_SECONDS} s")

    @staticmethod
    def _told(output):
        return output.decode(errors="replace").strip()[-1000:]


def _free_port() -> int:
    """A port that no connection is given by chance before a daemon opens it a second later."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)  # below those the system gives out by itself
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def _keyring() -> str:
    """A new key for each party, in the format of a Ceph keyring."""
    parts = []
    for name, caps in CAPS.items():
        parts += [f"[{name}]", f"\tkey = {_ceph_key()}"]
        parts += [f'\tcaps {service} = "{allowed}"' for service, allowed in caps.items()]
    return "\n".join([*parts, ""])


def _ceph_key() -> str:
    """Type 1 (AES), seconds, nanoseconds, length, 16 random bytes; little endian, base64."""
    head = struct.pack("<HIIH", 1, int(time.time()), 0, 16)
    return base64.b64encode(head + secrets.token_bytes(16)).decode()


def _tell(**fields) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Keep a cluster alive until standard input ends; arguments: memory in bytes, user names."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    cluster = CephCluster(int(sys.argv[1]))
    try:
        cluster.start(tuple(sys.argv[2:]))
        _tell(endpoint=cluster.endpoint, users=cluster.users)
        sys.stdin.buffer.read()
    except ClusterError as error:
        _tell(error=str(error))
    finally:
        cluster.stop()


if __name__ == "__main__":
    main()
