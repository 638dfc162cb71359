"""A small Spark cluster for tests: a standalone master and two workers on loopback, one core and little memory each."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlencode

import pytest

SPARK = pytest.param("spark", marks=[pytest.mark.spark, pytest.mark.xdist_group("spark")])
ENGINES = ["duckdb:", "plain:", SPARK]
"""For ``parametrize("engine", ENGINES, indirect=True)``: one test, all engines."""
MEMORY = "512m"
JAVA = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
OPTIONS = {
    "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1", "spark.driver.memory": "512m", "spark.executor.memory": MEMORY,
    "spark.driver.extraJavaOptions": JAVA, "spark.executor.extraJavaOptions": JAVA, "spark.sql.shuffle.partitions": "2",
    # small statements: no compiling of code for each (test_column compiles), no job of its own for each stage, nobody waits for a near core
    "spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN", "spark.sql.adaptive.enabled": "false", "spark.locality.wait": "0",
}


def missing() -> str:
    """Why no cluster can be started here, or nothing."""
    try:
        import pyspark  # noqa: F401
    except ImportError:
        return "no pyspark: ./run test installs it"
    return "" if shutil.which("java") else "no Java: ./run test installs it where it may (apt-get install openjdk-17-jre-headless)"


class Cluster:
    """Started processes; ``url`` is the address to connect to."""

    def __init__(self, folder: Path) -> None:
        import pyspark

        self.folder, self.processes = folder, list[subprocess.Popen[bytes]]()
        self.home = Path(pyspark.__file__).parent
        try:
            self.master = self._started("master", "master.Master", "--port", "0", until=r"Starting Spark master at (spark://127\.0\.0\.1:\d+)")
            for n in (1, 2):
                self._start(f"worker{n}", "worker.Worker", "--cores", "1", "--memory", MEMORY, "--work-dir", str(folder / f"work{n}"), self.master)
            for n in (1, 2):
                self._await(f"worker{n}", r"(Successfully registered with master)")
        except BaseException:
            self.stop()
            raise
        self.url = f"{self.master}?{urlencode(OPTIONS)}"

    def _start(self, name: str, what: str, *args: str) -> None:
        env = {**os.environ, "SPARK_HOME": str(self.home), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": "192m", "PYSPARK_PYTHON": sys.executable,
               "SPARK_DAEMON_JAVA_OPTS": JAVA}
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes.append(subprocess.Popen(
                [str(self.home / "bin/spark-class"), f"org.apache.spark.deploy.{what}", "--host", "127.0.0.1", "--webui-port", "0", *args],
                env=env, stdout=log, stderr=subprocess.STDOUT, cwd=self.folder))

    def _await(self, name: str, until: str) -> str:
        path, end = self.folder / f"{name}.log", time.monotonic() + 120
        while time.monotonic() < end:
            if found := re.search(until, path.read_text(errors="replace")):
                return found[1]
            time.sleep(0.1)
        raise RuntimeError(f"Spark's {name} did not start: {path.read_text(errors='replace')[-2000:]}")

    def _started(self, name: str, what: str, *args: str, until: str) -> str:
        self._start(name, what, *args)
        return self._await(name, until)

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
