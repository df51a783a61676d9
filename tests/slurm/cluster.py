"""A Slurm cluster on one host, to test against: no systemd, no control groups, everything on loopback.

munge, slurmctld, one slurmd a node, and with accounting slurmdbd on MariaDB, all in the foreground as children of this
process. Their process ids are recorded in a file as they start, so that what a killed test left can be taken down too:

    python tests/slurm/cluster.py down FOLDER
"""

from __future__ import annotations

import getpass
import json
import os
import secrets
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import psutil

PACKAGES = ("slurmctld", "slurmd", "slurm-client", "munge")
ACCOUNTING_PACKAGES = ("slurmdbd", "slurm-wlm-mysql-plugin", "mariadb-server")
NULL_DEVICE = (stat.S_IFCHR | 0o666, os.makedev(1, 3))  # mode and numbers of /dev/null
# The executor's job steps drop SLURM_CONF from their environment, so the default place must lead to the same file.
DEFAULT_CONFIGURATION = Path("/etc/slurm/slurm.conf")


def why_not() -> str | None:
    """Why no cluster can be brought up here, or None; installs the Debian packages that are missing."""
    if sys.platform != "linux":
        return "Slurm runs on Linux"
    if os.geteuid() != 0:
        return "the cluster's daemons are started as root"
    if DEFAULT_CONFIGURATION.exists() and not DEFAULT_CONFIGURATION.is_symlink():
        return f"this machine has a Slurm of its own: {DEFAULT_CONFIGURATION}"
    if not _may_make_devices():
        return "making device files, which stand for GPUs, is not allowed here"
    return _install()


def _may_make_devices() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        try:
            os.mknod(Path(folder) / "device", *NULL_DEVICE)
        except PermissionError:
            return False
    return True


def _install() -> str | None:
    """Install what is missing, without starting the services it brings; returns why that failed, or None."""
    needed = [name for name in (*PACKAGES, *ACCOUNTING_PACKAGES) if not _installed(name)]
    if not needed:
        return None
    if shutil.which("apt-get") is None:
        return f"{', '.join(needed)} are not installed, and cannot be without apt-get"
    settings = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for arguments in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *needed]):
        done = subprocess.run(["apt-get", *arguments], env=settings, capture_output=True, text=True)
        if done.returncode:
            return f"installing {', '.join(needed)} failed: {done.stderr.strip()[-300:]}"
    return None


def _installed(package: str) -> bool:
    query = subprocess.run(["dpkg-query", "-W", "-f=${Status}", package], capture_output=True, text=True)
    return "ok installed" in query.stdout


# What slurm.conf says wherever the cluster is brought up.
SETTINGS = {
    "ClusterName": "lab",
    "AuthType": "auth/munge",
    "CredType": "cred/munge",
    "CommunicationParameters": "NoInAddrAny,NoCtldInAddrAny",
    "ProctrackType": "proctrack/linuxproc",
    "TaskPlugin": "task/none",
    "JobAcctGatherType": "jobacct_gather/linux",
    "JobAcctGatherFrequency": "task=1",
    "JobAcctGatherParams": "OverMemoryKill",
    "MpiDefault": "none",
    "SwitchType": "switch/none",
    "PropagateResourceLimits": "NONE",
    "SelectType": "select/cons_tres",
    "SelectTypeParameters": "CR_Core_Memory",
    "SchedulerType": "sched/backfill",
    "SchedulerParameters": "batch_sched_delay=0,sched_interval=2,bf_interval=2,requeue_delay=1",
    "GresTypes": "gpu",
    "DefMemPerCPU": 500,
    "JobRequeue": 1,
    "PreemptType": "preempt/partition_prio",
    "PreemptMode": "REQUEUE",
    "SlurmctldTimeout": 10,
    "SlurmdTimeout": 10,
    "InactiveLimit": 0,
    "KillWait": 2,
    "MinJobAge": 300,
    "ReturnToService": 2,
    "SlurmdParameters": "config_overrides",
}


class Cluster:
    """Partitions `main`, `cpu` and `gpu` of the same `nodes` nodes, and `urgent`, whose jobs preempt the others'.

    Every node has `cpus` processors, `memory` MB and `gpus` GPUs. The GPUs are device files without a device: Slurm
    sets CUDA_VISIBLE_DEVICES for real files only.
    """

    def __init__(
        self, folder: Path, nodes: int = 2, cpus: int = 8, memory: int = 32_000, gpus: int = 2, accounting: bool = False
    ) -> None:
        self.folder = folder
        self.nodes = [f"lab{number}" for number in range(1, nodes + 1)]
        self.cpus, self.memory, self.gpus, self.accounting = cpus, memory, gpus, accounting
        self.ports = iter(_free_ports(nodes + 3))
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}
        self.configuration = folder / "etc/slurm.conf"
        self.commands: dict[str, list[str]] = {}

    def start(self) -> None:
        """Bring everything up; returns when all nodes are idle."""
        for name in ("etc", "log", "state", "spool", "dev", "munge", "sql"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        self._configure()
        DEFAULT_CONFIGURATION.parent.mkdir(parents=True, exist_ok=True)
        DEFAULT_CONFIGURATION.unlink(missing_ok=True)
        DEFAULT_CONFIGURATION.symlink_to(self.configuration)
        self.run("munged")
        self.wait(lambda: self._answers("munge", "-n", "-S", str(self.folder / "munge/socket")), "munged")
        if self.accounting:
            self._start_accounting()
        self.run("slurmctld")
        self.wait(lambda: self._answers("scontrol", "ping"), "slurmctld")
        for node in self.nodes:
            self.run(node)
        self.wait(lambda: self.states() == {node: "idle" for node in self.nodes}, "idle nodes")

    def stop(self) -> None:
        """Cancel all jobs and end every process that was started here, and their children."""
        if "slurmctld" in self.daemons and self.daemons["slurmctld"].poll() is None:
            self.call("scancel", "--full", "--user", getpass.getuser())
            with suppress(TimeoutError):
                self.wait(lambda: not self.jobs(), "the end of all jobs", 10)
        take_down(self.folder)
        for daemon in self.daemons.values():
            daemon.wait()

    def run(self, name: str) -> None:
        """Start a daemon, or start it again: munged, mariadbd, slurmdbd, slurmctld, or a node's slurmd by the node."""
        log = (self.folder / "log" / f"{name}.out").open("ab")
        daemon = subprocess.Popen(
            self.commands[name],
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        self.daemons[name] = daemon
        with (self.folder / "pids").open("a") as record:
            record.write(f"{daemon.pid}\n")

    def kill(self, name: str) -> None:
        """kill -9 of a daemon; the jobs of a node go on."""
        self.daemons[name].kill()
        self.daemons[name].wait()

    def environment(self) -> dict[str, str]:
        """Environment of whoever uses this cluster."""
        return {**os.environ, "SLURM_CONF": str(self.configuration)}

    def call(self, *command: str) -> str:
        """Output of a Slurm command."""
        done = subprocess.run(command, env=self.environment(), capture_output=True, text=True, timeout=30)
        return done.stdout.strip()

    def states(self) -> dict[str, str]:
        """State of every node."""
        lines = self.call("sinfo", "-h", "-N", "-p", "main", "-o", "%N %T").splitlines()
        return dict(line.split() for line in lines)

    def jobs(self) -> list[dict[str, str]]:
        """Jobs that wait, run or end: id, name, state, node, working folder, comment."""
        keys = ("id", "name", "state", "node", "folder", "comment")
        lines = self.call("squeue", "-h", "-t", "PD,R,CG,S", "-o", "%A|%j|%T|%N|%Z|%k").splitlines()
        return [dict(zip(keys, line.split("|"), strict=True)) for line in lines]

    def wait_until_saved(self, job: str) -> None:
        """Wait until the controller has written down that a job runs, which takes it up to five seconds.

        If it is killed before, it takes the job for one that waits, and drains the node that ends it.
        """
        started = datetime.fromisoformat(self.call("squeue", "-h", "-t", "R", "-j", job, "-o", "%S")).timestamp()
        saved = self.folder / "state/job_state"
        self.wait(lambda: saved.exists() and saved.stat().st_mtime > started + 1, "the controller's notes")

    @staticmethod
    def wait(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
        """Poll until `condition` holds; raises TimeoutError."""
        until = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > until:
                raise TimeoutError(f"waited {seconds:.0f} s for {what}")
            time.sleep(0.1)

    def accounting_answers(self) -> bool:
        """Whether slurmdbd is there for the controller, which does not start without."""
        return self._answers("sacctmgr", "-n", "-i", "show", "cluster")

    def _answers(self, *command: str) -> bool:
        done = subprocess.run(command, env=self.environment(), capture_output=True, timeout=30)
        return done.returncode == 0

    def _configure(self) -> None:
        user, host = getpass.getuser(), socket.gethostname().split(".")[0]
        control, database, sql = next(self.ports), next(self.ports), next(self.ports)
        self._write_key()
        settings = {**SETTINGS, **self._places(user, host, control), **self._storage(user, database)}
        lines = [f"{key}={value}" for key, value in settings.items()] + self._nodes_and_partitions(host)
        self.configuration.write_text("\n".join(lines) + "\n")
        (self.folder / "etc/cgroup.conf").write_text("CgroupAutomount=no\n")
        self._make_gpus()
        munge = self.folder / "munge"
        self.commands = {
            "munged": [
                "munged", "--foreground", "--force", f"--key-file={munge}/key", f"--socket={munge}/socket",
                f"--pid-file={munge}/pid", f"--log-file={self.folder}/log/munged.log", f"--seed-file={munge}/seed",
                "--num-threads=4",
            ],
            "slurmctld": ["slurmctld", "-D", "-f", str(self.configuration)],
            **{node: ["slurmd", "-D", "-N", node, "-f", str(self.configuration)] for node in self.nodes},
        }  # fmt: skip
        if self.accounting:
            self._configure_accounting(user, munge / "socket", database, sql)

    def _write_key(self) -> None:
        munge = self.folder / "munge"
        munge.chmod(0o711)
        (munge / "key").write_bytes(secrets.token_bytes(128))
        (munge / "key").chmod(0o400)

    def _places(self, user: str, host: str, control: int) -> dict[str, object]:
        """Settings of slurm.conf that depend on where and by whom the cluster is brought up."""
        folder = self.folder
        return {
            "SlurmctldHost": f"{host}(127.0.0.1)",
            "SlurmctldPort": control,
            "SlurmUser": user,
            "SlurmdUser": user,
            # Else the credential of a job that is requeued would be known for two minutes, and it would wait so long.
            "AuthInfo": f"socket={folder}/munge/socket,cred_expire=10",
            "StateSaveLocation": folder / "state",
            "SlurmctldPidFile": folder / "state/slurmctld.pid",
            "SlurmdPidFile": folder / "spool/%n.pid",
            "SlurmdSpoolDir": folder / "spool/%n",
            "SlurmctldLogFile": folder / "log/slurmctld.log",
            "SlurmdLogFile": folder / "log/%n.log",
        }

    def _storage(self, user: str, database: int) -> dict[str, object]:
        """Settings of slurm.conf for accounting."""
        if not self.accounting:
            return {"AccountingStorageType": "accounting_storage/none"}
        return {
            "AccountingStorageType": "accounting_storage/slurmdbd",
            "AccountingStorageHost": "127.0.0.1",
            "AccountingStoragePort": database,
            "AccountingStoragePass": self.folder / "munge/socket",
            "AccountingStorageUser": user,
            "AccountingStorageTRES": "gres/gpu",
            "AccountingStoreFlags": "job_comment",
        }

    def _nodes_and_partitions(self, host: str) -> list[str]:
        """Lines of slurm.conf."""
        node = f"NodeHostname={host} NodeAddr=127.0.0.1 CPUs={self.cpus} RealMemory={self.memory} Gres=gpu:{self.gpus}"
        lines = [f"NodeName={name} Port={next(self.ports)} {node} State=UNKNOWN" for name in self.nodes]
        common = f"Nodes={','.join(self.nodes)} MaxTime=INFINITE State=UP"
        return [
            *lines,
            f"PartitionName=main {common} Default=YES PriorityTier=1 PreemptMode=REQUEUE",
            f"PartitionName=cpu {common} PriorityTier=1 PreemptMode=REQUEUE",
            f"PartitionName=gpu {common} PriorityTier=1 PreemptMode=REQUEUE",
            f"PartitionName=urgent {common} PriorityTier=10 PreemptMode=OFF",
        ]

    def _make_gpus(self) -> None:
        """Device files without a device."""
        for number in range(self.gpus):
            device = self.folder / f"dev/nvidia{number}"
            if not device.exists():
                os.mknod(device, *NULL_DEVICE)
        gpus = f"{self.folder}/dev/nvidia[0-{self.gpus - 1}]"
        (self.folder / "etc/gres.conf").write_text(f"NodeName={','.join(self.nodes)} Name=gpu File={gpus}\n")

    def _configure_accounting(self, user: str, socket_file: Path, database: int, sql: int) -> None:
        folder = self.folder
        settings = {
            "AuthType": "auth/munge",
            "AuthInfo": f"socket={socket_file},cred_expire=10",
            "DbdHost": "localhost",
            "DbdAddr": "127.0.0.1",
            "DbdPort": database,
            "CommunicationParameters": "NoInAddrAny",
            "SlurmUser": user,
            "StorageType": "accounting_storage/mysql",
            "StorageHost": "127.0.0.1",
            "StoragePort": sql,
            "StorageUser": "slurm",
            "StoragePass": "lab",
            "StorageLoc": "slurm_acct_db",
            "LogFile": folder / "log/slurmdbd.log",
            "PidFile": folder / "state/slurmdbd.pid",
        }
        file = folder / "etc/slurmdbd.conf"
        file.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        file.chmod(0o600)
        self.commands["mariadbd"] = [
            "mariadbd", "--no-defaults", "--user=mysql", f"--datadir={folder}/sql/data",
            f"--socket={folder}/sql/socket", f"--pid-file={folder}/sql/pid", "--bind-address=127.0.0.1",
            f"--port={sql}",
            "--innodb-buffer-pool-size=64M", "--innodb-lock-wait-timeout=900", "--innodb-flush-log-at-trx-commit=0",
            "--innodb-flush-method=nosync", "--innodb-doublewrite=0", "--skip-log-bin",
        ]  # fmt: skip
        self.commands["slurmdbd"] = ["slurmdbd", "-D"]

    def _start_accounting(self) -> None:
        sql = self.folder / "sql"
        shutil.chown(sql, "mysql")
        subprocess.run(
            [
                "mariadb-install-db", "--no-defaults", "--innodb-flush-method=nosync", "--user=mysql", "--skip-test-db",
                f"--datadir={sql}/data", "--auth-root-authentication-method=normal",
            ],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.run("mariadbd")
        client = ["mariadb", "--no-defaults", "-S", f"{sql}/socket", "-u", "root", "-e"]
        self.wait(lambda: self._answers(*client, "select 1"), "mariadbd")
        subprocess.run(
            [
                *client,
                "CREATE DATABASE slurm_acct_db; CREATE USER slurm@'127.0.0.1' IDENTIFIED BY 'lab'; "
                "CREATE USER slurm@localhost IDENTIFIED BY 'lab'; "
                "GRANT ALL ON slurm_acct_db.* TO slurm@'127.0.0.1'; GRANT ALL ON slurm_acct_db.* TO slurm@localhost;",
            ],
            check=True,
        )
        self.run("slurmdbd")
        self.wait(self.accounting_answers, "slurmdbd")
        for what in (
            ["cluster", "lab"],
            ["account", "default", "description=lab", "organization=lab"],
            ["user", getpass.getuser(), "account=default", "defaultaccount=default"],
        ):
            self.call("sacctmgr", "-i", "-Q", "add", *what)


def take_down(folder: Path) -> None:
    """End the recorded daemons of a cluster and what they started; remove the link to its configuration."""
    record = folder / "pids"
    pids = {int(line) for line in record.read_text().split()} if record.exists() else set()
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if _belongs(process, pids, folder):
                found += [process, *process.children(recursive=True)]
    for process in found:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    for process in psutil.wait_procs(found, timeout=10)[1]:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    record.unlink(missing_ok=True)
    if DEFAULT_CONFIGURATION.is_symlink() and DEFAULT_CONFIGURATION.readlink() == folder / "etc/slurm.conf":
        DEFAULT_CONFIGURATION.unlink()


def _belongs(process: psutil.Process, pids: set[int], folder: Path) -> bool:
    """Whether a process is of a cluster: a recorded daemon; a job, or who sent it; or a job's step daemon."""
    if process.name() not in DAEMONS:
        return process.environ().get("SLURM_CONF") == str(folder / "etc/slurm.conf")
    # A step daemon outlives a slurmd that was killed and shows no environment, but has the node's log open.
    return process.pid in pids or any(Path(file.path).is_relative_to(folder) for file in process.open_files())


DAEMONS = ("munged", "mariadbd", "slurmdbd", "slurmctld", "slurmd", "slurmstepd")


def _free_ports(count: int) -> list[int]:
    """Ports of loopback that nothing listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for opened in sockets:
        opened.bind(("127.0.0.1", 0))
    ports = [int(opened.getsockname()[1]) for opened in sockets]
    for opened in sockets:
        opened.close()
    return ports


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "down":
        take_down(Path(sys.argv[2]))
    else:
        sys.exit(f"usage: {sys.argv[0]} down FOLDER; known are {json.dumps(DAEMONS)}")
