"""Every fault is real, befalls the requests it should, and is counted."""

import contextlib
import http.client
import os
import time
from collections import Counter
from datetime import timedelta
from urllib.parse import urlsplit

import obstore
import pytest
from botocore.exceptions import ClientError
from obstore.store import S3Store
from tests.object_store.fault_proxy import FaultProxy
from tests.object_store.faults import CORRUPTING, PASSING, Choice, Fault, Plan, Request, Rule

BODY = bytes(range(256)) * 1200
FEW_MS = timedelta(milliseconds=5)
SIGNED = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=test-key/20260101/us-east-1/s3/aws4_request, "
    "SignedHeaders=host, Signature=0"
}
"""As good as any for a server that does not check signatures."""


class Browser:
    """A connection that is kept, and what one request on it ends with."""

    def __init__(self, endpoint, timeout=20):
        parts = urlsplit(endpoint)
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)

    def __call__(self, method, path, body=None, **headers):
        self.connection.request(method, path, body=body, headers={**SIGNED, **headers})
        answer = self.connection.getresponse()
        return answer.status, answer.read()


@pytest.fixture
def through(moto_server, moto_bucket):
    """Return a function that puts a proxy in front of a bucket which holds `/k`.

    It gives the proxy, a connection to it, and the path of the bucket.
    """
    with contextlib.ExitStack() as stack:
        moto_server.put(moto_bucket, {"k": BODY})

        def make(plan=None, seed=0, timeout=20):
            proxy = stack.enter_context(FaultProxy(moto_server.endpoint, plan, seed=seed))
            ask = Browser(proxy.endpoint, timeout)
            stack.callback(ask.connection.close)
            return proxy, ask, f"/{moto_bucket}"

        yield make


def n_different_bits(one, other):
    assert len(one) == len(other)
    return sum((a ^ b).bit_count() for a, b in zip(one, other, strict=True))


class TestWithoutFaults:
    def test_everything_passes_and_is_counted(self, through, moto_server):
        proxy, ask, bucket = through()
        assert ask("PUT", f"{bucket}/a%20b", BODY)[0] == 200
        assert ask("PUT", f"{bucket}/a%20b", BODY[:10])[0] == 200
        assert ask("PUT", f"{bucket}/empty", b"")[0] == 200
        assert ask("GET", f"{bucket}/k") == (200, BODY)
        assert ask("GET", f"{bucket}/k", Range="bytes=-7") == (206, BODY[-7:])
        assert ask("HEAD", f"{bucket}/k") == (200, b"")
        assert ask("GET", f"{bucket}/none")[0] == 404
        name = bucket.strip("/")
        assert moto_server.get(name, "a b") == BODY[:10]
        assert proxy.requests() == {"PUT": 3, "GET": 3, "HEAD": 1}
        assert proxy.puts() == {f"{name}/a b": 2, f"{name}/empty": 1}
        assert proxy.bytes_received() == {f"{name}/a b": len(BODY) + 10}
        assert proxy.faults() == {}
        assert proxy.most_at_once == 1
        assert [exchange.status for exchange in proxy.log] == [200, 200, 200, 200, 206, 200, 404]

    def test_bodies_in_chunks_and_those_that_wait_to_be_asked_for(self, through, moto_server):
        proxy, ask, bucket = through()
        pieces = iter([BODY[:1000], BODY[1000:]])
        assert ask("PUT", f"{bucket}/chunked", pieces)[0] == 200
        answer = moto_server.through(proxy)
        with answer:
            answer.put(bucket.strip("/"), {"expected": BODY})  # boto3 expects a 100 first
            assert answer.get(bucket.strip("/"), "expected") == BODY
        name = bucket.strip("/")
        assert moto_server.get(name, "chunked") == BODY
        assert proxy.bytes_received()[f"{name}/chunked"] == len(BODY)

    def test_requests_at_once_are_counted(self, through):
        """Eight that ask at once, and get no answer."""
        proxy, _, bucket = through(Plan.always(Fault.STALLED_ANSWER))
        browsers = [Browser(proxy.endpoint) for _ in range(8)]
        for browser in browsers:
            browser.connection.request("GET", f"{bucket}/k", headers=SIGNED)
        until = time.monotonic() + 20
        while proxy.most_at_once < 8:
            assert time.monotonic() < until
            time.sleep(0.01)
        for browser in browsers:
            browser.connection.close()
        assert proxy.most_at_once == 8
        assert proxy.requests() == {"GET": 8}


class TestFaults:
    @pytest.mark.parametrize(
        ("fault", "status", "said"),
        [
            (Fault.INTERNAL_ERROR, 500, b"<Code>InternalError</Code>"),
            (Fault.SLOW_DOWN, 503, b"<Code>SlowDown</Code>"),
            (Fault.TOO_MANY, 429, b"<Code>TooManyRequests</Code>"),
            (Fault.REQUEST_TIMEOUT, 408, b"<Code>RequestTimeout</Code>"),
            (Fault.FORBIDDEN, 403, b"<Code>AccessDenied</Code>"),
            (Fault.HTML_PAGE, 200, b"<!DOCTYPE html>"),
        ],
    )
    def test_errors_are_answered_and_nothing_is_stored(
        self, through, moto_server, fault, status, said
    ):
        proxy, ask, bucket = through(Plan.always(fault))
        for _ in range(2):  # on one connection
            answer = ask("PUT", f"{bucket}/new", BODY)
            assert answer[0] == status
            assert said in answer[1]
        assert ask("HEAD", f"{bucket}/k") == (status, b"")
        assert proxy.faults() == {fault: 3}
        assert proxy.bytes_received() == {f"{bucket}/new".strip("/"): 2 * len(BODY)}
        assert [*moto_server.sizes(bucket.strip("/"))] == ["k"]

    @pytest.mark.parametrize(
        ("fault", "error", "is_stored"),
        [
            (Fault.RESET_BEFORE_BODY, ConnectionError, False),
            (Fault.RESET_IN_BODY, ConnectionError, False),
            (Fault.RESET_AFTER_DONE, ConnectionResetError, True),
            (Fault.EMPTY_ANSWER, http.client.RemoteDisconnected, True),
            (Fault.TRUNCATED_ANSWER, http.client.BadStatusLine, True),
        ],
    )
    def test_lost_connections(self, through, moto_server, fault, error, is_stored):
        proxy, ask, bucket = through(Plan.always(fault))
        with pytest.raises(error) as caught:
            ask("PUT", f"{bucket}/new", BODY)
        is_reset = type(caught.value) in (ConnectionResetError, BrokenPipeError)
        assert is_reset == fault.name.startswith("RESET")
        time.sleep(0.1)
        assert ("new" in moto_server.sizes(bucket.strip("/"))) is is_stored
        assert proxy.faults() == {fault: 1}
        n_bytes = proxy.bytes_received()[f"{bucket}/new".strip("/")]
        if fault is Fault.RESET_BEFORE_BODY:
            assert n_bytes == 0
        elif fault is Fault.RESET_IN_BODY:
            assert len(BODY) // 2 <= n_bytes < len(BODY)
        else:
            assert n_bytes == len(BODY)

    def test_a_truncated_answer_ends_early(self, through):
        _, ask, bucket = through(Plan.always(Fault.TRUNCATED_ANSWER))
        with pytest.raises(http.client.IncompleteRead) as caught:
            ask("GET", f"{bucket}/k")
        assert caught.value.partial == BODY[: len(BODY) // 2]
        assert caught.value.expected == len(BODY) - len(BODY) // 2

    def test_a_slow_answer_comes(self, through):
        _, ask, bucket = through(Plan.always(Fault.SLOW_ANSWER, delay_s=0.4))
        begin = time.monotonic()
        assert ask("GET", f"{bucket}/k") == (200, BODY)
        assert time.monotonic() - begin >= 0.4

    def test_a_stalled_answer_never_comes(self, through):
        proxy, ask, bucket = through(Plan.always(Fault.STALLED_ANSWER), timeout=1)
        with pytest.raises(TimeoutError):
            ask("GET", f"{bucket}/k")
        assert proxy.log[0].status is None

    def test_the_proxy_ends_while_answers_are_stalled(self, moto_server):
        with FaultProxy(moto_server.endpoint, Plan.always(Fault.STALLED_ANSWER)) as proxy:
            ask = Browser(proxy.endpoint)
            ask.connection.request("GET", "/")
        with pytest.raises(ConnectionError):
            ask.connection.getresponse()
        ask.connection.close()

    def test_one_bit_of_a_request(self, through, moto_server):
        proxy, ask, bucket = through(Plan.always(Fault.FLIPPED_REQUEST))
        assert ask("PUT", f"{bucket}/new", BODY)[0] == 200
        assert ask("GET", f"{bucket}/k") == (200, BODY)  # no body, nothing to flip
        stored = moto_server.get(bucket.strip("/"), "new")
        assert n_different_bits(stored, BODY) == 1
        assert proxy.faults() == {Fault.FLIPPED_REQUEST: 1}

    def test_one_bit_of_an_answer(self, through, moto_server):
        _, ask, bucket = through(Plan.always(Fault.FLIPPED_ANSWER))
        status, got = ask("GET", f"{bucket}/k")
        assert status == 200
        assert n_different_bits(got, BODY) == 1
        assert moto_server.get(bucket.strip("/"), "k") == BODY

    def test_an_error_in_an_answer_of_200(self, through, moto_server):
        plan = Plan(rules=(Rule(Fault.ERROR_IN_200, nth={1}),))
        proxy, _, bucket = through(plan)
        where = {"Bucket": bucket.strip("/"), "Key": "large"}
        with moto_server.through(proxy) as server:
            client = server.client()
            upload = {**where, "UploadId": client.create_multipart_upload(**where)["UploadId"]}
            part = client.upload_part(**upload, PartNumber=1, Body=BODY)
            parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
            with pytest.raises(ClientError, match="InternalError"):
                client.complete_multipart_upload(**upload, MultipartUpload=parts)
            assert proxy.log[-1].status == 200
            assert "large" not in server.sizes(bucket.strip("/"))
            client.complete_multipart_upload(**upload, MultipartUpload=parts)
        assert moto_server.get(bucket.strip("/"), "large") == BODY
        assert proxy.faults() == {Fault.ERROR_IN_200: 1}

    def test_checksums_are_removed(self, through, moto_server):
        proxy, _, bucket = through(Plan(without_checksums=True))
        for server in (moto_server.through(proxy), moto_server):
            put = server.client().put_object(
                Bucket=bucket.strip("/"), Key="new", Body=BODY, ChecksumAlgorithm="SHA256"
            )
            assert ("ChecksumSHA256" in put) is (server is moto_server)
            if server is not moto_server:
                server.close()


class TestPlans:
    def test_rules_choose_by_method_path_and_turn(self, through):
        rules = (
            Rule(Fault.SLOW_DOWN, "PUT", r"\.idx$", nth=range(1, 3)),
            Rule(Fault.FORBIDDEN, path="list-type=2"),
        )
        proxy, ask, bucket = through(Plan(rules=rules))
        put = [ask("PUT", f"{bucket}/a.idx", b"x")[0] for _ in range(4)]
        assert put == [503, 503, 200, 200]
        assert ask("PUT", f"{bucket}/a.idx.bin", b"x")[0] == 200
        assert ask("GET", f"{bucket}/a.idx")[0] == 200
        assert [ask("GET", f"{bucket}?list-type=2")[0] for _ in range(3)] == [403] * 3
        assert proxy.faults() == {Fault.SLOW_DOWN: 2, Fault.FORBIDDEN: 3}

    def test_faults_are_switched_off_and_on(self, through):
        proxy, ask, bucket = through(Plan.always(Fault.SLOW_DOWN))
        seen = []
        for proxy.faults_on in (True, False, True):
            seen.append(ask("GET", f"{bucket}/k")[0])
        assert seen == [503, 200, 503]

    def test_shares_are_kept(self):
        """The share that fails is as asked, for requests of any kind, and each fault has its part."""
        n = 20_000
        for asked in ("GET", "PUT"):
            plan = Plan.mixed(0.2, PASSING + CORRUPTING)
            choice = Choice(plan, seed=1)
            requests = [Request(asked, f"/b/{k}", has_body=asked == "PUT") for k in range(n)]
            seen = Counter(choice.of(request) for request in requests)
            possible = [fault for fault in plan.shares if requests[0].can_have(fault)]
            assert {*seen} == {None, *possible}
            assert sum(seen.values()) - seen[None] == pytest.approx(0.2 * n, rel=0.05)
            for fault in possible:
                assert seen[fault] == pytest.approx(0.2 * n / len(possible), rel=0.25)

    def test_a_seed_chooses_the_same_in_any_order_and_bucket(self):
        plan = Plan.mixed(0.5)

        def chosen(bucket, keys, seed):
            choice = Choice(plan, seed)
            return {
                (k, turn): choice.of(Request("PUT", f"/{bucket}/{k}", True))
                for turn in range(3)
                for k in keys
            }

        once = chosen("a", range(100), 7)
        assert chosen("b", range(99, -1, -1), 7) == once
        assert chosen("a", range(100), 8) != once
        assert len({once[5, turn] for turn in range(3)} | {once[6, turn] for turn in range(3)}) > 1


class TestSignatures:
    """The real server accepts what was signed for the proxy, and nothing else."""

    def test_boto3_and_obstore_through_the_proxy(self, s3_server, s3_bucket):
        with FaultProxy(s3_server.endpoint) as proxy, s3_server.through(proxy) as server:
            server.put(s3_bucket, {"a": BODY, "é +%": b"x"})
            assert server.objects(s3_bucket) == {"a": BODY, "é +%": b"x"}
            store = store_at(server, s3_bucket)
            large = os.urandom(12 << 20)
            obstore.put(store, "large", large, chunk_size=5 << 20)
            assert store.get("large").bytes().to_bytes() == large
            assert proxy.puts() == {
                f"{s3_bucket}/a": 1,
                f"{s3_bucket}/é +%": 1,
                f"{s3_bucket}/large": 3,
            }
            assert proxy.bytes_received()[f"{s3_bucket}/a"] == len(BODY)
            assert proxy.faults() == {}
        assert s3_server.get(s3_bucket, "large") == large

    def test_the_real_server_notices_a_flipped_bit(self, s3_server, s3_bucket):
        plan = Plan.always(Fault.FLIPPED_REQUEST)
        with FaultProxy(s3_server.endpoint, plan) as proxy:
            store = store_at(s3_server.through(proxy), s3_bucket)
            with pytest.raises(obstore.exceptions.BaseError, match="XAmzContentSHA256Mismatch"):
                obstore.put(store, "k", BODY)
        assert s3_server.sizes(s3_bucket) == {}

    def test_half_a_body_is_not_stored(self, s3_server, s3_bucket):
        plan = Plan.always(Fault.RESET_IN_BODY)
        with FaultProxy(s3_server.endpoint, plan) as proxy:
            store = store_at(s3_server.through(proxy), s3_bucket)
            with pytest.raises(obstore.exceptions.BaseError):
                obstore.put(store, "k", BODY)
        assert s3_server.sizes(s3_bucket) == {}

    def test_a_client_that_tries_again_gets_through_a_fifth_of_faults(self, s3_server, s3_bucket):
        """Faults without corruption: obstore ends with the right objects, and the counts agree."""
        objects = {f"{n:03}": os.urandom(5000) for n in range(100)}
        plan = Plan.mixed(0.2, delay_s=0.05)
        with FaultProxy(s3_server.endpoint, plan, seed=3) as proxy:
            retries = {
                "max_retries": 10,
                "backoff": {"init_backoff": FEW_MS, "max_backoff": FEW_MS},
            }
            store = store_at(s3_server.through(proxy), s3_bucket, retry_config=retries)
            for key, body in objects.items():
                obstore.put(store, key, body)
        assert s3_server.objects(s3_bucket) == objects
        failed = sum(proxy.faults().values()) - proxy.faults()[Fault.SLOW_ANSWER]
        assert proxy.requests() == {"PUT": 100 + failed}
        assert failed > 10


def store_at(server, bucket, **options):
    """An obstore for a bucket; it does not try again unless told."""
    return S3Store(
        bucket,
        endpoint=server.endpoint,
        access_key_id=server.access_key,
        secret_access_key=server.secret_key,
        region=server.region,
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
        **{"retry_config": {"max_retries": 0}, **options},
    )
