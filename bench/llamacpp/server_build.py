"""llama.cpp's own server, built out of the package's sdist: pip installs the library alone."""

import os
import shutil
import sys

from .environment import BUILDS, PACKAGE, VERSION, Failed, build_environment, compiler_of, folder_of, run_logged, say

CMAKE = ["-DCMAKE_BUILD_TYPE=Release", "-DBUILD_SHARED_LIBS=OFF", "-DLLAMA_BUILD_TOOLS=ON", "-DLLAMA_BUILD_SERVER=ON"]
CMAKE += ["-DLLAMA_BUILD_UI=OFF", "-DLLAMA_USE_PREBUILT_UI=OFF", "-DLLAMA_OPENSSL=OFF", "-DLLAMA_BUILD_APP=OFF"]
CMAKE += ["-DLLAMA_BUILD_TESTS=OFF", "-DLLAMA_BUILD_EXAMPLES=OFF"]
PROGRAMS = ("llama-server", "llama-quantize")


def _unpack(folder):
    """The sdist's llama.cpp, as pip fetches it."""
    run_logged("python3 -m venv (Debian: python3-venv)", [sys.executable, "-m", "venv", folder / "venv"], folder / "venv.log")
    fetch = [folder / "venv/bin/python", "-m", "pip", "download", "--no-deps", "--no-cache-dir", "--dest", folder]
    run_logged(f"pip download {PACKAGE}", [*fetch, "--no-binary", PACKAGE, f"{PACKAGE}=={VERSION}"], folder / "download.log")
    archive = next(folder.glob("*.tar.gz"), None)
    if not archive:
        raise Failed(f"pip download left no .tar.gz in {folder}")
    shutil.unpack_archive(archive, folder / "source")
    return next((folder / "source").glob("*/vendor/llama.cpp"))


def programs_of(build):
    """Folder of PROGRAMS in this build; makes them if they are not there."""
    folder = folder_of("llama-server", build)
    programs = folder / "build" / "bin"
    # The stamp is written last, as in python_of().
    if (folder / "complete").exists():
        return programs
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    say(f"building the server of {PACKAGE} {VERSION} ({build}): once, about 10 minutes on two cores ...")
    environment = build_environment(compiler_of(build))
    configure = ["cmake", "-S", _unpack(folder), "-B", folder / "build", *CMAKE, *BUILDS[build]]
    run_logged("cmake of llama.cpp", configure, folder / "cmake.log", env=environment)
    make = ["cmake", "--build", folder / "build", "--parallel", str(len(os.sched_getaffinity(0))), "--target", *PROGRAMS]
    run_logged("the build of llama.cpp", make, folder / "build.log", env=environment)
    (folder / "complete").touch()
    return programs


def quantizer(programs):
    """As environment.quantizer(), without a second build: `llama-quantize` takes the type last."""
    return ["sh", "-c", '"$0" --allow-requantize "$1" "$2" Q4_0', programs / "llama-quantize"]
