#include "compare/sandbox.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/stopwatch.h"
#include "compare/code_test.h"

namespace dsa::compare {
namespace {

const std::atomic<bool> kNever{false};

// What hostile code says when it is run; short limits.
class Hostile : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::access("/usr/bin/bwrap", X_OK) != 0) GTEST_SKIP() << "there is no bwrap: tools/setup.sh test";
    if (std::system("/usr/bin/bwrap --unshare-all --ro-bind / / /usr/bin/true 2>/dev/null") != 0)
      GTEST_SKIP() << "bwrap can run nothing here: user namespaces are forbidden";
  }
  static SandboxResult run(const std::string& code, int time_ms = 5000) {
    const Sandbox sandbox({.time = std::chrono::milliseconds(time_ms)});
    return sandbox.run({{"main.py", code}}, "main.py", kNever);
  }
  static std::string printed(const std::string& code) { return run(code).output; }
};

TEST_F(Hostile, ItIsRunAtAll) {
  const SandboxResult result = run("print(1 + 1)\nraise SystemExit(3)");
  EXPECT_EQ(result.end, SandboxEnd::exited);
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(result.output, "2\n");
}

TEST_F(Hostile, ItHasNoNetwork) {
  // A server of ours is listening, and cannot be reached from there.
  EXPECT_EQ(
      printed("import socket, os\n"
              "print(sorted(os.listdir('/sys/class/net')) if os.path.exists('/sys') else 'no devices')\n"
              "for place in (('1.1.1.1', 80), ('127.0.0.1', 22)):\n"
              "    try:\n"
              "        socket.create_connection(place, 1)\n"
              "        print('CONNECTED')\n"
              "    except OSError as error:\n"
              "        print('refused')\n"),
      "no devices\nrefused\nrefused\n");
}

TEST_F(Hostile, ItSeesNoFilesOfOurs) {
  const std::string secret = ::testing::TempDir() + "/dsa_sandbox_secret";
  std::ofstream(secret) << "secret";
  EXPECT_EQ(printed("import os\n"
                    "for path in ('" +
                    secret +
                    "', '/etc/passwd', '/root', '/home', os.path.expanduser('~/x')):\n"
                    "    print(os.path.exists(path))\n"
                    "print(sorted(os.listdir('/')))\n"
                    "print(os.listdir('/tmp'))\n"),
            "False\nFalse\nFalse\nFalse\nFalse\n['bin', 'code', 'dev', 'lib', 'lib64', 'tmp', 'usr']\n[]\n");
  std::filesystem::remove(secret);
}

TEST_F(Hostile, ItWritesNowhereButInItsOwnLittleFolder) {
  EXPECT_EQ(printed("for path in ('/usr/x', '/x', '/code/x', '/code/main.py', '/dev/x', '/dev/shm/x'):\n"
                    "    try:\n"
                    "        open(path, 'w').write('x')\n"
                    "        print('WROTE', path)\n"
                    "    except OSError:\n"
                    "        pass\n"
                    "try:\n"
                    "    with open('/tmp/big', 'wb') as file:\n"
                    "        for _ in range(64): file.write(bytes(1 << 20))\n"
                    "    print('NO END')\n"
                    "except OSError as error:\n"
                    "    print(error.strerror)\n"),
            "No space left on device\n");
}

TEST_F(Hostile, ItHasNothingOfOurEnvironmentNorOfOurOpenFiles) {
  ::setenv("DSA_KEY_A", "secret", 1);
  const int leaked = ::dup(0);
  const int far_up = ::dup2(0, 200);
  EXPECT_EQ(
      printed("import fcntl, os\n"
              "def is_open(fd):\n"
              "    try: return fcntl.fcntl(fd, fcntl.F_GETFD) >= 0\n"
              "    except OSError: return False\n"
              "print(sorted(set(os.environ) - {'LC_CTYPE', 'PWD'}))\n"
              "print([fd for fd in range(1024) if is_open(fd)], os.getuid(), os.path.exists('/proc'))\n"),
      "['HOME', 'LANG', 'PATH']\n[0, 1, 2] 65534 False\n");
  ::close(leaked);
  ::close(far_up);
  ::unsetenv("DSA_KEY_A");
}

TEST_F(Hostile, ItSeesNoProcessesOfOursAndGainsNoRights) {
  EXPECT_EQ(printed("import ctypes, os\n"
                    "libc = ctypes.CDLL(None)\n"
                    "print(libc.unshare(0x10000000), libc.mount(b'x', b'/tmp', b'tmpfs', 0, None))\n"
                    "print(libc.sethostname(b'x', 1))\n"
                    "seen = 0\n"
                    "for pid in range(2, 70000):\n"
                    "    try:\n"
                    "        os.kill(pid, 0)\n"
                    "        seen += 1\n"
                    "    except OSError: pass\n"
                    "print(seen)\n"),
            "-1 -1\n-1\n1\n");
}

TEST_F(Hostile, ItCannotFork) {
  EXPECT_EQ(printed("import os, subprocess, multiprocessing\n"
                    "def fork(): os.fork()\n"
                    "def shell(): os.posix_spawn('/usr/bin/sleep', ['sleep', '100'], {})\n"
                    "def run(): subprocess.run(['/usr/bin/true'])\n"
                    "def pool(): multiprocessing.Process(target=print).start()\n"
                    "for what in (fork, shell, run, pool):\n"
                    "    try:\n"
                    "        what()\n"
                    "        print('FORKED', what)\n"
                    "    except OSError as error:\n"
                    "        print(error.errno)\n"),
            "1\n1\n1\n1\n");
}

TEST_F(Hostile, ThreadsAndMemoryHaveABound) {
  EXPECT_EQ(printed("import threading, time\n"
                    "threads = []\n"
                    "try:\n"
                    "    for i in range(5000):\n"
                    "        threads.append(threading.Thread(target=time.sleep, args=(60,), daemon=True))\n"
                    "        threads[-1].start()\n"
                    "except (RuntimeError, MemoryError):\n"
                    "    print(len(threads) < 500)\n"
                    "import os\n"
                    "os.sys.stdout.flush()\n"
                    "os._exit(0)\n"),
            "True\n");
  EXPECT_EQ(
      printed(
          "try:\n    x = bytearray(1 << 30)\n    print('GOT IT')\nexcept MemoryError:\n    print('no')\n"),
      "no\n");
}

TEST_F(Hostile, AnEndlessLoopIsEndedInTime) {
  const Stopwatch watch;
  EXPECT_EQ(run("while True: pass", 700).end, SandboxEnd::timed_out);
  EXPECT_EQ(run("import os, time, signal\n"
                "for n in range(1, 32):\n"
                "    try: signal.signal(n, signal.SIG_IGN)\n"
                "    except (OSError, ValueError): pass\n"
                "os.close(1); os.close(2)\n"
                "time.sleep(100)\n",
                700)
                .end,
            SandboxEnd::timed_out);
  EXPECT_LT(watch.seconds(), 8);
}

TEST_F(Hostile, HugeOutputIsCutAndEndsIt) {
  const Stopwatch watch;
  const SandboxResult result = run("while True: print('x' * 10000)", 20'000);
  EXPECT_EQ(result.end, SandboxEnd::too_much_output);
  EXPECT_EQ(result.output.size(), SandboxLimits().output_bytes);
  EXPECT_LT(watch.seconds(), 10);
}

TEST_F(Hostile, Cancelling) {
  const Sandbox sandbox;
  EXPECT_EQ(sandbox.run({{"main.py", "while True: pass"}}, "main.py", std::atomic<bool>(true)).end,
            SandboxEnd::cancelled);
}

class CodeTest : public Hostile {
 protected:
  static CodeResult test(const std::string& answer, const std::string& tests) {
    const Sandbox sandbox({.time = std::chrono::milliseconds(3000)});
    return *test_code(sandbox, answer, tests, kNever);
  }
};

TEST_F(CodeTest, TestsFindWhatTheCodeMadeAndPrinted) {
  const std::string answer =
      "Here:\n```python\ndef twice(x):\n    return 2 * x\n\n"
      "if __name__ == '__main__':\n    print(twice(4))\n```\n";
  EXPECT_EQ(test(answer, "assert twice(3) == 6\nassert output == '8\\n'").why, "passed");
  EXPECT_TRUE(test(answer, "assert twice(3) == 6").passed);
  const CodeResult failed = test(answer, "assert twice(3) == 7");
  EXPECT_FALSE(failed.passed);
  EXPECT_EQ(failed.why.substr(0, 14), "AssertionError");
}

TEST_F(CodeTest, BlocksOfOtherLanguagesAreLeftOut) {
  EXPECT_TRUE(
      test("```sh\npip install x\n```\n```py\na = 1\n```\n```\noutput of it\n```\n```python\nb = a\n```",
           "assert b == 1")
          .passed);
  EXPECT_TRUE(test("```\na = 1\n```", "assert a == 1").passed);
  EXPECT_EQ(test("a = 1", "").why, "no block of Python");
}

TEST_F(CodeTest, LeavingEarlyIsNotPassing) {
  EXPECT_FALSE(test("```python\nimport os\nos._exit(0)\n```", "assert False").passed);
  EXPECT_TRUE(test("```python\nimport sys\nx = 1\nsys.exit()\n```", "assert x == 1").passed)
      << "a script may end so";
  EXPECT_FALSE(test("```python\nimport sys\nsys.exit(2)\n```", "").passed);
  EXPECT_FALSE(test("```python\nx = 1\n```", "import sys\nsys.exit(0)").passed);
  EXPECT_EQ(test("```python\nwhile True: pass\n```", "").why, "its time was over");
  EXPECT_EQ(test("```python\nx = (\n```", "").why.substr(0, 11), "SyntaxError");
}

}  // namespace
}  // namespace dsa::compare
