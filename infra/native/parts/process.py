"""One process that outlives the call that started it, known by a pid file of its own."""

import json
import os
import signal
import subprocess
import time

from .failure import Failure


class Process:
    """`<folder>/<name>.pid` holds the id and the start time, `<folder>/<name>.log` what it says."""

    def __init__(self, folder, name):
        self.name = name
        self.pid_file = folder / f"{name}.pid"
        self.log_file = folder / f"{name}.log"

    def start(self, command, env=None, cwd=None):
        """Starts the command, unless it runs; says whether it was started."""
        if self.running():
            return False
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log_file, "ab") as log:
            child = self._spawn([str(word) for word in command], log, env or {}, cwd)
        self.pid_file.write_text(json.dumps({"pid": child.pid, "started": _started(child.pid)}))
        return True

    def _spawn(self, command, log, env, cwd):
        try:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **env},
                cwd=cwd,
                start_new_session=True,
            )
        except OSError as error:
            raise Failure(f"can't start {self.name} ({command[0]}): {error.strerror}") from error

    def pid(self):
        """The id of the process that was started here, if it still is that process."""
        try:
            noted = json.loads(self.pid_file.read_text())
        except (OSError, ValueError):
            return None
        # An id alone may have passed on to somebody else's process.
        alive = noted["started"] is not None and _started(noted["pid"]) == noted["started"]
        return noted["pid"] if alive else None

    def running(self):
        return self.pid() is not None

    def signal(self, how):
        """Sends it a signal, where it runs."""
        pid = self.pid()
        if pid is not None:
            os.kill(pid, how)

    def wait_for(self, ready, patience_s):
        """Waits until `ready()` holds; fails when the process ends or patience does."""
        if until(lambda: ready() or not self.running(), patience_s) and self.running():
            return
        what = "ended before it was ready" if not self.running() else f"is not ready after {patience_s} s"
        raise Failure(f"{self.name} {what}; the end of {self.log_file}:\n{self._last_words()}")

    def _last_words(self):
        lines = self.log_file.read_text(errors="replace").splitlines()
        return "\n".join(f"  {line}" for line in lines[-15:])


def stop(processes, how=signal.SIGTERM, patience_s=20):
    """Asks all to end, and makes end who does not; answers those that ran."""
    running = [process for process in processes if process.running()]
    for process in running:
        process.signal(how)
    if not until(lambda: not any(process.running() for process in running), patience_s):
        for process in running:
            process.signal(signal.SIGKILL)
        until(lambda: not any(process.running() for process in running), patience_s)
    for process in processes:
        process.pid_file.unlink(missing_ok=True)
    return running


def until(holds, patience_s, pause_s=0.1):
    """Asks again until it holds; says whether it did in time."""
    deadline = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause_s)
    return True


def _started(pid):
    """When a process began, as `ps` words it; None where there is none, or a dead one unburied."""
    # A child that has ended stays in the list until it is waited for.
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass
    command = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    words = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}).stdout.split()
    return " ".join(words[1:]) if words and not words[0].startswith("Z") else None
