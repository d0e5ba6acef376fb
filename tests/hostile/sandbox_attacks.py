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
import socket
import sys
import threading
from pathlib import Path

from tests.hostile.sandbox_endings import ENDINGS

LIBC = ctypes.CDLL(None, use_errno=True)
NEW_USER_AND_MOUNT = 0x10000000 | 0x20000
NOT_IN_THIS_KERNEL = 75
ABSENT = {errno.ENOSYS, errno.EAFNOSUPPORT, errno.ENOPROTOOPT}
ADAPTER_FD = 4


class Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def load_base(folder):
    return {"folder": str(folder)}


def predict(weights, adapter, inputs, manifest):
    """[[1]] when the attack got something, [[0]] when it was stopped."""
    name = (adapter or b"answer").decode()
    if name in ENDINGS:
        return ENDINGS[name]()
    if name == "answer":
        return [[len(inputs), len(manifest)], [], [1]]
    try:
        return [[1 if ATTACKS[name](json.loads(inputs)) else 0]]
    except (OSError, RuntimeError, ValueError):
        return [[0]]


def call(number, *arguments):
    wide = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    answer = LIBC.syscall(number, *wide)
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
        for use in (lambda n: os.pread(n, 0, 0), lambda n: os.write(n, b"")):
            try:
                use(number)
            except OSError as error:
                if error.errno == errno.EBADF:
                    continue
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


def call_and_remove(number, arguments, remover):
    """Make an object of System V, and take it away again."""
    made = call(number, *arguments) - 1
    LIBC.syscall(remover, made, 0, 0)
    return made + 1


def own_file(c, name):
    return Path(c["folder"], f"{name}-{os.getpid()}")


def handle():
    """Room for a struct file_handle of 128 bytes."""
    return ctypes.create_string_buffer((128).to_bytes(4, "little"), 136)


def integer():
    return ctypes.byref(ctypes.c_int())


def fill_disk(c):
    return own_file(c, "large").write_bytes(bytes(4 << 20))


def fill_folder(c):
    for number in range(100):
        own_file(c, f"many-{number}").touch()
    return True


def make_setuid_file(c):
    file = own_file(c, "setuid")
    file.touch()
    file.chmod(0o4755)
    return file.stat().st_mode & 0o4000


def rename_file(c):
    Path(c["deletable"]).rename(own_file(c, "renamed"))
    return True


def write_memory_of_itself_as_another(_):
    source, sink = ctypes.create_string_buffer(b"forged"), ctypes.create_string_buffer(7)
    here, there = Vector(ctypes.addressof(source), 7), Vector(ctypes.addressof(sink), 7)
    call(311, os.getpid(), ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
    return sink.value == b"forged"


def open_terminal(_):
    return [os.close(end) for end in os.openpty()]


def measure_the_kernel(_):
    attributes = (ctypes.c_uint32 * 32)(1, 128)  # software events, exclude the kernel
    attributes[10] = 1 << 5
    return got(call(298, ctypes.byref(attributes), 0, -1, -1, 0) - 1)


def load_into_the_kernel(_):
    attributes = (ctypes.c_uint32 * 16)(2, 4, 8, 1)  # an array of one value
    return got(call(321, 0, ctypes.byref(attributes), 64) - 1)


def steal_descriptor(c):
    return got(call(438, os.pidfd_open(c["victim"]), 0, 0) - 1)


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
    "shared_segment": lambda _: call_and_remove(29, (0, 4096, 0o1600), 31),
    "executable_memory": executable_memory,
    "personality": lambda _: call(135, 0x0400000),
    "read_file_of_its_user": lambda c: Path(c["private"]).read_text(),
    "read_environment_of_another": lambda c: Path(f"/proc/{c['victim']}/environ").read_bytes(),
    "make_hard_link": lambda c: own_file(c, "hard").hardlink_to(c["secret"]) is None,
    "fill_disk": fill_disk,
    "fill_folder": fill_folder,
    "make_setuid_file": make_setuid_file,
    "touch_file": lambda c: os.utime(c["secret"]) is None,
    "rename_file": rename_file,
    "watch_files": lambda _: got(call(294, 0) - 1),
    "file_handle": lambda c: call(303, -100, c["secret"].encode(), handle(), integer(), 0),
    "find_interpreter": lambda _: Path("/proc/self/exe").readlink(),
    "change_folder": lambda _: os.chdir("/") is None,
    "use_stdin": lambda _: os.fstat(0),
    "pair_of_sockets": lambda _: [one.close() for one in socket.socketpair()],
    "socket_file": lambda c: connect(socket.AF_UNIX, c["socket_file"]),
    "pipe": lambda _: [os.close(end) for end in os.pipe()],
    "open_terminal": open_terminal,
    "signal_itself": lambda _: os.kill(os.getpid(), 0) is None,
    "own_namespace": lambda _: call(272, NEW_USER_AND_MOUNT),
    "write_memory_by_call": write_memory_of_itself_as_another,
    "steal_descriptor": steal_descriptor,
    "core_limit": lambda _: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)) is None,
    "change_priority": lambda _: os.setpriority(os.PRIO_PROCESS, 0, 5) is None,
    "change_user": lambda _: os.setresuid(-1, os.getuid(), -1) is None,
    "message_queue": lambda _: call_and_remove(68, (0, 0o1600), 71),
    "semaphore": lambda _: call_and_remove(64, (0, 1, 0o1600), 66),
    "asynchronous_io": lambda _: call(206, 8, ctypes.byref(ctypes.c_ulong())),
    "descriptor_table": lambda _: call(154, 0, ctypes.create_string_buffer(64), 64),
    "other_abi": lambda _: call(0x40000000 | 39),
    "measure_the_kernel": measure_the_kernel,
    "load_into_the_kernel": load_into_the_kernel,
    "secret_memory": lambda _: got(call(447, 0) - 1),
}
# May be missing from a kernel or switched off in it: then there is nothing to stop.
SOMETIMES_ABSENT = {
    "vsock", "userfaultfd", "io_uring", "keyring", "mount_something", "own_namespace", "other_abi",
    "measure_the_kernel", "load_into_the_kernel", "secret_memory", "steal_descriptor",
    "descriptor_table",
}  # fmt: skip


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
