"""Identities are never handed out twice: not over a refill, not by two threads, not by a forked process."""

import os
import threading

from onward.contract import ids
from onward.process.fresh import new_id, randomness

MANY = 5000


def test_no_bytes_come_twice():
    assert len({randomness(10) for _ in range(MANY)}) == MANY


def test_an_id_says_when_it_was_made():
    assert ids.unix_seconds(new_id()) is not None
    assert len({new_id() for _ in range(MANY)}) == MANY


def test_threads_get_bytes_of_their_own():
    found = [[] for _ in range(4)]

    def take(into):
        into.extend(randomness(8) for _ in range(MANY))

    threads = [threading.Thread(target=take, args=(into,)) for into in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({made for into in found for made in into}) == 4 * MANY


def test_a_forked_process_gets_other_bytes():
    randomness(1)
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        os.write(write, randomness(16))
        os._exit(0)
    ours = randomness(16)
    os.waitpid(child, 0)

    assert os.read(read, 16) != ours
