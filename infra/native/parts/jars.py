"""Java, and the jars of a part: fetched by Maven once, kept in the user's cache."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from .failure import Failure

HERE = Path(__file__).resolve().parent.parent
OLDEST_JAVA = 17


def java():
    """The `java` program, 17 or newer; installed where that is possible."""
    found = _java()
    if found is None:
        _install("java", "openjdk-17-jre-headless")
        found = _java()
    if found is None:
        raise Failure(f"Kafka and Cassandra need Java {OLDEST_JAVA} or newer: install openjdk-17-jre-headless, or set JAVA_HOME")
    return found


def of(part):
    """The folder with the jars of `<part>.xml`."""
    pom = HERE / f"{part}.xml"
    # A changed list of dependencies is another folder.
    mark = hashlib.sha256(pom.read_bytes()).hexdigest()[:12]
    folder = cache() / "jars" / f"{part}-{mark}"
    if not folder.is_dir():
        _fetch(pom, folder)
    return folder


def cache():
    """Where downloads are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "foldline"


def _fetch(pom, folder):
    if shutil.which("mvn") is None:
        _install("mvn", "maven")
    if shutil.which("mvn") is None:
        raise Failure("the jars of Kafka and Cassandra come through Maven: install the package maven")
    print(f"fetching {folder.name} into {folder.parent}", flush=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Copied beside and renamed, so that a broken download is never taken for a whole one.
    with tempfile.TemporaryDirectory(dir=folder.parent) as beside:
        copy = Path(beside) / "jars"
        command = ["mvn", "-q", "-B", "-f", pom, "dependency:copy-dependencies", f"-DoutputDirectory={copy}", "-DincludeScope=runtime"]
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure(f"Maven could not fetch what {pom.name} lists:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        if not folder.is_dir():
            copy.rename(folder)


def _java():
    home = os.environ.get("JAVA_HOME")
    for java in ([str(Path(home) / "bin" / "java")] if home else []) + ["java"]:
        try:
            said = subprocess.run([java, "-version"], capture_output=True, text=True).stderr
        except OSError:
            continue
        version = re.search(r'version "(\d+)', said)
        if version and int(version[1]) >= OLDEST_JAVA:
            return java
    return None


def _install(program, package):
    """Installs a Debian package where this user may; who may not is told what is missing."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Failure(f"`{program}` is missing: install the package {package} (as root, with apt-get, it would be installed now)")
    print(f"installing {package}", flush=True)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package]):
        done = subprocess.run(command, env=env, capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure(f"`{' '.join(command)}` failed:\n{done.stderr[-2000:]}")
