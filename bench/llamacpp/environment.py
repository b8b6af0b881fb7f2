"""The peer: llama-cpp-python in environments of its own, and the model in the type it reads fastest."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

PACKAGE = "llama-cpp-python"
VERSION = "0.3.36"
ROOT = pathlib.Path(__file__).resolve().parents[2]

# What CMake is told for each build; the rest is as the package has it (Release, OpenMP, repacking).  Without GGML_NATIVE
# its defaults are AVX2, FMA, F16C and BMI2, and no AVX-512.
BUILDS = {
    "native": ["-DGGML_NATIVE=ON"],
    "avx2": ["-DGGML_NATIVE=OFF", "-DGGML_AVX512=OFF", "-DGGML_AVX_VNNI=OFF"],
}
# What g++ 12 makes of the package for a processor with AMX is killed by SIGILL at its first product.
AMX_COMPILER = {"CC": "clang-16", "CXX": "clang++-16"}
LEFT_OUT = ["-DLLAVA_BUILD=OFF", "-DLLAMA_BUILD_TOOLS=OFF", "-DLLAMA_BUILD_EXAMPLES=OFF", "-DLLAMA_BUILD_TESTS=OFF"]


def say(text):
    print(text, file=sys.stderr, flush=True)


class Failed(Exception):
    """What one line tells the user; the program then ends with status 1."""


def dsa_home():
    """The same rule as dsa_home() in src/base/env.cpp."""
    if os.environ.get("DSA_HOME"):
        return pathlib.Path(os.environ["DSA_HOME"])
    data = os.environ.get("XDG_DATA_HOME") or os.path.join(os.environ.get("HOME") or "/tmp", ".local/share")
    return pathlib.Path(data) / "dsa"


def peers():
    return dsa_home() / "peers"


def run_logged(what, command, log, **more):
    with open(log, "w") as out:
        done = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, **more)
    if done.returncode != 0:
        sys.stderr.write(log.read_text(errors="replace")[-4000:])
        raise Failed(f"{what} ended with status {done.returncode}; all it said is in {log}")


def compiler_of(build, cpuinfo=pathlib.Path("/proc/cpuinfo")):
    """What pip is told about the compiler: the system's own one, but where the build would use AMX."""
    if build != "native" or " amx_tile" not in cpuinfo.read_text():
        return {}
    if all(shutil.which(program) for program in AMX_COMPILER.values()):
        return AMX_COMPILER
    say("clang-16 is not there: on this processor llama.cpp may die when it is first asked (apt-get install clang-16)")
    return {}


def build_name(build):
    return f"{build}, clang 16" if compiler_of(build) else build


def folder_of(what, build):
    return peers() / f"{what}-{VERSION}-{build}{'-clang16' if compiler_of(build) else ''}"


def build_environment(compiler, **more):
    environment = dict(os.environ, **compiler, **more)
    environment.setdefault("CMAKE_BUILD_PARALLEL_LEVEL", str(len(os.sched_getaffinity(0))))
    return environment


def python_of(build):
    """The interpreter of the environment that holds the package in this build; makes it if it is not there."""
    compiler = compiler_of(build)
    folder = folder_of(PACKAGE, build)
    python = folder / "bin" / "python"
    # The stamp is written last: an environment without it was cut off half-way.
    if (folder / "complete").exists():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    say(f"building {PACKAGE} {VERSION} ({build}): once, about 7 minutes on two cores ...")
    run_logged("python3 -m venv (Debian: python3-venv)", [sys.executable, "-m", "venv", folder], folder / "venv.log")
    environment = build_environment(compiler, CMAKE_ARGS=" ".join(BUILDS[build] + LEFT_OUT))
    # A wheel that pip built before may have other flags.
    run_logged(
        f"pip install {PACKAGE}",
        [python, "-m", "pip", "install", "--no-cache-dir", "--no-binary", PACKAGE, f"{PACKAGE}=={VERSION}"],
        folder / "build.log",
        env=environment,
    )
    (folder / "complete").touch()
    return python


def default_model():
    fetched = subprocess.run([ROOT / "tools/fetch_model"], stdout=subprocess.PIPE, text=True)
    if fetched.returncode != 0:
        raise Failed("the default model could not be fetched: give --model FILE")
    return pathlib.Path(fetched.stdout.strip())


def quantizer(python):
    """What makes a Q4_0 file of another one, in the package's environment: FILE and the new one's name are to follow."""
    return [python, pathlib.Path(__file__).with_name("driver.py"), "quantize"]


def requantised(quantize, model, suffix="Q4_0"):
    """The model as Q4_0, made by llama.cpp's own llama_model_quantize: `quantize` FILE NEW."""
    folder = peers() / "models"
    target = folder / f"{model.stem}.{suffix}.gguf"
    if target.exists() and target.stat().st_mtime > model.stat().st_mtime:
        return target
    folder.mkdir(parents=True, exist_ok=True)
    say(f"requantising {model.name} to {suffix} ...")
    with tempfile.TemporaryDirectory(dir=folder) as work:
        made = pathlib.Path(work) / "model.gguf"
        run_logged("llama_model_quantize", [*quantize, model, made], folder / "quantize.log")
        made.replace(target)
    return target


def peer_files(quantize, model):
    """What llama.cpp reads, by type: Q4_0 first, because the first one fills the caches."""
    kind = pathlib.Path(model.stem).suffix.lstrip(".") or "as it is"
    files = {kind: model}
    return files if kind == "Q4_0" else {"Q4_0": requantised(quantize, model), **files}
