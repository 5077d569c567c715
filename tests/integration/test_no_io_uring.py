"""Where the kernel forbids io_uring, as many containers do, each answer is sent by itself."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import threading
from concurrent.futures import ThreadPoolExecutor

from weir_process import EXAMPLE_MODELS, Weir

IO_URING_SETUP = 425  # on every architecture
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
# Source: Linux, "Seccomp BPF": the number of the call is the first word of what the filter sees.
LOAD_NUMBER, SKIP_UNLESS, RETURN = 0x20, 0x15, 0x06
REFUSE, ALLOW = 0x00050000 | errno.EPERM, 0x7FFF0000


class Program(ctypes.Structure):
    """The kernel's sock_fprog."""

    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def forbid_io_uring() -> None:
    """For this thread and what it starts, for good."""
    steps = [(LOAD_NUMBER, 0, 0, 0), (SKIP_UNLESS, 0, 1, IO_URING_SETUP), (RETURN, 0, 0, REFUSE), (RETURN, 0, 0, ALLOW)]
    program = Program(len(steps), b"".join(struct.pack("<HBBI", *step) for step in steps))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
                      (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0)):
        assert libc.prctl(*arguments) == 0, os.strerror(ctypes.get_errno())


def test_clients_are_answered_all_the_same(tmp_path):
    servers: list[Weir] = []

    def begin() -> None:
        forbid_io_uring()
        servers.append(Weir(tmp_path, EXAMPLE_MODELS / "identity", "--set", "log.level=debug", "--set",
                            "server.threads=1"))

    starter = threading.Thread(target=begin)
    starter.start()
    starter.join()
    (server,) = servers
    try:
        assert "io_uring is not to be had (Operation not permitted)" in server.stderr()
        tensor = {"name": "INPUT0", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}

        def ask(_: int) -> int:
            return sum(server.client.infer("identity", {"inputs": [tensor]}).status for _ in range(20))

        with ThreadPoolExecutor(8) as clients:
            assert list(clients.map(ask, range(8))) == [20 * 200] * 8
    finally:
        server.stop()
