"""Addresses that must be free before anything starts."""

import errno
import socket

from .failure import Failure


def must_be_free(addresses, remedy):
    """Fails with the remedy when somebody listens on one of the (host, port) pairs."""
    taken = [f"{host}:{port}" for host, port in addresses if not _free(host, port)]
    if taken:
        raise Failure(f"{', '.join(taken)}: somebody else listens there. {remedy}")


def _free(host, port):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise Failure(f"can't listen on {host}:{port}: {error.strerror}") from error
    return True
