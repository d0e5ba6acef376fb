"""What a miner's code might try, once it runs.

A scorer for the tests: the adapter names the attack. Each attack answers with something true when
it got what it wanted, or raises. Run on its own, `python -m tests.hostile.sandbox_attacks NAME
CONTEXT UID`, it tries the same without a sandbox and exits 0 when it succeeds: an attack that fails
there proves nothing here.
"""

import ctypes
import errno
import json
import mmap
import os
import resource
import signal
import socket
import sys
import threading
import time
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
NEW_USER_AND_MOUNT = 0x10000000 | 0x20000
NOT_IN_THIS_KERNEL = 75
ABSENT = {errno.ENOSYS, errno.EAFNOSUPPORT, errno.ENOPROTOOPT}
ADAPTER_FD, RESULT_FD = 4, 3


def load_base(folder):
    return {"folder": str(folder)}


def predict(weights, adapter, inputs, manifest, mode):
    """[[1]] when the attack got something, [[0]] when it was stopped."""
    name = (adapter or b"answer").decode()
    if name in ENDINGS:
        return ENDINGS[name]()
    if name == "answer":
        return [[len(inputs), len(manifest)], [], [int(mode == "exact")]]
    try:
        return [[1 if ATTACKS[name](json.loads(inputs)) else 0]]
    except (OSError, RuntimeError, ValueError):
        return [[0]]


def call(number, *arguments):
    answer = LIBC.syscall(number, *arguments)
    if answer < 0:
        raise OSError(ctypes.get_errno(), "syscall")
    return answer + 1


def write_file(c):
    path = Path(c["folder"]) / f"written-{os.getpid()}"
    return path.write_text("x")


def got(descriptor):
    """True, also for descriptor 0, which is free in a jail."""
    return descriptor >= 0


def change_base(c):
    with Path(c["base_file"]).open("r+b") as file:
        return file.write(b"x")


def use_leaked_descriptor(_):
    for number in range(7, 1024):
        try:
            os.lseek(number, 0, os.SEEK_CUR)
        except OSError as error:
            if error.errno != errno.EBADF:
                return number
        else:
            return number
    return 0


def connect(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(2)
        client.connect(address)
    return True


def make_socket(family, kind):
    socket.socket(family, kind).close()
    return True


def send_datagram(c):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        return client.sendto(b"x", ("127.0.0.1", c["port"]))


def fork(_):
    child = os.fork()
    if child == 0:
        os._exit(0)
    return os.waitpid(child, 0)


def execute(_):
    return os.spawnv(os.P_WAIT, "/bin/sh", ["sh", "-c", ":"]) == 0


def many_threads(_):
    gate = threading.Event()
    for _each in range(300):
        threading.Thread(target=gate.wait, daemon=True).start()
    return True


def signal_victim(c):
    os.kill(c["victim"], 0)
    return True


def read_memory_of_itself_as_another(_):
    source, sink = ctypes.create_string_buffer(b"secret"), ctypes.create_string_buffer(7)

    class Vector(ctypes.Structure):
        _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))

    there = Vector(ctypes.addressof(source), 7)
    here = Vector(ctypes.addressof(sink), 7)
    call(310, os.getpid(), ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
    return sink.value == b"secret"


def raise_limit(_):
    low, high = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (low - 1, high))
    resource.setrlimit(resource.RLIMIT_NOFILE, (low, high))
    return True


def mount_something(_):
    call(272, NEW_USER_AND_MOUNT)
    if LIBC.mount(b"tmpfs", b"/tmp", b"tmpfs", 0, None):
        raise OSError(ctypes.get_errno(), "mount")
    return True


def executable_memory(_):
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()
    return True


def read_environment(_):
    return [name for name in os.environb if b"SECRET" in name]


ATTACKS = {
    "read_host_file": lambda c: Path(c["secret"]).read_text(),
    "list_host_folder": lambda c: list(Path(c["folder"]).iterdir()),
    "see_that_a_file_exists": lambda c: Path(c["secret"]).stat().st_size,
    "write_file": write_file,
    "make_folder": lambda c: Path(c["folder"], f"made-{os.getpid()}").mkdir() is None,
    "make_symlink": lambda c: Path(c["folder"], f"soft-{os.getpid()}").symlink_to("x") is None,
    "delete_file": lambda c: Path(c["deletable"]).unlink() is None,
    "change_base": change_base,
    "change_adapter": lambda _: os.pwrite(ADAPTER_FD, b"x", 0),
    "shrink_adapter": lambda _: os.ftruncate(ADAPTER_FD, 0) is None,
    "reopen_adapter": lambda _: got(os.open(f"/proc/self/fd/{ADAPTER_FD}", os.O_RDWR)),
    "use_leaked_descriptor": use_leaked_descriptor,
    "read_environment": read_environment,
    "list_processes": lambda _: list(Path("/proc").iterdir()),
    "open_own_memory": lambda _: got(os.open("/proc/self/mem", os.O_RDWR)),
    "tcp": lambda c: connect(socket.AF_INET, ("127.0.0.1", c["port"])),
    "udp": send_datagram,
    "abstract_socket": lambda c: connect(socket.AF_UNIX, "\0" + c["abstract"]),
    "netlink": lambda _: make_socket(16, socket.SOCK_RAW),
    "vsock": lambda _: make_socket(40, socket.SOCK_STREAM),
    "fork": fork,
    "execute": execute,
    "many_threads": many_threads,
    "signal_victim": signal_victim,
    "open_victim": lambda c: got(os.pidfd_open(c["victim"])),
    "be_traced": lambda _: call(101, 0, 0, 0, 0),
    "read_memory_by_call": read_memory_of_itself_as_another,
    "raise_limit": raise_limit,
    "mount_something": mount_something,
    "keyring": lambda _: call(250, 0, -3, 1),
    "userfaultfd": lambda _: call(323, 1),
    "io_uring": lambda _: call(425, 8, ctypes.create_string_buffer(120)),
    "memory_file": lambda _: got(os.memfd_create("x")),
    "shared_segment": lambda _: call(29, 0, 4096, 0o1600),
    "executable_memory": executable_memory,
    "personality": lambda _: call(135, 0x0400000),
}
# May be missing from a kernel or switched off in it: then there is nothing to stop.
SOMETIMES_ABSENT = {"vsock", "userfaultfd", "io_uring", "keyring", "mount_something"}


def forever(step):
    while True:
        step()


def bomb():
    return [bytearray(b"x") * (16 << 20) for _ in range(64)]


def end_as(text):
    os.write(RESULT_FD, text)
    os._exit(0)


def raise_error():
    raise LookupError("a message for the log")


ENDINGS = {
    "sleep": lambda: time.sleep(1000),
    "spin": lambda: forever(lambda: None),
    "bomb": bomb,
    "flood_result": lambda: forever(lambda: os.write(RESULT_FD, b"x" * 65536)),
    "flood_log": lambda: forever(lambda: os.write(2, b"x" * 65536)),
    "segfault": lambda: ctypes.string_at(0),
    "abort": os.abort,
    "error": raise_error,
    "exit_3": lambda: os._exit(3),
    "trace": lambda: LIBC.ptrace(0, 0, 0, 0),
    "half": lambda: end_as(b'{"predictions": [[1'),
    "nothing": lambda: end_as(b""),
    "two_documents": lambda: end_as(b'{"predictions": [[1]]}{"predictions": [[1]]}'),
    "key_twice": lambda: end_as(b'{"predictions": [[1]], "predictions": [[2]]}'),
    "not_a_number": lambda: end_as(b'{"predictions": [[NaN]]}'),
    "deep": lambda: end_as(b"[" * 60000),
    "extra_key": lambda: end_as(b'{"predictions": [[1]], "score": 1}'),
    "truth_value": lambda: end_as(b'{"predictions": [[true]]}'),
    "too_large": lambda: end_as(b'{"predictions": [[-9007199254740992]]}'),
    "flat": lambda: end_as(b'{"predictions": [1]}'),
    "fraction": lambda: end_as(b'{"predictions": [[1.0]]}'),
    "close_and_stay": lambda: (os.close(2), os.close(1), os.close(RESULT_FD), time.sleep(1000)),
    "ignore_signals": lambda: (signal.signal(signal.SIGTERM, signal.SIG_IGN), time.sleep(1000)),
}


def try_without_a_sandbox():
    name, context, uid = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
    leaked, adapter = os.open("/dev/null", os.O_RDONLY), os.memfd_create("adapter")
    os.dup2(leaked, 40)
    os.dup2(adapter, ADAPTER_FD)
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    LIBC.prctl(4, 1, 0, 0, 0)  # as dumpable as a program that this user had started
    try:
        won = ATTACKS[name](context)
    except OSError as error:
        sys.stderr.write(f"{name}: {error}")
        sys.stderr.flush()
        os._exit(NOT_IN_THIS_KERNEL if error.errno in ABSENT else 1)
    os._exit(0 if won else 1)


if __name__ == "__main__":
    try_without_a_sandbox()
