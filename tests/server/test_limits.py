"""Limits of connections and answers: who waits, who is told to come back, who is closed."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.server.http import Client, read_answer

from pyramidion.server import ServerSettings, _run, serve_background
from pyramidion.server._clients import HEAD_S, IDLE_S, MAX_UNREAD, SLOW_S, Clients
from pyramidion.server._turns import NoTurnError, Turns, client_key
from pyramidion.server._work import unless_gone


class Gate:
    """An application whose ``/held`` answers, and ``/polled`` ones, wait until it opens."""

    def __init__(self):
        self.n_held = 0
        self.turns = None
        self._loop = self._gate = None

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            await receive()
            self._loop, self._gate = asyncio.get_running_loop(), asyncio.Event()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        if scope["path"] == "/held":
            self.n_held += 1
            await self._gate.wait()
        elif scope["path"] == "/polled":
            self.n_held += 1
            await unless_gone(receive, asyncio.ensure_future(self._gate.wait()))
        headers = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"ok"})

    def open(self):
        self._loop.call_soon_threadsafe(self._gate.set)

    def wait_for(self, n_held, n_waiting=0):
        """Wait until so many answers were begun, and so many wait for their turn."""
        until = time.monotonic() + 20
        while self.n_held < n_held or self.turns.n_waiting != n_waiting:
            assert time.monotonic() < until, (self.n_held, self.turns.n_waiting)
            time.sleep(0.005)

    def wait_until_all_rest(self):
        """Wait until none of the answers that were begun counts as one that is made."""
        until = time.monotonic() + 20
        while self.turns.n_active:
            assert time.monotonic() < until
            time.sleep(0.005)


class CountedTurns(Turns):
    """The server's turns, whose waiting ones are counted."""

    @property
    def n_waiting(self):
        return len(self._waiting)

    @property
    def n_active(self):
        return self._n_active


@contextlib.contextmanager
def gated(**options):
    """Serve a :class:`Gate`."""
    app = Gate()

    def make(*bounds):
        app.turns = CountedTurns(*bounds)
        return app.turns

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_run, "Turns", make)
        with serve_background(app, ServerSettings(port=0, **options)) as url:
            yield app, url


@pytest.fixture
def gate():
    """Return a function that starts a server with a :class:`Gate`."""
    with contextlib.ExitStack() as stack:
        yield lambda **options: stack.enter_context(gated(**options))


def connect(url, source=None):
    host, port = url.removeprefix("http://").split(":")
    return socket.create_connection((source or host, int(port)), 20)


def ask(connection, path="/"):
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return connection.makefile("rb")


def is_open(connection):
    connection.setblocking(False)
    try:
        return connection.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        connection.setblocking(True)


class TestAnswers:
    def test_more_than_wait_are_told_to_come_back(self, gate):
        app, url = gate(max_answers=2)
        with contextlib.ExitStack() as stack:
            streams = [ask(stack.enter_context(connect(url)), "/held") for _ in range(2 + 8)]
            app.wait_for(2, n_waiting=8)
            assert app.n_held == 2
            with Client(url) as client:
                answer = client.get("/held")
                assert (answer.status, answer["retry-after"]) == (503, "1")
                assert answer.json["error"]["id"] == "PYR-HTTP-17"
                assert answer["cache-control"] == "no-store"
            app.open()
            assert [read_answer(each).status for each in streams] == [200] * 10
            with Client(url) as client:
                assert client.get("/held").status == 200

    def test_who_leaves_while_waiting_makes_room(self, gate):
        app, url = gate(max_answers=1)
        with connect(url) as first, contextlib.ExitStack() as stack:
            held = ask(first, "/held")
            app.wait_for(1)
            waiting = [stack.enter_context(connect(url)) for _ in range(4)]
            for each in waiting:
                ask(each, "/held").close()
            app.wait_for(1, n_waiting=4)
            with Client(url) as client:
                assert client.get("/held").status == 503
            for each in waiting:
                each.close()
            app.wait_for(1, n_waiting=0)
            with connect(url) as other:
                answer = ask(other)
                app.open()
                assert read_answer(answer).status == 200
            assert read_answer(held).status == 200
        assert app.n_held == 1  # the others were never begun

    def test_long_polls_let_others_go_first(self, gate):
        app, url = gate(max_answers=2)
        with contextlib.ExitStack() as stack:
            polls = [ask(stack.enter_context(connect(url)), "/polled") for _ in range(10)]
            app.wait_for(10)
            app.wait_until_all_rest()
            with Client(url) as client:
                began = time.monotonic()
                assert client.get("/").status == 200
                assert time.monotonic() - began < 1
            app.open()
            assert [read_answer(each).status for each in polls] == [200] * 10

    def test_pipelined_requests_are_answered_in_order(self, gate):
        _, url = gate(max_answers=1)
        with connect(url) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
            stream = connection.makefile("rb")
            assert [read_answer(stream).body for _ in range(50)] == [b"ok"] * 50

    def test_one_address_waits_for_itself(self, gate):
        own = own_address()
        app, url = gate(host="0.0.0.0", max_answers=8, max_answers_per_client=2)
        with contextlib.ExitStack() as stack:
            hog = [ask(stack.enter_context(connect(url, own)), "/held") for _ in range(2 + 16)]
            app.wait_for(2, n_waiting=16)
            assert app.n_held == 2
            with connect(url, own) as one_more:
                answer = read_answer(ask(one_more))
                assert (answer.status, answer["retry-after"]) == (429, "1")
                assert "from this address" in answer.json["error"]["what"]
            with connect(url) as other:
                assert read_answer(ask(other)).status == 200
            app.open()
            assert [read_answer(each).status for each in hog] == [200] * 18

    def test_loopback_is_no_address_of_one_client(self, gate):
        app, url = gate(max_answers=8, max_answers_per_client=2)
        with contextlib.ExitStack() as stack:
            streams = [ask(stack.enter_context(connect(url)), "/held") for _ in range(7)]
            app.wait_for(7)
            app.open()
            assert [read_answer(each).status for each in streams] == [200] * 7


def own_address():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent
        except OSError:
            pytest.skip("this machine has no address but loopback")
        address = probe.getsockname()[0]
    if address.startswith("127."):
        pytest.skip("this machine has no address but loopback")
    return address


class TestConnections:
    def test_the_oldest_unfinished_makes_room(self, url_of_eight):
        with contextlib.ExitStack() as stack:
            half = [stack.enter_context(connect(url_of_eight)) for _ in range(8)]
            for each in half:
                each.sendall(b"GET / HTTP/1.1")
            time.sleep(0.1)
            for n in range(1, 4):
                new = stack.enter_context(connect(url_of_eight))
                assert read_answer(ask(new)).status == 200
                assert [is_open(each) for each in half] == [False] * n + [True] * (8 - n)

    def test_a_client_that_asks_is_kept(self, url_of_eight):
        with contextlib.ExitStack() as stack:
            good = stack.enter_context(Client(url_of_eight))
            for _ in range(40):
                assert good.get("/").status == 200
                stack.enter_context(connect(url_of_eight)).sendall(b"GET /")
                stack.enter_context(connect(url_of_eight))
            assert good.n_connections == 1

    def test_among_idle_ones_the_oldest_makes_room(self, url_of_eight):
        with contextlib.ExitStack() as stack:
            idle = [stack.enter_context(connect(url_of_eight)) for _ in range(8)]
            for each in idle:
                assert read_answer(ask(each)).status == 200
            assert read_answer(ask(idle[0])).status == 200
            new = stack.enter_context(connect(url_of_eight))
            assert read_answer(ask(new)).status == 200
            assert [is_open(each) for each in idle] == [True, False, *[True] * 6]

    def test_a_new_one_is_refused_where_all_are_answered(self, gate):
        app, url = gate(max_clients=3)
        with contextlib.ExitStack() as stack:
            held = [ask(stack.enter_context(connect(url)), "/held") for _ in range(3)]
            app.wait_for(3)
            answer = read_answer(stack.enter_context(connect(url)).makefile("rb"))
            assert (answer.status, answer["retry-after"]) == (503, "1")
            assert answer.json["error"]["id"] == "PYR-HTTP-17"
            app.open()
            assert [read_answer(each).status for each in held] == [200] * 3

    @pytest.fixture
    def url_of_eight(self, gate):
        return gate(max_clients=8)[1]


class Known:
    """A connection that notes what is done to it."""

    def __init__(self, n_unread=0):
        self.n_moves, self.n_unread, self.n_queued, self.told = 0, n_unread, 0, None

    def refuse(self, status, *_):
        self.told = status

    def hang_up(self):
        self.told, self.n_unread = "closed", 0


class TestTimes:
    def clients(self, *known):
        clients = Clients(100)
        for one in known:
            clients.add(one, 0.0)
        return clients

    def test_a_head_that_does_not_come(self):
        slow, quick = Known(), Known()
        clients = self.clients(slow, quick)
        clients.begins(slow, 9.0)  # a first byte is no new beginning
        clients.asks(quick)
        clients.look(HEAD_S - 0.1)
        assert slow.told is None
        clients.look(HEAD_S + 0.1)
        assert (slow.told, quick.told) == (408, None)

    def test_silence(self):
        idle = Known()
        clients = self.clients(idle)
        clients.asks(idle)
        clients.rests(idle, 5.0)
        clients.look(5 + IDLE_S - 0.1)
        assert idle.told is None
        clients.look(5 + IDLE_S + 0.1)
        assert idle.told == "closed"

    def test_a_new_request_ends_the_silence(self):
        idle = Known()
        clients = self.clients(idle)
        clients.asks(idle)
        clients.rests(idle, 5.0)
        clients.begins(idle, 30.0)
        clients.asks(idle)
        clients.look(1000.0)
        assert idle.told is None

    @pytest.mark.parametrize(("bytes_s", "end"), [(0, "closed"), (900, "closed"), (1100, None)])
    def test_reading_takes_one_kib_a_second(self, bytes_s, end):
        reader = Known(n_unread=2**20)
        clients = self.clients(reader)
        clients.asks(reader)
        for half_second in range(60):
            clients.look(half_second / 2)
            reader.n_unread -= bytes_s // 2
            assert reader.told is None or half_second / 2 >= SLOW_S
        assert reader.told == end

    def test_what_the_system_holds_is_read_first(self):
        reader = Known(n_unread=2**18)
        reader.n_queued = 2**20
        clients = self.clients(reader)
        clients.asks(reader)
        for half_second in range(60):
            clients.look(half_second / 2)
            reader.n_queued -= 1100 // 2
        assert reader.told is None

    def test_a_piece_more_is_progress(self):
        reader = Known(n_unread=2**18)
        clients = self.clients(reader)
        clients.asks(reader)
        for second in range(60):
            clients.look(float(second))
            reader.n_moves += second % 9 == 0
        assert reader.told is None

    def test_too_much_unread_closes_who_is_stuck_longest(self):
        readers = [Known(n_unread=MAX_UNREAD // 4) for _ in range(5)]
        clients = self.clients(*readers)
        clients.stalled.update(readers)
        clients.look(0.0)
        assert clients.is_full
        for each in readers[:1] + readers[2:]:
            each.n_moves += 1
        clients.look(1.9)
        assert [each.told for each in readers] == [None] * 5
        clients.look(2.5)
        assert [each.told for each in readers] == [None, "closed", None, None, None]
        assert not clients.is_full


class TestTurns:
    def test_nobody_waits_while_there_is_room(self):
        turns = Turns(3, 2)
        assert [turns.take_at_once("a") is None for _ in range(3)] == [False, False, True]
        assert turns.take_at_once(None) is not None
        assert turns.take_at_once("b") is None

    def test_those_who_wait_are_taken_in_order(self):
        async def order():
            turns = Turns(1, 9)
            first = turns.take_at_once(None)
            begun = []

            async def wait(name):
                turn = await turns.take(None)
                begun.append(name)
                turn.end()

            waiting = [asyncio.ensure_future(wait(name)) for name in "abc"]
            await asyncio.sleep(0)
            assert turns.take_at_once(None) is None
            first.end()
            await asyncio.gather(*waiting)
            return begun

        assert asyncio.run(order()) == ["a", "b", "c"]

    def test_a_full_address_does_not_hold_up_others(self):
        async def begun():
            turns = Turns(4, 1)
            assert turns.take_at_once("a") is not None
            stuck = asyncio.ensure_future(turns.take("a"))
            await asyncio.sleep(0)
            await asyncio.wait_for(turns.take("b"), 1)
            assert not stuck.done()
            stuck.cancel()

        asyncio.run(begun())

    @given(st.lists(st.tuples(st.sampled_from("trge"), st.integers(0, 9)), max_size=60))
    @settings(max_examples=200, deadline=None)
    def test_never_more_than_agreed_and_none_is_lost(self, steps):
        async def play():
            turns, held = Turns(3, 2), []
            tasks = []
            for step, n in steps:
                if step == "t":
                    tasks.append(asyncio.ensure_future(turns.take("ab"[n % 2])))
                elif held and step == "r":
                    held[n % len(held)].rest()
                elif held and step == "g" and turns._n_active < 3:
                    held[n % len(held)].go_on()
                elif held:
                    held.pop(n % len(held)).end()
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                held += [task.result() for task in tasks if task.done() and not task.exception()]
                tasks = [task for task in tasks if not task.done()]
                assert turns._n_active <= 3
                assert all(n <= 2 for n in turns._of_client.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for turn in held:
                turn.end()
            assert (turns._n_active, dict(turns._of_client), turns._waiting) == (0, {}, {})

        asyncio.run(play())

    def test_too_long_a_wait(self, monkeypatch):
        monkeypatch.setattr("pyramidion.server._turns._LONGEST_WAIT_S", 0.01)

        async def wait():
            turns = Turns(1, 1)
            turns.take_at_once(None)
            with pytest.raises(NoTurnError) as told:
                await turns.take(None)
            return told.value.status

        assert asyncio.run(wait()) == 503

    def test_a_network_of_version_6_is_one_client(self):
        assert client_key("2001:db8::1") == client_key("2001:db8::ffff:1")
        assert client_key("2001:db8::1") != client_key("2001:db8:0:1::1")
        assert client_key("::ffff:10.0.0.7") == client_key("10.0.0.7") == "10.0.0.7"
        assert client_key("::1") is client_key("127.0.0.2") is None
        assert client_key("::ffff:127.0.0.1") is None
        assert client_key("fe80::1%eth0") == "fe80::"
